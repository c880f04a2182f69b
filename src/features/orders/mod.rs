//! Orders: taken, moved, cancelled, paid at the shop or through a gateway; never oversold, never lost (SPEC 4).
//!
//! What always holds: an order that is Pending or later has a hold or a decrement on every tracked line, never both; its parts add
//! up to its total; its sums of money are those of the ledger; each move is a row of its history. Only this feature writes
//! `orders`, `order_lines` and `order_history`.

mod anonymise;
pub mod api;
mod books;
mod by_token;
mod cancel;
mod change_status;
mod collect;
mod contact;
mod counts;
mod expire;
mod forget_persons;
mod live_attempts;
mod model;
mod open_guests;
mod paying;
mod place;
pub mod problems;
mod queries;
mod return_pieces;
mod rules;
mod skipped_numbers;
mod sql;
mod standing;
mod stock;
pub mod text_index;
mod undo;

pub use anonymise::{anonymise, anonymise_again};
pub use books::check_books;
pub use by_token::{cancel_by_customer, customer_may_cancel, lock, whole};
pub use collect::money_moved;
pub use contact::{Contact, ReadyText};
pub use expire::{ExpireHold, KIND as EXPIRE_JOB};
pub use forget_persons::ForgetPersons;
pub use live_attempts::{LiveAttempts, NoAttempts};
pub use model::{HistoryRow, LastMove, Line, Order, Payable, Standing};
pub use paying::{Fate, attempt_begun, captured, payable};
pub use queries::stored_currency;
pub use return_pieces::{Sold, SoldLine, return_pieces, sold};
pub use skipped_numbers::{newest_number, skip_numbers};
pub use standing::{by_status, standing};
