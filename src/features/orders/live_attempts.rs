//! What an order asks of those who take money for it through gateways, without knowing them.

use std::future::Future;
use std::pin::Pin;

use crate::features::Shop;
use crate::kernel::{OrderId, Result};

/// Ends what is still payable of an order at its gateway. `app` plugs in who can.
pub trait LiveAttempts: Send + Sync + 'static {
    /// Makes the order's live attempt unpayable, or books what it took meanwhile. Called outside any transaction, before an unpaid
    /// online order is cancelled or paid at the shop. A gateway that does not answer is no error: the transaction that follows asks
    /// it again by a job (`money::ask_to_end`).
    fn end<'a>(&'a self, shop: &'a Shop, order: OrderId) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}

/// For a shop without gateways.
pub struct NoAttempts;

impl LiveAttempts for NoAttempts {
    fn end<'a>(&'a self, _shop: &'a Shop, _order: OrderId) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }
}
