//! An S3 bucket (AWS, R2, MinIO and their like) that holds a copy of each file.
//!
//! What always holds: every call is a presigned URL, signed at our clock's moment; an object is named by its file's path, so that the
//! same file put twice is harmless; what is said of a fault names no key. Objects lie below [`PREFIX`], and nothing else of the bucket
//! is looked at or touched.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Credentials, S3Action, UrlStyle};
use url::Url;

use crate::clock::Clock;
use crate::config::S3;
use crate::kernel::UtcMs;
use crate::kernel::time::span::{DAY_MS, MINUTE_MS};
use crate::outbound::{Outbound, Patience, Reply, Retry, SendFault, is_unclear_status};

/// What our objects' names begin with: the bucket may hold other things too.
pub const PREFIX: &str = "media/";
/// As the files themselves are served: their name says what is in them.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";
/// Our word for a file's SHA-256. The object's ETag is an MD5 only of plain uploads without keys of their own (PROVIDERS 11).
const SHA256_HEADER: &str = "x-amz-meta-sha256";
/// By this the store itself checks what came against what was meant.
const CHECKSUM_HEADER: &str = "x-amz-checksum-sha256";
/// A call of ours is valid so long: long enough for clocks that differ a little.
const CALL_VALID: Duration = Duration::from_secs(15 * 60);
/// The longest that S3 lets a link live.
const LINK_VALID: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Files are fetched in pieces, so that a slow line's time is a piece's, and no answer is larger than this.
const PIECE_BYTES: u64 = 4 << 20;
/// Objects a page, the most that S3 gives: some hundred kilobytes.
const LIST_PAGE: usize = 1_000;
/// A file of 15 MB on a line of 1 Mbit/s takes two minutes; an ordinary call's patience is a twelfth of that.
const PATIENCE_TIMES: u32 = 12;
/// Clocks that differ by this are told of; stores refuse at 15 minutes.
const CLOCKS_DIFFER_MS: i64 = 5 * MINUTE_MS;

/// Why the bucket did not do what it was asked. The sentences are for the shop's people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BucketFault {
    /// It is down or busy, or what it did is not known: the same again later is right.
    #[error("{0}")]
    Later(String),
    /// It refuses whatever the file: key, rights, bucket, clock. Somebody has to mend it.
    #[error("{0}")]
    Misconfigured(String),
}

/// What a presigned URL lets do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    Get,
    Put,
}

/// What a bucket says of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub bytes: u64,
    /// As we said when we put it.
    pub sha256: Option<[u8; 32]>,
}

/// An object of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Below [`PREFIX`]: a file's path.
    pub path: String,
    pub bytes: u64,
    pub changed_at: Option<UtcMs>,
}

/// Some objects in the order of their names, and where to go on.
#[derive(Clone, Debug)]
pub struct Page {
    pub objects: Vec<Listed>,
    pub next: Option<String>,
}

/// The configured bucket.
pub struct Bucket {
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
    outbound: Outbound,
    clock: Clock,
    /// `bucket at https://host`, for what is told.
    told: String,
}

impl Bucket {
    /// As it is configured; nothing is asked yet.
    ///
    /// # Errors
    /// A sentence, if endpoint and bucket make no URL or the TLS library refuses.
    pub fn open(config: &S3, clock: &Clock, patience: Patience) -> Result<Bucket, String> {
        let style = if config.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let endpoint = Url::parse(config.endpoint.as_str()).map_err(|error| format!("s3.endpoint is no URL: {error}"))?;
        let bucket = rusty_s3::Bucket::new(endpoint, style, config.bucket.clone(), config.region.clone()).map_err(|error| {
            format!(
                "s3.endpoint and s3.bucket make no address: {error}. Where the endpoint is an IP address or the bucket's name has \
                 dots, set s3.path_style = true"
            )
        })?;
        let (key, secret) = (config.access_key.reveal(), config.secret_key.reveal());
        let credentials = match &config.session_token {
            Some(token) => Credentials::new_with_token(key, secret, token.reveal()),
            None => Credentials::new(key, secret),
        };
        let patience = Patience { connect: patience.connect, call: patience.call * PATIENCE_TIMES };
        let outbound = Outbound::new("the bucket", clock.clone(), patience).map_err(|error| error.to_string())?;
        let told = format!("the bucket {} at {}", config.bucket, config.endpoint.as_str());
        Ok(Bucket { bucket, credentials, outbound, clock: clock.clone(), told })
    }

