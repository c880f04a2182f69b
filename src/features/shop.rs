//! The cheap handle that every handler gets.

use std::sync::Arc;

use super::{accounts, audit, backup, catalog, media, messages, orders, payments, settings, setup};
use crate::clock::Clock;
use crate::db::Db;
use crate::http::Forgeries;
use crate::http::tls::Tls;
use crate::jobs;
use crate::security::Keys;

/// What the handlers of one running shop share.
pub struct Shop {
    pub db: Db,
    pub clock: Clock,
    /// Shared, so that a command can take them along without the whole shop: the writer must never hold the last handle to itself.
    pub keys: Arc<Keys>,
    /// The owner's settings as they are now.
    pub settings: Arc<settings::Live>,
    /// Password hashing and living sessions.
    pub accounts: Arc<accounts::Desk>,
    /// The code by which a shop that nobody owns yet is set up.
    pub first_code: setup::OneTimeCode,
    /// Hears what is refused.
    pub audit: Arc<audit::Watch>,
    /// Serialized catalog answers.
    pub menu: Arc<catalog::Menu>,
    /// The gateways that the keeper has configured.
    pub gateways: payments::Gateways,
    /// Who sends messages that neither a gateway nor a carrier has signed.
    pub forgeries: Forgeries,
    /// Who ends what is still payable of an order.
    pub live_attempts: Arc<dyn orders::LiveAttempts>,
    /// Who finds the words for an order's customer.
    pub ready_text: Arc<dyn orders::ReadyText>,
    /// Who speaks with a gateway about an order now.
    pub turns: Arc<payments::turns::Turns>,
    /// Which gateways keep jobs waiting.
    pub silence: payments::Silence,
    /// For whose page a gateway is being asked how an order's payment stands.
    pub looks: Arc<payments::turns::Turns>,
    /// HTTPS of its own, if the keeper wants it.
    pub tls: Option<Arc<Tls>>,
    /// Carriers and templates.
    pub messages: messages::Desk,
    /// Pictures' files, and the thread that opens them.
    pub media: media::Pictures,
    /// The bucket that has a copy of each picture's file, if one is configured.
    pub copies: Option<media::Copies>,
    /// Whether links to pictures lead to the bucket (`[media] serve`).
    pub serves_from_bucket: bool,
    /// `[server] public_url`, without a slash at its end; links in answers begin with it.
    pub public_url: String,
    /// `[server] return_url`: the storefront to which buyers go on from a gateway.
    pub return_url: Option<String>,
    /// Origins of other sites whose pages may use the API (`[server] cors_origins`), as browsers spell them.
    pub cors_origins: Vec<String>,
    /// Whether a guest may leave only so many orders unconfirmed (`[rate_limit] enabled`).
    pub limits_guests: bool,
    /// Where backups lie and how they are made.
    pub backups: Arc<backup::Desk>,
    /// The kinds of background work.
    pub job_kinds: Arc<jobs::Kinds>,
}

impl Shop {
    /// The week in which links to pictures are made now.
    #[must_use]
    pub fn week(&self) -> media::Week {
        media::Week::of(self.clock.now())
    }

    /// Makes the links to pictures of a week.
    #[must_use]
    pub fn links(&self, week: media::Week) -> media::Links {
        media::Links::new(&self.keys, &self.public_url, week)
    }
}

/// The router's state.
pub type AppState = Arc<Shop>;
