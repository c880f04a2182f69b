//! Taking back what an account has agreed to.

use serde_json::json;

use super::sql;
use crate::db::WriteTx;
use crate::kernel::{Change, Result, UserId};

/// An account wants no promotions any more, as who holds its link out of them has shown; whether it had agreed to any until now. The
/// audit log keeps when that was.
///
/// # Errors
/// A fault.
pub fn withdraw_consent(tx: &mut WriteTx<'_>, user: UserId) -> Result<bool> {
    let Some(account) = sql::user(tx, user)?.filter(|account| account.marketing_consent) else { return Ok(false) };
    sql::people::end_consent(tx, user)?;
    tx.proven(account.actor());
    let after = Some(json!({ "fields": ["marketingConsent"] }));
    tx.changed(Change { action: "account.unsubscribe", subject: format!("user:{user}"), before: None, after });
    Ok(true)
}
