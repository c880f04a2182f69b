//! Which of PayPal's links may be followed.

use url::{Host, Url};

use crate::config::HttpUrl;

/// Where a signing certificate stands (PROVIDERS 3.3).
const CERTIFICATES: &str = "/v1/notifications/certs/";
const LIVE_HOSTS: [&str; 2] = ["api.paypal.com", "api-m.paypal.com"];
const SANDBOX_HOSTS: [&str; 2] = ["api.sandbox.paypal.com", "api-m.sandbox.paypal.com"];
const LONGEST_CERTIFICATE_NAME: usize = 128;

/// The rules, as they follow from where PayPal answers.
#[derive(Clone, Debug)]
pub struct Links {
    base: Option<Url>,
    /// Whether it is the sandbox that answers: then its certificates and hosts count too.
    is_sandbox: bool,
    /// Further hosts of certificates, for tests.
    cert_hosts: Vec<String>,
}

impl Links {
    #[must_use]
    pub fn new(base_url: &HttpUrl, cert_hosts: &[String]) -> Links {
        Links {
            base: Url::parse(base_url.as_str()).ok(),
            is_sandbox: SANDBOX_HOSTS.contains(&base_url.host()),
            cert_hosts: cert_hosts.to_vec(),
        }
    }

    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.is_sandbox
    }

    /// A page to which a buyer may be sent: https on a host of paypal.com, or where the calls go themselves.
    #[must_use]
    pub fn page(&self, text: &str) -> Option<String> {
        let url = Url::parse(text).ok().filter(is_bare)?;
        let is_base = self.base.as_ref().is_some_and(|base| base.origin() == url.origin());
        let is_paypal = url.scheme() == "https"
            && url.port().is_none()
            && matches!(url.host(), Some(Host::Domain(host)) if host == "paypal.com" || host.ends_with(".paypal.com"));
        (is_base || is_paypal).then(|| url.into())
    }

    /// A certificate that may be fetched.
    #[must_use]
    pub fn certificate(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok().filter(is_bare)?;
        let name = url.path().strip_prefix(CERTIFICATES)?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_name || name.is_empty() || name.len() > LONGEST_CERTIFICATE_NAME {
            return None;
        }
        if url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let host = url.host_str()?;
        let is_paypal = LIVE_HOSTS.contains(&host) || (self.is_sandbox && SANDBOX_HOSTS.contains(&host));
        let is_ours = self.cert_hosts.iter().any(|known| known == host);
        let is_allowed = match url.scheme() {
            "https" => is_ours || (is_paypal && url.port().is_none()),
            "http" => is_ours && is_this_machine(&url),
            _ => false,
        };
        is_allowed.then_some(url)
    }
}

/// Whether it carries no user.
fn is_bare(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(base: &str) -> Links {
        Links { base: Url::parse(base).ok(), is_sandbox: base.contains("sandbox"), cert_hosts: vec!["127.0.0.1".to_owned()] }
    }

    #[test]
    fn a_buyer_is_sent_to_paypal_or_to_the_base_and_nowhere_else() {
        let live = links("https://api-m.paypal.com");
        for good in ["https://www.paypal.com/checkoutnow?token=5O1", "https://paypal.com/x", "https://www.sandbox.paypal.com/x"]
        {
            assert_eq!(live.page(good).as_deref(), Some(good));
        }
        for bad in [
            "http://www.paypal.com/checkoutnow",
            "https://www.paypal.com.evil.example/",
            "https://evilpaypal.com/",
            "https://www.paypal.com@evil.example/",
            "https://user:x@www.paypal.com/",
            "https://www.paypal.com:8443/",
            "//www.paypal.com/",
            "javascript:alert(1)//www.paypal.com/",
            "http://127.0.0.1:4000/approve",
            "",
        ] {
            assert_eq!(live.page(bad), None, "{bad}");
        }
        let double = links("http://127.0.0.1:4000/paypal");
        assert!(double.page("http://127.0.0.1:4000/approve?token=1").is_some());
        assert_eq!(double.page("http://127.0.0.1:4001/approve"), None);
        assert_eq!(double.page("http://localhost:4000/approve"), None);
    }

    #[test]
    fn a_certificate_comes_from_paypals_hosts_alone() {
        let (live, sandbox) = (links("https://api-m.paypal.com"), links("https://api-m.sandbox.paypal.com"));
        let at = |host: &str| format!("{host}/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77");
        for host in ["https://api.paypal.com", "https://api-m.paypal.com:443", "https://API.paypal.com", "http://127.0.0.1:99"]
        {
            assert!(live.certificate(&at(host)).is_some(), "{host}");
        }
        for host in ["https://api.sandbox.paypal.com", "https://api-m.sandbox.paypal.com"] {
            assert!(sandbox.certificate(&at(host)).is_some(), "{host}");
            assert_eq!(live.certificate(&at(host)), None, "{host}");
        }
        for host in [
            "http://api.paypal.com",
            "https://api.paypal.com:444",
            "https://a@api.paypal.com",
            "https://:b@api.paypal.com",
            "https://api.paypal.com.",
            "https://www.paypal.com",
            "https://x.api.paypal.com",
            "https://api.paypal.com.evil.example",
            "https://evil.example\\@api.paypal.com",
            "http://localhost:99",
            "ftp://127.0.0.1",
        ] {
            assert_eq!(live.certificate(&at(host)), None, "{host}");
        }
        for path in ["/v1/notifications/certs/", "/certs/C", "/v1/notifications/certs/../x", "/v1/notifications/certs/a/b"] {
            assert_eq!(live.certificate(&format!("https://api.paypal.com{path}")), None, "{path}");
        }
        for tail in ["?a=1", "#a", "%2e%2e", ".pem"] {
            assert_eq!(live.certificate(&(at("https://api.paypal.com") + tail)), None, "{tail}");
        }
    }
}
