//! The values a configuration holds, each proved by having been parsed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::fault::{Refusal, shown};

/// Which URLs a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlRule {
    /// `http` or `https`.
    Any,
    /// `https`, or plain HTTP to this very machine for tests and local doubles (SPEC 10).
    Provider,
    /// Scheme, host and port alone, as a browser's `Origin` header spells it.
    Origin,
}

/// How a web address is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// An absolute `http` or `https` URL without user name, query, fragment or trailing slash, so that a path can be put
/// straight behind it: `format!("{url}/v1/refunds")`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    text: String,
    host: String,
    scheme: Scheme,
}

impl HttpUrl {
    /// The URL of what listens at an address; port 0 stays, until the server knows which port it was given.
    pub(super) fn at(scheme: Scheme, address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { text: format!("{}://{host}:{}", scheme.as_str(), address.port()), host, scheme }
    }

    /// The URL of a name at a port; the scheme's own port is left out.
    pub(super) fn of_name(scheme: Scheme, name: &str, port: u16) -> Self {
        let host = name.to_ascii_lowercase();
        let usual = match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        let behind = if port == usual { String::new() } else { format!(":{port}") };
        Self { text: format!("{}://{host}{behind}", scheme.as_str()), host, scheme }
    }

    /// The same at the port of an address, and at its IP too unless this is a name.
    pub(super) fn moved_to(&self, address: SocketAddr) -> Self {
        if self.has_name() { Self::of_name(self.scheme, &self.host, address.port()) } else { Self::at(self.scheme, address) }
    }

    /// The same with a name in place of an IP address.
    pub(super) fn named(&self, name: &str) -> Self {
        let port = self.text.rsplit(':').next().and_then(|port| port.parse().ok());
        match port {
            Some(port) if !self.has_name() => Self::of_name(self.scheme, name, port),
            _ => self.clone(),
        }
    }

    fn has_name(&self) -> bool {
        self.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_err()
    }

    pub(super) fn parse(text: &str, rule: UrlRule) -> Result<Self, Refusal> {
        let example = match rule {
            UrlRule::Any | UrlRule::Provider => "write it whole, such as https://example.com",
            UrlRule::Origin => "write scheme, host and port alone, such as https://example.com",
        };
        let refuse = |why: &str| Refusal::new(format!("is {}, which {why}", shown(text)), example);
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refuse("is no URL"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(refuse("begins with neither http:// nor https://")),
        };
        if rest.contains(['?', '#']) {
            return Err(refuse("has a query or a fragment"));
        }
        let uri: http::Uri = text.parse().map_err(|_| refuse("is no URL"))?;
        let authority = uri.authority().ok_or_else(|| refuse("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("holds a user name or password"));
        }
        let host = authority.host().to_ascii_lowercase();
        let behind_host = &authority.as_str()[authority.host().len()..];
        if host.is_empty() || (!behind_host.is_empty() && authority.port_u16().is_none_or(|port| port == 0)) {
            return Err(refuse("has no valid host or port"));
        }
        let path = uri.path().trim_end_matches('/');
        if rule == UrlRule::Origin && uri.path() != "/" {
            return Err(refuse("has a path"));
        }
        if rule == UrlRule::Origin && rest.ends_with('/') {
            return Err(refuse("ends with a slash, which no browser sends"));
        }
        if rule == UrlRule::Provider && scheme == Scheme::Http && !is_loopback(&host) {
            return Err(Refusal::new(
                format!("is {}, which is not encrypted", shown(text)),
                "use https://; plain HTTP is only for this machine itself (127.0.0.1, ::1, localhost)",
            ));
        }
        Ok(Self { text: format!("{}://{host}{behind_host}{path}", scheme.as_str()), host, scheme })
    }

    /// The URL without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host in lower case, an IPv6 address in its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is `https`.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether it leads to this very machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a host names this very machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        // RFC 6761 section 6.3: `localhost` and all below it never leave the machine.
        Err(_) => bare.eq_ignore_ascii_case("localhost") || bare.to_ascii_lowercase().ends_with(".localhost"),
    }
}

