//! The whole shop, put together: the only room that knows all the others.
//!
//! [`App::open`] takes the folder, the keys, the database and the settings, in that order, and refuses with words for the keeper
//! when one of them is not right. [`App::serve`] answers until it is told to stop, then lets what is under way end.

pub mod access;
pub mod control;
pub mod docs;
pub mod doctor;
mod jobs;
pub mod metrics;
mod opening;
pub mod pulse;
mod reactions;
mod refusals;
pub mod restored;
pub mod routes;
mod upkeep;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::metrics::{Happened, Metrics};
pub use doctor::{balances, books as doctor};
pub use opening::Opening;
pub use routes::openapi;

use crate::clock::Clock;
use crate::config::{self, Config};
use crate::db::{DataFolder, Db, DbOptions, OpenFault, Reader};
use crate::features::{
    AppState, Shop, accounts, audit, backup, catalog, media, messages, notifications, orders, payments, settings, setup,
};
use crate::http::doors::{self, Door};
use crate::http::front::Front;
use crate::http::gate::{Access, CookieWorth, Gatekeeper};
use crate::http::rate_limit::Limits;
use crate::http::tls::{Tls, TlsFault};
use crate::http::{Caller, Context, Forgeries, Traffic, server};
use crate::jobs::{DbAccess, Kinds, Queue, Worker};
use crate::kernel::{Error, Problem, Result, SessionId, ShopFormat};
use crate::ops;
use crate::outbound::Patience;
use crate::security::Keys;

/// What a shop starts with.
pub struct AppOptions {
    pub data_dir: PathBuf,
    pub config: Config,
    pub clock: Clock,
    /// Start although the clock cannot be true.
    pub accept_clock: bool,
    /// What tests bring along.
    pub extras: Extras,
}

/// Gateways besides the configured ones, carriers in place of them, and how long each is waited for.
#[derive(Default)]
pub struct Extras {
    pub gateways: Vec<Arc<dyn payments::Gateway>>,
    pub carriers: Vec<Arc<dyn messages::Carrier>>,
    pub patience: Patience,
}

