//! `bayader serve`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::exit::{Failure, Outcome};
use super::shared::{Place, runtime};
use super::{demo, first_hour};
use crate::app::control::Control;
use crate::app::pulse::pulse;
use crate::app::{App, AppOptions};
use crate::clock::Clock;
use crate::config::{self, Config, Tls};
use crate::db::{self, DataFolder, FolderFault};
use crate::features::AppState;
use crate::http::doors::{Door, HttpsAddress};
use crate::http::server::Limits;
use crate::ops::systemd::{self, Sockets};
use crate::ops::upgrade;

/// What Linux gives a process that nobody has decided about.
const USUAL_OPEN_FILES: u64 = 1_024;

/// A listener and where it listens.
type Listening = (TcpListener, SocketAddr);

#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    place: Place,
    /// Where to listen, as 127.0.0.1:8080; port 0 takes a free one [default: `server.listen` of the configuration].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Try it out: a ready bakery in a temporary folder, on loopback, with throw-away accounts; gone when it ends.
    #[arg(long)]
    demo: bool,
    /// Start although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
}

impl Serve {
    pub fn run(self) -> Outcome {
        if self.demo && self.place.data_dir.is_some() {
            return Err(Failure::usage("--demo makes a folder of its own, so --data-dir does not go with it"));
        }
        // Removed when it is dropped, after the shop that lies in it.
        let passing = if self.demo { Some(demo::folder()?) } else { None };
        let folder = match &passing {
            Some(passing) => passing.path().to_owned(),
            None => self.place.folder()?,
        };
        // Before there is any thread.
        let sockets = Sockets::take().map_err(Failure::because)?;
        let config = self.read_config(&folder)?;
        crate::ops::logs::start(&config);
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        // Dropped last, so that what the shop did at its very end is told too. No trace is worth a shop that does not open.
        let _traces = crate::ops::traces::start(&config).unwrap_or_else(|why| {
            tracing::error!("{why}; the shop goes on without");
            None
        });
        runtime()?.block_on(self.serve(folder, config, sockets))
    }

    fn read_config(&self, folder: &Path) -> Outcome<Config> {
        let mut source = self.place.source(folder);
        if self.demo {
            source = source.flag("--demo", "server.listen", "127.0.0.1:0");
        }
        if let Some(listen) = &self.listen {
            source = source.flag("--listen", "server.listen", listen);
        }
        let config = config::load(&source).map_err(|faults| Failure::configuration(&faults))?;
        if self.demo && !config.server.listen.ip().is_loopback() {
            return Err(Failure::because(
                "--demo has throw-away accounts and listens on loopback only; leave --listen out, or name 127.0.0.1",
            ));
        }
        Ok(config)
    }

    async fn serve(self, folder: PathBuf, mut config: Config, sockets: Sockets) -> Outcome {
        let stopper = stop_on_signal()?;
        let stop = stopper.subscribe();
        for told in sockets.told() {
            tracing::info!("systemd hands over {told}");
        }
        let in_the_clear = taken_or_bound(sockets.http, config.server.listen, "server.listen", &folder).await?;
        let by_https = match config.tls {
            Tls::Off if sockets.https.is_empty() => Vec::new(),
            Tls::Off => {
                tracing::warn!(
                    "systemd holds a door for HTTPS, but `tls.mode` is off, so nobody answers there. Set it, or stop the socket's \
                     unit: systemctl disable --now bayader-https.socket"
                );
                Vec::new()
            }
            _ => taken_or_bound(sockets.https, config.server.https_listen, "tls.listen", &folder).await?,
        };
        let address = in_the_clear.first().map_or(config.server.listen, |(_, address)| *address);
        let public_at = by_https.first().map_or(address, |(_, address)| *address);
        config.server.public_url = config.server.public_url.bound_to(public_at);
        let to = HttpsAddress::of(&config.server, public_at);
        let metrics = match (config.server.metrics_listen, sockets.metrics.is_empty()) {
            (None, true) => Vec::new(),
            // Where systemd holds the socket, its unit says where.
            (listen, _) => {
                let listen = listen.unwrap_or(config.server.listen);
                taken_or_bound(sockets.metrics, listen, "server.metrics_listen", &folder).await?
            }
        };
        for (_, address) in &metrics {
            tracing::info!("metrics are told on http://{address}/metrics");
        }
        let metrics = metrics.into_iter().map(|(listener, _)| listener).collect();
        let options = AppOptions {
            data_dir: folder.clone(),
            config,
            clock: Clock::system(),
            accept_clock: self.accept_clock,
            extras: crate::app::Extras::default(),
        };
        let limits = Limits::default().within_files(raise_open_files());
        let starting = systemd::starting(what_the_start_does(&folder));
        let app = App::open(options).await.map_err(Failure::because)?.with_limits(limits).with_metrics(metrics);
        let socket = app.shop().db.folder().control_socket();
        let control = Control::open(&socket).map_err(|error| {
            Failure::because(format!(
                "the control socket {} cannot be made: {error}. Give this user the right to write in the folder",
                socket.display()
            ))
        })?;
        let shop = app.shop().clone();
        if !self.demo && !app.is_set_up() {
            first_hour::tell(&shop, &folder);
        }
        let doors = doors(&app, in_the_clear, by_https, &to);
        tracing::info!(data_dir = %folder.display(), "listening on http://{address}");
        let fill = async {
            if !self.demo {
                return Ok(());
            }
            match demo::fill(&shop, address, &folder.join("outbox")).await {
                // Whoever stops it in the middle has not been failed.
                Err(reason) if !*stopper.borrow() => {
                    stopper.send_replace(true);
                    Err(Failure::because(format!("the demo could not be filled: {reason}. This is a fault of bayader's own")))
                }
                _ => Ok(()),
            }
        };
        upgrade::doors_open(&folder).map_err(|error| {
            Failure::because(format!(
                "{} cannot be removed: {error}. It keeps the doors shut after an upgrade; look at the folder's rights",
                folder.join(upgrade::UNOPENED).display()
            ))
        })?;
        let mut answering = app.answering();
        let ended = stop.clone();
        let live = async {
            // Either the shop answers or it has ended before it did.
            if answering.wait_for(|answers| *answers).await.is_ok() {
                drop(starting);
                tell_that_it_lives(&shop, &format!("Open on http://{address}"), ended).await;
            }
        };
        let serving = app.serve(doors, stop.clone());
        let ((), (), filled, ()) = tokio::join!(serving, control.serve(shop.clone(), stop), fill, live);
        tracing::info!("stopped");
        filled
    }
}

