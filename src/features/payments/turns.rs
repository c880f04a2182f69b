//! Whose turn it is: at most one who speaks with gateways about an order, so that no two attempts are begun beside each other.
//!
//! It lies in memory alone. One process owns the folder, and what a dead one was doing shows in the phases of its attempts.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::kernel::OrderId;
use crate::outbound::Patience;

/// The orders about which somebody speaks with a gateway.
#[derive(Debug)]
pub struct Turns {
    taken: Mutex<HashSet<OrderId>>,
    freed: Notify,
    /// How long one call is waited for.
    pub call: Duration,
}

/// A turn; it ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    order: OrderId,
}

impl Turns {
    #[must_use]
    pub fn new(patience: Patience) -> Turns {
        Turns { taken: Mutex::default(), freed: Notify::new(), call: patience.call }
    }

    /// How long a customer's whole request waits for gateways.
    #[must_use]
    pub fn request(&self) -> Duration {
        self.call * 2
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, HashSet<OrderId>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of an order, if nobody has it.
    pub fn try_take(self: &Arc<Self>, order: OrderId) -> Option<Turn> {
        self.taken().insert(order).then(|| Turn { turns: Arc::clone(self), order })
    }

    /// The turn of an order, waited for so long.
    pub async fn take(self: &Arc<Self>, order: OrderId, within: Duration) -> Option<Turn> {
        tokio::time::timeout(within, self.once(|| self.try_take(order))).await.ok()
    }

    /// Waits until nobody has the turn of an order, so long at most.
    pub async fn wait(&self, order: OrderId, within: Duration) {
        let is_free = || (!self.is_taken(order)).then_some(());
        let _ = tokio::time::timeout(within, self.once(is_free)).await;
    }

    /// What there is, looked for anew whenever somebody's turn ends.
    async fn once<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Who frees it after this is heard, also before it is waited for.
            freed.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            freed.await;
        }
    }

    /// Whether somebody has the turn of an order.
    #[must_use]
    pub fn is_taken(&self, order: OrderId) -> bool {
        self.taken().contains(&order)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.taken().remove(&self.order);
        self.turns.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_has_an_orders_turn() {
        let turns = Arc::new(Turns::new(Patience::default()));
        let [one, other] = [1, 2].map(|id| OrderId::from_uuid(uuid::Uuid::from_u128(id)));
        let turn = turns.try_take(one).expect("it is free");
        assert!(turns.is_taken(one) && turns.try_take(one).is_none() && turns.try_take(other).is_some());
        assert!(turns.take(one, Duration::from_millis(5)).await.is_none());
        turns.wait(one, Duration::from_millis(5)).await;
        assert!(turns.is_taken(one), "who only waits takes nothing");
        let waiting = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take(one, Duration::from_secs(30)).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(turn);
        assert!(waiting.await.expect("it ends"));
        assert!(!turns.is_taken(one));
    }
}
