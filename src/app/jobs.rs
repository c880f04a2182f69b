//! One line a kind of job: who does it. Its handler says the rest: whether it comes again by itself, what staff may do with it.

use std::sync::Arc;

use super::upkeep;
use crate::features::{AppState, accounts, backup, cart, catalog, media, messages, notifications, orders, payments};
use crate::jobs::{Handler, Handlers};

/// Who does the jobs of each kind.
pub(super) fn handlers(shop: &AppState) -> Handlers {
    let mut handlers: Handlers = vec![
        Arc::new(payments::end::ExpireHolds::new(Arc::clone(shop))),
        Arc::new(payments::end::EndByItself::new(Arc::clone(shop))),
        Arc::new(payments::reconcile::AskByItself::new(Arc::clone(shop))),
        Arc::new(notifications::SendCampaigns::new(Arc::clone(shop))),
        Arc::new(notifications::TellAlerts::new(Arc::clone(shop))),
        Arc::new(notifications::TellDailySummary::new(Arc::clone(shop))),
        Arc::new(notifications::TellLowStock::new(Arc::clone(shop))),
        Arc::new(notifications::TellOrders::new(Arc::clone(shop))),
        Arc::new(orders::ForgetPersons::new(Arc::clone(shop))),
        Arc::new(orders::text_index::IndexOrderTexts::new(Arc::clone(shop))),
        Arc::new(payments::SendRefunds::new(Arc::clone(shop))),
        Arc::new(payments::CompareBooks::new(Arc::clone(shop))),
        Arc::new(cart::RemoveEnded::new(Arc::clone(shop))),
        Arc::new(catalog::CountPopular::new(Arc::clone(shop))),
        Arc::new(catalog::IndexCategories::new(Arc::clone(shop))),
        Arc::new(accounts::RemoveOldSessionsDaily::new(Arc::clone(shop))),
        Arc::new(media::CollectPictures::new(Arc::clone(shop))),
        Arc::new(media::CopyFiles::new(Arc::clone(shop))),
        Arc::new(media::DrawSamples::new(Arc::clone(shop))),
        Arc::new(media::RenderPictures::new(Arc::clone(shop))),
        Arc::new(payments::HandleMessages::new(Arc::clone(shop))),
        Arc::new(backup::MakeBackups::new(Arc::clone(shop), super::doctor::balances)),
        Arc::new(backup::DrillBackups::new(Arc::clone(shop), super::doctor::balances)),
        Arc::new(backup::VerifyBackups::new(Arc::clone(shop), super::doctor::balances)),
        Arc::new(messages::Probe::new(Arc::clone(shop))),
        upkeep::Upkeep::new(Arc::clone(shop)),
    ];
    let links: Arc<dyn messages::SecretLinks> = Arc::new(accounts::Links::new(Arc::clone(shop)));
    handlers.extend(messages::SendMessages::all(shop, &links).map(|sends| Arc::new(sends) as Arc<dyn Handler>));
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
        for (name, kind) in app.shop().job_kinds.all() {
            let may_cancel = !matches!(kind.staff_may.cancel, crate::jobs::May::No);
            assert!(kind.schedule.is_none() || !may_cancel, "{name} would end with a run that is cancelled");
        }
        assert_eq!(app.shop().job_kinds.all().count(), handlers.len());
    }
}
