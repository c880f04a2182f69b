//! Some gateway of text messages: it keeps what is posted to it, and answers as it is told.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::faults::{Fault, Script, serve, with};

pub const SEND: &str = "send";

/// One POST as it came.
#[derive(Clone, Debug)]
pub struct Posted {
    pub media_type: String,
    pub authorization: Option<String>,
    pub body: String,
}

#[derive(Default)]
struct Books {
    script: Script,
    answers: Option<(u16, String)>,
    tried: Vec<Posted>,
    taken: usize,
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<Books>>);

impl Server {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().expect("no test panicked in it")
    }
}

pub struct SmsGateway {
    server: Server,
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for SmsGateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SmsGateway {
    pub async fn start() -> SmsGateway {
        let server = Server::default();
        let (address, task) = serve(Router::new().route("/send", post(take)).with_state(server.clone())).await;
        SmsGateway { server, url: format!("http://{address}/send"), task }
    }

    /// What it answers from now on; `None`: 200 and its own id.
    pub fn answer(&self, with: Option<(u16, &str)>) {
        self.server.books().answers = with.map(|(status, body)| (status, body.to_owned()));
    }

    pub fn next(&self, faults: &[Fault]) {
        self.server.books().script.next(SEND, faults);
    }

    pub fn tried(&self) -> Vec<Posted> {
        self.server.books().tried.clone()
    }

    /// Messages that it has taken.
    pub fn taken(&self) -> usize {
        self.server.books().taken
    }
}

async fn take(State(server): State<Server>, headers: HeaderMap, body: String) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (fault, answers) = {
        let mut books = server.books();
        let media_type = text("content-type").unwrap_or_default();
        books.tried.push(Posted { media_type, authorization: text("authorization"), body });
        (books.script.take(SEND, &Value::Null), books.answers.clone())
    };
    if let Some((status, body)) = answers {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, [("location", "https://elsewhere.example/send")], body).into_response();
    }
    with(fault, || {
        let mut books = server.books();
        books.taken += 1;
        (StatusCode::ACCEPTED, format!("{{\"data\": {{\"ids\": [{}]}}}}", books.taken)).into_response()
    })
    .await
}
