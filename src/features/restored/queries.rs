//! How a restored shop stands.

use super::model::Standing;
use super::sql;
use crate::db::Reader;
use crate::features::{messages, notifications, payments};
use crate::kernel::{PaymentMethod, Result};

/// What waits after a restore, and what was found out since.
///
/// # Errors
/// A fault.
pub fn standing(reader: &Reader<'_>, gateways: &[PaymentMethod]) -> Result<Standing> {
    Ok(Standing {
        restoration: sql::newest(reader)?,
        messages: messages::held_back(reader)?,
        notifications: notifications::held_back(reader)?,
        payments: payments::found_out(reader, gateways)?,
    })
}

/// That something waits for the owner's word, in a line for who looks after the shop; `None` if nothing does.
///
/// # Errors
/// A fault.
pub fn line_for_doctor(reader: &Reader<'_>) -> Result<Option<String>> {
    let Some(restoration) = sql::newest(reader)? else { return Ok(None) };
    let standing = standing(reader, &[])?;
    if !standing.waits() {
        return Ok(None);
    }
    let (messages, notifications) = (standing.messages, standing.notifications);
    Ok(Some(format!(
        "the shop was restored at {} from a backup of {}, and {} messages, {} promotions and {} other pieces of news wait until the owner \
         says whether they are sent or dropped",
        restoration.restored_at,
        restoration.backup_of,
        messages.messages,
        messages.promotions,
        notifications.steps + notifications.alerts + notifications.campaigns,
    )))
}
