//! The configuration as the rest of the product sees it: typed, whole, checked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::civil::Weekday;

use super::choice::{LogFormat, MailTls, MediaServe};
use super::fault::Place;
use super::payments::Payments;
use super::secret::Secret;
use super::types::{HttpUrl, Keep, Mailbox, Network};
use crate::kernel::Currency;

/// What the machine's keeper has decided. Made by [`super::load`] alone, so that holding one means that it was checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server listens and what it calls itself.
    pub server: Server,
    /// What the keeper decides for the owner about the shop.
    pub shop: Shop,
    /// What the keeper decides for the owner about orders.
    pub orders: Orders,
    /// How often a caller may ask.
    pub rate_limit: RateLimit,
    /// Gateways, each offered if it is there.
    pub payments: Payments,
    /// E-mail.
    pub mail: Mail,
    /// Text messages.
    pub sms: Sms,
    /// Pictures.
    pub media: Media,
    /// The bucket to which pictures are copied, if there is one.
    pub s3: Option<S3>,
    /// Backups.
    pub backup: Backup,
    /// HTTPS by this process itself.
    pub tls: Tls,
    /// The collector of traces, if there is one.
    pub otlp: Option<Otlp>,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    pub(super) origins: BTreeMap<&'static str, Place>,
}

impl Config {
    /// Where `key` (such as `shop.currency`) was written; `None` if nobody did and a default counts. With it the settings
    /// page says which of its fields the machine's keeper has taken over, and where.
    pub fn origin(&self, key: &str) -> Option<&Place> {
        self.origins.get(key)
    }

    /// What is no fault, but probably not meant.
    pub fn warnings(&self) -> Vec<Warning> {
        [self.assumed_url(), self.coarse_gateway()].into_iter().flatten().collect()
    }

    fn assumed_url(&self) -> Option<Warning> {
        let PublicUrl::Assumed(url) = &self.server.public_url else { return None };
        let mut users: Vec<&'static str> = self.payments.names();
        if !matches!(self.mail.adapter, MailAdapter::Log) {
            users.push("mail");
        }
        (!users.is_empty()).then(|| Warning::PublicUrlAssumed { url: url.clone(), users })
    }

    fn coarse_gateway(&self) -> Option<Warning> {
        let gateway = self.payments.coarse()?;
        let currency = self.shop.currency.clone().or_else(|| super::owner_default("shop.currency").map(str::to_owned))?;
        let has_thousandths = Currency::from_code(&currency).is_some_and(|currency| currency.digits() == 3);
        has_thousandths.then_some(Warning::CoarseGateway { gateway, currency })
    }
}

/// Something that is no fault, but probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Links that leave the house begin with an address nobody has chosen.
    PublicUrlAssumed {
        /// The address that is assumed.
        url: HttpUrl,
        /// Whose links it stands in: gateways by name, `mail`.
        users: Vec<&'static str>,
    },
    /// A gateway cannot express every amount of the shop's currency.
    CoarseGateway {
        /// Its name.
        gateway: &'static str,
        /// The shop's currency, of three digits.
        currency: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicUrlAssumed { url, users } => write!(
                f,
                "`server.public_url` is not set, so links of {} begin with {url}; set it to the address under which \
                 customers find the shop",
                users.join(", ")
            ),
            Self::CoarseGateway { gateway, currency } => write!(
                f,
                "{gateway} takes {currency} in steps of 0.010 only, so an order whose sum ends otherwise cannot be paid with it; let \
                 prices, fees and discounts step by 0.010"
            ),
        }
    }
}

/// `[server]`
#[derive(Debug, Clone)]
pub struct Server {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where HTTPS listens, if [`Config::tls`] is on.
    pub https_listen: SocketAddr,
    /// What links begin with.
    pub public_url: PublicUrl,
    /// The shop's own storefront, to which a customer goes on after paying.
    pub return_url: Option<HttpUrl>,
    /// Origins of other sites whose pages may use the API, as browsers spell them.
    pub cors_origins: Vec<HttpUrl>,
    /// Where Prometheus asks; `None` is off.
    pub metrics_listen: Option<SocketAddr>,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// `tracing`'s directive.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
}

