//! Beginning to pay: the row first, then the gateway, then what it said.
