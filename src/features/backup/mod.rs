//! Copies of the whole shop, a file each, and the proof that they can be restored (SPEC 10).
//!
//! What always holds: a copy is of one moment; it is taken while the shop sells; nothing of it counts before every byte was checked
//! against its manifest. `pack` writes archives and `archive` reads them; everything else stands on these two.

pub mod archive;
mod digest;
mod fault;
pub mod manifest;
mod pack;
pub mod restore;
mod sealing;

pub use archive::{Kind, Opened, kind_of, open};
pub use fault::BackupFault;
pub use manifest::{Entry, Manifest, Place};
pub use pack::{Content, Packed, Piece};
pub use sealing::{Seal, Unlock};

#[cfg(test)]
mod tests;