/// What links begin with, and whether somebody said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicUrl {
    /// The keeper wrote it.
    Given(HttpUrl),
    /// Nobody did; it is the address of [`Server::listen`], with TLS of [`Server::https_listen`] or the first of its names.
    Assumed(HttpUrl),
}

impl PublicUrl {
    /// The URL itself.
    pub fn url(&self) -> &HttpUrl {
        match self {
            Self::Given(url) | Self::Assumed(url) => url,
        }
    }

    /// The same once the server is bound: an assumed URL takes over the port that the system has given.
    #[must_use]
    pub fn bound_to(self, address: SocketAddr) -> Self {
        match self {
            Self::Given(_) => self,
            Self::Assumed(url) => Self::Assumed(url.moved_to(address)),
        }
    }

    /// The same once a certificate is known: an assumed URL of a mere address takes the name that the certificate is for.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        match self {
            Self::Given(_) => self,
            Self::Assumed(url) => Self::Assumed(url.named(name)),
        }
    }
}

/// `[shop]`: `None` leaves it to the owner.
#[derive(Debug, Clone, Default)]
pub struct Shop {
    /// The shop's name.
    pub name: Option<String>,
    /// `en` or `ar`.
    pub locale: Option<String>,
    /// Three capital letters.
    pub currency: Option<String>,
    /// An IANA name that the calendar knows, in its canonical spelling.
    pub time_zone: Option<String>,
    /// The day a week begins with.
    pub first_weekday: Option<Weekday>,
}

/// `[orders]`: `None` leaves it to the owner.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// How long an unpaid online order holds its stock, 1 to 1,440 minutes.
    pub hold_minutes: Option<u32>,
    /// How long an unconfirmed cash order holds its stock, 1 to 720 hours.
    pub cash_hold_hours: Option<u32>,
    /// Whether cash orders are confirmed at once.
    pub confirm_cash: Option<bool>,
    /// Whether prices hold the tax already.
    pub prices_include_tax: Option<bool>,
}

/// `[rate_limit]`
#[derive(Debug, Clone)]
pub struct RateLimit {
    /// `false` turns every limit off.
    pub enabled: bool,
    /// Callers without an account, by address.
    pub public: Tier,
    /// Accounts, by account.
    pub signed_in: Tier,
    /// API keys, by key.
    pub partner: Tier,
}

/// A bucket of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Requests that flow in a minute, at least 1.
    pub per_minute: u32,
    /// Requests that the bucket holds, at least 1.
    pub burst: u32,
}

/// `[mail]`
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who carries it.
    pub adapter: MailAdapter,
    /// The sender.
    pub from: Mailbox,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<Mailbox>,
    /// Messages a second at most.
    pub max_per_second: u32,
}

/// Who carries e-mail.
#[derive(Debug, Clone)]
pub enum MailAdapter {
    /// Nobody: each message becomes a file.
    Log,
    /// A relay.
    Smtp(Smtp),
    /// SendGrid's HTTP API.
    SendGrid(SendGrid),
}

/// A mail relay.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected; [`MailTls::None`] only to this very machine.
    pub tls: MailTls,
    /// How we sign in, if at all.
    pub sign_in: SmtpSignIn,
    /// Certificates (PEM) trusted besides the usual ones.
    pub ca_file: Option<PathBuf>,
}

