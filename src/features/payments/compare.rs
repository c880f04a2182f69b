//! The daily comparison with the gateways' own books.
