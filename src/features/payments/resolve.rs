//! Money that does not fit: staff accept or refund it.
