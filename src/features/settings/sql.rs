//! Every statement on `settings`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{Fault, Result};

pub(super) fn section<T: DeserializeOwned>(reader: &Reader<'_>, section: &'static str) -> Result<Option<T>> {
    Ok(reader.opt("select value from settings where section = ?1", args![section], |row| row.columns().json())?.flatten())
}

pub(super) fn set_section(tx: &mut WriteTx<'_>, section: &'static str, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(Fault::new)?;
    tx.exec_one(
        "insert into settings (section, value, updated_at) values (?1, ?2, ?3) \
         on conflict (section) do update set value = excluded.value, version = version + 1, updated_at = excluded.updated_at",
        args![section, text, tx.now()],
    )
}
