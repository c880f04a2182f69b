//! How a command ends.

use std::process::ExitCode;

use crate::config::ConfigFault;

/// Refused or failed.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The configuration is wrong.
pub const CONFIGURATION: u8 = 3;

/// Done, or why not.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    lines: Vec<String>,
}

impl Failure {
    /// Refused or failed, in a sentence that says what happened, where and what to do.
    pub fn because(sentence: impl std::fmt::Display) -> Failure {
        Failure { code: FAILED, lines: vec![format!("bayader: {sentence}")] }
    }

    /// The command line asks for what does not go together.
    pub fn usage(sentence: impl std::fmt::Display) -> Failure {
        Failure { code: USAGE, lines: vec![format!("bayader: {sentence}. See --help.")] }
    }

    /// Every fault of the configuration, a line each.
    pub fn configuration(faults: &[ConfigFault]) -> Failure {
        Failure { code: CONFIGURATION, lines: faults.iter().map(|fault| format!("bayader: {fault}")).collect() }
    }

    /// The configuration is wrong, and all was said already.
    pub fn configuration_told() -> Failure {
        Failure { code: CONFIGURATION, lines: Vec::new() }
    }
}

/// Says on standard error what went wrong, and gives the exit code.
pub fn tell(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in &failure.lines {
                super::output::note(line);
            }
            ExitCode::from(failure.code)
        }
    }
}
