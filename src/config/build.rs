//! From single values to a whole configuration: what needs what, and what cannot stand beside what.
//!
//! Every section is built even if an earlier one is at fault, so that one run tells all. A part that cannot be built is
//! `None` and has left a fault; a fault leaves no configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::civil::Weekday;

use super::choice::{MediaServe, TlsWord, WEEKDAYS};
use super::fault::{ConfigFault, Place};
use super::keys::{Fallback, KEYS, Key, variable};
use super::model::{Backup, Config, Media, Orders, Otlp, PublicUrl, RateLimit, S3, Server, Shop, Tier, Tls};
use super::source::Written;
use super::types::{HttpUrl, Scheme};
use super::value::{FromValue, Raw, Value};

/// Where browsers look for `https://`.
const HTTPS_PORT: u16 = 443;

/// Make a configuration of all that is written, or say all that is wrong with it.
pub(super) fn build(written: Written) -> Result<Config, Vec<ConfigFault>> {
    let is_torn = written.is_torn;
    let mut builder = Builder::settle(written);
    let config = if is_torn { None } else { builder.config() };
    let Builder { origins, mut faults, .. } = builder;
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    match config {
        Some(config) if faults.is_empty() => Ok(Config { origins, ..config }),
        None if faults.is_empty() => Err(vec![ConfigFault {
            place: Place::Default,
            key: None,
            what: "the product's own defaults are not complete".to_owned(),
            advice: "this is a defect of the product; please report it".to_owned(),
        }]),
        _ => Err(faults),
    }
}

/// The values that are left to be built in, and the faults so far.
pub(super) struct Builder {
    values: BTreeMap<&'static str, Value>,
    origins: BTreeMap<&'static str, Place>,
    /// Keys that are written, but could not be taken; they have left a fault and are not missing.
    broken: BTreeSet<&'static str>,
    faults: Vec<ConfigFault>,
}

impl Builder {
    /// Read every value that is written, and take the default where none is.
    fn settle(written: Written) -> Self {
        let Written { entries, broken, faults, .. } = written;
        let mut builder = Self { values: BTreeMap::new(), broken: broken.keys().copied().collect(), origins: broken, faults };
        for key in KEYS {
            match entries.get(key.path).filter(|entry| !entry.raw.is_empty()) {
                Some(entry) => {
                    builder.origins.insert(key.path, entry.place.clone());
                    builder.read(key, &entry.raw, &entry.place);
                }
                None => {
                    if let Fallback::Is(word) = key.fallback {
                        builder.read(key, &Raw::Word(word.to_owned()), &Place::Default);
                    }
                }
            }
        }
        builder
    }

    fn read(&mut self, key: &'static Key, raw: &Raw, place: &Place) {
        match key.kind.read(raw, place.folder()) {
            Ok(value) => {
                self.values.insert(key.path, value);
            }
            Err(refusal) => {
                self.broken.insert(key.path);
                self.faults.push(refusal.of(key.path, place));
            }
        }
    }

    /// The value of a key, once: what is left over in the end is a key that the product knows and does not use.
    pub fn take<T: FromValue>(&mut self, key: &'static str) -> Option<T> {
        debug_assert!(KEYS.iter().any(|known| known.path == key), "{key} is in no table");
        let value = T::from_value(self.values.remove(key)?);
        debug_assert!(value.is_some(), "{key} is of another type than the table says");
        value
    }

    /// Whether somebody has written `key`, well or badly.
    pub fn is_given(&self, key: &str) -> bool {
        self.origins.contains_key(key) || self.broken.contains(key)
    }

    /// The first key below `section` that somebody has written.
    pub fn first_given(&self, section: &str) -> Option<&'static str> {
        KEYS.iter()
            .map(|key| key.path)
            .find(|path| path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')) && self.is_given(path))
    }

    /// A fault at the place of `key`.
    pub fn refuse(&mut self, key: &'static str, what: &str, advice: &str) {
        self.faults.push(ConfigFault {
            place: self.origins.get(key).cloned().unwrap_or(Place::Default),
            key: Some(key.to_owned()),
            what: format!("`{key}` {what}"),
            advice: advice.to_owned(),
        });
    }