    fn sign<'a>(&self, action: &impl S3Action<'a>) -> Url {
        action.sign_with_time(CALL_VALID, &self.clock.now().timestamp())
    }

    /// Puts a whole file; what was there under its name is replaced.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn put(&self, path: &str, file: Bytes, media_type: &str, sha256: &[u8; 32]) -> Result<(), BucketFault> {
        let object = object(path);
        let (hash, checksum) = (to_hex(sha256), to_base64(sha256));
        let mut action = self.bucket.put_object(Some(&self.credentials), &object);
        // Each `x-amz-` header must be signed; in the order of their names.
        action.headers_mut().insert(CHECKSUM_HEADER, checksum.clone());
        action.headers_mut().insert(SHA256_HEADER, hash.clone());
        let url = self.sign(&action);
        let send = self.outbound.send(
            Retry::Safe,
            |client| {
                client
                    .put(url.clone())
                    .header(http::header::CONTENT_TYPE, media_type)
                    .header(http::header::CACHE_CONTROL, CACHE_CONTROL)
                    .header(CHECKSUM_HEADER, &checksum)
                    .header(SHA256_HEADER, &hash)
                    .body(file.clone())
            },
            is_busy,
        );
        let reply = send.await.map_err(|fault| self.unreached(&fault))?;
        if reply.status.is_success() { Ok(()) } else { Err(self.refused(&reply)) }
    }

    /// What is there under a file's name; `None` if nothing is.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn head(&self, path: &str) -> Result<Option<Seen>, BucketFault> {
        let object = object(path);
        let url = self.sign(&self.bucket.head_object(Some(&self.credentials), &object));
        let send = self.outbound.send(Retry::Safe, |client| client.head(url.clone()), is_busy);
        let reply = send.await.map_err(|fault| self.unreached(&fault))?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(seen(&reply.headers))),
            // An answer to HEAD has no body that could say why; one to a list has.
            StatusCode::FORBIDDEN => Err(self.check().await.err().unwrap_or_else(|| self.refused(&reply))),
            _ => Err(self.refused(&reply)),
        }
    }

    /// Some bytes of an object; `None` if it is not there. An object that ends earlier gives fewer.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn get_piece(&self, path: &str, from: u64, bytes: u64) -> Result<Option<Bytes>, BucketFault> {
        let object = object(path);
        let url = self.sign(&self.bucket.get_object(Some(&self.credentials), &object));
        let range = format!("bytes={from}-{}", from.saturating_add(bytes.max(1)) - 1);
        let send =
            self.outbound.send(Retry::Safe, |client| client.get(url.clone()).header(http::header::RANGE, &range), is_busy);
        let reply = send.await.map_err(|fault| self.unreached(&fault))?;
        match reply.status {
            StatusCode::NOT_FOUND if self.is_no_object(&reply) => Ok(None),
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(Some(Bytes::new())),
            status if status.is_success() => Ok(Some(reply.body)),
            _ => Err(self.refused(&reply)),
        }
    }

    /// A whole object of at most so many bytes; `None` if it is not there or longer. Whether it is the right one, the caller checks.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn get(&self, path: &str, bytes: u64) -> Result<Option<Bytes>, BucketFault> {
        let mut whole = BytesMut::new();
        loop {
            let from = whole.len() as u64;
            // One byte more than there should be tells of an object that is too long.
            let wanted = PIECE_BYTES.min(bytes + 1 - from);
            let Some(piece) = self.get_piece(path, from, wanted).await? else { return Ok(None) };
            whole.extend_from_slice(&piece);
            if whole.len() as u64 > bytes {
                return Ok(None);
            }
            if (piece.len() as u64) < wanted {
                return Ok(Some(whole.freeze()));
            }
        }
    }

    /// Takes an object away; one that is not there is no fault.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn delete(&self, path: &str) -> Result<(), BucketFault> {
        let object = object(path);
        let url = self.sign(&self.bucket.delete_object(Some(&self.credentials), &object));
        let send = self.outbound.send(Retry::Safe, |client| client.delete(url.clone()), is_busy);
        let reply = send.await.map_err(|fault| self.unreached(&fault))?;
        let is_gone = reply.status.is_success() || (reply.status == StatusCode::NOT_FOUND && self.is_no_object(&reply));
        if is_gone { Ok(()) } else { Err(self.refused(&reply)) }
    }

    /// A page of our objects, of at most so many; from the beginning or from where the page before ended.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn list(&self, next: Option<&str>, most: usize) -> Result<Page, BucketFault> {
        let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
        action.with_prefix(PREFIX);
        action.with_max_keys(most.clamp(1, LIST_PAGE));
        if let Some(next) = next {
            action.with_continuation_token(next);
        }
        let url = self.sign(&action);
        let send = self.outbound.send(Retry::Safe, |client| client.get(url.clone()), is_busy);
        let reply = send.await.map_err(|fault| self.unreached(&fault))?;
        if !reply.status.is_success() {
            return Err(self.refused(&reply));
        }
        let unread = || BucketFault::Later(format!("{} answered with a list that cannot be read", self.told));
        let text = std::str::from_utf8(&reply.body).map_err(|_| unread())?;
        let listed = ListObjectsV2::parse_response(text).map_err(|_| unread())?;
        let of_ours = |object: rusty_s3::actions::list_objects_v2::ListObjectsContent| {
            let path = object.key.strip_prefix(PREFIX)?.to_owned();
            let changed_at = object.last_modified.as_deref().and_then(UtcMs::parse);
            Some(Listed { path, bytes: object.size.unwrap_or(0), changed_at })
        };
        let objects = listed.contents.into_iter().filter_map(of_ours).collect();
        Ok(Page { objects, next: listed.next_continuation_token })
    }

    /// A link by which anybody reads an object. It is the same for a whole day of UTC, so that caches hit, and lives six to seven
    /// days from now: the longest that S3 allows, counted from the day's beginning.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        let now = self.clock.now().ms();
        let day = UtcMs::from_ms(now - now.rem_euclid(DAY_MS));
        self.presign(Verb::Get, &object(path), LINK_VALID, day).into()
    }

    /// A URL by which anybody does this with an object of that whole name, from a moment on, so long.
    #[must_use]
    pub fn presign(&self, verb: Verb, object: &str, valid: Duration, from: UtcMs) -> Url {
        let credentials = Some(&self.credentials);
        match verb {
            Verb::Get => self.bucket.get_object(credentials, object).sign_with_time(valid, &from.timestamp()),
            Verb::Put => self.bucket.put_object(credentials, object).sign_with_time(valid, &from.timestamp()),
        }
    }

    /// Whether the key may do what the shop needs, by a list of one object: for `doctor`.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn check(&self) -> Result<(), BucketFault> {
        self.list(None, 1).await.map(drop)
    }

    /// Where it is, without a key: `the bucket NAME at URL`.
    #[must_use]
    pub fn told(&self) -> &str {
        &self.told
    }

    fn unreached(&self, fault: &SendFault) -> BucketFault {
        BucketFault::Later(match fault {
            SendFault::NotSent(_) => format!("{} could not be reached", self.told),
            SendFault::Unclear(_) => format!("{} did not answer clearly", self.told),
        })
    }

    /// A 404 for want of the object, not of the bucket.
    fn is_no_object(&self, reply: &Reply) -> bool {
        code(&reply.body) != "NoSuchBucket"
    }

    fn refused(&self, reply: &Reply) -> BucketFault {
        let code = code(&reply.body);
        let shown = if code.is_empty() { reply.status.as_u16().to_string() } else { code.to_owned() };
        let told = &self.told;
        let misconfigured = |mend: &str| BucketFault::Misconfigured(format!("{told} refuses us ({shown}): {mend}"));
        let is_refusal = matches!(reply.status.as_u16(), 400 | 401 | 403);
        if is_refusal && (is_of_clocks(code) || self.clocks_differ(&reply.headers)) {
            return misconfigured("this machine's clock is off. Set it by NTP");
        }
        match code {
            "SignatureDoesNotMatch" => misconfigured("look at s3.secret_key, s3.region and s3.path_style"),
            "InvalidAccessKeyId" => misconfigured("it does not know s3.access_key"),
            "ExpiredToken" | "InvalidToken" => {
                misconfigured("s3.session_token is over or wrong; take one that lasts, or a key")
            }
            "NoSuchBucket" => misconfigured("make it there, or mend s3.bucket"),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                misconfigured("it lives in another region; mend s3.region and s3.endpoint")
            }
            "InvalidBucketName" => misconfigured("mend s3.bucket"),
            _ if is_refusal || reply.status.is_redirection() => {
                misconfigured("the key needs the rights to get, put, delete and list in this bucket")
            }
            // A HEAD has no body, and a store may hide what is not there behind a plain 404.
            _ if reply.status == StatusCode::NOT_FOUND => {
                misconfigured("make the bucket there, or mend s3.bucket and s3.endpoint")
            }
            "SlowDown" => BucketFault::Later(format!("{told} asks us to slow down")),
            _ => BucketFault::Later(format!("{told} answered {shown}")),
        }
    }

    fn clocks_differ(&self, headers: &HeaderMap) -> bool {
        let date = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        date.is_some_and(|date| (date.timestamp().as_millisecond() - self.clock.now().ms()).abs() > CLOCKS_DIFFER_MS)
    }
}

