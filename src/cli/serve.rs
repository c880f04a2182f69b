//! `bayader serve`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::demo;
use super::exit::{Failure, Outcome};
use super::shared::{Place, runtime};
use crate::app::control::Control;
use crate::app::{App, AppOptions};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::db::{self, DataFolder, FolderFault};
use crate::http::server::Limits;

/// What Linux gives a process that nobody has decided about.
const USUAL_OPEN_FILES: u64 = 1_024;

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
        let config = self.read_config(&folder)?;
        crate::ops::logs::start(&config);
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        // Dropped last, so that what the shop did at its very end is told too.
        let _traces = crate::ops::traces::start(&config).map_err(Failure::because)?;
        runtime()?.block_on(self.serve(folder, config))
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

    async fn serve(self, folder: PathBuf, mut config: Config) -> Outcome {
        let stopper = stop_on_signal()?;
        let stop = stopper.subscribe();
        let (listener, address) = bind(config.server.listen, &folder).await?;
        config.server.public_url = config.server.public_url.bound_to(address);
        let options = AppOptions {
            data_dir: folder.clone(),
            config,
            clock: Clock::system(),
            accept_clock: self.accept_clock,
            extras: crate::app::Extras::default(),
        };
        let limits = Limits::default().within_files(raise_open_files());
        let app = App::open(options).await.map_err(Failure::because)?.with_limits(limits);
        let socket = app.shop().db.folder().control_socket();
        let control = Control::open(&socket).map_err(|error| {
            Failure::because(format!(
                "the control socket {} cannot be made: {error}. Give this user the right to write in the folder",
                socket.display()
            ))
        })?;
        let shop = app.shop().clone();
        if !self.demo && !app.is_set_up() {
            tracing::warn!(
                "nobody owns this shop yet, so it answers 503. Run: bayader admin create --data-dir {} --email \
                 you@example.com --name \"Your name\" --password-stdin",
                folder.display()
            );
        }
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
        let serving = app.serve(listener, stop.clone());
        let ((), (), filled) = tokio::join!(serving, control.serve(shop.clone(), stop), fill);
        tracing::info!("stopped");
        filled
    }
}

/// Lets this process open as many files as it may; how many those are. Each connection is one.
fn raise_open_files() -> u64 {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(hard)
    });
    raised.or_else(|_| getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, _)| soft)).unwrap_or(USUAL_OPEN_FILES)
}

async fn bind(listen: SocketAddr, folder: &Path) -> Outcome<(TcpListener, SocketAddr)> {
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
            "{listen} cannot be listened on: {error}. Stop what listens there, or choose another address with --listen or \
             `server.listen`"
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
