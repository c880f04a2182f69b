//! Pictures over HTTP: uploads, their order, and the files.

use crate::features::AppState;
use crate::http::Route;

pub fn routes() -> Vec<Route<AppState>> {
    Vec::new()
}
