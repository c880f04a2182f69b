//! When the shop's people sleep.

use crate::db::Reader;
use crate::jobs::Daily;
use crate::kernel::{Result, TimeOfDay};

/// Upkeep that reads much runs then: the ovens of most bakeries are not lit yet.
const NIGHT: TimeOfDay = TimeOfDay::from_minutes(2 * 60 + 40);

/// When a nightly kind of job runs, by the shop's clock.
///
/// # Errors
/// A fault.
pub fn nightly(reader: &Reader<'_>) -> Result<Option<Daily>> {
    let zone = super::read(reader)?.format.zone.clone();
    Ok(Some(Daily { at: NIGHT, zone }))
}
