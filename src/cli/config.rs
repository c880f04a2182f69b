//! `bayader config check`

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output;
use super::shared::{Place, note_warnings};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigFault, Tls};
use crate::http::tls;

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Say everything that is wrong with the configuration, at once.
    #[command(after_help = super::EXIT_CODES)]
    Check(Check),
}

#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{ok, file, faults: [{where, key, what, advice}], warnings}`.
    #[arg(long)]
    json: bool,
}

impl ConfigCommand {
    pub fn run(self) -> Outcome {
        let ConfigCommand::Check(check) = self;
        check.run()
    }
}

impl Check {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let source = self.place.source(&folder);
        let file = source.path();
        let mut warnings = Vec::new();
        let loaded = config::load(&source).and_then(|config| {
            warnings = certificate(&config, &folder)?;
            Ok(config)
        });
        if self.json {
            let (faults, of_keys) = match &loaded {
                Ok(config) => (&[][..], config.warnings()),
                Err(faults) => (&faults[..], Vec::new()),
            };
            let warnings: Vec<String> = of_keys.iter().map(ToString::to_string).chain(warnings).collect();
            output::json(&json!({ "ok": loaded.is_ok(), "file": file, "faults": faults, "warnings": warnings }))?;
            return loaded.map(drop).map_err(|_| Failure::configuration_told());
        }
        let config = loaded.map_err(|faults| Failure::configuration(&faults))?;
        note_warnings(&config);
        for warning in &warnings {
            output::note(format!("bayader: {warning}"));
        }
        match file {
            Some(file) => output::line(format!("The configuration in {} is right.", file.display())),
            None => output::line("The configuration is right; there is no file, so defaults and variables count."),
        }
    }
}

/// Looks into the files of `[tls]`: what is to be warned of, or why they cannot be shown to anybody.
fn certificate(config: &Config, folder: &Path) -> Result<Vec<String>, Vec<ConfigFault>> {
    if !matches!(config.tls, Tls::Files { .. }) {
        return Ok(Vec::new());
    }
    let seen = tls::look(&config.tls, folder, Clock::system().now());
    // One that has ended is shown all the same, and the shop starts with it.
    if !seen.names.is_empty() {
        return Ok([seen.faults, seen.warnings].concat());
    }
    let key = "tls.cert_file";
    let place = config.origin(key).cloned().unwrap_or(config::Place::Default);
    let faults = seen.faults.iter().map(|words| {
        let (what, advice) = words.rsplit_once(". ").unwrap_or((words, "get it anew from whoever issued it"));
        ConfigFault { place: place.clone(), key: Some(key.to_owned()), what: what.to_owned(), advice: advice.to_owned() }
    });
    Err(faults.collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_has_every_key_as_the_program_reads_it() {
        let page = crate::config::reference_markdown();
        let as_section = page.replace("\n## ", "\n### ").replacen("# Configuration", "## Configuration", 1);
        assert!(
            include_str!("../../README.md").contains(as_section.trim()),
            "README.md's part on configuration should read:\n{as_section}"
        );
    }
}
