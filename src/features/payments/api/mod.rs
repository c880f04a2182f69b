//! `/payments`.

mod checkout;
mod list;
mod methods;
mod page;
mod refunds;
mod webhooks;

use crate::features::AppState;
use crate::http::Route;

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let all = [methods::routes(), checkout::routes(), list::routes(), refunds::routes(), webhooks::routes(), page::routes()];
    all.into_iter().flatten().collect()
}
