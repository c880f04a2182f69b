//! The gateways' sections: which keys one needs, and which keys cannot belong together.
//!
//! A gateway is offered when its section is complete; a half-filled one is a fault, because a shop that silently does not
//! take cards loses a day before anybody asks.

use super::build::Builder;
use super::secret::Secret;
use super::types::{HttpUrl, UrlRule};

/// `[payments]`: each gateway that is offered.
#[derive(Debug, Clone, Default)]
pub struct Payments {
    /// Stripe.
    pub stripe: Option<Stripe>,
    /// PayPal.
    pub paypal: Option<PayPal>,
    /// MyFatoorah.
    pub myfatoorah: Option<MyFatoorah>,
    /// Paymob.
    pub paymob: Option<Paymob>,
}

impl Payments {
    /// The gateways that are offered, by the names of their sections.
    pub fn names(&self) -> Vec<&'static str> {
        let offered = [
            ("stripe", self.stripe.is_some()),
            ("paypal", self.paypal.is_some()),
            ("myfatoorah", self.myfatoorah.is_some()),
            ("paymob", self.paymob.is_some()),
        ];
        offered.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect()
    }

    /// An offered gateway that takes a currency of three digits with a zero at its end only (PROVIDERS 1, "Amounts").
    pub fn coarse(&self) -> Option<&'static str> {
        self.stripe.as_ref().map(|_| "stripe")
    }
}

/// `[payments.stripe]`
#[derive(Debug, Clone)]
pub struct Stripe {
    /// Secret or restricted key.
    pub secret_key: Secret,
    /// Publishable key, which pages may know; without it customers pay on Stripe's page only.
    pub publishable_key: Option<String>,
    /// Signing secrets of the webhook, at least one; several while one is rolled.
    pub webhook_secret: Vec<Secret>,
    /// Where Stripe answers.
    pub base_url: HttpUrl,
}

/// `[payments.paypal]`
#[derive(Debug, Clone)]
pub struct PayPal {
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: Secret,
    /// Id of the webhook, which is part of what PayPal signs.
    pub webhook_id: String,
    /// Where PayPal answers.
    pub base_url: HttpUrl,
    /// Further hosts from which signing certificates are taken; for tests.
    pub cert_hosts: Vec<String>,
}

/// `[payments.myfatoorah]`
#[derive(Debug, Clone)]
pub struct MyFatoorah {
    /// API token.
    pub api_token: Secret,
    /// Secret of the webhook.
    pub webhook_secret: Secret,
    /// The account's country, ISO 3166 in three letters.
    pub country: String,
    /// Where MyFatoorah answers.
    pub base_url: HttpUrl,
}

/// `[payments.paymob]`
#[derive(Debug, Clone)]
pub struct Paymob {
    /// Secret key.
    pub secret_key: Secret,
    /// Public key, which stands in links.
    pub public_key: String,
    /// API key, for asking.
    pub api_key: Secret,
    /// HMAC secret of the callbacks.
    pub hmac_secret: Secret,
    /// Integrations a customer may choose from, at least one.
    pub integration_ids: Vec<u64>,
    /// The account's currency.
    pub currency: String,
    /// Where Paymob answers.
    pub base_url: HttpUrl,
}

/// The host of each country that is not served by the common one (MyFatoorah's public SDK).
const MYFATOORAH_HOSTS: &[(&str, &str)] = &[
    ("SAU", "https://api-sa.myfatoorah.com"),
    ("QAT", "https://api-qa.myfatoorah.com"),
    ("EGY", "https://api-eg.myfatoorah.com"),
];
const MYFATOORAH_HOST: &str = "https://api.myfatoorah.com";

/// A region of Paymob: how its keys begin, its currency, its host (Paymob's public plugins).
struct Region {
    marks: &'static [&'static str],
    currency: &'static str,
    base_url: &'static str,
}

const REGIONS: &[Region] = &[
    Region { marks: &["egy"], currency: "EGP", base_url: "https://accept.paymob.com" },
    Region { marks: &["ksa", "sau"], currency: "SAR", base_url: "https://ksa.paymob.com" },
    Region { marks: &["uae", "are"], currency: "AED", base_url: "https://uae.paymob.com" },
    Region { marks: &["omn"], currency: "OMR", base_url: "https://oman.paymob.com" },
    Region { marks: &["pak"], currency: "PKR", base_url: "https://pakistan.paymob.com" },
];

/// Whether a key moves real money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Test,
    Live,
}

