//! `Idempotency-Key` (SPEC 2): the first answer again, kept in the transaction of its effect.

use std::collections::{HashMap, VecDeque};

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Answer, Context, respond};
use crate::args;
use crate::db::{Command, Reader, WriteTx, WriterMemory};
use crate::kernel::problem::kinds;
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{Problem, Result, UtcMs};

/// How long an answer is kept.
const KEPT_MS: i64 = DAY_MS;

/// Most old answers that one write takes away: twice as many go as come, and no write pays for a whole day's.
const EXPIRED_AT_ONCE: usize = 2;

/// Hash of caller, method, path and key: where an answer is found again.
type KeyHash = [u8; 16];

/// A key and what it stands for.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    key_hash: KeyHash,
    request_hash: [u8; 16],
}

impl IdempotencyKey {
    /// The key of a request, if it has one. The caller is the account, or else all guests together.
    ///
    /// # Errors
    /// 422 if the key is not 16 to 128 visible ASCII characters.
    pub fn of(context: &Context) -> Result<Option<IdempotencyKey>> {
        let Some(value) = context.headers.get("idempotency-key") else { return Ok(None) };
        let bytes = value.as_bytes();
        if !(16..=128).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Problem::field("Idempotency-Key", "invalid_key", "must be 16 to 128 visible ASCII characters").into());
        }
        let caller = context.caller.user().map_or_else(|| "guests".to_owned(), |user| user.to_string());
        let key_hash = hash(&[caller.as_bytes(), context.method.as_str().as_bytes(), context.path.as_bytes(), bytes]);
        let body: &[u8] = match &context.received {
            // No body is read as an empty object, so it is the same request as one.
            super::context::Received::Whole(body) if body.is_empty() => b"{}",
            super::context::Received::Whole(body) => body,
            _ => &[],
        };
        Ok(Some(IdempotencyKey { key_hash, request_hash: hash(&[body]) }))
    }
}

/// SHA-256 of parts, each with its length before it, cut to 16 bytes.
fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&digest.finish().as_ref()[..16]);
    short
}

/// An answer as it is kept: without secrets, which handlers add anew each time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    pub status: u16,
    pub location: Option<String>,
    pub body: Bytes,
    /// It is the answer of an earlier request.
    pub replayed: bool,
}

impl Kept {
    /// A 201 with its place.
    #[must_use]
    pub fn created(location: String, body: Bytes) -> Kept {
        Kept { status: 201, location: Some(location), body, replayed: false }
    }

    /// A 200.
    #[must_use]
    pub fn ok(body: Bytes) -> Kept {
        Kept { status: 200, location: None, body, replayed: false }
    }

