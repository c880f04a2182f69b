//! What the machine's keeper decides: addresses, secrets, adapters, from one TOML file, the environment and flags.
//!
//! What always holds:
//! - **A [`Config`] was checked.** Only [`load`] makes one, and it makes none while there is a fault; it tells all faults
//!   at once, each with its place, and never the value of a secret.
//! - **One table** (`keys.rs`) says which keys there are. The names a file may use, the variables that are read, the
//!   defaults and the manual's page ([`reference_markdown`]) come from it.
//! - **It knows nothing of the process**: files are read where [`Source`] says, variables and flags are passed in.
//!
//! Called by `app`, `cli` and nobody else; a feature is handed the section it needs. What the shop's *owner* decides lives
//! in the database; keys of `[shop]` and `[orders]` are `None` unless the keeper has taken them over (SPEC 10).
//!
//! The way of a value: `file.rs` and `source.rs` find what is written and where, `value.rs` reads each by its kind,
//! `build.rs`, `payments.rs` and `messages.rs` put them together and say what is missing or contradicts itself.

mod build;
mod choice;
mod fault;
mod file;
mod keys;
mod messages;
mod model;
mod payments;
mod reference;
mod secret;
mod source;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub use choice::{LogFormat, MailTls, MediaServe};
pub use fault::{ConfigFault, Place};
pub use model::{
    Backup, Config, Mail, MailAdapter, Media, Orders, Otlp, PublicUrl, RateLimit, S3, SendGrid, Server, Shop, Sms, SmsHttp,
    Smtp, SmtpSignIn, Tier, Tls, Twilio, TwilioKey, TwilioSender, Warning,
};
pub use payments::{MyFatoorah, PayPal, Payments, Paymob, Stripe};
pub use reference::reference_markdown;
pub use secret::Secret;
pub use source::{FILE_NAME, Source};
pub use types::{HttpUrl, Keep, Mailbox, Network};

/// Read and check the whole configuration, or say everything that is wrong with it: first the file from top to bottom,
/// then the variables by name, then the flags.
///
/// # Errors
///
/// At least one fault; a fault of one key does not hide those of another. Where the file is no TOML, what it lacks is not
/// told, as it may stand in the part that could not be read.
pub fn load(source: &Source) -> Result<Config, Vec<ConfigFault>> {
    let config = build::build(source::Written::gather(source))?;
    Ok(Config { file: source.path(), ..config })
}

/// What the owner's setting behind a key of `[shop]` or `[orders]` begins with: `JOD` for `shop.currency`.
pub fn owner_default(key: &str) -> Option<&'static str> {
    match keys::Key::find(key)?.0.fallback {
        keys::Fallback::Owner(word) => Some(word),
        _ => None,
    }
}
