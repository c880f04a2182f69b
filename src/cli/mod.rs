//! The command line: one file a command. It reads flags, calls the rooms below, and turns what they say into lines and exit codes.
//!
//! What always holds: answers go to standard output, everything else to standard error; an error says what happened, where, and
//! what to do; nothing is ever asked where no terminal is; a command run by root becomes the owner of the data folder before it
//! touches a file.

mod admin;
mod audit;
mod backup;
mod become_user;
mod config;
mod demo;
mod doctor;
mod exit;
mod first_hour;
mod health;
mod local_http;
mod media;
mod migrate;
mod openapi;
mod output;
mod products;
mod qr;
mod restore;
mod restore_to;
mod serve;
mod shared;
mod through;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Outcome;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused or failed; standard error says why
  2  the command line is wrong
  3  the configuration is wrong; standard error has every fault";

/// EL-Bayader: a bakery's whole back office in one program.
#[derive(Parser)]
#[command(name = "bayader", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the shop's server until it is told to stop (SIGTERM or SIGINT).
    #[command(after_help = EXIT_CODES)]
    Serve(serve::Serve),
    /// Look after the people who own the shop.
    #[command(subcommand, after_help = EXIT_CODES)]
    Admin(admin::Admin),
    /// Look at the configuration.
    #[command(subcommand, after_help = EXIT_CODES)]
    Config(config::ConfigCommand),
    /// Bring the database up to this program's version, after a copy; refused while a server runs.
    #[command(after_help = EXIT_CODES)]
    Migrate(migrate::Migrate),
    /// Put a backup in the place of the shop, which is kept aside; refused while a server runs.
    #[command(after_help = EXIT_CODES)]
    Restore(restore::Restore),
    /// Bring the menu in from a CSV file, or take it out to one.
    #[command(subcommand, after_help = EXIT_CODES)]
    Products(products::Products),
    /// Bring pictures in by the names of their files, or compare and mend their files.
    #[command(subcommand, after_help = EXIT_CODES)]
    Media(media::Media),
    /// Copy the shop into one file, and prove that it can be restored.
    #[command(subcommand, after_help = EXIT_CODES)]
    Backup(backup::Backup),
    /// Check the books, or what they rest on; works beside a running server and changes nothing.
    #[command(after_help = EXIT_CODES)]
    Doctor(doctor::Doctor),
    /// Look at the log of what staff did.
    #[command(subcommand, after_help = EXIT_CODES)]
    Audit(audit::Audit),
    /// Print the description of the HTTP API (OpenAPI 3.1, JSON).
    #[command(after_help = EXIT_CODES)]
    Openapi(openapi::Openapi),
    /// Ask the running server whether it is well.
    #[command(after_help = EXIT_CODES)]
    Health(health::Health),
    /// Draw a text as a QR code for the terminal, so that a phone need not type the shop's address.
    #[command(after_help = EXIT_CODES)]
    Qr(qr::Qr),
}

/// Runs the command that the process was called with.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors; clap knows which is which. A closed pipe is nobody's fault.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    exit::tell(dispatch(arguments.command))
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Restore(restore) => restore.run(),
        Command::Serve(serve) => serve.run(),
        Command::Admin(admin) => admin.run(),
        Command::Config(config) => config.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::Media(media) => media.run(),
        Command::Backup(backup) => backup.run(),
        Command::Products(products) => products.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Audit(audit) => audit.run(),
        Command::Openapi(openapi) => openapi.run(),
        Command::Health(health) => health.run(),
        Command::Qr(qr) => qr.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
