//! What has happened in the shop since the start, counted from the events of its commits.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::kernel::{DomainEvent, OrderStatus};
use crate::ops::metrics::{Kind, Page};

/// What happens to money, as it is told.
const MONEY: [&str; 6] =
    ["payment_failed", "refund_made", "refund_failed", "payment_parked", "payment_disputed", "money_not_wanted"];

/// Counts events after their commit.
#[derive(Debug, Default)]
pub struct Happened {
    placed: AtomicU64,
    moved: [AtomicU64; OrderStatus::ALL.len()],
    money: [AtomicU64; MONEY.len()],
    sign_ins: AtomicU64,
}

impl Happened {
    /// Counts an event. Reactions after a commit call it: it does not block.
    pub fn count(&self, event: &DomainEvent) {
        let count = match event {
            DomainEvent::OrderPlaced { .. } => &self.placed,
            DomainEvent::OrderMoved { to, .. } => match OrderStatus::ALL.iter().position(|status| status == to) {
                Some(at) => &self.moved[at],
                None => return,
            },
            DomainEvent::PaymentFailed { .. } => &self.money[0],
            DomainEvent::RefundMade { .. } => &self.money[1],
            DomainEvent::RefundFailed { .. } => &self.money[2],
            DomainEvent::PaymentParked { .. } => &self.money[3],
            DomainEvent::PaymentDisputed { .. } => &self.money[4],
            DomainEvent::MoneyNotWanted { .. } => &self.money[5],
            DomainEvent::SignedIn { .. } => &self.sign_ins,
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn tell(&self, page: &mut Page) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        page.one("bayader_orders_placed_total", Kind::Counter, "Orders taken.", read(&self.placed));
        let mut family = page.family("bayader_orders_moved_total", Kind::Counter, "Orders that came into a status.");
        for (status, count) in OrderStatus::ALL.iter().zip(&self.moved) {
            family.value(&[("status", status.code())], read(count));
        }
        let help = "What happened to money, by what; how much is in the books.";
        let mut family = page.family("bayader_money_events_total", Kind::Counter, help);
        for (what, count) in MONEY.into_iter().zip(&self.money) {
            family.value(&[("event", what)], read(count));
        }
        let help = "Accounts that signed in; those that could not are in bayader_http_refusals_total.";
        page.one("bayader_sign_ins_total", Kind::Counter, help, read(&self.sign_ins));
    }
}
