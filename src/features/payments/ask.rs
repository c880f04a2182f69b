//! Asking a gateway how an attempt stands, and booking what it says.
