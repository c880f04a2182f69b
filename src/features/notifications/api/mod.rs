//! Sending over HTTP: staff's messages, promotions and the way out of them.

mod send;
mod unsubscribe;

use crate::features::AppState;
use crate::http::Route;

pub fn routes() -> Vec<Route<AppState>> {
    let mut routes = send::routes();
    routes.extend(unsubscribe::routes());
    routes
}
