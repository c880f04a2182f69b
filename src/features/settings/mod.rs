//! What the owner decides: the shop's name, languages, money, time; how orders are held, when it is open, how one pays, when people
//! are written to, how long what is kept for a time is kept (SPEC 10).
//!
//! Stored one row a section. A key that the keeper's file or a variable holds wins at every start. [`Live`] is the copy that
//! requests read; it is replaced after the commit of a change, before the changer is answered, from what the change's own event
//! tells, so that nothing is read outside and no older settings follow newer ones.

pub mod api;
mod apply_config;
mod choose;
mod model;
mod nightly;
pub mod problems;
mod replace;
mod rules;
mod sql;

use std::sync::{Arc, PoisonError, RwLock};

pub use apply_config::ApplyConfig;
pub use choose::{Choose, choose};
use model::Sections;
pub use model::{Fixed, Keeper, MessageSettings, MethodSettings, OrderSettings, RetentionSettings, Settings, ShopSettings};
pub use nightly::nightly;
pub use rules::{Minute, OpeningHours, Window, WindowFault};

use crate::db::{Reader, WriteTx};
use crate::kernel::{DomainEvent, Fault, Result, ShopFormat};

/// The settings in force, shared by all requests.
#[derive(Debug)]
pub struct Live {
    now: RwLock<Arc<Settings>>,
    keeper: Arc<Keeper>,
}

impl Live {
    /// The settings a shop begins with, until those stored are shown to it.
    ///
    /// # Errors
    /// A fault.
    pub fn new(keeper: Arc<Keeper>) -> Result<Live> {
        let settings = Settings::from_sections(Sections::default())?.with_gateways(&keeper.gateways());
        Ok(Live { now: RwLock::new(Arc::new(settings)), keeper })
    }

    #[must_use]
    pub fn get(&self) -> Arc<Settings> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the keeper decides.
    #[must_use]
    pub fn keeper(&self) -> Arc<Keeper> {
        Arc::clone(&self.keeper)
    }

    /// Takes committed settings, unless newer ones are in force already.
    pub fn replace(&self, settings: Settings) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if settings.version > now.version {
            *now = Arc::new(settings.with_gateways(&self.keeper.gateways()));
        }
    }

    /// As [`Live::replace`], of the document that [`DomainEvent::SettingsChanged`] carries.
    pub fn replace_by(&self, document: &str) {
        let read = serde_json::from_str(document).map_err(|error| Fault::new(error).into()).and_then(Settings::from_sections);
        match read {
            Ok(settings) => self.replace(settings),
            Err(error) => tracing::error!(error = %error, "changed settings cannot be read; they act from the next start"),
        }
    }

    /// The formats that reading and writing need.
    #[must_use]
    pub fn format(&self) -> Arc<ShopFormat> {
        Arc::clone(&self.get().format)
    }
}

/// Reads the settings; what was never set has its default. They name no gateways: those are not stored.
///
/// # Errors
/// A fault.
pub fn read(reader: &Reader<'_>) -> Result<Settings> {
    Settings::from_sections(sections(reader)?)
}

/// The currency in which something is stored already, priced or sold; `None` while it may still be chosen.
///
/// # Errors
/// A fault.
pub fn currency_in_use(reader: &Reader<'_>) -> Result<Option<String>> {
    if sql::has_amounts(reader)? { Ok(Some(sections(reader)?.shop.currency)) } else { Ok(None) }
}

fn sections(reader: &Reader<'_>) -> Result<Sections> {
    Ok(Sections {
        shop: sql::section(reader, "shop")?.unwrap_or_default(),
        orders: sql::section(reader, "orders")?.unwrap_or_default(),
        hours: sql::section(reader, "hours")?.unwrap_or_default(),
        payment_methods: sql::section(reader, "paymentMethods")?.unwrap_or_default(),
        messages: sql::section(reader, "messages")?.unwrap_or_default(),
        retention: sql::section(reader, "retention")?.unwrap_or_default(),
        version: sql::version(reader)?,
    })
}

/// Writes the sections that differ, at the next version; answers the settings as they are then.
fn write(tx: &mut WriteTx<'_>, before: &Sections, mut after: Sections) -> Result<Settings> {
    after.version = before.version;
    if after == *before {
        return Settings::from_sections(after);
    }
    let version = before.version + 1;
    after.version = version;
    if after.shop != before.shop {
        sql::set_section(tx, "shop", &after.shop, version)?;
    }
    if after.orders != before.orders {
        sql::set_section(tx, "orders", &after.orders, version)?;
    }
    if after.hours != before.hours {
        sql::set_section(tx, "hours", &after.hours, version)?;
    }
    if after.payment_methods != before.payment_methods {
        sql::set_section(tx, "paymentMethods", &after.payment_methods, version)?;
    }
    if after.messages != before.messages {
        sql::set_section(tx, "messages", &after.messages, version)?;
    }
    if after.retention != before.retention {
        sql::set_section(tx, "retention", &after.retention, version)?;
    }
    tx.record(DomainEvent::SettingsChanged { document: serde_json::to_string(&after).map_err(Fault::new)?.into() });
    Settings::from_sections(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(version: i64, name: &str) -> String {
        let shop = ShopSettings { name: name.to_owned(), ..ShopSettings::default() };
        serde_json::to_string(&Sections { shop, version, ..Sections::default() }).expect("JSON")
    }

    #[test]
    fn older_settings_never_follow_newer_ones_and_what_cannot_be_read_changes_nothing() {
        let live = Live::new(Arc::default()).expect("the defaults are right");
        live.replace_by(&document(3, "Third"));
        live.replace_by(&document(2, "Second"));
        live.replace_by(&document(4, "Fourth").replace("Asia/Amman", "Asia/Nowhere"));
        assert_eq!((live.get().version, live.get().shop.name.as_str()), (3, "Third"));
    }
}
