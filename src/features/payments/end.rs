//! Making an attempt unpayable: before a cancellation, another method, or the end of a hold.