/// How we sign in at a relay.
#[derive(Debug, Clone)]
pub enum SmtpSignIn {
    /// We do not.
    Nobody,
    /// By user name and password.
    Password {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// At Amazon SES, by a password that is derived from an access key for one region.
    Ses {
        /// The access key's id.
        username: String,
        /// The secret access key.
        secret_access_key: Secret,
        /// The region for which the password is derived.
        region: String,
    },
}

/// `[mail.sendgrid]`
#[derive(Debug, Clone)]
pub struct SendGrid {
    /// API key.
    pub api_key: Secret,
    /// Key of the signed event webhook, base64; without it no event is believed.
    pub webhook_public_key: Option<String>,
    /// Where SendGrid answers.
    pub base_url: HttpUrl,
}

/// `[sms]`: who carries text messages.
#[derive(Debug, Clone)]
pub enum Sms {
    /// Nobody: each message becomes a file.
    Log,
    /// Twilio.
    Twilio(Twilio),
    /// A gateway that takes JSON or a form by POST.
    Http(SmsHttp),
}

/// `[sms.twilio]`
#[derive(Debug, Clone)]
pub struct Twilio {
    /// Account SID.
    pub account_sid: String,
    /// Auth token, which also signs the callbacks.
    pub auth_token: Secret,
    /// Who asks instead of the account itself.
    pub api_key: Option<TwilioKey>,
    /// Who the messages come from.
    pub sender: TwilioSender,
    /// Secret of the shared webhook key, if callbacks are signed with one.
    pub webhook_secret: Option<Secret>,
    /// Where Twilio answers.
    pub base_url: HttpUrl,
}

/// An API key of Twilio.
#[derive(Debug, Clone)]
pub struct TwilioKey {
    /// `SK…`.
    pub id: Secret,
    /// Its secret.
    pub secret: Secret,
}

/// Who Twilio's messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TwilioSender {
    /// A number or a registered name.
    From(String),
    /// A messaging service, `MG…`, which chooses.
    Service(String),
}

/// `[sms.http]`
#[derive(Debug, Clone)]
pub struct SmsHttp {
    /// Where messages are posted.
    pub url: HttpUrl,
    /// Value of the `Authorization` header.
    pub authorization: Option<Secret>,
    /// The sender, if the gateway wants one.
    pub from: Option<String>,
    /// The body as a form with places to fill, if the gateway takes no JSON.
    pub form: Option<String>,
    /// JSON pointer to the gateway's id in its answer.
    pub id_at: Option<String>,
}

impl SmsHttp {
    /// The places that a form may have.
    pub const PLACES: [&'static str; 5] = ["{id}", "{to}", "{digits}", "{text}", "{sender}"];
}

/// `[media]`
#[derive(Debug, Clone)]
pub struct Media {
    /// Who serves pictures; [`MediaServe::S3`] only beside a [`Config::s3`].
    pub serve: MediaServe,
    /// Largest picture taken, in MB, 1 to 60.
    pub max_upload_mb: u32,
}

/// `[s3]`
#[derive(Debug, Clone)]
pub struct S3 {
    /// Where the store answers, without the bucket.
    pub endpoint: HttpUrl,
    /// Region.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Access key's id.
    pub access_key: Secret,
    /// Secret access key.
    pub secret_key: Secret,
    /// Session token of temporary keys.
    pub session_token: Option<Secret>,
    /// Whether the bucket stands in the path instead of the host.
    pub path_style: bool,
}

/// `[backup]`
#[derive(Debug, Clone)]
pub struct Backup {
    /// Where backups are kept; `None` is `backups/` in the data folder.
    pub folder: Option<PathBuf>,
    /// How many are kept.
    pub keep: Keep,
    /// age recipient to whom they are sealed.
    pub seal_to: Option<String>,
}

/// `[tls]`: HTTPS by this process itself.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Plain HTTP: for this machine, or behind a proxy.
    Off,
    /// By a certificate that the keeper looks after.
    Files {
        /// Certificate chain (PEM).
        cert_file: PathBuf,
        /// Private key (PEM).
        key_file: PathBuf,
    },
    /// By a certificate that we fetch and renew (RFC 8555).
    Acme {
        /// Names for the certificate, at least one.
        domains: Vec<String>,
        /// Whom the authority warns.
        email: String,
        /// The authority's directory.
        directory_url: HttpUrl,
        /// Certificates (PEM) trusted for the authority besides the usual ones.
        ca_file: Option<PathBuf>,
    },
}

/// `[otlp]`
#[derive(Debug, Clone)]
pub struct Otlp {
    /// The collector's OTLP/HTTP address, without `/v1/traces`.
    pub endpoint: HttpUrl,
}
