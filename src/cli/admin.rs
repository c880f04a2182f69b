//! `bayader admin create`

use std::io::{IsTerminal, Read};

use clap::{Args, Subcommand};

use super::exit::{Failure, Outcome};
use super::shared::Place;
use super::{output, through};
use crate::app::control::{Answer, Request};

/// Far longer than any password that is taken (128 characters).
const MAX_PASSWORD_BYTES: u64 = 4_096;

#[derive(Subcommand)]
pub enum Admin {
    /// Make an account that may do everything; the first one sets the shop up.
    #[command(after_help = super::EXIT_CODES)]
    Create(Create),
}

#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    place: Place,
    /// The address to sign in with.
    #[arg(long)]
    email: String,
    /// The person's name.
    #[arg(long)]
    name: String,
    /// The person's phone number.
    #[arg(long)]
    phone: Option<String>,
    /// Read the password (10 to 128 characters) from standard input; a line break at its end does not count.
    #[arg(long, required = true)]
    password_stdin: bool,
    /// Without a server: go on although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
    /// Answer in JSON: `{name, email}`.
    #[arg(long)]
    json: bool,
}

impl Admin {
    pub fn run(self) -> Outcome {
        let Admin::Create(create) = self;
        create.run()
    }
}

impl Create {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let request =
            Request::CreateOwner { name: self.name, email: self.email, phone: self.phone, password: read_password()? };
        match through::write(&self.place, &folder, self.accept_clock, request)? {
            Answer::OwnerCreated { name, email } if self.json => {
                output::json(&serde_json::json!({ "name": name, "email": email }))
            }
            Answer::OwnerCreated { name, email } => output::line(format!("{name} may now sign in as {email}.")),
            other => Err(Failure::because(format!("the server gave an answer to another question: {other:?}"))),
        }
    }
}

fn read_password() -> Outcome<String> {
    if std::io::stdin().is_terminal() {
        return Err(Failure::because(
            "standard input is a terminal, which would show the password. Pipe it in: \
             bayader admin create .. --password-stdin < file",
        ));
    }
    let mut password = String::new();
    std::io::stdin().lock().take(MAX_PASSWORD_BYTES).read_to_string(&mut password).map_err(|error| {
        Failure::because(format!("the password cannot be read from standard input: {error}. It must be UTF-8"))
    })?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
}
