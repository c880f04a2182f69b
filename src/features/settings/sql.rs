//! Every statement on `settings`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{Fault, Result, Version};

pub(super) fn section<T: DeserializeOwned>(reader: &Reader<'_>, section: &'static str) -> Result<Option<T>> {
    Ok(reader.opt("select value from settings where section = ?1", args![section], |row| row.columns().json())?.flatten())
}

/// The version of the settings: that of the section that changed last.
pub(super) fn version(reader: &Reader<'_>) -> Result<Version> {
    reader.one("select coalesce(max(version), 1) from settings", &[], |row| row.get(0))
}

pub(super) fn set_section(tx: &mut WriteTx<'_>, section: &'static str, value: &impl Serialize, version: Version) -> Result<()> {
    let text = serde_json::to_string(value).map_err(Fault::new)?;
    tx.exec_one(
        "insert into settings (section, value, version, updated_at) values (?1, ?2, ?3, ?4) \
         on conflict (section) do update set value = excluded.value, version = excluded.version, updated_at = excluded.updated_at",
        args![section, text, version, tx.now()],
    )
}

/// Whether anything is stored whose amounts are minor units of the shop's currency.
pub(super) fn has_amounts(reader: &Reader<'_>) -> Result<bool> {
    reader.one("select exists (select 1 from products) or exists (select 1 from orders)", &[], |row| row.get(0))
}
