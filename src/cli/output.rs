//! Lines on standard output and standard error.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;

use super::exit::{Failure, Outcome};

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(100);

/// An answer, as it is.
pub fn bytes(answer: &[u8]) -> Outcome {
    let mut out = std::io::stdout().lock();
    match out.write_all(answer).and_then(|()| out.flush()) {
        // Whoever reads has read enough (`| head`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::because(format!("standard output cannot be written: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// A line of an answer.
pub fn line(text: impl std::fmt::Display) -> Outcome {
    bytes(format!("{text}\n").as_bytes())
}

/// An answer for a script.
pub fn json(answer: &impl Serialize) -> Outcome {
    match serde_json::to_string_pretty(answer) {
        Ok(text) => line(text),
        Err(error) => Err(Failure::because(format!("the answer cannot be written as JSON: {error}"))),
    }
}

/// A line beside the answer. If nobody can read it, nothing can be said about that either.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A sign of life on a terminal; nothing anywhere else.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub fn start() -> Progress {
        let is_seen = std::io::stderr().is_terminal();
        let target = if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if is_seen {
            bar.enable_steady_tick(TICK);
        }
        Progress { bar }
    }

    pub fn stage(&self, stage: &str) {
        self.bar.set_message(stage.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
