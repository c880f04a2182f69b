//! Sending over HTTP: staff's messages, promotions and the way out of them.

mod send;

use crate::features::AppState;
use crate::http::Route;

pub fn routes() -> Vec<Route<AppState>> {
    send::routes()
}
