//! A command that writes: through the running server, or on the folder itself if there is none. The same code does the work
//! either way (`app/control.rs`).

use std::path::Path;
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
    let progress = Progress::start();
    let answer = runtime()?.block_on(find_owner(place, folder, accept_clock, request, &progress))?;
    drop(progress);
    match answer {
        Answer::Refused { message, .. } => Err(Failure::because(message)),
        Answer::Failed { message } => {
            Err(Failure::because(format!("it failed in {}: {message}. Nothing was changed", folder.display())))
        }
        answer => Ok(answer),
    }
}

async fn find_owner(
    place: &Place,
    folder: &Path,
    accept_clock: bool,
    request: Request,
    progress: &Progress,
) -> Outcome<Answer> {
    let socket = db::control_socket_in(folder);
    let on_progress = |stage: &str| progress.stage(stage);
    let started = Instant::now();
    loop {
        let asked = control::ask(&socket, &request, &on_progress).await.map_err(|error| {
            Failure::because(format!(
                "the server behind {} did not answer: {error}. Whether the command was done is not known; look before you \
                 repeat it",
                socket.display()
            ))
        })?;
        if let Some(answer) = asked {
            return Ok(answer);
        }
        match DataFolder::own(folder) {
            // Only a look; `App::open` takes the lock for good.
            Ok(free) => drop(free),
            Err(FolderFault::Owned(_)) if started.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(fault) => return Err(Failure::because(fault)),
        }
        break;
    }
    let config = place.read_config(folder)?;
    crate::ops::logs::start_for_command(&config);
    let options = AppOptions {
        data_dir: folder.to_owned(),
        config,
        clock: Clock::system(),
        accept_clock,
        extras: crate::app::Extras::default(),
    };
    let app = App::open(options).await.map_err(Failure::because)?;
    Ok(control::execute(app.shop(), request, &on_progress).await)
}
