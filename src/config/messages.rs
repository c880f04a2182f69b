//! `[mail]` and `[sms]`: what each carrier needs.
//!
//! The keys of a carrier that is off may stay as they are, so that another can be tried; only the one that is on is asked
//! for what it needs.

use std::path::PathBuf;

use super::build::Builder;
use super::choice::{MailTls, MailWord, SmsWord};
use super::model::{Mail, MailAdapter, SendGrid, Sms, SmsHttp, Smtp, SmtpSignIn, Twilio, TwilioKey, TwilioSender};
use super::types::{Mailbox, is_loopback};

impl Builder {
    pub(super) fn mail(&mut self) -> Option<Mail> {
        let adapter = self.take("mail.adapter");
        let from = self.take("mail.from");
        let reply_to = self.take("mail.reply_to");
        let max_per_second = self.take("mail.max_per_second");
        let smtp = self.smtp(adapter == Some(MailWord::Smtp));
        let send_grid = self.send_grid(adapter == Some(MailWord::SendGrid));
        let adapter = match adapter? {
            MailWord::Log => MailAdapter::Log,
            MailWord::Smtp => MailAdapter::Smtp(smtp?),
            MailWord::SendGrid => MailAdapter::SendGrid(send_grid?),
        };
        Some(Mail { adapter, from: from.unwrap_or_else(nobody), reply_to, max_per_second: max_per_second? })
    }

    /// The relay.
    fn smtp(&mut self, is_on: bool) -> Option<Smtp> {
        let host: Option<String> = self.take("mail.host");
        let port = self.take("mail.port");
        let tls = self.take("mail.tls");
        let sign_in = self.smtp_sign_in(is_on);
        let ca_file = self.take::<PathBuf>("mail.ca_file");
        if !is_on {
            return None;
        }
        self.require("mail.adapter", "and `mail.adapter` is smtp", &["mail.from", "mail.host"]);
        self.must_open("mail.ca_file", ca_file.as_deref());
        if tls == Some(MailTls::None) && host.as_deref().is_some_and(|host| !is_loopback(host)) {
            self.refuse(
                "mail.tls",
                "is none, which would send customers' mail and the password in the clear",
                "use starttls or implicit; none is only for a relay on this machine itself",
            );
        }
        let port = match (port, tls?) {
            (Some(port), _) => port,
            (None, _) if self.is_given("mail.port") => return None,
            // RFC 8314 section 3.3: 465 for TLS from the first byte; RFC 6409 section 3.1: 587 for submission.
            (None, MailTls::StartTls) => 587,
            (None, MailTls::Implicit) => 465,
            (None, MailTls::None) => 25,
        };
        Some(Smtp { host: host?, port, tls: tls?, sign_in: sign_in?, ca_file })
    }

    fn smtp_sign_in(&mut self, is_on: bool) -> Option<SmtpSignIn> {
        const USER: &str = "mail.username";
        const KEY: &str = "mail.secret_access_key";
        let username = self.take(USER);
        let password = self.take("mail.password");
        let (secret_access_key, region) = (self.take(KEY), self.take("mail.region"));
        if !is_on {
            return None;
        }
        if self.is_given("mail.password") && self.is_given(KEY) {
            self.refuse(
                KEY,
                "stands beside `mail.password`",
                "keep one: the key is for Amazon SES, which derives a password of it",
            );
            return None;
        }
        if self.is_given(KEY) {
            self.require(KEY, "and `mail.secret_access_key` is set", &[USER, "mail.region"]);
            return Some(SmtpSignIn::Ses { username: username?, secret_access_key: secret_access_key?, region: region? });
        }
        if self.is_given("mail.password") {
            self.require("mail.password", "and `mail.password` is set", &[USER]);
            return Some(SmtpSignIn::Password { username: username?, password: password? });
        }
        if self.is_given(USER) {
            self.require(USER, "and `mail.username` is set", &["mail.password"]);
            return None;
        }
        Some(SmtpSignIn::Nobody)
    }

    fn send_grid(&mut self, is_on: bool) -> Option<SendGrid> {
        let api_key = self.take("mail.sendgrid.api_key");
        let webhook_public_key = self.take("mail.sendgrid.webhook_public_key");
        let base_url = self.take("mail.sendgrid.base_url");
        if is_on {
            self.require("mail.adapter", "and `mail.adapter` is sendgrid", &["mail.from", "mail.sendgrid.api_key"]);
        }
        Some(SendGrid { api_key: api_key?, webhook_public_key, base_url: base_url? })
    }

