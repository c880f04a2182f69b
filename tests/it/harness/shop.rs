//! The shop in this process: the real router, a real file, a clock held in the hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bayader::app::{App, AppOptions, Extras};
use bayader::clock::Clock;
use bayader::config::{Config, Source};
use bayader::features::accounts::CreateOwner;
use bayader::features::messages::Carrier;
use bayader::features::payments::Gateway;
use bayader::http::doors::{Door, HttpsAddress};
use bayader::http::server::Limits;
use bayader::kernel::{Email, Name, UtcMs};
use bayader::outbound::Patience;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;

use super::client::{Client, PASSWORD, Wire};
use super::schema;

/// 2026-11-25T08:00:00Z, a Wednesday: eleven in the morning in Amman.
pub(super) const OPENED_AT: UtcMs = UtcMs::from_ms(1_795_593_600_000);
pub const OWNER: &str = "owner@example.com";
/// Requests under way get so long to end when the shop closes.
const CLOSING_TIME: Duration = Duration::from_secs(30);
/// Nobody waits longer for a gateway.
pub(super) const PATIENCE: Patience = Patience { connect: Duration::from_secs(2), call: Duration::from_secs(2) };

fn a_folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().expect("a temporary folder"))
}

/// A running shop. End it with [`Shop::close`], which balances its books.
pub struct Shop {
    pub wire: Arc<Wire>,
    pub clock: Clock,
    inner: Arc<bayader::features::Shop>,
    worker: bayader::jobs::Worker,
    owner: Option<Client>,
    staff: OnceCell<Client>,
    driver: OnceCell<Client>,
    https: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
    /// Held until the end; then it is removed.
    folder: Arc<TempDir>,
}

/// A runtime on which a shop lives that dies in the middle.
pub struct Ground(Option<Runtime>);

