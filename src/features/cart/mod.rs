//! Carts: what somebody has put together and not yet ordered (SPEC 4).
//!
//! What always holds: an account has at most one cart; whoever holds a cart's token may use it, and a signed-in account always
//! uses its own; no two lines of a cart are the same product with the same options; a cart promises no stock and fixes no price,
//! so each read asks the catalog and the shelf anew. A guest's cart ends 30 days after its last change and then reads as unknown;
//! an account's stays. Only this feature writes `carts` and `cart_lines`. Orders take a cart's lines and empty it; signing in
//! merges a guest's cart into the account's, by a reaction in `app`.

mod add;
pub mod api;
mod books;
mod change;
mod expire;
mod hold;
mod merge;
mod model;
mod order;
pub mod problems;
mod remove;
mod rules;
mod shapes;
mod sql;

pub use books::check_books;
pub use expire::RemoveEnded;
pub use merge::merge;
pub use model::Item;
pub use order::{empty, to_order};
pub use remove::forget;