/// An address, or all addresses that begin with the same bits: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = || {
            Refusal::new(
                format!("holds {}, which is neither an address nor a network", shown(text)),
                "write an address such as 10.0.0.7 or a network such as 10.0.0.0/8",
            )
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let widest: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            // `u8::from_str` takes a plus sign, which no notation of networks has.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().map_err(|_| refuse())?,
            Some(_) => return Err(refuse()),
            None => widest,
        };
        if prefix_bits > widest { Err(refuse()) } else { Ok(Self { address, prefix_bits }) }
    }

    /// Whether `address` lies within. An IPv4 address that arrives on an IPv6 socket (`::ffff:10.0.0.7`) counts as the
    /// IPv4 address that it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let apart = u32::from(own) ^ u32::from(other);
                apart.checked_shr(32 - u32::from(self.prefix_bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let apart = u128::from(own) ^ u128::from(other);
                apart.checked_shr(128 - u32::from(self.prefix_bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Who a message comes from: `orders@example.com` or `Bayader Bakery <orders@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name beside the address.
    pub name: Option<String>,
    /// The bare address.
    pub address: String,
}

impl Mailbox {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = || {
            Refusal::new(
                format!("is {}, which is no address", shown(text)),
                "write orders@example.com or Bayader Bakery <orders@example.com>",
            )
        };
        let (name, address) = match text.strip_suffix('>') {
            Some(open) => open.rsplit_once('<').ok_or_else(refuse)?,
            None => ("", text),
        };
        let name = name.trim().trim_matches('"').trim();
        if !is_email(address) || name.contains(['<', '>', '"']) || name.chars().any(char::is_control) {
            return Err(refuse());
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address: address.to_owned() })
    }
}

/// How many backups are kept: the newest of each of the last so many days, weeks and months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Days, at least one.
    pub daily: u64,
    /// Weeks.
    pub weekly: u64,
    /// Months.
    pub monthly: u64,
}

impl Keep {
    /// A week to undo a mistake of yesterday, a month to notice one, a year for the books.
    pub(super) const USUAL: Self = Self { daily: 7, weekly: 4, monthly: 12 };
}

/// Whether `text` can be an e-mail address that a shop sends from: the plain form of RFC 5321 without quoting.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    // RFC 5321 section 4.5.3.1: 64 octets before the sign, 254 for the whole.
    (1..=64).contains(&local.len()) && text.len() <= 254 && local.chars().all(plain) && is_domain(domain)
}

/// Whether `text` is a host name of letters, digits and dashes (RFC 1123 section 2.1).
pub(super) fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str, rule: UrlRule) -> Option<String> {
        HttpUrl::parse(text, rule).ok().map(|url| url.to_string())
    }

    #[test]
    fn a_url_is_kept_without_its_last_slash_and_with_its_host_in_lower_case() {
        assert_eq!(url("https://Shop.Example/", UrlRule::Any).as_deref(), Some("https://shop.example"));
        assert_eq!(url("HTTP://[::1]:8080/a/b/", UrlRule::Any).as_deref(), Some("http://[::1]:8080/a/b"));
    }

    #[test]
    fn what_is_no_plain_web_address_is_refused() {
        for text in [
            "",
            "shop.example",
            "ftp://shop.example",
            "https://",
            "https:///a",
            "https://a b",
            "https://a?x=1",
            "https://a#x",
            "https://user:pass@a",
            "https://a:99999",
            "https://a:0",
            "https://a:",
            "//a",
            "javascript://a",
        ] {
            assert_eq!(url(text, UrlRule::Any), None, "{text}");
        }
    }

    #[test]
    fn a_provider_is_spoken_to_in_the_clear_on_this_machine_only() {
        for text in ["http://127.0.0.1:9", "http://127.9.9.9", "http://[::1]:9", "http://localhost:9", "https://api.example"] {
            assert!(url(text, UrlRule::Provider).is_some(), "{text}");
        }
        for text in ["http://api.example", "http://10.0.0.1", "http://127.0.0.1.example", "http://localhost.example"] {
            assert_eq!(url(text, UrlRule::Provider), None, "{text}");
        }
    }

    #[test]
    fn an_origin_has_neither_path_nor_slash() {
        assert_eq!(url("https://a.example:8443", UrlRule::Origin).as_deref(), Some("https://a.example:8443"));
        for text in ["https://a.example/", "https://a.example/shop", "*", "null", "a.example"] {
            assert_eq!(url(text, UrlRule::Origin), None, "{text}");
        }
    }

    #[test]
    fn a_network_holds_its_own_addresses_only() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.0.0.7", "10.0.0.7") && !holds("10.0.0.7", "10.0.0.6"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("::/0", "2001:db8::1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "proxy.example"] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let sender = |text: &str| Mailbox::parse(text).ok().map(|m| (m.name.unwrap_or_default(), m.address));
        let both = |name: &str, address: &str| Some((name.to_owned(), address.to_owned()));
        assert_eq!(sender("orders@example.com"), both("", "orders@example.com"));
        assert_eq!(sender("مخبز البيادر <orders@example.com>"), both("مخبز البيادر", "orders@example.com"));
        assert_eq!(sender("\"Bayader, Amman\" <a@b.jo>"), both("Bayader, Amman", "a@b.jo"));
        for text in [
            "",
            "orders",
            "@example.com",
            "a@",
            "a@b@c",
            "a b@c.jo",
            "Shop a@b.jo",
            "Shop <a@b.jo",
            "a@b.jo>",
            "A\r\nBcc: x <a@b.jo>",
            "a@-b.jo",
            "a@b..jo",
        ] {
            assert_eq!(sender(text), None, "{text}");
        }
    }
}
