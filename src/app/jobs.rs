//! One line a kind of job: who does it, and how often where it comes again by itself.

use std::sync::Arc;

use super::upkeep;
use crate::features::{AppState, accounts, cart, catalog, media, orders, payments};
use crate::jobs::{Handler, Handlers, Recurring};
use crate::kernel::time::span::DAY_MS;

/// What comes again by itself. Each kind has its handler below.
pub(super) const RECURRING: &[Recurring] = &[
    cart::RemoveEnded::RECURRING,
    catalog::CountPopular::RECURRING,
    payments::CompareBooks::RECURRING,
    Recurring { kind: accounts::RemoveOldSessionsDaily::KIND, every_ms: DAY_MS },
    Recurring { kind: orders::text_index::KIND, every_ms: orders::text_index::EVERY_MS },
    Recurring { kind: upkeep::KIND, every_ms: upkeep::EVERY_MS },
];

/// Who does the jobs of each kind.
pub(super) fn handlers(shop: &AppState) -> Handlers {
    let mut handlers: Handlers = vec![
        Arc::new(payments::end::ExpireHolds::new(Arc::clone(shop))),
        Arc::new(payments::end::EndByItself::new(Arc::clone(shop))),
        Arc::new(payments::reconcile::AskByItself::new(Arc::clone(shop))),
        Arc::new(orders::text_index::IndexOrderTexts::new(Arc::clone(shop))),
        Arc::new(payments::SendRefunds::new(Arc::clone(shop))),
        Arc::new(payments::CompareBooks::new(Arc::clone(shop))),
        Arc::new(cart::RemoveEnded::new(Arc::clone(shop))),
        Arc::new(catalog::CountPopular::new(Arc::clone(shop))),
        Arc::new(catalog::IndexCategories::new(Arc::clone(shop))),
        Arc::new(accounts::RemoveOldSessionsDaily::new(Arc::clone(shop))),
        Arc::new(media::RenderPictures::new(Arc::clone(shop))),
        Arc::new(payments::HandleMessages::new(Arc::clone(shop))),
        upkeep::Upkeep::new(Arc::clone(shop)),
    ];
    handlers.extend(accounts::SendLinks::all(shop).map(|links| Arc::new(links) as Arc<dyn Handler>));
    handlers
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::app::{App, AppOptions};
    use crate::clock::Clock;
    use crate::config::Source;

    #[tokio::test(flavor = "multi_thread")]
    async fn each_kind_has_one_handler() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = crate::config::load(&Source::new()).expect("a configuration");
        let data_dir = folder.path().join("data");
        let options =
            AppOptions { data_dir, config, clock: Clock::system(), accept_clock: true, extras: crate::app::Extras::default() };
        let app = App::open(options).await.expect("the shop opens");
        let handlers = handlers(app.shop());
        let kinds: BTreeSet<&str> = handlers.iter().map(|handler| handler.kind()).collect();
        assert_eq!(kinds.len(), handlers.len(), "a kind has two handlers");
        for recurring in RECURRING {
            assert!(kinds.contains(recurring.kind), "nobody does {}", recurring.kind);
        }
    }
}
