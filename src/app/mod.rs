//! The whole shop, put together: the only room that knows all the others.
//!
//! [`App::open`] takes the folder, the keys, the database and the settings, in that order, and refuses with words for the keeper
//! when one of them is not right. [`App::serve`] answers until it is told to stop, then lets what is under way end.

pub mod access;
pub mod control;
mod jobs;
mod reactions;
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

pub use routes::openapi;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, DataFolder, Db, DbOptions, OpenFault, Reader};
use crate::features::{AppState, Shop, accounts, catalog, orders, settings};
use crate::http::front::Front;
use crate::http::gate::{Access, Gatekeeper};
use crate::http::{Caller, server};
use crate::jobs::{DbAccess, Queue, Worker};
use crate::kernel::{Error, Result, ShopFormat};
use crate::security::Keys;

/// What a shop starts with.
pub struct AppOptions {
    pub data_dir: PathBuf,
    pub config: Config,
    pub clock: Clock,
    /// Start although the clock cannot be true.
    pub accept_clock: bool,
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
        "the configuration says currency {configured}, but the shop has orders in {stored}. Set shop.currency back to {stored}; a shop keeps its currency"
    )]
    Currency { configured: String, stored: String },
    #[error("the system gave no thread: {0}")]
    Threads(std::io::Error),
}

/// A shop that is open but not yet serving.
pub struct App {
    shop: AppState,
    front: Front,
    worker: Worker,
    has_owner: Arc<AtomicBool>,
}

impl App {
    /// Opens the shop of a folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`StartFault`], in words for whoever keeps the machine.
    pub async fn open(options: AppOptions) -> Result<App, StartFault> {
        let folder = DataFolder::own(&options.data_dir).map_err(OpenFault::from)?;
        let keys_fault = |reason: String| StartFault::Keys { folder: folder.path().join("keys"), reason };
        let keys = Keys::load_or_make(folder.path()).map_err(|fault| keys_fault(fault.chain()))?;
        let accounts = Arc::new(accounts::Desk::new(options.clock.clone()).map_err(StartFault::Threads)?);
        let menu = Arc::new(catalog::Menu::new());
        let queue = Arc::new(Queue::default());
        let has_owner = Arc::new(AtomicBool::new(false));
        let reactions = reactions::ShopReactions {
            accounts: Arc::clone(&accounts),
            menu: Arc::clone(&menu),
            queue: Arc::clone(&queue),
            has_owner: Arc::clone(&has_owner),
        };
        let db_options =
            DbOptions { clock: options.clock.clone(), accept_clock: options.accept_clock, reactions: Arc::new(reactions) };
        let db = Db::open(folder, db_options)?;

        let stored = db.read(orders::stored_currency).await.map_err(StartFault::Books)?;
        if let (Some(stored), Some(configured)) = (stored, &options.config.shop.currency)
            && stored != *configured
        {
            return Err(StartFault::Currency { configured: configured.clone(), stored });
        }
        let settings = db.write(settings::ApplyConfig::new(&options.config)).await.map_err(StartFault::Books)?;
        has_owner.store(db.read(accounts::owner_exists).await.map_err(StartFault::Books)?, Ordering::SeqCst);

        let shop = Arc::new(Shop {
            db,
            clock: options.clock.clone(),
            keys: Arc::new(keys),
            settings: Arc::new(settings::Live::new(settings)),
            accounts,
            menu,
            public_url: options.config.server.public_url.url().as_str().to_owned(),
        });
        let keeper: Arc<dyn Gatekeeper> =
            Arc::new(Keeper { shop: Arc::clone(&shop), has_owner: Arc::clone(&has_owner), known: routes::known() });
        let front = Front::new(routes::router(Arc::clone(&shop), Arc::clone(&keeper)), keeper);
        let db = Arc::clone(&shop) as Arc<dyn DbAccess>;
        let worker = Worker::new(db, options.clock, queue, jobs::handlers(&shop), jobs::RECURRING);
        Ok(App { shop, front, worker, has_owner })
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

    /// Serves until `stop` turns true: takes up the jobs an earlier run left, answers, then drains.
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>) {
        if let Err(error) = self.worker.take_up().await {
            tracing::error!(error = %error, "the jobs of an earlier run could not be taken up; they wait for the next start");
        }
        let work = self.worker.work(stop.clone());
        let answer = server::serve(listener, self.front, stop);
        tokio::join!(work, answer);
    }
}

/// What does not hold in the books, by every check there is; empty if all is well.
///
/// # Errors
/// A fault if a check cannot run.
pub fn doctor(reader: &Reader<'_>) -> Result<Vec<String>> {
    let mut found = db::check_books(reader)?;
    found.extend(orders::check_books(reader)?);
    Ok(found)
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

    fn reads_query(&self, method: &Method, path: &str) -> bool {
        self.known(method, path).is_some_and(|known| known.reads_query)
    }

    fn identify<'a>(&'a self, bearer: &'a str) -> Pin<Box<dyn Future<Output = Result<Caller, Error>> + Send + 'a>> {
        Box::pin(self.shop.accounts.identify(&self.shop.db, &self.shop.keys, bearer))
    }
}