/// Signed a moment ago, a call can be neither over nor too early.
fn is_of_clocks(code: &str) -> bool {
    matches!(code, "RequestTimeTooSkewed" | "RequestExpired" | "RequestNotReadyYet" | "ExpiredPresignRequest")
}

fn is_busy(reply: &Reply) -> bool {
    is_unclear_status(reply.status)
}

fn object(path: &str) -> String {
    format!("{PREFIX}{path}")
}

fn seen(headers: &HeaderMap) -> Seen {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bytes = text("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    Seen { bytes, sha256: text(SHA256_HEADER).and_then(from_hex) }
}

/// `<Error><Code>..</Code>` of an answer; empty if there is none. Only a plain word is believed.
fn code(body: &[u8]) -> &str {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let found = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code.trim());
    let is_word = found.len() <= 64 && found.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { found } else { "" }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        text
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

fn to_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_plain_word_of_an_error() {
        assert_eq!(code(b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>x</Message></Error>"), "SlowDown");
        for none in [&b""[..], b"<Error></Error>", b"<Code>two words</Code>", b"\xff<Code>A</Code>"] {
            assert_eq!(code(none), "");
        }
    }

    #[test]
    fn hexadecimal_reads_back() {
        let bytes: [u8; 32] = std::array::from_fn(|index| u8::try_from(index * 37 % 256).expect("a byte"));
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        for bad in ["", "zz", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }
}
