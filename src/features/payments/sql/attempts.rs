//! Attempts and the names under which gateways speak of them.