    pub(super) fn sms(&mut self) -> Option<Sms> {
        let adapter = self.take("sms.adapter");
        let from: Option<String> = self.take("sms.from");
        let twilio = self.twilio(adapter == Some(SmsWord::Twilio), from.clone());
        let http = self.sms_http(adapter == Some(SmsWord::Http), from);
        match adapter? {
            SmsWord::Log => Some(Sms::Log),
            SmsWord::Twilio => twilio.map(Sms::Twilio),
            SmsWord::Http => http.map(Sms::Http),
        }
    }

    fn twilio(&mut self, is_on: bool, from: Option<String>) -> Option<Twilio> {
        const KEY: &str = "sms.twilio.api_key";
        const KEY_SECRET: &str = "sms.twilio.api_secret";
        const SERVICE: &str = "sms.twilio.messaging_service_sid";
        let (account_sid, auth_token) = (self.take("sms.twilio.account_sid"), self.take("sms.twilio.auth_token"));
        let (id, secret) = (self.take::<String>(KEY), self.take(KEY_SECRET));
        let service = self.take::<String>(SERVICE);
        let webhook_secret = self.take("sms.twilio.webhook_secret");
        let base_url = self.take("sms.twilio.base_url");
        if !is_on {
            return None;
        }
        let needed = ["sms.twilio.account_sid", "sms.twilio.auth_token"];
        self.require("sms.adapter", "and `sms.adapter` is twilio", &needed);
        if !self.is_given(SERVICE) {
            self.require("sms.adapter", "and `sms.adapter` is twilio", &["sms.from"]);
        }
        if self.is_given(KEY) {
            self.require(KEY, "and `sms.twilio.api_key` is set", &[KEY_SECRET]);
        }
        if self.is_given(KEY_SECRET) {
            self.require(KEY_SECRET, "and `sms.twilio.api_secret` is set", &[KEY]);
        }
        let sender = service.map(TwilioSender::Service).or(from.map(TwilioSender::From));
        let api_key = id.zip(secret).map(|(id, secret)| TwilioKey { id, secret });
        Some(Twilio {
            account_sid: account_sid?,
            auth_token: auth_token?,
            api_key,
            sender: sender?,
            webhook_secret,
            base_url: base_url?,
        })
    }

    fn sms_http(&mut self, is_on: bool, from: Option<String>) -> Option<SmsHttp> {
        const FORM: &str = "sms.http.form";
        const ID_AT: &str = "sms.http.id_at";
        let (url, authorization) = (self.take("sms.http.url"), self.take("sms.http.authorization"));
        let (form, id_at) = (self.take::<String>(FORM), self.take::<String>(ID_AT));
        if !is_on {
            return None;
        }
        self.require("sms.adapter", "and `sms.adapter` is http", &["sms.http.url"]);
        if let Some(form) = &form {
            if let Some(place) = unknown_place(form) {
                let what = format!("has the place {place}, which nothing fills");
                self.refuse(FORM, &what, &format!("it may have {}", SmsHttp::PLACES.join(", ")));
            } else if !form.contains("{text}") || !(form.contains("{to}") || form.contains("{digits}")) {
                self.refuse(FORM, "names nobody or says nothing", "it needs {text}, and {to} or {digits}");
            }
        }
        if id_at.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
            self.refuse(ID_AT, "is no JSON pointer", "begin it with a slash, as in /data/id");
        }
        Some(SmsHttp { url: url?, authorization, from, form, id_at })
    }
}

/// The first place of a form that is none of [`SmsHttp::PLACES`].
fn unknown_place(form: &str) -> Option<String> {
    let mut rest = form;
    while let Some(at) = rest.find(['{', '}']) {
        let place = &rest[at..];
        let known = SmsHttp::PLACES.iter().find(|known| place.starts_with(**known));
        let Some(known) = known else {
            return Some(place.split_inclusive('}').next().unwrap_or(place).to_owned());
        };
        rest = &place[known.len()..];
    }
    None
}

/// The sender while nobody is: what the `log` adapter writes into its files.
fn nobody() -> Mailbox {
    Mailbox { name: None, address: "bayader@localhost".to_owned() }
}