    /// Ask for `keys`, because `near` says `why`; each that is missing is a fault at the place of `near`.
    pub fn require(&mut self, near: &'static str, why: &str, keys: &[&'static str]) {
        let missing: Vec<&'static str> = keys.iter().copied().filter(|key| !self.is_given(key)).collect();
        for key in missing {
            self.faults.push(ConfigFault {
                place: self.origins.get(near).cloned().unwrap_or(Place::Default),
                key: Some(key.to_owned()),
                what: format!("`{key}` is missing, {why}"),
                advice: format!("set it there or as {}", variable(key)),
            });
        }
    }

    /// Ask for `keys` if anything stands in `section`: begun is to be finished (SPEC 10).
    pub fn require_whole(&mut self, section: &str, keys: &[&'static str]) -> Option<()> {
        let near = self.first_given(section)?;
        self.require(near, &format!("so that [{section}] is half filled"), keys);
        Some(())
    }

    /// Ask that a file can be opened, so that `config check` says it and not the first customer.
    pub fn must_open(&mut self, key: &'static str, path: Option<&Path>) {
        let Some(Err(why)) = path.map(File::open) else {
            return;
        };
        let what = format!("is {}, which cannot be opened: {why}", path.unwrap_or(Path::new("")).display());
        self.refuse(key, &what, "name a file that this user may read");
    }

    fn config(&mut self) -> Option<Config> {
        // Without `?`, so that each section tells its faults.
        let tls = self.tls();
        let server = self.server(tls.as_ref());
        let (shop, orders, rate_limit) = (self.shop(), self.orders(), self.rate_limit());
        let payments = self.payments();
        let (mail, sms) = (self.mail(), self.sms());
        let (media, s3) = self.media_and_s3();
        let backup = self.backup();
        let otlp = self.take("otlp.endpoint").map(|endpoint| Otlp { endpoint });
        debug_assert!(self.values.is_empty(), "known, but not used: {:?}", self.values.keys());
        Some(Config {
            server: server?,
            shop,
            orders,
            rate_limit: rate_limit?,
            payments,
            mail: mail?,
            sms: sms?,
            media: media?,
            s3,
            backup: backup?,
            tls: tls?,
            otlp,
            file: None,
            origins: BTreeMap::new(),
        })
    }

    fn server(&mut self, tls: Option<&Tls>) -> Option<Server> {
        let listen = self.take::<SocketAddr>("server.listen");
        let metrics_listen = self.take("server.metrics_listen");
        if metrics_listen.is_some() && metrics_listen == listen && listen.is_some_and(|at| at.port() != 0) {
            self.refuse("server.metrics_listen", "is the address of `server.listen`", "give metrics a port of their own");
        }
        let given = self.take("server.public_url").map(PublicUrl::Given);
        let https_listen = self.take("tls.listen").or(listen.map(|at| SocketAddr::new(at.ip(), HTTPS_PORT)));
        let speaks_https = matches!(tls, Some(Tls::Files { .. } | Tls::Acme { .. }));
        if speaks_https && https_listen.is_some() && https_listen == listen && listen.is_some_and(|at| at.port() != 0) {
            self.refuse("tls.listen", "is the address of `server.listen`", "give HTTPS a port of its own, such as 443");
        }
        if let Some(PublicUrl::Given(url)) = &given
            && speaks_https
            && !url.is_https()
        {
            let what = format!("is {url}, but the shop speaks HTTPS");
            self.refuse("server.public_url", &what, "let it begin with https://, or set `tls.mode` to off");
        }
        let public_url = match (given, listen, https_listen) {
            (Some(given), ..) => Some(given),
            _ if self.is_given("server.public_url") => None,
            // A server that speaks HTTPS is not found under http://.
            (None, _, Some(at)) if speaks_https => Some(PublicUrl::Assumed(match tls {
                Some(Tls::Acme { domains, .. }) => HttpUrl::of_name(Scheme::Https, domains.first()?, at.port()),
                _ => HttpUrl::at(Scheme::Https, at),
            })),
            (None, Some(at), _) => Some(PublicUrl::Assumed(HttpUrl::at(Scheme::Http, at))),
            _ => None,
        };
        let return_url = self.take("server.return_url");
        let (cors_origins, trusted_proxies) = (self.take("server.cors_origins"), self.take("server.trusted_proxies"));
        let (log, log_format) = (self.take("server.log"), self.take("server.log_format"));
        Some(Server {
            listen: listen?,
            https_listen: https_listen?,
            public_url: public_url?,
            return_url,
            cors_origins: cors_origins?,
            metrics_listen,
            trusted_proxies: trusted_proxies?,
            log: log?,
            log_format: log_format?,
        })
    }

    fn shop(&mut self) -> Shop {
        Shop {
            name: self.take("shop.name"),
            locale: self.take("shop.locale"),
            currency: self.take("shop.currency"),
            time_zone: self.take("shop.time_zone"),
            first_weekday: self.take::<String>("shop.first_weekday").and_then(|day| weekday(&day)),
        }
    }

    fn orders(&mut self) -> Orders {
        Orders {
            hold_minutes: self.take("orders.hold_minutes"),
            cash_hold_hours: self.take("orders.cash_hold_hours"),
            confirm_cash: self.take("orders.confirm_cash"),
            prices_include_tax: self.take("orders.prices_include_tax"),
        }
    }

    fn rate_limit(&mut self) -> Option<RateLimit> {
        let enabled = self.take("rate_limit.enabled");
        let public = self.tier("rate_limit.public.per_minute", "rate_limit.public.burst");
        let signed_in = self.tier("rate_limit.signed_in.per_minute", "rate_limit.signed_in.burst");
        let partner = self.tier("rate_limit.partner.per_minute", "rate_limit.partner.burst");
        Some(RateLimit { enabled: enabled?, public: public?, signed_in: signed_in?, partner: partner? })
    }

    fn tier(&mut self, per_minute: &'static str, burst: &'static str) -> Option<Tier> {
        let (per_minute, burst) = (self.take(per_minute), self.take(burst));
        Some(Tier { per_minute: per_minute?, burst: burst? })
    }

    fn media_and_s3(&mut self) -> (Option<Media>, Option<S3>) {
        const NEEDED: &[&str] = &["s3.endpoint", "s3.region", "s3.bucket", "s3.access_key", "s3.secret_key"];
        let (serve, max_upload_mb) = (self.take("media.serve"), self.take("media.max_upload_mb"));
        if self.require_whole("s3", NEEDED).is_none() && serve == Some(MediaServe::S3) {
            self.require("media.serve", "and `media.serve` is s3", NEEDED);
        }
        let media = serve.zip(max_upload_mb).map(|(serve, max_upload_mb)| Media { serve, max_upload_mb });
        (media, self.s3())
    }

    fn s3(&mut self) -> Option<S3> {
        let (endpoint, region, bucket) = (self.take("s3.endpoint"), self.take("s3.region"), self.take("s3.bucket"));
        let (access_key, secret_key) = (self.take("s3.access_key"), self.take("s3.secret_key"));
        let (session_token, path_style) = (self.take("s3.session_token"), self.take("s3.path_style"));
        Some(S3 {
            endpoint: endpoint?,
            region: region?,
            bucket: bucket?,
            access_key: access_key?,
            secret_key: secret_key?,
            session_token,
            path_style: path_style?,
        })
    }

    fn backup(&mut self) -> Option<Backup> {
        let (folder, keep, seal_to) = (self.take("backup.folder"), self.take("backup.keep"), self.take("backup.seal_to"));
        Some(Backup { folder, keep: keep?, seal_to })
    }

    fn tls(&mut self) -> Option<Tls> {
        let mode = self.take("tls.mode");
        let cert_file: Option<PathBuf> = self.take("tls.cert_file");
        let key_file: Option<PathBuf> = self.take("tls.key_file");
        let (domains, email) = (self.take::<Vec<String>>("tls.domains"), self.take("tls.email"));
        let directory_url = self.take("tls.directory_url");
        let ca_file: Option<PathBuf> = self.take("tls.ca_file");
        match mode? {
            TlsWord::Off => Some(Tls::Off),
            TlsWord::Files => {
                self.require("tls.mode", "and `tls.mode` is files", &["tls.cert_file", "tls.key_file"]);
                self.must_open("tls.cert_file", cert_file.as_deref());
                self.must_open("tls.key_file", key_file.as_deref());
                Some(Tls::Files { cert_file: cert_file?, key_file: key_file? })
            }
            TlsWord::Acme => {
                self.require("tls.mode", "and `tls.mode` is acme", &["tls.domains", "tls.email"]);
                self.must_open("tls.ca_file", ca_file.as_deref());
                if domains
                    .as_ref()
                    .is_some_and(|domains| domains.iter().any(|domain| domain.parse::<std::net::IpAddr>().is_ok()))
                {
                    self.refuse(
                        "tls.domains",
                        "holds an address",
                        "write names alone; an authority's certificate is for a name",
                    );
                }
                Some(Tls::Acme { domains: domains?, email: email?, directory_url: directory_url?, ca_file })
            }
        }
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    let offset = WEEKDAYS.iter().position(|day| *day == name)?;
    Weekday::from_monday_zero_offset(i8::try_from(offset).ok()?).ok()
}
