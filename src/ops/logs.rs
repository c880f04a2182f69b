//! Log lines: for a person or for a machine, always on standard error, so that what a command answers stays alone.
//!
//! A log line never holds a query string, a password or a token: links in messages carry the order's secret in the query.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// The migrations' own story, step by step; ours is one line (`db/migrate.rs`). What the keeper asks for comes after and wins.
const QUIETER: &str = "refinery_core=warn";

/// Starts logging for the rest of a server's process. A second call changes nothing.
pub fn start(config: &Config) {
    start_at(config, &format!("{QUIETER},{}", config.server.log));
}

/// Starts logging for a command, which says itself what it did: only warnings, unless the keeper has asked for more.
pub fn start_for_command(config: &Config) {
    match config.origin("server.log") {
        Some(_) => start(config),
        None => start_at(config, "warn"),
    }
}

/// Standard error, whose loss stops nobody: a shop whose log is read by nobody any more goes on selling, and ends when it is told.
struct Lossy(std::io::Stderr);

impl Write for Lossy {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        // What could not be written is dropped.
        Ok(self.0.write(line).unwrap_or(line.len()))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

fn start_at(config: &Config, directive: &str) {
    // It was checked with the configuration; the fallback keeps a difference between the two checks from silencing the server.
    let filter = EnvFilter::try_new(directive).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lossy(std::io::stderr()));
    let started = match config.server.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
    drop(started);
}
