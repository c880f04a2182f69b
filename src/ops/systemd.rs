//! What systemd is told, and the sockets it hands over.