impl Ground {
    fn new() -> Ground {
        Ground(Some(Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")))
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it goes with its end")
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.0.take().expect("it ends once").shutdown_background();
    }
}

impl Shop {
    /// A shop with an owner and nothing on its shelves.
    pub async fn open() -> Shop {
        Shop::open_with(&[]).await
    }

    /// As [`Shop::open`], with variables of the configuration.
    pub async fn open_with(variables: &[(&str, &str)]) -> Shop {
        Shop::open_without_owner(variables).await.with_owner().await
    }

    /// As [`Shop::open_with`], at this moment.
    pub async fn open_at(clock: Clock, variables: &[(String, String)]) -> Shop {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let extras = Extras { gateways: Vec::new(), patience: PATIENCE, ..Extras::default() };
        Shop::start_in(a_folder(), clock, &variables, Limits::default(), extras).await.with_owner().await
    }

    /// As [`Shop::open_with`], with connections held to these limits.
    pub async fn open_limited(variables: &[(&str, &str)], limits: Limits) -> Shop {
        Shop::start(variables, limits).await.with_owner().await
    }

    pub(super) fn owned_by(mut self, owner: Client) -> Shop {
        self.owner = Some(owner.at(&self.wire));
        self
    }

    pub(super) async fn with_owner(self) -> Shop {
        let mut shop = self;
        let password_hash = shop.inner.accounts.hash(PASSWORD.to_owned()).await.expect("a password can be hashed");
        let owner = CreateOwner {
            name: Name::parse("Rania").expect("a name"),
            email: Email::parse(OWNER).expect("an address"),
            phone: None,
            password_hash,
        };
        shop.inner.db.write(owner).await.expect("the first owner can be made");
        shop.owner = Some(Client::sign_in(&shop.wire, OWNER).await);
        shop
    }

    /// A shop that nobody has set up.
    pub async fn open_without_owner(variables: &[(&str, &str)]) -> Shop {
        Shop::start(variables, Limits::default()).await
    }

    /// As [`Shop::open_with`], with gateways besides the configured ones. Nobody waits long for one.
    pub async fn open_with_gateways(variables: &[(&str, &str)], gateways: Vec<Arc<dyn Gateway>>) -> Shop {
        let extras = Extras { gateways, patience: PATIENCE, ..Extras::default() };
        Shop::start_in(a_folder(), Clock::manual(OPENED_AT), variables, Limits::default(), extras).await.with_owner().await
    }

    /// As [`Shop::open_with`], with carriers in place of the configured ones.
    pub async fn open_with_carriers(variables: &[(&str, &str)], carriers: Vec<Arc<dyn Carrier>>) -> Shop {
        let extras = Extras { carriers, patience: PATIENCE, ..Extras::default() };
        Shop::start_in(a_folder(), Clock::manual(OPENED_AT), variables, Limits::default(), extras).await.with_owner().await
    }

    /// A shop that [`Shop::die`] may end in the middle, over a folder that outlives it; with an owner if the folder's is not handed
    /// over. Nobody waits for a gateway longer than `call`.
    pub async fn open_mortal(
        folder: &Arc<TempDir>,
        clock: &Clock,
        variables: &[(String, String)],
        call: Duration,
        owner: Option<&Client>,
    ) -> (Shop, Ground) {
        let extras = Extras { patience: Patience { connect: Duration::from_secs(2), call }, ..Extras::default() };
        Shop::open_mortal_in(folder, clock, variables, extras, owner).await
    }

    /// As [`Shop::open_mortal`], with carriers in place of the configured ones.
    pub async fn open_mortal_with_carriers(
        folder: &Arc<TempDir>,
        clock: &Clock,
        carriers: Vec<Arc<dyn Carrier>>,
        owner: Option<&Client>,
    ) -> (Shop, Ground) {
        let extras = Extras { carriers, patience: PATIENCE, ..Extras::default() };
        Shop::open_mortal_in(folder, clock, &[], extras, owner).await
    }

    async fn open_mortal_in(
        folder: &Arc<TempDir>,
        clock: &Clock,
        variables: &[(String, String)],
        extras: Extras,
        owner: Option<&Client>,
    ) -> (Shop, Ground) {
        let ground = Ground::new();
        let (folder, clock, variables, owner) = (Arc::clone(folder), clock.clone(), variables.to_vec(), owner.cloned());
        // Who dies lets go of the folder when its last task has ended.
        while bayader::db::DataFolder::own(&folder.path().join("data")).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let opened = ground.runtime().spawn(async move {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let shop = Shop::start_in(folder, clock, &variables, Limits::default(), extras).await;
            match owner {
                Some(owner) => shop.owned_by(owner),
                None => shop.with_owner().await,
            }
        });
        (opened.await.expect("the shop opens"), ground)
    }

    /// Ends the shop as a machine does that dies: whatever it is doing stops where it stands.
    pub fn die(mut self, ground: Ground) {
        self.expect_documented();
        self.serving = None;
        drop((self, ground));
    }

    /// Each answer so far must be one that the OpenAPI document announces.
    pub fn expect_documented(&self) {
        let faults = schema::faults(&bayader::app::openapi(), &self.wire.take_seen());
        assert!(faults.is_empty(), "answers that the OpenAPI document does not announce:\n{}", faults.join("\n"));
    }

    /// Another shop with the books and keys that this one has now, as a machine finds them that died at this moment.
    pub async fn as_after_a_crash(&self, variables: &[(&str, &str)], gateways: Vec<Arc<dyn Gateway>>) -> Shop {
        self.after_a_crash(variables, Extras { gateways, patience: PATIENCE, ..Extras::default() }).await
    }

    /// As [`Shop::as_after_a_crash`], with carriers in place of the configured ones.
    pub async fn after_a_crash_with_carriers(&self, carriers: Vec<Arc<dyn Carrier>>) -> Shop {
        self.after_a_crash(&[], Extras { carriers, patience: PATIENCE, ..Extras::default() }).await
    }

    async fn after_a_crash(&self, variables: &[(&str, &str)], extras: Extras) -> Shop {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join("keys")).expect("a folder");
        for key in std::fs::read_dir(self.folder().join("keys")).expect("the keys") {
            let key = key.expect("a key");
            std::fs::copy(key.path(), data.join("keys").join(key.file_name())).expect("copied");
        }
        let books = rusqlite::Connection::open(self.database()).expect("the database");
        books.execute("vacuum into ?1", [data.join("bayader.db").to_str().expect("a path")]).expect("copied");
        let mut shop = Shop::start_in(Arc::new(folder), self.clock.clone(), variables, Limits::default(), extras).await;
        shop.owner = Some(Client::sign_in(&shop.wire, OWNER).await);
        shop
    }

    /// The shop itself, for what no route does.
    pub fn inner(&self) -> &Arc<bayader::features::Shop> {
        &self.inner
    }

    async fn start(variables: &[(&str, &str)], limits: Limits) -> Shop {
        let extras = Extras { gateways: Vec::new(), patience: PATIENCE, ..Extras::default() };
        Shop::start_in(a_folder(), Clock::manual(OPENED_AT), variables, limits, extras).await
    }

    pub(super) async fn start_in(
        folder: Arc<TempDir>,
        clock: Clock,
        variables: &[(&str, &str)],
        limits: Limits,
        extras: Extras,
    ) -> Shop {
        let options = AppOptions {
            data_dir: folder.path().join("data"),
            config: config(variables),
            clock: clock.clone(),
            accept_clock: false,
            extras,
        };
        let server = options.config.server.clone();
        let app = App::open(options).await.expect("the shop opens").with_limits(limits);
        let (inner, worker) = (Arc::clone(app.shop()), app.worker());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound port has an address");
        let (mut doors, mut https) = (Vec::new(), None);
        match app.tls() {
            None => doors.push(Door::shop(listener)),
            Some(tls) => {
                let by_https = TcpListener::bind(server.https_listen).await.expect("the port of HTTPS is free");
                let address = by_https.local_addr().expect("a bound port has an address");
                doors.push(Door::beside_https(listener, tls, HttpsAddress::of(&server, address)));
                doors.push(Door::https(by_https, tls));
                https = Some(address);
            }
        }
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(async move {
            app.serve(doors, stopped).await;
        });
        Shop {
            wire: Wire::to(format!("http://{address}"), clock.clone()),
            clock,
            inner,
            worker,
            owner: None,
            staff: OnceCell::new(),
            driver: OnceCell::new(),
            https,
            stop,
            serving: Some(serving),
            folder,
        }
    }

    pub fn guest(&self) -> Client {
        Client::guest(&self.wire)
    }

    /// The owner.
    pub fn owner(&self) -> Client {
        self.owner.clone().expect("this shop has no owner")
    }

    /// An admin: the owner is one.
    pub fn admin(&self) -> Client {
        self.owner()
    }

    pub async fn staff(&self) -> Client {
        self.staff.get_or_init(|| self.hire("Samir", "staff")).await.clone()
    }

    pub async fn driver(&self) -> Client {
        self.driver.get_or_init(|| self.hire("Dana", "driver")).await.clone()
    }

    /// A new customer of that name, registered and signed in.
    pub async fn customer(&self, name: &str) -> Client {
        let email = format!("{}@example.com", name.to_lowercase());
        let body = json!({ "name": name, "email": email, "phone": "+962790000001", "password": PASSWORD });
        let reply = self.guest().post("/api/v1/auth/register").json(&body).send().await.expect(201);
        Client::signed_in(&self.wire, &email, &reply)
    }

    async fn hire(&self, name: &str, role: &str) -> Client {
        let email = format!("{}@example.com", name.to_lowercase());
        let body = json!({ "name": name, "email": email, "phone": "+962790000002", "password": PASSWORD, "role": role });
        self.owner().post("/api/v1/auth/register").json(&body).send().await.expect(201);
        Client::sign_in(&self.wire, &email).await
    }

    /// Brings in a menu as `bayader products import` does.
    pub async fn import(&self, csv: &[u8]) {
        let request = bayader::app::control::Request::import(csv, false, false);
        let answer = bayader::app::control::execute(&self.inner, request, &|_| ()).await;
        assert!(matches!(answer, bayader::app::control::Answer::Imported(_)), "{answer:?}");
    }

    /// Moves the shop's clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance_ms(i64::try_from(by.as_millis()).expect("a test's time is short"));
    }

