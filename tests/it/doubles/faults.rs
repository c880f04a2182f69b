//! The ways in which a provider fails, one call after another.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What happens to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// 500, and nothing was done.
    ErrorBefore,
    /// 500, and it was done.
    ErrorAfter,
    /// It was done, and the answer breaks off.
    CutAfter,
    /// It was done, and no answer ever comes.
    SilentAfter,
    /// A proxy's page, and nothing was done.
    Page,
    /// A proxy's page with 403, and nothing was done.
    ForbiddenPage,
}

impl Fault {
    fn is_done(self) -> bool {
        matches!(self, Fault::ErrorAfter | Fault::CutAfter | Fault::SilentAfter)
    }

    async fn answer(self) -> Response {
        match self {
            Fault::ErrorBefore | Fault::ErrorAfter => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Fault::Page => Html("<html><body>Please wait</body></html>").into_response(),
            Fault::ForbiddenPage => (StatusCode::FORBIDDEN, Html("<html><body>Blocked</body></html>")).into_response(),
            Fault::CutAfter => {
                let parts = [Ok("{\"id\": \"par"), Err(std::io::Error::other("cut"))];
                Body::from_stream(stream::iter(parts)).into_response()
            }
            Fault::SilentAfter => {
                std::future::pending::<Infallible>().await;
                unreachable!("it never answers")
            }
        }
    }
}

/// What waits for the next calls of each path, and what was sent there.
#[derive(Default, Debug)]
pub struct Script {
    waiting: BTreeMap<&'static str, VecDeque<Fault>>,
    pub calls: Vec<(&'static str, Value)>,
    /// Requests that PROVIDERS would not know.
    pub complaints: Vec<String>,
}

impl Script {
    pub fn next(&mut self, path: &'static str, faults: &[Fault]) {
        self.waiting.entry(path).or_default().extend(faults);
    }

    pub fn take(&mut self, path: &'static str, body: &Value) -> Option<Fault> {
        self.calls.push((path, body.clone()));
        self.waiting.get_mut(path)?.pop_front()
    }

    pub fn count(&self, path: &str) -> usize {
        self.calls.iter().filter(|(called, _)| *called == path).count()
    }

    pub fn last(&self, path: &str) -> Value {
        self.calls.iter().rev().find(|(called, _)| *called == path).expect("it was called").1.clone()
    }

    /// The request has these fields and no other.
    pub fn check_fields(&mut self, path: &str, body: &Value, names: &[&str]) {
        let mut told: Vec<&str> =
            body.as_object().map(|fields| fields.keys().map(String::as_str).collect()).unwrap_or_default();
        let mut names = names.to_vec();
        told.sort_unstable();
        names.sort_unstable();
        self.check(told == names, || format!("{path} takes {names:?} and was sent {told:?}"));
    }

    pub fn check(&mut self, is_right: bool, complaint: impl FnOnce() -> String) {
        if !is_right {
            self.complaints.push(complaint());
        }
    }
}

/// Does what is asked unless a fault says otherwise, and answers so.
pub async fn with(fault: Option<Fault>, act: impl FnOnce() -> Response) -> Response {
    match fault {
        None => act(),
        Some(fault) => {
            if fault.is_done() {
                let _ = act();
            }
            fault.answer().await
        }
    }
}

pub fn json(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

/// Serves until the handle is aborted.
pub async fn serve(router: Router) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("a bound port has an address");
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (address, task)
}
