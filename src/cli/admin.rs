//! `bayader admin create|setup-code|reset-password`

use std::io::{IsTerminal, Read};

use clap::{Args, Subcommand};

use super::exit::{Failure, Outcome};
use super::shared::{Place, database_there};
use super::through::Owner;
use super::{output, through};
use crate::app::Opening;
use crate::app::control::{Answer, Request};
use crate::security::random;

/// Far longer than any password that is taken (128 characters).
const MAX_PASSWORD_BYTES: u64 = 4_096;

#[derive(Subcommand)]
pub enum Admin {
    /// Make an account that may do everything; the first one sets the shop up.
    #[command(after_help = super::EXIT_CODES)]
    Create(Create),
    /// Print a new code for the page that sets the shop up (/setup), alone on its line; the server must run.
    #[command(after_help = super::EXIT_CODES)]
    SetupCode(SetupCode),
    /// Give an account a new password and end all its sessions; without --password-stdin it makes one and prints it.
    #[command(after_help = super::EXIT_CODES)]
    ResetPassword(ResetPassword),
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
    /// With the first account: what the shop is called.
    #[arg(long, value_name = "NAME")]
    shop_name: Option<String>,
    /// With the first account: the shop's main language, ar or en.
    #[arg(long, value_name = "LANGUAGE")]
    locale: Option<String>,
    /// With the first account: where the shop's clock hangs, as Asia/Amman.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// With the first account: what is paid with, as JOD. It cannot change once there are products.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// With the first account: put the sample bakery's products on the shelves.
    #[arg(long)]
    sample: bool,
    /// Without a server: go on although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
    /// Answer in JSON: `{name, email, products?}`; the products of the sample, if the shop was opened with more than its owner.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct SetupCode {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{code, page, seconds}`.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ResetPassword {
    #[command(flatten)]
    place: Place,
    /// The address that the account signs in with.
    #[arg(long)]
    email: String,
    /// Read the password (10 to 128 characters) from standard input; a line break at its end does not count.
    #[arg(long)]
    password_stdin: bool,
    /// Without a server: go on although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
    /// Answer in JSON: `{email, sessionsEnded, password?}`; the password if it was made here.
    #[arg(long)]
    json: bool,
}

impl Admin {
    pub fn run(self) -> Outcome {
        match self {
            Admin::Create(create) => create.run(),
            Admin::SetupCode(code) => code.run(),
            Admin::ResetPassword(reset) => reset.run(),
        }
    }
}

impl SetupCode {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        match Owner::of(&self.place, &folder, false)?.ask_running(&Request::SetupCode)? {
            Answer::SetupCode { code, page, seconds } if self.json => {
                output::json(&serde_json::json!({ "code": code.reveal(), "page": page, "seconds": seconds }))
            }
            Answer::SetupCode { code, page, seconds } => {
                output::note(format!("For {page}, within {} minutes:", seconds / 60));
                output::line(code.reveal())
            }
            Answer::Refused { message, .. } => Err(Failure::because(message)),
            Answer::Failed { message } => Err(Failure::because(format!("no code was made: {message}"))),
            other => Err(Failure::because(format!("the server gave an answer to another question: {other:?}"))),
        }
    }
}

impl ResetPassword {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        if self.email.trim().is_empty() {
            return Err(Failure::usage("--email must name an account"));
        }
        // Where no shop is, none is made: it would have no account.
        database_there(&folder)?;
        let (password, made) = if self.password_stdin {
            (read_password("reset-password")?, None)
        } else {
            let made = random::readable_password();
            (made.clone(), Some(made))
        };
        let request = Request::ResetPassword { email: self.email, password };
        match through::write(&self.place, &folder, self.accept_clock, request)? {
            Answer::PasswordReset { email, sessions_ended } if self.json => {
                let mut answer = serde_json::json!({ "email": email, "sessionsEnded": sessions_ended });
                if let Some(made) = made {
                    answer["password"] = made.into();
                }
                output::json(&answer)
            }
            Answer::PasswordReset { email, sessions_ended } => {
                output::note(format!("{email} has a new password. Sessions ended: {sessions_ended}."));
                match made {
                    // Alone on its line of the answer, so that a script can take it.
                    Some(made) => {
                        output::note("It is shown this once; change it after signing in:");
                        output::line(made)
                    }
                    None => Ok(()),
                }
            }
            other => Err(Failure::because(format!("the server gave an answer to another question: {other:?}"))),
        }
    }
}

impl Create {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let (place, accept_clock, as_json) = (self.place.clone(), self.accept_clock, self.json);
        let opens = self.sample
            || [&self.shop_name, &self.locale, &self.time_zone, &self.currency].iter().any(|choice| choice.is_some());
        let (name, email, phone, password) = (self.name, self.email, self.phone, read_password("create")?);
        let request = if opens {
            let Create { shop_name, locale, time_zone, currency, sample, .. } = self;
            Request::OpenShop(Opening { name, email, phone, password, shop_name, locale, time_zone, currency, sample })
        } else {
            Request::CreateOwner { name, email, phone, password }
        };
        match through::write(&place, &folder, accept_clock, request)? {
            Answer::OwnerCreated { name, email } if as_json => {
                output::json(&serde_json::json!({ "name": name, "email": email }))
            }
            Answer::ShopOpened { name, email, products } if as_json => {
                output::json(&serde_json::json!({ "name": name, "email": email, "products": products }))
            }
            Answer::OwnerCreated { name, email } | Answer::ShopOpened { name, email, products: 0 } => {
                output::line(format!("{name} may now sign in as {email}."))
            }
            Answer::ShopOpened { name, email, products } => {
                output::line(format!("{name} may now sign in as {email}. The sample's {products} products are on the shelves."))
            }
            other => Err(Failure::because(format!("the server gave an answer to another question: {other:?}"))),
        }
    }
}

fn read_password(command: &str) -> Outcome<String> {
    if std::io::stdin().is_terminal() {
        return Err(Failure::because(format!(
            "standard input is a terminal, which would show the password. Pipe it in: \
             bayader admin {command} .. --password-stdin < file"
        )));
    }
    let mut password = String::new();
    std::io::stdin().lock().take(MAX_PASSWORD_BYTES).read_to_string(&mut password).map_err(|error| {
        Failure::because(format!("the password cannot be read from standard input: {error}. It must be UTF-8"))
    })?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
}
