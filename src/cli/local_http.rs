//! A client for this very machine's server: one connection a request, plain HTTP, JSON.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A server that is well answers within this; a service manager asks again soon anyway.
const TIME: Duration = Duration::from_secs(10);
/// No answer that is asked for here is larger.
const MAX_ANSWER_BYTES: usize = 4 << 20;

pub struct Client {
    address: SocketAddr,
}

pub struct Answer {
    pub status: u16,
    /// Null if the answer was no JSON.
    pub json: Value,
}

impl Client {
    pub fn to(address: SocketAddr) -> Client {
        Client { address }
    }

    pub async fn get(&self, path: &str) -> Result<Answer, String> {
        self.ask(Method::GET, path, None, None).await
    }

    /// Posts JSON, as whom the bearer says.
    pub async fn post(&self, path: &str, bearer: Option<&str>, body: &Value) -> Result<Answer, String> {
        self.ask(Method::POST, path, bearer, Some(body)).await
    }

    async fn ask(&self, method: Method, path: &str, bearer: Option<&str>, body: Option<&Value>) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(path).header("host", self.address.to_string());
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        match tokio::time::timeout(TIME, exchange(self.address, request)).await {
            Ok(answered) => answered,
            Err(_) => Err(format!("no answer within {} s", TIME.as_secs())),
        }
    }
}

async fn exchange(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // It ends when `sender` is dropped; what goes wrong on it is told by the request.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?;
    drop(sender);
    connection.abort();
    Ok(Answer { status, json: serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null) })
}
