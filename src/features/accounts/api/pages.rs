//! The pages on which a password is chosen, or a link to do so is asked for.

use crate::features::AppState;
use crate::http::Route;

pub(super) fn routes() -> Vec<Route<AppState>> {
    Vec::new()
}