    /// Runs every job that is due by the clock now, until none is left.
    pub async fn run_jobs(&self) {
        self.worker.run_due().await.expect("the jobs run");
    }

    /// The letters in the outbox, oldest first, after what is due has been sent. The writer's clock runs ahead of a clock that
    /// stands still, a moment a write: so a second passes first.
    pub async fn letters(&self) -> Vec<Letter> {
        self.advance(Duration::from_secs(1));
        self.run_jobs().await;
        let folder = self.folder().join("outbox");
        let files = std::fs::read_dir(&folder).expect("the outbox can be read");
        let mut files: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "eml"));
        files.sort();
        files.iter().map(|file| Letter::of(&std::fs::read(file).expect("a letter can be read"))).collect()
    }

    /// The data folder.
    pub fn folder(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Where the shop listens, as `127.0.0.1:8080`.
    pub fn address(&self) -> &str {
        self.wire.base.trim_start_matches("http://")
    }

    /// Where its door of HTTPS is.
    pub fn https(&self) -> SocketAddr {
        self.https.expect("this shop has no TLS of its own")
    }

    /// The database, for what no route does.
    pub fn db(&self) -> &bayader::db::Db {
        &self.inner.db
    }

    /// A number that a statement asks of the books.
    pub async fn count(&self, sql: &'static str) -> i64 {
        self.inner.db.read(move |reader| reader.one(sql, &[], |row| row.get(0))).await.expect("a number")
    }

    /// The books as `bayader doctor` reads them: what is wrong, a line each.
    pub async fn ailments(&self) -> Vec<String> {
        self.inner.db.read(bayader::app::doctor).await.expect("the doctor can look")
    }

    /// What a statement counts.
    pub async fn rows(&self, sql: &'static str) -> i64 {
        self.inner.db.read(move |reader| reader.one(sql, &[], |row| row.get(0))).await.expect("a count")
    }

    /// The database's file, for who looks at it beside the shop.
    pub fn database(&self) -> std::path::PathBuf {
        self.inner.db.folder().database().clone()
    }

    /// Ends a shop in which work was given up on purpose: its books are not looked at.
    pub async fn abandon(mut self) {
        let serving = self.serving.take().expect("a shop closes once");
        self.stop.send_replace(true);
        tokio::time::timeout(CLOSING_TIME, serving).await.expect("the shop ends in time").expect("the shop ends in order");
    }

    /// Whether the database's files hold a text.
    pub fn file_holds(&self, text: &str) -> bool {
        let database = self.database();
        let log = database.with_extension("db-wal");
        let mut bytes = std::fs::read(&database).expect("the database's file");
        bytes.extend(std::fs::read(&log).unwrap_or_default());
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Ends the shop. Its books must balance, and each answer that anybody got must be one the OpenAPI document announces.
    pub async fn close(mut self) {
        let serving = self.serving.take().expect("a shop closes once");
        self.stop.send_replace(true);
        tokio::time::timeout(CLOSING_TIME, serving).await.expect("the shop ends in time").expect("the shop ends in order");
        let ailments = self.ailments().await;
        assert!(ailments.is_empty(), "the books do not balance:\n{}", ailments.join("\n"));
        let faults = schema::faults(&bayader::app::openapi(), &self.wire.take_seen());
        assert!(faults.is_empty(), "answers that the OpenAPI document does not announce:\n{}", faults.join("\n"));
    }
}

/// A message as it left.
#[derive(Debug)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub body: String,
}

