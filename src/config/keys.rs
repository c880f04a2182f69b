//! The one table of all keys. Which names are known, which variables are read, what stands where nothing is written and
//! the reference in the manual all come from it, so that none can drift from the others.

use std::ops::RangeInclusive;

use super::choice::{LOCALES, LogFormat, MYFATOORAH_COUNTRIES, MailTls, MailWord, MediaServe, SmsWord, TlsWord, WEEKDAYS};
use super::types::UrlRule;

use Fallback::{Follows, Is, Owner, Unset};

/// What every variable's name begins with.
pub(super) const VARIABLE_PREFIX: &str = "BAYADER_";

/// What stands between the parts of a variable's name; only variables that hold it are looked at (SPEC 10), so that
/// `BAYADER_DATA_DIR` and its kin stay what they are.
pub(super) const VARIABLE_JOINT: &str = "__";

/// The suffix by which a secret is read from a file.
pub(super) const FILE_SUFFIX: &str = "_file";

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Dotted, as in `mail.sendgrid.api_key`.
    pub path: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    /// One line for the manual.
    pub meaning: &'static str,
}

/// What a key's value is.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    /// One secret; also readable from a file.
    Secret,
    /// One or several secrets, the newest first; also readable from a file, one a line.
    Secrets,
    YesNo,
    Whole(RangeInclusive<u64>),
    Wholes(RangeInclusive<u64>),
    OneOf(&'static [&'static str]),
    SocketAddress,
    Url(UrlRule),
    Origins,
    Networks,
    LogFilter,
    Currency,
    TimeZone,
    Sender,
    Email,
    Host,
    Domains,
    Path,
    AgeRecipient,
    /// Daily, weekly and monthly counts.
    Keep,
}

/// What counts where nobody has written anything.
#[derive(Debug)]
pub(super) enum Fallback {
    /// Nothing.
    Unset,
    /// This value, spelt as a variable would spell it.
    Is(&'static str),
    /// What the shop's owner has set, who begins with this.
    Owner(&'static str),
    /// It follows from other keys, as this says.
    Follows(&'static str),
}

/// Whether a secret is written in its place or lies in a file that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    InFile,
}

impl Key {
    /// The key that `path` names, and in which form.
    pub fn find(path: &str) -> Option<(&'static Self, Form)> {
        let named = |path: &str| KEYS.iter().find(|key| key.path == path);
        named(path).map(|key| (key, Form::Plain)).or_else(|| {
            let key = named(path.strip_suffix(FILE_SUFFIX)?)?;
            key.is_secret().then_some((key, Form::InFile))
        })
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Secrets)
    }

    /// The section it stands in: `mail.sendgrid`.
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Its last part: `api_key`.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// The variable that overrides it: `BAYADER_MAIL__SENDGRID__API_KEY`.
    pub fn variable(&self) -> String {
        variable(self.path)
    }
}

/// The variable of a dotted path.
pub(super) fn variable(path: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", path.replace('.', VARIABLE_JOINT).to_uppercase())
}

/// Whether keys stand below `path`.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// Every section with a line about it, in the manual's order.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("server", "Where the server listens and what it calls itself."),
    ("shop", "Otherwise the owner decides these in the settings; what stands here wins at every start."),
    ("orders", "Otherwise the owner decides these in the settings; what stands here wins at every start."),
    ("rate_limit", "How often a caller may ask. Each tier is a bucket: `burst` at once, refilled by `per_minute`."),
    ("rate_limit.public", "Callers without an account, by address."),
    ("rate_limit.signed_in", "Accounts of any role, by account."),
    ("rate_limit.partner", "API keys, by key."),
    ("payments.stripe", "Cards by Stripe; offered when complete."),
    ("payments.paypal", "PayPal; offered when complete."),
    ("payments.myfatoorah", "MyFatoorah (Gulf, Jordan, Egypt); offered when complete."),
    ("payments.paymob", "Paymob (Egypt, Saudi Arabia, Emirates, Oman, Pakistan); offered when complete."),
    ("mail", "E-mail. `log` writes each message as a file to `outbox/` in the data folder and sends nothing."),
    ("mail.sendgrid", "SendGrid's HTTP API, for `mail.adapter = \"sendgrid\"`."),
    ("sms", "Text messages. `log` writes each message as a file to `outbox/` and sends nothing."),
    ("sms.twilio", "Twilio, for `sms.adapter = \"twilio\"`."),
    ("sms.http", "Any gateway that takes JSON or a form by POST, for `sms.adapter = \"http\"`."),
    ("media", "Pictures."),
    ("s3", "A bucket to which pictures are copied; on when complete."),
    ("backup", "Backups."),
    ("tls", "HTTPS by this process itself, without a proxy before it."),
    ("otlp", "Traces to an OpenTelemetry collector; on when complete."),
];