/// Tells systemd that the shop is ready and, until it is to stop, that it is well.
async fn tell_that_it_lives(shop: &AppState, words: &str, mut stop: watch::Receiver<bool>) {
    systemd::ready(words);
    let watched = systemd::watchdog(|| pulse(&shop.db), words);
    tokio::select! {
        () = watched => {}
        _ = stop.wait_for(|stop| *stop) => systemd::stopping(),
    }
}

/// What takes time before the shop answers, in words for `systemctl status`.
fn what_the_start_does(folder: &Path) -> String {
    match db::schema_version(&db::database_in(folder)) {
        Ok(before @ 1..) if before < db::SCHEMA_VERSION => {
            format!("Bringing the books from version {before} to {}; a copy from before is made in backups", db::SCHEMA_VERSION)
        }
        _ => "Opening the books".to_owned(),
    }
}

/// A socket of systemd's, whose address is its unit's matter.
fn adopt(handed: std::net::TcpListener) -> Outcome<(TcpListener, SocketAddr)> {
    let adopted = handed.local_addr().and_then(|address| Ok((TcpListener::from_std(handed)?, address)));
    adopted.map_err(|error| Failure::because(format!("the socket of systemd cannot be used: {error}. Look at its unit")))
}

/// Lets this process open as many files as it may; how many those are. Each connection is one.
fn raise_open_files() -> u64 {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(hard)
    });
    raised.or_else(|_| getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, _)| soft)).unwrap_or(USUAL_OPEN_FILES)
}

/// The doors in the clear, and those of HTTPS where there are any.
fn doors(app: &App, in_the_clear: Vec<Listening>, by_https: Vec<Listening>, to: &HttpsAddress) -> Vec<Door> {
    let Some(tls) = app.tls() else { return in_the_clear.into_iter().map(|(listener, _)| Door::shop(listener)).collect() };
    let beside = in_the_clear.into_iter().map(|(listener, _)| Door::beside_https(listener, tls, to.clone()));
    let https = by_https.into_iter().map(|(listener, address)| {
        tracing::info!("listening on https://{address}");
        Door::https(listener, tls)
    });
    beside.chain(https).collect()
}

/// The sockets that systemd holds; without any, one of our own where the configuration says.
async fn taken_or_bound(
    handed: Vec<std::net::TcpListener>,
    listen: SocketAddr,
    key: &str,
    folder: &Path,
) -> Outcome<Vec<Listening>> {
    if handed.is_empty() {
        return Ok(vec![bind(listen, key, folder).await?]);
    }
    handed.into_iter().map(adopt).collect()
}

/// `key` is the one of the configuration that says where.
async fn bind(listen: SocketAddr, key: &str, folder: &Path) -> Outcome<(TcpListener, SocketAddr)> {
    let bound = async {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        std::io::Result::Ok((listener, address))
    };
    bound.await.map_err(|error| {
        // The same shop started twice: that is the nearer reason, and another address would not help.
        if db::control_socket_in(folder).exists()
            && let Err(owned @ FolderFault::Owned(_)) = DataFolder::own(folder)
        {
            return Failure::because(owned);
        }
        Failure::because(format!(
            "{listen} cannot be listened on: {error}. Stop what listens there, or choose another address with {}`{key}`",
            if key == "server.listen" { "--listen or " } else { "" }
        ))
    })
}

/// Turns true on the first SIGTERM or SIGINT; a second one ends the process at once (the books stay whole either way).
fn stop_on_signal() -> Outcome<Arc<watch::Sender<bool>>> {
    let unheard = |error| Failure::because(format!("signals cannot be listened for: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let stop = Arc::new(watch::Sender::new(false));
    let stopper = Arc::clone(&stop);
    tokio::spawn(async move {
        let mut name = "";
        for _ in 0..2 {
            if !name.is_empty() {
                // First the stop, then the word about it: who reads the log may be gone, and the shop must end all the same.
                stop.send_replace(true);
                tracing::info!("{name}: ending what is under way, then stopping");
            }
            name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
        }
        tracing::warn!("{name} again: stopping at once");
        std::process::exit(i32::from(super::exit::FAILED));
    });
    Ok(stopper)
}
