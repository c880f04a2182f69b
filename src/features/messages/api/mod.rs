//! Messages over HTTP: what was sent and what waits, what a message would say, and what providers tell of them.

mod templates;

use crate::features::AppState;
use crate::http::Route;

pub fn routes() -> Vec<Route<AppState>> {
    templates::routes()
}
