//! Numbers for Prometheus, on a listener of the keeper's own.
