//! What follows from each event: inside the transaction, and after the commit. One match, no `_` arm: a new event does not compile
//! until somebody has said what follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::db::{Reactions, Reader, WriteTx};
use crate::features::{accounts, audit, catalog, orders};
use crate::jobs;
use crate::kernel::{Change, DomainEvent, JobDue, Result};

/// What the reactions reach: all of it in memory, none of it blocking.
pub struct ShopReactions {
    pub accounts: Arc<accounts::Desk>,
    pub menu: Arc<catalog::Menu>,
    pub queue: Arc<jobs::Queue>,
    pub has_owner: Arc<AtomicBool>,
}

impl Reactions for ShopReactions {
    fn inside(&self, tx: &mut WriteTx<'_>, event: &DomainEvent) -> Result<()> {
        match event {
            DomainEvent::AccountErased { user } => orders::anonymise(tx, *user),
            // Rollups, messages and partners' events will stand here; nothing follows from these inside a transaction yet.
            DomainEvent::SettingsChanged
            | DomainEvent::AccountCreated { .. }
            | DomainEvent::SessionEnded { .. }
            | DomainEvent::SessionRenewed { .. }
            | DomainEvent::ProductChanged { .. }
            | DomainEvent::CategoryChanged
            | DomainEvent::StockChanged { .. }
            | DomainEvent::OrderPlaced { .. }
            | DomainEvent::OrderMoved { .. }
            | DomainEvent::MoneyMoved { .. } => Ok(()),
        }
    }

    fn written(&self, tx: &mut WriteTx<'_>, command: &'static str, changes: &[Change]) -> Result<()> {
        audit::written(tx, command, changes)
    }

    fn after(&self, events: &[DomainEvent], jobs: &[JobDue]) {
        let mut menu_is_old = false;
        for event in events {
            match event {
                DomainEvent::SettingsChanged
                | DomainEvent::ProductChanged { .. }
                | DomainEvent::CategoryChanged
                | DomainEvent::StockChanged { .. } => menu_is_old = true,
                DomainEvent::AccountCreated { admin: true, .. } => self.has_owner.store(true, Ordering::SeqCst),
                DomainEvent::SessionEnded { session } | DomainEvent::SessionRenewed { session } => {
                    self.accounts.forget_session(*session);
                }
                DomainEvent::AccountCreated { admin: false, .. }
                | DomainEvent::AccountErased { .. }
                | DomainEvent::OrderPlaced { .. }
                | DomainEvent::OrderMoved { .. }
                | DomainEvent::MoneyMoved { .. } => {}
            }
        }
        if menu_is_old {
            self.menu.drop_all();
        }
        self.queue.push(jobs);
    }

    fn resync(&self, reader: &Reader<'_>) {
        self.menu.drop_all();
        self.accounts.forget_sessions();
        match (accounts::owner_exists(reader), jobs::waiting(reader)) {
            (Ok(has_owner), Ok(waiting)) => {
                self.has_owner.store(has_owner, Ordering::SeqCst);
                self.queue.push(&waiting);
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(error = %error, "jobs of a commit with unknown outcome may wait for the next start");
            }
        }
    }
}
