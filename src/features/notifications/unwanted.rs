//! A reader has told our carrier that they want no more of our mail.

use super::alerts;
use crate::db::WriteTx;
use crate::features::{accounts, messages};
use crate::kernel::{NotificationId, Result, UserId};

/// Their agreement to promotions ends. Who called a message spam is not written to any more, as their carrier has booked; of that admins
/// are told, since what is told of an order does not reach them any more either.
///
/// # Errors
/// A fault.
pub fn mail(tx: &mut WriteTx<'_>, message: NotificationId, user: Option<UserId>, is_complaint: bool) -> Result<()> {
    if let Some(user) = user
        && accounts::withdraw_consent(tx, user)?
    {
        messages::stop_promotions(tx, user)?;
    }
    if is_complaint {
        alerts::mail_complained(tx, message)?;
    }
    Ok(())
}
