//! The database: the only room that names the SQLite driver.
//!
//! One writer thread commits what is queued as one group; a pool of read-only connections answers the rest (SPEC 5). Features
//! see a [`Reader`], a [`WriteTx`] and a [`Row`], never a connection. What always holds: a caller of [`Db::write`] is answered
//! only after the commit that made its write durable, and nobody ever sees "database is locked".

mod checkpoint;
mod error;
mod folder;
mod memory;
mod migrate;
mod open;
pub mod order_words;
pub mod origin;
pub mod query;
mod reader;
mod row;
pub mod search;
mod snapshot;
mod stats;
pub mod swap;
mod tx;
mod writer;

pub use error::{OnViolation, Violation};
pub use folder::{DataFolder, FilesHeld, FolderFault, control_socket_in, database_in, network_kind};
pub use memory::{Settlement, WriterMemory};
pub use migrate::{SCHEMA_VERSION, bring_up, schema_version};
pub use open::{Db, DbOptions, OpenFault, check_books, is_behind_books, newest_in_books, open_read_only};
pub use reader::Reader;
pub use row::{Columns, FromColumn, IntoColumn, Row};
pub use snapshot::{copy_database, row_counts};
pub use stats::{BUCKETS, Histogram, Stats, micros};
pub use tx::{Command, WriteTx};
pub use writer::{Lane, Reactions};

/// Bound values of a statement, in the order of `?1, ?2, ..`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$(&$value as &dyn $crate::db::IntoColumn),*] as &[&dyn $crate::db::IntoColumn] };
}
