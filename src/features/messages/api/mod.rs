//! Messages over HTTP: what was sent and what waits, what a message would say, and what providers tell of them.

mod email_events;
mod list;
mod sms_status;
mod templates;

use crate::features::AppState;
use crate::http::Route;

pub fn routes() -> Vec<Route<AppState>> {
    let mut routes = list::routes();
    routes.extend(email_events::routes());
    routes.extend(sms_status::routes());
    routes.extend(templates::routes());
    routes
}
