//! Log lines: for a person or for a machine, always on standard error, so that what a command answers stays alone.
//!
//! A log line never holds a query string, a password or a token: links in messages carry the order's secret in the query.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Server};

/// Starts logging for the rest of the process. A second call changes nothing.
pub fn start(server: &Server) {
    // The directive was checked with the configuration; a wrong one could only come from a difference between the two checks.
    let filter = EnvFilter::try_new(&server.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match server.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
    drop(started);
}