impl Letter {
    fn of(eml: &[u8]) -> Letter {
        let mail = mail_parser::MessageParser::default().parse(eml).expect("an e-mail");
        let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient");
        let body = mail.body_text(0).expect("a text").replace("\r\n", "\n");
        Letter { to: to.to_owned(), subject: mail.subject().unwrap_or_default().to_owned(), body }
    }

    /// The link that stands in it on a line of its own.
    pub fn link(&self) -> &str {
        self.body.lines().find(|line| line.starts_with("http")).unwrap_or_else(|| panic!("no link in {self:?}"))
    }

    /// The token in the link.
    pub fn token(&self) -> &str {
        self.link().split_once("#token=").expect("a token in the fragment").1
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        assert!(self.serving.is_none() || std::thread::panicking(), "a shop was dropped unclosed: call shop.close().await");
    }
}

/// A configuration of these variables alone, without limits of rate: a test asks more than a customer does.
fn config(variables: &[(&str, &str)]) -> Config {
    let variables = [("BAYADER_RATE_LIMIT__ENABLED", "false")].iter().chain(variables).copied();
    let source = Source::new().variables(variables);
    bayader::config::load(&source).unwrap_or_else(|faults| panic!("the test's configuration is wrong: {faults:?}"))
}

#[tokio::test]
async fn a_shop_dropped_unclosed_fails() {
    let task = tokio::spawn(async {
        let shop = Shop::open_without_owner(&[]).await;
        drop(shop);
    });
    assert!(task.await.expect_err("it must fail").is_panic());
}
