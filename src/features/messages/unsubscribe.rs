//! The way out of promotions: the address that each of them bears, for a reader's eye and for one POST of a mail program (RFC 8058).
//! What lies under it is `notifications`'.

use crate::kernel::UserId;
use crate::security::Keys;

/// `{public_url}/u/{token}`: a page with one button, and whatever is POSTed there takes the account off the list. `public_url` has no
/// slash at its end.
#[must_use]
pub fn unsubscribe_url(keys: &Keys, public_url: &str, user: UserId) -> String {
    format!("{public_url}/u/{}", keys.unsubscribe_token(user))
}
