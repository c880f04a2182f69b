//! The doors of the shop: where a connection comes in, and what stands behind.
//!
//! With TLS of its own the shop has two. By HTTPS it serves everybody. In the clear it serves whoever is near, as SPEC 9 allows, because
//! a tablet in the house asks by an address or a name that no certificate can hold; whoever asks by a name of the certificate is led to
//! HTTPS, and from outside nothing else is done in the clear. While there is no certificate yet, the door in the clear serves as if
//! there were no TLS: the gate refuses secrets from outside all the same.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tokio::net::TcpListener;

use super::Context;
use super::tls::Tls;
use crate::config::Server;
use crate::kernel::network::is_near;
use crate::kernel::problem::kinds;
use crate::kernel::{Error, Problem};

/// What is answered at every door as it is: who asks is a machine that looks whether the shop lives.
const FOR_MACHINES: [&str; 2] = ["/healthz", "/readyz"];
/// What `https://` means without a port.
const HTTPS_PORT: u16 = 443;

/// A place where connections come in.
pub struct Door {
    pub listener: TcpListener,
    pub serves: Serves,
}

/// What stands behind a door.
#[derive(Clone)]
pub enum Serves {
    /// The shop, in the clear.
    Shop,
    /// The shop by HTTPS.
    ShopByTls(Arc<Tls>),
    /// In the clear beside a door of HTTPS.
    RedirectToHttps { tls: Arc<Tls>, to: Arc<HttpsAddress> },
}

/// How the door of HTTPS is found from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpsAddress {
    /// The name customers know, if the keeper has said one.
    host: Option<String>,
    port: u16,
}

impl HttpsAddress {
    /// `public_url` says it, if the keeper has given one; else it is the port at which the door listens.
    #[must_use]
    pub fn of(server: &Server, listens: SocketAddr) -> HttpsAddress {
        let public = server.public_url.clone().bound_to(listens);
        let public = public.url();
        let uri = public.is_https().then(|| public.as_str().parse::<Uri>().ok()).flatten();
        match uri {
            Some(uri) => HttpsAddress {
                host: uri.host().filter(|host| is_name(host)).map(str::to_owned),
                port: uri.port_u16().unwrap_or(HTTPS_PORT),
            },
            None => HttpsAddress { host: None, port: listens.port() },
        }
    }

    fn url(&self, host: &str, path_and_query: &str) -> String {
        let path = if path_and_query.starts_with('/') { path_and_query } else { "/" };
        if self.port == HTTPS_PORT { format!("https://{host}{path}") } else { format!("https://{host}:{}{path}", self.port) }
    }
}

impl Door {
    /// The only door of a shop without TLS of its own.
    #[must_use]
    pub fn shop(listener: TcpListener) -> Door {
        Door { listener, serves: Serves::Shop }
    }

    /// The door of HTTPS.
    #[must_use]
    pub fn https(listener: TcpListener, tls: &Arc<Tls>) -> Door {
        Door { listener, serves: Serves::ShopByTls(Arc::clone(tls)) }
    }

    /// The door in the clear beside it.
    #[must_use]
    pub fn beside_https(listener: TcpListener, tls: &Arc<Tls>, to: HttpsAddress) -> Door {
        Door { listener, serves: Serves::RedirectToHttps { tls: Arc::clone(tls), to: Arc::new(to) } }
    }
}

impl Serves {
    /// Whether what comes in here came by HTTPS.
    pub(super) fn is_https(&self) -> bool {
        matches!(self, Serves::ShopByTls(_))
    }

    /// What is answered in place of the shop, if this door keeps the request from it.
    pub(super) fn instead(&self, context: &Context, uri: &Uri) -> Option<Response> {
        let Serves::RedirectToHttps { tls, to } = self else { return None };
        if context.client.secure || FOR_MACHINES.contains(&uri.path()) {
            return None;
        }
        let names = tls.names();
        if names.is_empty() {
            return None;
        }
        let asked = host_of(&context.headers, uri).filter(|host| covers(&names, host));
        let near = is_near(context.client.address);
        if !context.method.is_safe() {
            return (!near).then(refusal);
        }
        let host = match asked {
            Some(host) => Some(host),
            None if near => return None,
            None => to.host.clone().or_else(|| names.iter().find(|name| is_plain_name(name)).cloned()),
        };
        match host {
            Some(host) => Some(led_to(&to.url(&host, uri.path_and_query().map_or("/", |path| path.as_str())))),
            None => Some(refusal()),
        }
    }
}

fn refusal() -> Response {
    Error::from(
        Problem::of(&kinds::HTTPS_REQUIRED)
            .detail("From outside the shop's own network it is spoken to by HTTPS alone. Use its https:// address."),
    )
    .into_response()
}

fn led_to(url: &str) -> Response {
    let mut response = Response::new(Body::empty());
    let Ok(location) = HeaderValue::from_str(url) else { return refusal() };
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, location);
    // A browser would otherwise remember it for ever, and some links carry a token.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The name by which the shop was asked, in lower case, without its port.
pub(super) fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let authority = match uri.authority() {
        Some(authority) => authority.clone(),
        None => headers.get(header::HOST)?.to_str().ok()?.parse::<http::uri::Authority>().ok()?,
    };
    Some(authority.host().trim_end_matches('.').to_ascii_lowercase())
}

/// Whether a host is a name, not an address.
pub(super) fn is_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    !bare.is_empty() && bare.parse::<std::net::IpAddr>().is_err()
}

/// Whether a name of a certificate is one that a link can bear.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    is_name(name) && !name.starts_with('*')
}

/// Whether a certificate of these names is for that host (RFC 6125 section 6.4.3: `*` stands for one label).
fn covers(names: &[String], host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    names.iter().any(|name| match name.strip_prefix("*.") {
        Some(rest) => bare.split_once('.').is_some_and(|(label, parent)| !label.is_empty() && parent == rest),
        None => name == bare,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        let names = ["shop.example".to_owned(), "*.bakery.example".to_owned(), "192.0.2.7".to_owned()];
        for host in ["shop.example", "a.bakery.example", "192.0.2.7"] {
            assert!(covers(&names, host), "{host}");
        }
        for host in ["example", "x.shop.example", "bakery.example", "a.b.bakery.example", ".bakery.example", "192.0.2.8", ""] {
            assert!(!covers(&names, host), "{host}");
        }
    }

    #[test]
    fn the_way_to_https_keeps_path_and_query_and_leaves_the_usual_port_out() {
        let to = |port| HttpsAddress { host: None, port };
        assert_eq!(to(443).url("shop.example", "/order/7?token=a"), "https://shop.example/order/7?token=a");
        assert_eq!(to(8443).url("shop.example", "//evil.example/x"), "https://shop.example:8443//evil.example/x");
        assert_eq!(to(443).url("shop.example", "*"), "https://shop.example/");
    }
}