impl Mode {
    fn of(word: &str) -> Option<Self> {
        match word {
            "test" => Some(Self::Test),
            "live" => Some(Self::Live),
            _ => None,
        }
    }
}

/// Whether two keys say that they belong to different modes; what says nothing contradicts nothing.
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

/// `sk_test_…`: what a key of Stripe is, and its mode.
fn stripe_shape(key: &str) -> (&str, Option<Mode>) {
    let mut parts = key.splitn(3, '_');
    let kind = parts.next().unwrap_or_default();
    (kind, parts.next().and_then(Mode::of))
}

/// `egy_sk_test_…`: a key of Paymob tells its region by its first three characters and its mode by the eighth on.
fn paymob_shape(key: &str) -> (Option<&'static Region>, Option<Mode>) {
    let mark = key.get(..3).filter(|_| key.get(3..4) == Some("_")).unwrap_or_default();
    (REGIONS.iter().find(|region| region.marks.contains(&mark)), key.get(7..11).and_then(Mode::of))
}

fn known_url(text: &str) -> Option<HttpUrl> {
    HttpUrl::parse(text, UrlRule::Provider).ok()
}

impl Builder {
    pub(super) fn payments(&mut self) -> Payments {
        Payments { stripe: self.stripe(), paypal: self.paypal(), myfatoorah: self.myfatoorah(), paymob: self.paymob() }
    }

    fn stripe(&mut self) -> Option<Stripe> {
        const SECRET: &str = "payments.stripe.secret_key";
        const PUBLISHABLE: &str = "payments.stripe.publishable_key";
        const WEBHOOK: &str = "payments.stripe.webhook_secret";
        let (secret_key, publishable_key) = (self.take::<Secret>(SECRET), self.take::<String>(PUBLISHABLE));
        let (webhook_secret, base_url) = (self.take(WEBHOOK), self.take("payments.stripe.base_url"));
        self.require_whole("payments.stripe", &[SECRET, WEBHOOK])?;
        let (kind, mode) = secret_key.as_ref().map_or(("", None), |key| stripe_shape(key.reveal()));
        let (public_kind, public_mode) = publishable_key.as_deref().map_or(("", None), stripe_shape);
        if kind == "pk" {
            self.refuse(SECRET, "is a publishable key", "set the secret or restricted key, which begins with sk_ or rk_");
        }
        // This one is shown to every browser: here the mistake would be a theft.
        if matches!(public_kind, "sk" | "rk" | "whsec") {
            self.refuse(
                PUBLISHABLE,
                "is a secret, which browsers would be shown",
                "set the key that begins with pk_, and roll the secret",
            );
        } else if differ(mode, public_mode) {
            self.refuse(
                PUBLISHABLE,
                "and `payments.stripe.secret_key` are of different modes",
                "set two test keys or two live keys",
            );
        }
        Some(Stripe { secret_key: secret_key?, publishable_key, webhook_secret: webhook_secret?, base_url: base_url? })
    }

    fn paypal(&mut self) -> Option<PayPal> {
        const ID: &str = "payments.paypal.client_id";
        const SECRET: &str = "payments.paypal.client_secret";
        const WEBHOOK: &str = "payments.paypal.webhook_id";
        let (client_id, client_secret, webhook_id) = (self.take(ID), self.take(SECRET), self.take(WEBHOOK));
        let (base_url, cert_hosts) = (self.take("payments.paypal.base_url"), self.take("payments.paypal.cert_hosts"));
        self.require_whole("payments.paypal", &[ID, SECRET, WEBHOOK])?;
        Some(PayPal {
            client_id: client_id?,
            client_secret: client_secret?,
            webhook_id: webhook_id?,
            base_url: base_url?,
            cert_hosts: cert_hosts?,
        })
    }

    fn myfatoorah(&mut self) -> Option<MyFatoorah> {
        const TOKEN: &str = "payments.myfatoorah.api_token";
        const WEBHOOK: &str = "payments.myfatoorah.webhook_secret";
        const COUNTRY: &str = "payments.myfatoorah.country";
        let (api_token, webhook_secret) = (self.take(TOKEN), self.take(WEBHOOK));
        let (country, base_url) = (self.take::<String>(COUNTRY), self.take("payments.myfatoorah.base_url"));
        self.require_whole("payments.myfatoorah", &[TOKEN, WEBHOOK, COUNTRY])?;
        let country = country?;
        let own_host = MYFATOORAH_HOSTS.iter().find(|(of, _)| *of == country).map_or(MYFATOORAH_HOST, |(_, host)| host);
        let base_url = self.given_or("payments.myfatoorah.base_url", base_url, || known_url(own_host));
        Some(MyFatoorah { api_token: api_token?, webhook_secret: webhook_secret?, country, base_url: base_url? })
    }

