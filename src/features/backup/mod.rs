//! Copies of the whole shop, a file each, and the proof that they can be restored (SPEC 10).
//!
//! What always holds: a copy is of one moment; it is taken while the shop sells; nothing of it counts before every byte was checked
//! against its manifest.
