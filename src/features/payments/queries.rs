//! Payments as they are listed.