    fn paymob(&mut self) -> Option<Paymob> {
        const SECRET: &str = "payments.paymob.secret_key";
        const PUBLIC: &str = "payments.paymob.public_key";
        const API: &str = "payments.paymob.api_key";
        const HMAC: &str = "payments.paymob.hmac_secret";
        const IDS: &str = "payments.paymob.integration_ids";
        const CURRENCY: &str = "payments.paymob.currency";
        const URL: &str = "payments.paymob.base_url";
        let (secret_key, public_key) = (self.take::<Secret>(SECRET), self.take::<String>(PUBLIC));
        let (api_key, hmac_secret, integration_ids) = (self.take(API), self.take(HMAC), self.take(IDS));
        let (currency, base_url) = (self.take::<String>(CURRENCY), self.take::<HttpUrl>(URL));
        self.require_whole("payments.paymob", &[SECRET, PUBLIC, API, HMAC, IDS])?;
        let (region, mode) = secret_key.as_ref().map_or((None, None), |key| paymob_shape(key.reveal()));
        let (public_region, public_mode) = public_key.as_deref().map_or((None, None), paymob_shape);
        if public_key.as_deref().is_some_and(|key| key.get(3..7) == Some("_sk_")) {
            self.refuse(PUBLIC, "is a secret key, which links would show", "set the key with _pk_ in it, and roll the secret");
        } else if differ(mode, public_mode) || differ(region.map(|r| r.currency), public_region.map(|r| r.currency)) {
            let what = "and `payments.paymob.secret_key` are of different modes or regions";
            self.refuse(PUBLIC, what, "set two keys of the same account and mode");
        }
        match region {
            Some(region) => self.check_region(region, currency.as_deref(), base_url.as_ref()),
            // Without a region in the key nobody else can say them.
            None if secret_key.is_some() => self.require(SECRET, "and the key does not tell its region", &[CURRENCY, URL]),
            None => {}
        }
        let currency = self.given_or(CURRENCY, currency, || region.map(|region| region.currency.to_owned()));
        let base_url = self.given_or(URL, base_url, || region.and_then(|region| known_url(region.base_url)));
        Some(Paymob {
            secret_key: secret_key?,
            public_key: public_key?,
            api_key: api_key?,
            hmac_secret: hmac_secret?,
            integration_ids: integration_ids?,
            currency: currency?,
            base_url: base_url?,
        })
    }

    /// An account of one region is unknown in another, and pays out in its own currency only.
    fn check_region(&mut self, region: &Region, currency: Option<&str>, base_url: Option<&HttpUrl>) {
        if currency.is_some_and(|currency| currency != region.currency) {
            let advice = format!("set {} or leave it out", region.currency);
            self.refuse("payments.paymob.currency", "is not that of the key's region", &advice);
        }
        let is_foreign = |url: &HttpUrl| url.as_str() != region.base_url && REGIONS.iter().any(|r| r.base_url == url.as_str());
        if base_url.is_some_and(is_foreign) {
            let advice = format!("set {} or leave it out", region.base_url);
            self.refuse("payments.paymob.base_url", "is not that of the key's region", &advice);
        }
    }

    /// What was written, or what follows from other keys if nothing was; a faulty value is replaced by nothing.
    fn given_or<T>(&self, key: &str, given: Option<T>, otherwise: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.is_given(key) { given } else { otherwise() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_mode_and_region() {
        assert_eq!(stripe_shape("rk_live_abc"), ("rk", Some(Mode::Live)));
        assert_eq!(stripe_shape("whatever"), ("whatever", None));
        let shape = |key| {
            let (region, mode) = paymob_shape(key);
            (region.map(|region| region.currency), mode)
        };
        assert_eq!(shape("egy_sk_test_abc"), (Some("EGP"), Some(Mode::Test)));
        assert_eq!(shape("are_pk_live_abc"), (Some("AED"), Some(Mode::Live)));
        assert_eq!(shape("egypt"), (None, None));
        assert_eq!(shape("مفتاح طويل"), (None, None));
    }

    #[test]
    fn every_host_that_is_known_by_heart_is_a_url() {
        let hosts = MYFATOORAH_HOSTS.iter().map(|(_, host)| *host).chain([MYFATOORAH_HOST]);
        for host in hosts.chain(REGIONS.iter().map(|region| region.base_url)) {
            assert!(known_url(host).is_some(), "{host}");
        }
    }
}
