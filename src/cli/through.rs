//! A command that writes: through the running server, or on the folder itself if there is none. The same code does the work
//! either way (`app/control.rs`).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::exit::{Failure, Outcome};
use super::output::Progress;
use super::shared::{Place, runtime};
use crate::app::control::{self, Answer, Request};
use crate::app::{App, AppOptions};
use crate::clock::Clock;
use crate::db::{self, DataFolder, FolderFault};

/// A server that starts or ends owns the folder without listening for this long at most; a migration may be under way.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Has a request done. Refusals and faults are failures.
pub fn write(place: &Place, folder: &Path, accept_clock: bool, request: Request) -> Outcome<Answer> {
    match Owner::of(place, folder, accept_clock)?.ask(&request)? {
        Answer::Refused { message, .. } => Err(Failure::because(message)),
        Answer::Failed { message } => {
            Err(Failure::because(format!("it failed in {}: {message}. Nothing was changed", folder.display())))
        }
        answer => Ok(answer),
    }
}

/// Who owns a folder and does what is asked: the running server, or this process from the first request on that found none.
pub struct Owner {
    place: Place,
    folder: PathBuf,
    accept_clock: bool,
    runtime: tokio::runtime::Runtime,
    progress: Progress,
    app: Option<App>,
}

impl Owner {
    pub fn of(place: &Place, folder: &Path, accept_clock: bool) -> Outcome<Owner> {
        let (place, folder) = (place.clone(), folder.to_owned());
        Ok(Owner { place, folder, accept_clock, runtime: runtime()?, progress: Progress::start(), app: None })
    }

    /// Says what is being done now, where somebody sees it.
    pub fn stage(&self, stage: &str) {
        self.progress.stage(stage);
    }

    /// Has a request done, whatever comes of it.
    pub fn ask(&mut self, request: &Request) -> Outcome<Answer> {
        let socket = db::control_socket_in(&self.folder);
        let started = Instant::now();
        loop {
            if let Some(app) = &self.app {
                let on_progress = |stage: &str| self.progress.stage(stage);
                return Ok(self.runtime.block_on(control::execute(app.shop(), request.clone(), &on_progress)));
            }
            if let Some(answer) = self.ask_server(&socket, request)? {
                return Ok(answer);
            }
            match DataFolder::own(&self.folder) {
                // Only a look; `App::open` takes the lock for good.
                Ok(free) => drop(free),
                Err(FolderFault::Owned(_)) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                    continue;
                }
                Err(fault) => return Err(Failure::because(fault)),
            }
            self.app = Some(self.open()?);
        }
    }

    /// Has a running server do a request; what it does must happen there.
    pub fn ask_running(&self, request: &Request) -> Outcome<Answer> {
        let socket = db::control_socket_in(&self.folder);
        let started = Instant::now();
        loop {
            if let Some(answer) = self.ask_server(&socket, request)? {
                return Ok(answer);
            }
            match DataFolder::own(&self.folder) {
                // It starts, or ends.
                Err(FolderFault::Owned(_)) if started.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Ok(_) => {
                    return Err(Failure::because(format!(
                        "no server runs on {}. Start it (bayader serve), then ask again",
                        self.folder.display()
                    )));
                }
                Err(fault) => return Err(Failure::because(fault)),
            }
        }
    }

    fn ask_server(&self, socket: &Path, request: &Request) -> Outcome<Option<Answer>> {
        let on_progress = |stage: &str| self.progress.stage(stage);
        self.runtime.block_on(control::ask(socket, request, &on_progress)).map_err(|error| {
            Failure::because(format!(
                "the server behind {} did not answer: {error}. Whether the command was done is not known; look before you \
                 repeat it",
                socket.display()
            ))
        })
    }

    fn open(&self) -> Outcome<App> {
        let mut config = self.place.read_config(&self.folder)?;
        crate::ops::logs::start_for_command(&config);
        // It opens no door, so a certificate that is no good is nothing to it.
        config.tls = crate::config::Tls::Off;
        let options = AppOptions {
            data_dir: self.folder.clone(),
            config,
            clock: Clock::system(),
            accept_clock: self.accept_clock,
            extras: crate::app::Extras::default(),
        };
        self.runtime.block_on(App::open(options)).map_err(Failure::because)
    }
}
