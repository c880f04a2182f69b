//! The routes of pictures.

mod edit;
mod serve;

use crate::features::AppState;
use crate::http::Route;

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let mut routes = edit::routes();
    routes.extend(serve::routes());
    routes
}