    /// The answer, with `body` in place of the kept one.
    ///
    /// # Errors
    /// None; handlers end with it.
    pub fn answer_with(self, context: &Context, body: Bytes) -> Answer {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response: Response = respond::json_bytes(context, status, body);
        if let Some(location) = &self.location {
            response = respond::with_location(response, location);
        }
        if self.replayed {
            response.headers_mut().insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// The answer.
    ///
    /// # Errors
    /// None; handlers end with it.
    pub fn answer(self, context: &Context) -> Answer {
        let body = self.body.clone();
        self.answer_with(context, body)
    }
}

/// A command that happens once a key. `render` writes the answer that is kept, inside the transaction.
pub struct Once<C, R> {
    key: Option<IdempotencyKey>,
    command: C,
    render: R,
}

/// Wraps a command; without a key it just runs.
pub fn once<C, R>(key: Option<IdempotencyKey>, command: C, render: R) -> Once<C, R>
where
    C: Command,
    R: FnOnce(&C::Output) -> Result<Kept> + Send + 'static,
{
    Once { key, command, render }
}

impl<C, R> Command for Once<C, R>
where
    C: Command,
    R: FnOnce(&C::Output) -> Result<Kept> + Send + 'static,
{
    const NAME: &'static str = C::NAME;
    type Output = Kept;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Kept> {
        let Some(key) = self.key else {
            let output = self.command.apply(tx)?;
            return (self.render)(&output);
        };
        let now = tx.now();
        if let Some(row) = tx.memory(Answers::read)?.find(&key.key_hash, now) {
            return replay(tx, row, &key);
        }
        let output = self.command.apply(tx)?;
        let kept = (self.render)(&output)?;
        keep(tx, &key, &kept, now)?;
        Ok(kept)
    }
}

fn replay(tx: &WriteTx<'_>, row: i64, key: &IdempotencyKey) -> Result<Kept> {
    let (request_hash, kept) =
        tx.one("select request_hash, status, location, body from idempotent_answers where id = ?1", args![row], |row| {
            let mut columns = row.columns();
            let request_hash: Vec<u8> = columns.next()?;
            let (status, location) = (columns.next()?, columns.next()?);
            Ok((request_hash, Kept { status, location, body: Bytes::from(columns.next::<Vec<u8>>()?), replayed: true }))
        })?;
    if request_hash != key.request_hash {
        return Err(Problem::of(&kinds::IDEMPOTENCY_KEY_REUSED)
            .detail(
                "This Idempotency-Key was used with another body within the last 24 hours. Take a new key for a new request.",
            )
            .into());
    }
    Ok(kept)
}

fn keep(tx: &mut WriteTx<'_>, key: &IdempotencyKey, kept: &Kept, now: UtcMs) -> Result<()> {
    let answers = tx.memory(Answers::read)?;
    let expired = answers.expire(now, EXPIRED_AT_ONCE);
    let id = answers.add(key.key_hash, now);
    if let Some(last) = expired {
        tx.exec("delete from idempotent_answers where id <= ?1", args![last])?;
    }
    tx.exec_one(
        "insert into idempotent_answers (id, key_hash, request_hash, status, location, body, created_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        args![id, key.key_hash.as_slice(), key.request_hash.as_slice(), kept.status, kept.location, kept.body.as_ref(), now],
    )
}

/// Takes away some answers that are not kept any more, also while nobody orders; how many.
///
/// # Errors
/// A fault.
pub fn throw_away(tx: &mut WriteTx<'_>, most: usize) -> Result<usize> {
    let now = tx.now();
    match tx.memory(Answers::read)?.expire(now, most) {
        Some(last) => tx.exec("delete from idempotent_answers where id <= ?1", args![last]),
        None => Ok(0),
    }
}

/// The writer's map from key to row: an index under random keys would dirty a page of its own for each order (SPEC 12).
struct Answers {
    by_key: HashMap<KeyHash, (i64, UtcMs)>,
    in_order: VecDeque<(KeyHash, i64, UtcMs)>,
    next_id: i64,
    added: Option<KeyHash>,
}

impl Answers {
    fn read(reader: &Reader<'_>) -> Result<Answers> {
        let rows = reader.all("select id, key_hash, created_at from idempotent_answers order by id", &[], |row| {
            let mut columns = row.columns();
            let (id, hash): (i64, Vec<u8>) = (columns.next()?, columns.next()?);
            Ok((KeyHash::try_from(hash.as_slice()).unwrap_or_default(), id, columns.next()?))
        })?;
        let next_id = rows.last().map_or(1, |(_, id, _)| id + 1);
        let by_key = rows.iter().map(|(key, id, at)| (*key, (*id, *at))).collect();
        Ok(Answers { by_key, in_order: rows.into(), next_id, added: None })
    }

    fn find(&self, key: &KeyHash, now: UtcMs) -> Option<i64> {
        self.by_key.get(key).filter(|(_, at)| at.plus_ms(KEPT_MS) > now).map(|(id, _)| *id)
    }

    fn add(&mut self, key: KeyHash, now: UtcMs) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.by_key.insert(key, (id, now));
        self.in_order.push_back((key, id, now));
        self.added = Some(key);
        id
    }

    /// Forgets some of what is older than a day; the last row that may go.
    fn expire(&mut self, now: UtcMs, most: usize) -> Option<i64> {
        let mut last = None;
        for _ in 0..most {
            let Some((key, id, _)) = self.in_order.front().copied().filter(|(_, _, at)| at.plus_ms(KEPT_MS) <= now) else {
                break;
            };
            self.in_order.pop_front();
            // The key may have been used anew since.
            if self.by_key.get(&key).is_some_and(|(newest, _)| *newest == id) {
                self.by_key.remove(&key);
            }
            last = Some(id);
        }
        last
    }
}

impl WriterMemory for Answers {
    fn keep(&mut self) {
        self.added = None;
    }

    fn undo(&mut self) {
        if let Some(key) = self.added.take() {
            self.by_key.remove(&key);
            self.in_order.pop_back();
        }
    }
}
