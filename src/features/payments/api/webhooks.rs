//! `POST /payments/webhook`.

use crate::features::AppState;
use crate::http::Route;

pub(super) fn routes() -> Vec<Route<AppState>> {
    Vec::new()
}
