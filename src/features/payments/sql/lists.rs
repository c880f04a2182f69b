//! Lists of payments.
