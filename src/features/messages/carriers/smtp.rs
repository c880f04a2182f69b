//! Any mail relay by SMTP, Amazon SES among them (PROVIDERS 6).
//!
//! What always holds: nothing leaves in the clear, but to this very machine where the keeper says so; one recipient a message; and a
//! message of whose end the relay has said nothing is not called lost.

mod outcome;
mod relay;
mod ses;

use std::sync::Arc;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::Setting;
use super::pace::Pace;
use crate::clock::Clock;
use crate::config::{self, MailTls, SmtpSignIn};
use crate::features::messages::carrier::{Boxed, Carrier, Check, Outcome, Outgoing};
use crate::features::messages::mime::Sender;
use crate::features::messages::model::codes;
use crate::features::messages::{CarrierFault, Channel};
use relay::{Pool, Protection, Relay};

pub(super) fn open(smtp: &config::Smtp, setting: &Setting<'_>) -> Result<Arc<dyn Carrier>, CarrierFault> {
    let mail = &setting.config.mail;
    let domain = mail.from.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let credentials = match &smtp.sign_in {
        SmtpSignIn::Nobody => None,
        SmtpSignIn::Password { username, password } => Some(Credentials::new(username.clone(), password.reveal().to_owned())),
        SmtpSignIn::Ses { username, secret_access_key, region } => {
            Some(Credentials::new(username.clone(), ses::password(secret_access_key.reveal(), region)))
        }
    };
    let relay = Relay {
        host: smtp.host.clone(),
        port: smtp.port,
        protection: protection(smtp)?,
        credentials,
        hello: ClientId::Domain(domain.to_owned()),
        // Twenty seconds where nothing else is said: a relay looks things up before it answers.
        patience: setting.patience.call * 2,
        pool: Pool::default(),
    };
    let pace = Pace::new(setting.clock.clone(), mail.max_per_second);
    Ok(Arc::new(Smtp { sender: Sender::of(mail)?, relay, pace, clock: setting.clock.clone() }))
}

fn protection(smtp: &config::Smtp) -> Result<Protection, CarrierFault> {
    let fault = |reason: String| CarrierFault::Carrier { carrier: "smtp", reason };
    let tls = || {
        let mut tls = TlsParameters::builder(smtp.host.clone()).certificate_store(CertificateStore::WebpkiRoots);
        if let Some(path) = &smtp.ca_file {
            let told = |reason: String| fault(format!("`mail.ca_file` {} cannot be used: {reason}", path.display()));
            let pem = std::fs::read(path).map_err(|error| told(error.to_string()))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| told(error.to_string()))?;
            tls = tls.add_root_certificate(certificate);
        }
        tls.build().map_err(|error| fault(error.to_string()))
    };
    Ok(match smtp.tls {
        MailTls::Implicit => Protection::Implicit(tls()?),
        MailTls::StartTls => Protection::StartTls(tls()?),
        MailTls::None => Protection::None,
    })
}

struct Smtp {
    sender: Sender,
    relay: Relay,
    pace: Pace,
    clock: Clock,
}

impl Carrier for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn send<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(async move {
            let written = match self.sender.message(message) {
                Ok(written) => written,
                Err(why) => {
                    return Outcome::Failed { code: codes::UNWRITABLE.to_owned(), why: why.to_string(), suppress: None };
                }
            };
            self.pace.turn().await;
            match self.relay.send(written.envelope(), &written.formatted()).await {
                Ok(yes) => Outcome::Sent { provider_id: outcome::provider_id(&yes) },
                Err(trouble) => {
                    if trouble.is_throttling() {
                        self.pace.slow_down();
                    }
                    trouble.outcome(self.clock.now())
                }
            }
        })
    }

    fn check(&self) -> Boxed<'_, Check> {
        Box::pin(async move { Check::of(self.relay.check().await.map_err(|trouble| trouble.outcome(self.clock.now()))) })
    }
}
