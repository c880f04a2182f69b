//! `bayader health`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::Args;
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::shared::{Place, runtime};
use super::{local_http, output};
use crate::config;

#[derive(Args)]
pub struct Health {
    #[command(flatten)]
    place: Place,
    /// Where the server listens, if it was started with --listen.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Answer in JSON: `{ok, url, status, detail}`.
    #[arg(long)]
    json: bool,
}

impl Health {
    pub fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let mut source = self.place.source(&folder);
        if let Some(listen) = &self.listen {
            source = source.flag("--listen", "server.listen", listen);
        }
        let config = config::load(&source).map_err(|faults| Failure::configuration(&faults))?;
        let address = reachable(config.server.listen);
        if address.port() == 0 {
            return Err(Failure::because(
                "`server.listen` has port 0, a free one, so where the server listens is not known. Name it with --listen",
            ));
        }
        let url = format!("http://{address}/healthz");
        let asked = runtime()?.block_on(local_http::Client::to(address).get("/healthz"));
        let (status, trouble) = match &asked {
            Ok(answer) if answer.status == 200 => (Some(200), None),
            Ok(answer) => (Some(answer.status), Some(format!("{url} answered {}", answer.status))),
            Err(error) => (None, Some(format!("{url} does not answer: {error}"))),
        };
        if self.json {
            output::json(&json!({ "ok": trouble.is_none(), "url": url, "status": status, "detail": trouble }))?;
        } else if trouble.is_none() {
            output::line(format!("{url} is well."))?;
        }
        match trouble {
            None => Ok(()),
            Some(trouble) => {
                Err(Failure::because(format!("{trouble}. Is the server running, and does it listen there? Look at its log")))
            }
        }
    }
}

/// A server that listens on every address is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
