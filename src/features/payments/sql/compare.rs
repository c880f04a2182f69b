//! What a gateway's books are compared with.
