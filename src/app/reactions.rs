//! What follows from each event: inside the transaction, and after the commit. One match, no `_` arm: a new event does not compile
//! until somebody has said what follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::metrics::Happened;
use crate::db::{Reactions, Reader, WriteTx};
use crate::features::{accounts, audit, cart, catalog, messages, notifications, orders, settings};
use crate::jobs;
use crate::kernel::{Change, DomainEvent, JobDue, Result, UserId};
use crate::security::Keys;
use crate::security::token::TokenHash;

/// What the reactions reach: all of it in memory, none of it blocking.
pub struct ShopReactions {
    pub accounts: Arc<accounts::Desk>,
    pub keys: Arc<Keys>,
    pub menu: Arc<catalog::Menu>,
    pub settings: Arc<settings::Live>,
    pub queue: Arc<jobs::Queue>,
    pub job_kinds: Arc<jobs::Kinds>,
    pub has_owner: Arc<AtomicBool>,
    pub happened: Arc<Happened>,
}

impl ShopReactions {
    /// A guest's cart goes with them into their account. Nobody is kept out of it because a cart could not be merged.
    fn merge_carts(&self, tx: &mut WriteTx<'_>, user: UserId, carried: [u8; 32]) -> Result<()> {
        let merged = tx.attempt(|tx| cart::merge(tx, user, TokenHash::from_bytes(carried), &self.keys))?;
        if let Err(error) = merged {
            tracing::error!(user = %user, error = %error, "a guest's cart could not be merged; it stays as it was");
        }
        Ok(())
    }
}

impl Reactions for ShopReactions {
    fn inside(&self, tx: &mut WriteTx<'_>, event: &DomainEvent) -> Result<()> {
        match event {
            DomainEvent::SignedIn { user, carried: Some(carried) } => self.merge_carts(tx, *user, *carried),
            DomainEvent::AccountErased { user } => {
                cart::forget(tx, *user)?;
                messages::forget_person(tx, *user)?;
                orders::anonymise(tx, *user)
            }
            DomainEvent::OrderPlaced { order } => notifications::orders::placed(tx, *order),
            DomainEvent::OrderMoved { order, from, to } => notifications::orders::moved(tx, *order, *from, *to),
            DomainEvent::PaymentFailed { order } => notifications::orders::payment_failed(tx, *order),
            DomainEvent::RefundMade { order, refund } => notifications::orders::refunded(tx, *order, *refund),
            DomainEvent::RefundFailed { refund } => notifications::alerts::refund_failed(tx, *refund),
            DomainEvent::PaymentParked { payment } => notifications::alerts::payment_parked(tx, *payment),
            DomainEvent::PaymentDisputed { payment } => notifications::alerts::payment_disputed(tx, *payment),
            DomainEvent::MoneyNotWanted { refund } => notifications::alerts::money_not_wanted(tx, *refund),
            DomainEvent::MailUnwanted { message, user, complained } => {
                notifications::unwanted::mail(tx, *message, *user, *complained)
            }
            DomainEvent::SettingsChanged { .. } => jobs::reschedule(tx, &self.job_kinds),
            // Rollups and partners' events will stand here; nothing follows from these inside a transaction yet.
            DomainEvent::SignedIn { carried: None, .. }
            | DomainEvent::AccountCreated { .. }
            | DomainEvent::SessionEnded { .. }
            | DomainEvent::SessionRenewed { .. }
            | DomainEvent::ProductChanged { .. }
            | DomainEvent::CategoryChanged
            | DomainEvent::PopularityCounted
            | DomainEvent::StockChanged { .. }
            | DomainEvent::MoneyMoved { .. } => Ok(()),
        }
    }

    fn written(&self, tx: &mut WriteTx<'_>, command: &'static str, changes: &[Change]) -> Result<()> {
        audit::written(tx, command, changes)
    }

