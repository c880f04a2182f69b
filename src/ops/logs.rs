//! Log lines: for a person or for a machine, always on standard error, so that what a command answers stays alone.
//!
//! A log line never holds a query string, a password or a token: links in messages carry the order's secret in the query.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::trace;

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
        let Some((trace, span)) = trace::ids() else { return Ok(self.0.write(line).unwrap_or(line.len())) };
        let _ = self.0.write_all(&with_trace(line, &trace, &span));
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// A line with the trace that it belongs to: as members of its JSON object, or at its end for people.
fn with_trace(line: &[u8], trace: &str, span: &str) -> Vec<u8> {
    let mut whole = Vec::with_capacity(line.len() + 80);
    match line.strip_prefix(b"{") {
        Some(members) => {
            whole.extend_from_slice(format!("{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",").as_bytes());
            whole.extend_from_slice(members);
        }
        None => {
            whole.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            whole.extend_from_slice(format!(" trace_id={trace}\n").as_bytes());
        }
    }
    whole
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_trace_it_belongs_to() {
        let told = |line: &str| String::from_utf8(with_trace(line.as_bytes(), "aa", "bb")).expect("text");
        assert_eq!(told("INFO sold\n"), "INFO sold trace_id=aa\n");
        let json: serde_json::Value = serde_json::from_str(&told("{\"message\":\"sold\"}\n")).expect("JSON");
        assert_eq!(json, serde_json::json!({ "trace_id": "aa", "span_id": "bb", "message": "sold" }));
    }
}
