//! `bayader config check`

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output;
use super::shared::{Place, note_warnings};
use crate::config;

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
        let loaded = config::load(&source);
        if self.json {
            let (faults, warnings) = match &loaded {
                Ok(config) => (&[][..], config.warnings()),
                Err(faults) => (&faults[..], Vec::new()),
            };
            let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            output::json(&json!({ "ok": loaded.is_ok(), "file": file, "faults": faults, "warnings": warnings }))?;
            return loaded.map(drop).map_err(|_| Failure::configuration_told());
        }
        let config = loaded.map_err(|faults| Failure::configuration(&faults))?;
        note_warnings(&config);
        match file {
            Some(file) => output::line(format!("The configuration in {} is right.", file.display())),
            None => output::line("The configuration is right; there is no file, so defaults and variables count."),
        }
    }
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