    fn after(&self, events: &[DomainEvent], jobs: &[JobDue]) {
        let mut menu_is_old = false;
        let mut sold = Vec::new();
        for event in events {
            self.happened.count(event);
            match event {
                DomainEvent::SettingsChanged { document } => {
                    // Before the menu is dropped, so that what is read for it anew is read by these.
                    self.settings.replace_by(document);
                    menu_is_old = true;
                }
                DomainEvent::ProductChanged { .. } | DomainEvent::CategoryChanged | DomainEvent::PopularityCounted => {
                    menu_is_old = true;
                }
                DomainEvent::StockChanged { product } => sold.push(*product),
                DomainEvent::AccountCreated { admin: true, .. } => self.has_owner.store(true, Ordering::SeqCst),
                DomainEvent::SessionEnded { session } | DomainEvent::SessionRenewed { session } => {
                    self.accounts.forget_session(*session);
                }
                DomainEvent::AccountCreated { admin: false, .. }
                | DomainEvent::SignedIn { .. }
                | DomainEvent::AccountErased { .. }
                | DomainEvent::OrderPlaced { .. }
                | DomainEvent::OrderMoved { .. }
                | DomainEvent::MoneyMoved { .. }
                | DomainEvent::MailUnwanted { .. }
                | DomainEvent::PaymentFailed { .. }
                | DomainEvent::RefundMade { .. }
                | DomainEvent::RefundFailed { .. }
                | DomainEvent::PaymentParked { .. }
                | DomainEvent::PaymentDisputed { .. }
                | DomainEvent::MoneyNotWanted { .. } => {}
            }
        }
        if menu_is_old {
            self.menu.drop_all();
        } else if !sold.is_empty() {
            self.menu.drop_products(sold);
        }
        self.queue.push(jobs);
    }

    fn resync(&self, reader: &Reader<'_>) {
        match settings::read(reader) {
            Ok(settings) => self.settings.replace(settings),
            Err(error) => {
                tracing::error!(error = %error, "settings of a commit with unknown outcome may wait for the next start");
            }
        }
        self.menu.drop_all();
        self.accounts.forget_sessions();
        match (accounts::owner_exists(reader), jobs::waiting(reader)) {
            (Ok(has_owner), Ok(waiting)) => {
                self.has_owner.store(has_owner, Ordering::SeqCst);
                self.queue.merge(&waiting);
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(error = %error, "jobs of a commit with unknown outcome may wait for the next start");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::{self, Source};
    use crate::db::{DataFolder, Db, DbOptions};

    #[tokio::test]
    async fn settings_of_a_commit_with_unknown_outcome_are_read_from_the_books() {
        let clock = Clock::system();
        let of = |variables: &[(&str, &str)]| {
            let config = config::load(&Source::new().variables(variables.iter().copied())).expect("a configuration");
            Arc::new(settings::Keeper::of(&config))
        };
        let key_folder = tempfile::tempdir().expect("a temporary folder");
        let keys = Arc::new(Keys::load_or_make(key_folder.path()).expect("keys"));
        let reactions = || ShopReactions {
            keys: Arc::clone(&keys),
            accounts: Arc::new(accounts::Desk::new(clock.clone()).expect("threads")),
            menu: Arc::new(catalog::Menu::new()),
            settings: Arc::new(settings::Live::new(of(&[])).expect("the defaults are right")),
            queue: Arc::new(jobs::Queue::default()),
            job_kinds: Arc::default(),
            has_owner: Arc::new(AtomicBool::new(false)),
            happened: Arc::default(),
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
        let heard = Arc::new(reactions());
        let options =
            DbOptions { clock: clock.clone(), accept_clock: true, reactions: Arc::clone(&heard) as Arc<dyn Reactions> };
        let db = Db::open(own, options).expect("the database opens");
        db.write(settings::ApplyConfig { keeper: of(&[("BAYADER_SHOP__NAME", "Al-Quds")]) }).await.expect("written");
        assert_eq!(heard.settings.get().shop.name, "Al-Quds", "who wrote is answered after its settings are in force");
        // Another, which never heard of that commit.
        let deaf = Arc::new(reactions());
        let asked = Arc::clone(&deaf);
        db.read(move |reader| {
            asked.resync(reader);
            Ok(())
        })
        .await
        .expect("read");
        assert_eq!(deaf.settings.get().shop.name, "Al-Quds");
    }
}
