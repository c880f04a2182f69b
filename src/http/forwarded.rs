//! Who asks, seen through the proxies that the machine's keeper trusts (`[server] trusted_proxies`).
//!
//! Anybody can write `X-Forwarded-For`; only what a trusted proxy has added to it is true. So the list is walked from its end,
//! where the nearest proxy writes, past the trusted ones: the first that is not trusted is the client. RFC 7239 `Forwarded` is
//! not read: two headers that may disagree are a hole, and every proxy writes this one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use http::{HeaderMap, HeaderName};

use super::context::Client;
use crate::config::Network;
use crate::kernel::network::is_near;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Where a request of this peer comes from. An entry that is no address ends the walk: the last one that was counts. `by_https`: the
/// peer itself came by our own HTTPS. A trusted proxy that did so may still say that its caller did not.
#[must_use]
pub fn client(peer: IpAddr, by_https: bool, headers: &HeaderMap, proxies: &[Network]) -> Client {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    if !is_trusted(peer) {
        if headers.contains_key(FORWARDED_FOR) && is_near(peer) {
            tell_once(peer);
        }
        return Client { address: peer, secure: by_https };
    }
    let mut address = peer;
    for entry in entries(headers, &FORWARDED_FOR).rev() {
        let Some(next) = entry.and_then(read_address) else { break };
        address = next;
        if !is_trusted(address) {
            break;
        }
    }
    let secure = if headers.contains_key(FORWARDED_PROTO) { is_https(headers) } else { by_https };
    Client { address, secure }
}

/// A proxy that nobody has named makes one caller of all its people: they share one limit, and one wrong password too many.
fn tell_once(peer: IpAddr) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tracing::warn!(
            %peer,
            "requests come through a proxy that is not trusted, so all of its callers count as one. If it is yours, add its \
             address to server.trusted_proxies"
        );
    });
}

/// The entries of a list header, over all its lines, first to last; `None` for what is not visible ASCII.
fn entries<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl DoubleEndedIterator<Item = Option<&'h str>> + use<'h> {
    headers.get_all(name).iter().flat_map(|line| {
        let text = line.to_str().ok();
        text.map_or_else(|| vec![None], |text| text.split(',').map(|entry| Some(entry.trim())).collect())
    })
}

/// `203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn read_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// Whether every proxy on the way says that it was asked by HTTPS.
fn is_https(headers: &HeaderMap) -> bool {
    let mut protocols = entries(headers, &FORWARDED_PROTO).peekable();
    protocols.peek().is_some() && protocols.all(|protocol| protocol.is_some_and(|name| name.eq_ignore_ascii_case("https")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PEER: &str = "10.0.0.1";
    const CLIENT: &str = "203.0.113.9";

    /// Loopback, a private network and one address of IPv6 are trusted.
    fn proxies() -> Vec<Network> {
        let variables = [("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8,2001:db8::7")];
        crate::config::load(&crate::config::Source::new().variables(variables)).expect("right").server.trusted_proxies
    }

    fn seen(peer: &str, lines: &[(&'static str, &str)]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        let client = client(peer.parse().expect("an address"), false, &headers, &proxies());
        (client.address.to_string(), client.secure)
    }

    #[test]
    fn the_first_that_is_not_trusted_is_the_client() {
        let chains: &[(&str, &[&str], &str)] = &[
            // Nobody is believed whom the keeper does not trust.
            (CLIENT, &[], CLIENT),
            (CLIENT, &["198.51.100.1"], CLIENT),
            (CLIENT, &["127.0.0.1"], CLIENT),
            ("2001:db8::8", &["198.51.100.1"], "2001:db8::8"),
            // One proxy, several proxies.
            (PEER, &[], PEER),
            (PEER, &[CLIENT], CLIENT),
            (PEER, &["203.0.113.9, 10.1.1.1, 10.2.2.2"], CLIENT),
            (PEER, &["203.0.113.9", "10.1.1.1,10.2.2.2"], CLIENT),
            ("2001:db8::7", &[CLIENT], CLIENT),
            ("::ffff:10.0.0.1", &[CLIENT], CLIENT),
            // What the client itself has written stands further left and does not count.
            (PEER, &["198.51.100.1, 203.0.113.9"], CLIENT),
            (PEER, &["127.0.0.1, 203.0.113.9"], CLIENT),
            (PEER, &["10.9.9.9, 203.0.113.9, 10.1.1.1"], CLIENT),
            (PEER, &["198.51.100.1", CLIENT], CLIENT),
            // Garbage ends the walk.
            (PEER, &[""], PEER),
            (PEER, &["unknown"], PEER),
            (PEER, &["198.51.100.1, unknown"], PEER),
            (PEER, &["198.51.100.1, , 10.1.1.1"], "10.1.1.1"),
            (PEER, &["198.51.100.1, مخبز, 10.1.1.1"], PEER),
            (PEER, &["198.51.100.1, 1.2.3, 10.1.1.1"], "10.1.1.1"),
            (PEER, &["198.51.100.1; 10.1.1.1"], PEER),
            // All trusted: the farthest.
            (PEER, &["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
            // Spellings.
            (PEER, &["203.0.113.9:4711"], CLIENT),
            (PEER, &["::ffff:203.0.113.9"], CLIENT),
            (PEER, &["[::ffff:203.0.113.9]:80"], CLIENT),
            (PEER, &["2001:DB8::1"], "2001:db8::1"),
            (PEER, &["[2001:db8::1]"], "2001:db8::1"),
            (PEER, &["[2001:db8::1]:4711"], "2001:db8::1"),
            (PEER, &["::ffff:10.1.1.1"], "10.1.1.1"),
        ];
        for (peer, lines, wanted) in chains {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            assert_eq!(seen(peer, &lines).0, *wanted, "{peer} {lines:?}");
        }
    }

    #[test]
    fn https_is_believed_of_trusted_proxies_alone_and_only_if_all_of_them_say_so() {
        let secure = |peer: &str, lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-proto", *line)).collect();
            seen(peer, &lines).1
        };
        assert!(secure(PEER, &["https"]) && secure(PEER, &["HTTPS"]) && secure(PEER, &["https, https"]));
        for lines in
            [&[][..], &["http"], &[""], &["https, http"], &["http, https"], &["https", "http"], &["https://"], &["wss"]]
        {
            assert!(!secure(PEER, lines), "{lines:?}");
        }
        assert!(!secure(CLIENT, &["https"]));
    }

    #[test]
    fn other_headers_are_not_read() {
        let lines = [("forwarded", "for=203.0.113.9;proto=https"), ("x-real-ip", CLIENT), ("x-forwarded-host", "evil.example")];
        assert_eq!(seen(PEER, &lines), (PEER.to_owned(), false));
    }
}