const fn key(path: &'static str, kind: Kind, fallback: Fallback, meaning: &'static str) -> Key {
    Key { path, kind, fallback, meaning }
}

/// What a provider asks for is in its manual; which of it a gateway cannot do without is in `payments.rs` and `build.rs`.
#[rustfmt::skip] // a key a line, so that it reads as the table that it is
pub(super) static KEYS: &[Key] = &[
    key("server.listen", Kind::SocketAddress, Is("127.0.0.1:8080"), "Address and port to listen on."),
    key("server.public_url", Kind::Url(UrlRule::Any), Follows("http:// + listen; with TLS https:// + the certificate's name"), "Where the world finds the shop; links in messages begin with it."),
    key("server.return_url", Kind::Url(UrlRule::Any), Unset, "The shop's own storefront, to which a customer goes on after paying."),
    key("server.cors_origins", Kind::Origins, Is(""), "Origins of other sites whose pages may use the API."),
    key("server.metrics_listen", Kind::SocketAddress, Unset, "Address and port for Prometheus; off where empty."),
    key("server.trusted_proxies", Kind::Networks, Is(""), "Addresses and networks whose forwarding headers are believed."),
    key("server.log", Kind::LogFilter, Is("info"), "What is logged: a level, or levels by part such as `info,bayader::jobs=debug`."),
    key("server.log_format", Kind::OneOf(LogFormat::WORDS), Is("human"), "How log lines are written."),
    //
    key("shop.name", Kind::Text, Unset, "The shop's name."),
    key("shop.locale", Kind::OneOf(LOCALES), Owner("en"), "The shop's main language."),
    key("shop.currency", Kind::Currency, Owner("JOD"), "ISO 4217 code of the shop's currency."),
    key("shop.time_zone", Kind::TimeZone, Owner("Asia/Amman"), "IANA name of the shop's time zone."),
    key("shop.first_weekday", Kind::OneOf(WEEKDAYS), Owner("sunday"), "The day a week begins with in reports and calendars."),
    //
    key("orders.hold_minutes", Kind::Whole(1..=1440), Owner("30"), "How long an unpaid online order holds its stock, in minutes."),
    key("orders.cash_hold_hours", Kind::Whole(1..=720), Owner("24"), "How long an unconfirmed cash order holds its stock, in hours."),
    key("orders.confirm_cash", Kind::YesNo, Owner("false"), "Whether cash orders are confirmed at once, without staff."),
    key("orders.prices_include_tax", Kind::YesNo, Owner("true"), "Whether prices hold the tax already."),
    //
    key("rate_limit.enabled", Kind::YesNo, Is("true"), "`false` turns all limits off, those of sign-in and guests included."),
    // A page of the shop asks some twenty times for itself and its first pictures. Three such pages at once, and one
    // every ten seconds after, is a fast reader; a scraper of the whole catalog is slowed to hours.
    key("rate_limit.public.per_minute", Kind::Whole(1..=1_000_000), Is("120"), "Requests a minute."),
    key("rate_limit.public.burst", Kind::Whole(1..=1_000_000), Is("60"), "Requests at once."),
    // Staff count a shelf or move a morning's orders with one tap each, with a board open on several screens of one
    // account: ten a second for as long as it takes, and a hundred and twenty when they all reload.
    key("rate_limit.signed_in.per_minute", Kind::Whole(1..=1_000_000), Is("600"), "Requests a minute."),
    key("rate_limit.signed_in.burst", Kind::Whole(1..=1_000_000), Is("120"), "Requests at once."),
    // A till or a delivery platform writes in batches and reads lists of a hundred: twice an account's share.
    key("rate_limit.partner.per_minute", Kind::Whole(1..=1_000_000), Is("1200"), "Requests a minute."),
    key("rate_limit.partner.burst", Kind::Whole(1..=1_000_000), Is("240"), "Requests at once."),
    //
    key("payments.stripe.secret_key", Kind::Secret, Unset, "Secret or restricted key, `sk_…` or `rk_…`."),
    key("payments.stripe.publishable_key", Kind::Text, Unset, "Publishable key, `pk_…`; needed for paying on the shop's own page only."),
    key("payments.stripe.webhook_secret", Kind::Secrets, Unset, "Signing secret of the webhook, `whsec_…`; two while it is rolled."),
    key("payments.stripe.base_url", Kind::Url(UrlRule::Provider), Is("https://api.stripe.com"), "Where Stripe answers."),
    key("payments.paypal.client_id", Kind::Text, Unset, "Client id of the app."),
    key("payments.paypal.client_secret", Kind::Secret, Unset, "Secret of the app."),
    key("payments.paypal.webhook_id", Kind::Text, Unset, "Id of the webhook; part of what PayPal signs."),
    key("payments.paypal.base_url", Kind::Url(UrlRule::Provider), Is("https://api-m.paypal.com"), "Where PayPal answers; the sandbox is https://api-m.sandbox.paypal.com."),
    key("payments.paypal.cert_hosts", Kind::Domains, Is(""), "Further hosts from which signing certificates are taken; for tests."),
    key("payments.myfatoorah.api_token", Kind::Secret, Unset, "API key of the portal."),
    key("payments.myfatoorah.webhook_secret", Kind::Secret, Unset, "Secret of the webhook."),
    key("payments.myfatoorah.country", Kind::OneOf(MYFATOORAH_COUNTRIES), Unset, "The account's country."),
    key("payments.myfatoorah.base_url", Kind::Url(UrlRule::Provider), Follows("the country's"), "Where MyFatoorah answers; for tests https://apitest.myfatoorah.com."),
    key("payments.paymob.secret_key", Kind::Secret, Unset, "Secret key, such as `egy_sk_live_…`."),
    key("payments.paymob.public_key", Kind::Text, Unset, "Public key of the same region and mode."),
    key("payments.paymob.api_key", Kind::Secret, Unset, "API key, for asking what became of a payment."),
    key("payments.paymob.hmac_secret", Kind::Secret, Unset, "HMAC secret of the callbacks."),
    key("payments.paymob.integration_ids", Kind::Wholes(1..=u64::MAX), Unset, "Integrations a customer may choose from."),
    key("payments.paymob.currency", Kind::Currency, Follows("the key's region"), "Currency of the account."),
    key("payments.paymob.base_url", Kind::Url(UrlRule::Provider), Follows("the key's region"), "Where Paymob answers."),
    //
    key("mail.adapter", Kind::OneOf(MailWord::WORDS), Is("log"), "Who carries e-mail."),
    key("mail.from", Kind::Sender, Unset, "Sender: an address or `Name <address>`."),
    key("mail.reply_to", Kind::Sender, Unset, "Where answers go, if not to the sender."),
    // Amazon SES begins every account in production at 14 a second, and no relay a bakery buys takes less than ten.
    key("mail.max_per_second", Kind::Whole(1..=1000), Is("10"), "Messages a second at most."),
    key("mail.host", Kind::Host, Unset, "The relay."),
    key("mail.port", Kind::Whole(1..=65535), Follows("587, with implicit TLS 465, without TLS 25"), "The relay's port."),
    key("mail.tls", Kind::OneOf(MailTls::WORDS), Is("starttls"), "How the connection is protected; `none` to this machine only."),
    key("mail.username", Kind::Text, Unset, "User name at the relay; for Amazon SES the access key's id."),
    key("mail.password", Kind::Secret, Unset, "Password at the relay."),
    key("mail.secret_access_key", Kind::Secret, Unset, "Amazon SES instead of a password: the secret access key."),
    key("mail.region", Kind::Text, Unset, "Amazon SES: the region of `secret_access_key`."),
    key("mail.ca_file", Kind::Path, Unset, "Certificates (PEM) trusted for the relay besides the usual ones."),
    key("mail.sendgrid.api_key", Kind::Secret, Unset, "API key with Mail Send."),
    key("mail.sendgrid.webhook_public_key", Kind::Text, Unset, "Verification key of the signed event webhook; without it events are refused."),
    key("mail.sendgrid.base_url", Kind::Url(UrlRule::Provider), Is("https://api.sendgrid.com"), "Where SendGrid answers."),
    //
    key("sms.adapter", Kind::OneOf(SmsWord::WORDS), Is("log"), "Who carries text messages."),
    key("sms.from", Kind::Text, Unset, "Sender: a number in E.164 or a registered name."),
    key("sms.twilio.account_sid", Kind::Text, Unset, "Account SID, `AC…`."),
    key("sms.twilio.auth_token", Kind::Secret, Unset, "Auth token; it also signs the callbacks, even where an API key asks."),
    key("sms.twilio.api_key", Kind::Secret, Unset, "API key, `SK…`, to ask with instead of the auth token."),
    key("sms.twilio.api_secret", Kind::Secret, Unset, "Secret of `api_key`."),
    key("sms.twilio.messaging_service_sid", Kind::Text, Unset, "Messaging service, `MG…`, that chooses the sender; `sms.from` is then not used."),
    key("sms.twilio.webhook_secret", Kind::Secret, Unset, "Secret of the shared webhook key, if the account signs callbacks with one."),
    key("sms.twilio.base_url", Kind::Url(UrlRule::Provider), Is("https://api.twilio.com"), "Where Twilio answers."),
    key("sms.http.url", Kind::Url(UrlRule::Provider), Unset, "Where messages are posted."),
    key("sms.http.authorization", Kind::Secret, Unset, "Value of the `Authorization` header, such as `Bearer …`."),
    key("sms.http.form", Kind::Text, Unset, "A form instead of JSON, as `mobile={digits}&msg={text}`: `{id}`, `{to}`, `{digits}` (`to` without its plus), `{text}`, `{sender}`."),
    key("sms.http.id_at", Kind::Text, Unset, "Where the gateway's id of a message stands in its JSON answer, as a JSON pointer: `/data/id`."),
    //
    key("media.serve", Kind::OneOf(MediaServe::WORDS), Is("local"), "Who serves pictures."),
    // A request carries 60 MB at most (SPEC 2); one picture cannot be larger than that.
    key("media.max_upload_mb", Kind::Whole(1..=60), Is("15"), "Largest picture taken, in MB."),
    //
    key("s3.endpoint", Kind::Url(UrlRule::Provider), Unset, "Where the store answers, without the bucket."),
    key("s3.region", Kind::Text, Unset, "Region; `auto` at Cloudflare R2."),
    key("s3.bucket", Kind::Text, Unset, "Bucket; private."),
    key("s3.access_key", Kind::Secret, Unset, "Access key's id."),
    key("s3.secret_key", Kind::Secret, Unset, "Secret access key."),
    key("s3.session_token", Kind::Secret, Unset, "Session token of temporary keys."),
    // Every store takes it, AWS included; the other style needs a certificate and a name for each bucket.
    key("s3.path_style", Kind::YesNo, Is("true"), "Whether the bucket stands in the path instead of the host."),
    //
    key("backup.folder", Kind::Path, Follows("backups/ in the data folder"), "Where backups are kept."),
    key("backup.keep", Kind::Keep, Is("7,4,12"), "How many daily, weekly and monthly backups are kept; one number counts the daily ones."),
    key("backup.seal_to", Kind::AgeRecipient, Unset, "age recipient, `age1…`, to whom backups are sealed."),
    //
    key("tls.mode", Kind::OneOf(TlsWord::WORDS), Is("off"), "Where the certificate comes from."),
    key("tls.listen", Kind::SocketAddress, Follows("port 443 at the address of `server.listen`"), "Address and port of HTTPS, where systemd hands over no socket `https`."),
    key("tls.cert_file", Kind::Path, Unset, "`files`: certificate chain (PEM)."),
    key("tls.key_file", Kind::Path, Unset, "`files`: private key (PEM)."),
    key("tls.domains", Kind::Domains, Is(""), "`acme`: names for the certificate."),
    key("tls.email", Kind::Email, Unset, "`acme`: whom the authority warns."),
    key("tls.directory_url", Kind::Url(UrlRule::Provider), Is("https://acme-v02.api.letsencrypt.org/directory"), "`acme`: the authority's directory."),
    key("tls.ca_file", Kind::Path, Unset, "`acme`: certificates (PEM) trusted for the authority besides the usual ones."),
    //
    key("otlp.endpoint", Kind::Url(UrlRule::Any), Unset, "The collector's OTLP/HTTP address, such as http://127.0.0.1:4318."),
];