/// Why a shop does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    #[error(transparent)]
    Open(#[from] OpenFault),
    #[error("the keys in {folder} cannot be read or made: {reason}. Look at the folder's rights, or restore it from a backup")]
    Keys { folder: PathBuf, reason: String },
    #[error("the books cannot be read: {0}")]
    Books(Error),
    #[error(
        "the configuration says currency {configured}, but the shop has products or orders in {stored}. Set shop.currency back to {stored}; a shop keeps its currency"
    )]
    Currency { configured: String, stored: String },
    #[error(transparent)]
    Gateway(#[from] payments::GatewayFault),
    #[error(transparent)]
    Carrier(#[from] messages::CarrierFault),
    #[error("the folder {folder} cannot be used for pictures: {reason}. Look at its rights")]
    Media { folder: PathBuf, reason: std::io::Error },
    #[error("the bucket of the configuration cannot be used: {0}")]
    Bucket(String),
    #[error(transparent)]
    Backup(#[from] backup::BackupFault),
    #[error(transparent)]
    Tls(#[from] TlsFault),
    #[error("the system gave no thread: {0}")]
    Threads(std::io::Error),
}

/// A shop that is open but not yet serving.
pub struct App {
    shop: AppState,
    front: Front,
    worker: Worker,
    has_owner: Arc<AtomicBool>,
    limits: server::Limits,
    metrics: Arc<Metrics>,
    metrics_listeners: Vec<TcpListener>,
    answering: watch::Sender<bool>,
}

impl App {
    /// Opens the shop of a folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`StartFault`], in words for whoever keeps the machine.
    pub async fn open(options: AppOptions) -> Result<App, StartFault> {
        let folder = DataFolder::own(&options.data_dir).map_err(OpenFault::from)?;
        let keys_fault = |reason: String| StartFault::Keys { folder: folder.path().join("keys"), reason };
        let keys = Arc::new(Keys::load_or_make(folder.path()).map_err(|fault| keys_fault(fault.chain()))?);
        let tls = Tls::open(&options.config.tls, folder.path(), &options.clock)?;
        let mut options = options;
        if let Some(name) = tls.as_ref().and_then(|tls| tls.names().into_iter().find(|name| doors::is_plain_name(name))) {
            options.config.server.public_url = options.config.server.public_url.named(&name);
        }
        let backups = Arc::new(backup::Desk::of(folder.path(), &options.config)?);
        let (config, clock, patience) = (&options.config, &options.clock, options.extras.patience);
        let desk = messages::Desk::open(folder.path(), config, clock, patience, options.extras.carriers)?;
        let media_folder = folder.path().join("media");
        let pictures = media::Pictures::open(&media_folder, config)
            .map_err(|reason| StartFault::Media { folder: media_folder, reason })?;
        let copies = match &config.s3 {
            Some(s3) => Some(media::Copies::to(media::Bucket::open(s3, clock, patience).map_err(StartFault::Bucket)?)),
            None => None,
        };
        let accounts = Arc::new(
            accounts::Desk::new(options.clock.clone())
                .map_err(StartFault::Threads)?
                .count_addresses(options.config.rate_limit.enabled),
        );
        let menu = Arc::new(catalog::Menu::new());
        let (queue, job_kinds) = (Arc::new(Queue::default()), Arc::new(Kinds::default()));
        let has_owner = Arc::new(AtomicBool::new(false));
        let happened = Arc::new(Happened::default());
        let setting = payments::Setting { clock: options.clock.clone(), patience: options.extras.patience };
        let gateways = payments::Gateways::open(&options.config.payments, &setting, options.extras.gateways)?;
        let methods = gateways.iter().map(|gateway| gateway.method());
        let keeper = Arc::new(settings::Keeper::of(&options.config).with_gateways(methods));
        let live = Arc::new(settings::Live::new(Arc::clone(&keeper)).map_err(StartFault::Books)?);
        let reactions = reactions::ShopReactions {
            accounts: Arc::clone(&accounts),
            keys: Arc::clone(&keys),
            menu: Arc::clone(&menu),
            settings: Arc::clone(&live),
            queue: Arc::clone(&queue),
            job_kinds: Arc::clone(&job_kinds),
            has_owner: Arc::clone(&has_owner),
            happened: Arc::clone(&happened),
        };
        let db_options =
            DbOptions { clock: options.clock.clone(), accept_clock: options.accept_clock, reactions: Arc::new(reactions) };
        let db = Db::open(folder, db_options)?;

        let stored = |reader: &Reader<'_>| Ok(orders::stored_currency(reader)?.or(settings::currency_in_use(reader)?));
        let stored = db.read(stored).await.map_err(StartFault::Books)?;
        if let (Some(stored), Some(configured)) = (stored, &options.config.shop.currency)
            && stored != *configured
        {
            return Err(StartFault::Currency { configured: configured.clone(), stored });
        }
        live.replace(db.write(settings::ApplyConfig { keeper }).await.map_err(StartFault::Books)?);
        if !db.read(catalog::search_index_is_current).await.map_err(StartFault::Books)? {
            db.write(catalog::BuildSearchIndex).await.map_err(StartFault::Books)?;
        }
        let erased = db.read(accounts::erased).await.map_err(StartFault::Books)?;
        if let Err(fault) = accounts::complete_erased_log(db.folder().path(), &erased) {
            tracing::error!(error = %fault.chain(), "the list of erased accounts could not be made whole; the next start tries again");
        }
        has_owner.store(db.read(accounts::owner_exists).await.map_err(StartFault::Books)?, Ordering::SeqCst);

        gateways.check_currency(live.get().currency())?;
        let shop = Arc::new(Shop {
            db,
            gateways,
            forgeries: Forgeries::new(options.clock.clone(), options.config.rate_limit.enabled),
            clock: options.clock.clone(),
            keys,
            settings: live,
            accounts,
            first_code: setup::OneTimeCode::new(options.clock.clone()),
            audit: Arc::new(audit::Watch::new(options.clock.clone())),
            menu,
            live_attempts: Arc::new(payments::end::EndsAttempts),
            ready_text: Arc::new(notifications::ReadyTexts),
            turns: Arc::new(payments::turns::Turns::new(options.extras.patience)),
            silence: payments::Silence::new(options.extras.patience.call),
            looks: Arc::new(payments::turns::Turns::new(options.extras.patience)),
            tls,
            messages: desk,
            media: pictures,
            copies,
            serves_from_bucket: options.config.media.serve == config::MediaServe::S3,
            public_url: options.config.server.public_url.url().as_str().to_owned(),
            return_url: options.config.server.return_url.as_ref().map(|url| url.as_str().to_owned()),
            cors_origins: options.config.server.cors_origins.iter().map(ToString::to_string).collect(),
            limits_guests: options.config.rate_limit.enabled,
            backups,
            job_kinds: Arc::clone(&job_kinds),
        });
        shop.db.write(payments::reconcile::TakeUp).await.map_err(StartFault::Books)?;
        let stopped = shop.db.write(messages::TakeUp).await.map_err(StartFault::Books)?;
        shop.messages.take_up(stopped, shop.clock.now());
        if let Some(copies) = &shop.copies {
            let place = copies.bucket().told().to_owned();
            shop.db.write(media::copy::TakeUp { place }).await.map_err(StartFault::Books)?;
        }
        let limits = Limits::new(&options.config.rate_limit, &options.clock);
        let traffic =
            Arc::new(Traffic::new(access::TABLE.iter().filter_map(|line| Some((line.method.parse().ok()?, line.path)))));
        let keeper: Arc<dyn Gatekeeper> = Arc::new(Keeper {
            shop: Arc::clone(&shop),
            has_owner: Arc::clone(&has_owner),
            known: routes::known(),
            limits,
            traffic: Arc::clone(&traffic),
        });
        let router = routes::router(Arc::clone(&shop), Arc::clone(&keeper));
        let front = Front::new(router, keeper, &options.config.server);
        let db = Arc::clone(&shop) as Arc<dyn DbAccess>;
        let metrics = Arc::new(Metrics::of(&shop, traffic, Arc::clone(&queue), happened));
        let worker = Worker::new(db, options.clock, queue, jobs::handlers(&shop), job_kinds);
        Ok(App {
            shop,
            front,
            worker,
            has_owner,
            limits: server::Limits::default(),
            metrics,
            metrics_listeners: Vec::new(),
            answering: watch::Sender::new(false),
        })
    }

    /// With other limits of connections than usual.
    #[must_use]
    pub fn with_limits(self, limits: server::Limits) -> App {
        App { limits, ..self }
    }

    /// Tells its metrics to who asks there, while it serves.
    #[must_use]
    pub fn with_metrics(self, listeners: Vec<TcpListener>) -> App {
        App { metrics_listeners: listeners, ..self }
    }

    /// The shop's numbers.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    #[must_use]
    pub fn shop(&self) -> &AppState {
        &self.shop
    }

    #[must_use]
    pub fn front(&self) -> Front {
        self.front.clone()
    }

    /// The worker of this shop's jobs.
    #[must_use]
    pub fn worker(&self) -> Worker {
        self.worker.clone()
    }

    /// Whether an owner exists.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.has_owner.load(Ordering::SeqCst)
    }

    /// Turns true once requests are answered.
    #[must_use]
    pub fn answering(&self) -> watch::Receiver<bool> {
        self.answering.subscribe()
    }

    /// HTTPS of its own, if the configuration asks for it.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.shop.tls.as_ref()
    }

    /// Serves at these doors until `stop` turns true: takes up the jobs an earlier run left, answers, then drains.
    pub async fn serve(self, doors: Vec<Door>, stop: watch::Receiver<bool>) {
        if let Err(error) = self.worker.take_up().await {
            tracing::error!(error = %error, "the jobs of an earlier run could not be taken up; they wait for the next start");
        }
        let work = self.worker.work(stop.clone());
        let (metrics, metrics_stop) = (self.metrics, stop.clone());
        let measure = async {
            let page = move || {
                let metrics = Arc::clone(&metrics);
                async move { metrics.page().await }
            };
            let at = |listener| ops::metrics::serve(listener, page.clone(), metrics_stop.clone());
            futures_util::future::join_all(self.metrics_listeners.into_iter().map(at)).await;
        };
        let keep_certificate = {
            let (tls, stop) = (self.shop.tls.clone(), stop.clone());
            async move {
                if let Some(tls) = tls {
                    tls.keep(stop).await;
                }
            }
        };
        let (answered, all_answered) = watch::channel(false);
        let answer = async {
            self.answering.send_replace(true);
            server::serve(doors, self.front, self.limits, stop).await;
            answered.send_replace(true);
        };
        // What the last requests were refused is heard too.
        let listen = self.shop.audit.work(&self.shop.db, all_answered);
        tokio::join!(work, answer, listen, measure, keep_certificate);
    }
}

impl DbAccess for Shop {
    fn db(&self) -> &Db {
        &self.db
    }
}

/// Answers the gate's questions.
struct Keeper {
    shop: AppState,
    has_owner: Arc<AtomicBool>,
    known: routes::KnownByPath,
    limits: Option<Limits>,
    traffic: Arc<Traffic>,
}

impl Keeper {
    fn known(&self, method: &Method, path: &str) -> Option<&routes::Known> {
        // HEAD is answered by the routes of GET.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.known.get(path)?.iter().find(|(known, _)| known == method).map(|(_, known)| known)
    }
}

impl Gatekeeper for Keeper {
    fn is_set_up(&self) -> bool {
        self.has_owner.load(Ordering::Relaxed)
    }

    fn shop(&self) -> Arc<ShopFormat> {
        self.shop.settings.format()
    }

    fn access(&self, method: &Method, path: &str) -> Option<Access> {
        self.known(method, path).map(|known| known.access)
    }

    fn takes_files(&self, method: &Method, path: &str) -> bool {
        access::takes_files(method, path)
    }

    fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    fn reads_query(&self, method: &Method, path: &str) -> bool {
        self.known(method, path).is_some_and(|known| known.reads_query)
    }

    fn refused(&self, context: &Context, route: &str, problem: &Problem) {
        if let Some(refusal) = refusals::of(&self.shop.keys, context, route, problem) {
            self.shop.audit.hear(refusal);
        }
    }

    fn identify<'a>(&'a self, bearer: &'a str) -> Pin<Box<dyn Future<Output = Result<Caller, Error>> + Send + 'a>> {
        Box::pin(self.shop.accounts.identify(&self.shop.db, &self.shop.keys, bearer))
    }

    fn identify_cookie<'a>(&'a self, cookie: &'a str) -> Pin<Box<dyn Future<Output = Result<CookieWorth, Error>> + Send + 'a>> {
        Box::pin(self.shop.accounts.identify_cookie(&self.shop.db, cookie))
    }

    fn csrf_matches(&self, session: SessionId, presented: &str) -> bool {
        self.shop.keys.csrf_token_matches(session, presented)
    }

    fn public_url(&self) -> &str {
        &self.shop.public_url
    }

    fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}
