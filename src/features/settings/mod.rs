//! What the owner decides: the shop's name, languages, money, time; how orders are held (SPEC 10).
//!
//! Stored one row a section. A key that the keeper's file or a variable holds wins at every start. [`Live`] is the copy that
//! requests read; it is replaced after the commit of a change, before the changer is answered.

mod model;
mod sql;

use std::sync::{Arc, PoisonError, RwLock};

pub use model::{OrderSettings, Settings, ShopSettings};

use crate::config::Config;
use crate::db::{Command, Reader, WriteTx};
use crate::kernel::{DomainEvent, Result, ShopFormat};

/// The settings in force, shared by all requests.
#[derive(Debug)]
pub struct Live {
    now: RwLock<Arc<Settings>>,
}

impl Live {
    #[must_use]
    pub fn new(settings: Settings) -> Live {
        Live { now: RwLock::new(Arc::new(settings)) }
    }

    #[must_use]
    pub fn get(&self) -> Arc<Settings> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn replace(&self, settings: Settings) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// The formats that reading and writing need.
    #[must_use]
    pub fn format(&self) -> Arc<ShopFormat> {
        Arc::clone(&self.get().format)
    }
}

/// Reads the settings; what was never set has its default.
///
/// # Errors
/// A fault.
pub fn read(reader: &Reader<'_>) -> Result<Settings> {
    Settings::from_sections(
        sql::section(reader, "shop")?.unwrap_or_default(),
        sql::section(reader, "orders")?.unwrap_or_default(),
    )
}

/// Writes what the keeper's configuration decides over what is stored, at start.
pub struct ApplyConfig {
    shop: crate::config::Shop,
    orders: crate::config::Orders,
}

impl ApplyConfig {
    #[must_use]
    pub fn new(config: &Config) -> ApplyConfig {
        ApplyConfig { shop: config.shop.clone(), orders: config.orders.clone() }
    }
}

impl Command for ApplyConfig {
    const NAME: &'static str = "settings.apply_config";
    type Output = Settings;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Settings> {
        let mut shop: ShopSettings = sql::section(tx, "shop")?.unwrap_or_default();
        let mut orders: OrderSettings = sql::section(tx, "orders")?.unwrap_or_default();
        let before = (shop.clone(), orders.clone());
        shop.take_over(&self.shop);
        orders.take_over(&self.orders);
        if before != (shop.clone(), orders.clone()) {
            sql::set_section(tx, "shop", &shop)?;
            sql::set_section(tx, "orders", &orders)?;
            tx.record(DomainEvent::SettingsChanged);
        }
        Settings::from_sections(shop, orders)
    }
}
