//! Who asks, carried along with a request to every write it makes, so that no verb can forget to tell the audit log.

use std::future::Future;

use crate::kernel::Origin;

tokio::task_local! {
    static ORIGIN: Origin;
}

/// Runs a request's work; each write queued in it carries this origin.
pub async fn within<F: Future>(origin: Origin, work: F) -> F::Output {
    ORIGIN.scope(origin, work).await
}

/// The origin of the request under way; `None` where the program itself acts.
pub(super) fn current() -> Option<Origin> {
    ORIGIN.try_with(Clone::clone).ok()
}
