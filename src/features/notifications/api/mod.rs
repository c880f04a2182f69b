//! Sending over HTTP: staff's messages, promotions and the way out of them.

use crate::features::AppState;
use crate::http::Route;

pub fn routes() -> Vec<Route<AppState>> {
    Vec::new()
}
