//! `Idempotency-Key` (SPEC 2): the first answer again, kept in the transaction of its effect.

use std::collections::HashMap;

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
        let body: &[u8] = match &context.received {
            // No body is read as an empty object, so it is the same request as one.
            super::context::Received::Whole(body) if body.is_empty() => b"{}",
            super::context::Received::Whole(body) => body,
            _ => &[],
        };
        IdempotencyKey::of_content(context, body)
    }

    /// As [`IdempotencyKey::of`], of a request whose body is not held: `content` stands for it, the same for the same request.
    ///
    /// # Errors
    /// As [`IdempotencyKey::of`].
    pub fn of_content(context: &Context, content: &[u8]) -> Result<Option<IdempotencyKey>> {
        let Some(value) = context.headers.get("idempotency-key") else { return Ok(None) };
        let bytes = value.as_bytes();
        if !(16..=128).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Problem::field("Idempotency-Key", "invalid_key", "must be 16 to 128 visible ASCII characters").into());
        }
        let caller = context.caller.user().map_or_else(|| "guests".to_owned(), |user| user.to_string());
        let key_hash = hash(&[caller.as_bytes(), context.method.as_str().as_bytes(), context.path.as_bytes(), bytes]);
        Ok(Some(IdempotencyKey { key_hash, request_hash: hash(&[content]) }))
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

    /// A 202: what was taken is worked on.
    #[must_use]
    pub fn accepted(body: Bytes) -> Kept {
        Kept { status: 202, location: None, body, replayed: false }
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
        if let Some(earlier) = find(tx, &key)? {
            return earlier.replay(&key);
        }
        let output = self.command.apply(tx)?;
        let kept = (self.render)(&output)?;
        keep(tx, &key, &kept, now)?;
        Ok(kept)
    }
}

/// The answer that a key has had, before anything is done: for work that reaches outside and so is no single command. Its effect must
/// be the same if it is done twice; its answer is kept with [`once`] when it is done.
pub struct Recall {
    pub key: IdempotencyKey,
}

impl Command for Recall {
    const NAME: &'static str = "http.recall";
    type Output = Option<Kept>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Option<Kept>> {
        find(tx, &self.key)?.map(|earlier| earlier.replay(&self.key)).transpose()
    }
}

/// A stored answer, with what it was given for.
struct Earlier {
    key_hash: Vec<u8>,
    request_hash: Vec<u8>,
    at: UtcMs,
    kept: Kept,
}

impl Earlier {
    fn replay(self, key: &IdempotencyKey) -> Result<Kept> {
        if self.request_hash == key.request_hash {
            return Ok(self.kept);
        }
        Err(Problem::of(&kinds::IDEMPOTENCY_KEY_REUSED)
            .detail(
                "This Idempotency-Key was used with another body within the last 24 hours. Take a new key for a new request.",
            )
            .into())
    }
}

/// The answer that a key has had within the day.
fn find(tx: &mut WriteTx<'_>, key: &IdempotencyKey) -> Result<Option<Earlier>> {
    let Some(row) = tx.memory(Answers::read)?.row_of(&key.key_hash) else { return Ok(None) };
    let earlier = tx.opt(
        "select key_hash, request_hash, created_at, status, location, body from idempotent_answers where id = ?1",
        args![row],
        |row| {
            let mut columns = row.columns();
            let (key_hash, request_hash, at) = (columns.next()?, columns.next()?, columns.next()?);
            let (status, location) = (columns.next()?, columns.next()?);
            let body = Bytes::from(columns.next::<Vec<u8>>()?);
            Ok(Earlier { key_hash, request_hash, at, kept: Kept { status, location, body, replayed: true } })
        },
    )?;
    Ok(earlier.filter(|earlier| earlier.key_hash == key.key_hash && earlier.at.plus_ms(KEPT_MS) > tx.now()))
}

fn keep(tx: &mut WriteTx<'_>, key: &IdempotencyKey, kept: &Kept, now: UtcMs) -> Result<()> {
    throw_away(tx, EXPIRED_AT_ONCE)?;
    let id = tx.memory(Answers::read)?.add(key.key_hash, now);
    tx.exec_one(
        "insert into idempotent_answers (id, key_hash, request_hash, status, location, body, created_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        args![id, key.key_hash.as_slice(), key.request_hash.as_slice(), kept.status, kept.location, kept.body.as_ref(), now],
    )
}

/// Takes away all of them, before anybody is served: after a restore an answer would tell of what the books do not know.
///
/// # Errors
/// A fault.
pub fn drop_all(tx: &mut WriteTx<'_>) -> Result<usize> {
    tx.exec("delete from idempotent_answers where id >= 0", &[])
}

/// Takes away some answers that are not kept any more, also while nobody orders; how many.
///
/// # Errors
/// A fault.
pub fn throw_away(tx: &mut WriteTx<'_>, most: usize) -> Result<usize> {
    let now = tx.now();
    if tx.memory(Answers::read)?.oldest.is_none_or(|oldest| oldest.plus_ms(KEPT_MS) > now) {
        return Ok(0);
    }
    let first = tx.all(
        "select id, key_hash, created_at from idempotent_answers order by id limit ?1",
        // And the oldest that stays.
        args![i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1)],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next::<i64>()?, key_of(columns.next()?), columns.next::<UtcMs>()?))
        },
    )?;
    let over = first.iter().take(most).take_while(|(.., at)| at.plus_ms(KEPT_MS) <= now).count();
    let answers = tx.memory(Answers::read)?;
    first[..over].iter().for_each(|(id, key, _)| answers.forget(key, *id));
    answers.oldest = first.get(over).map(|(.., at)| *at);
    match first[..over].last() {
        Some((last, ..)) => tx.exec("delete from idempotent_answers where id <= ?1", args![last]),
        None => Ok(0),
    }
}

/// The writer's map from key to row: an index under random keys would dirty a page of its own for each order (SPEC 12). It holds
/// the first half of a key's hash, some 20 to 40 bytes a key; the row holds the whole, and decides.
struct Answers {
    rows: HashMap<u64, i64>,
    /// Keys whose half was taken.
    others: HashMap<KeyHash, i64>,
    next_id: i64,
    /// When the oldest row was written, or before.
    oldest: Option<UtcMs>,
    added: Option<KeyHash>,
}

impl Answers {
    fn read(reader: &Reader<'_>) -> Result<Answers> {
        let mut answers = Answers { rows: HashMap::new(), others: HashMap::new(), next_id: 1, oldest: None, added: None };
        reader.all("select id, key_hash, created_at from idempotent_answers order by id", &[], |row| {
            let mut columns = row.columns();
            let (id, key) = (columns.next()?, key_of(columns.next()?));
            answers.put(key, id, columns.next()?);
            Ok(())
        })?;
        Ok(answers)
    }

    /// The row that may be a key's.
    fn row_of(&self, key: &KeyHash) -> Option<i64> {
        self.others.get(key).or_else(|| self.rows.get(&half(key))).copied()
    }

    fn add(&mut self, key: KeyHash, now: UtcMs) -> i64 {
        let id = self.next_id;
        self.put(key, id, now);
        self.added = Some(key);
        id
    }

    fn put(&mut self, key: KeyHash, id: i64, at: UtcMs) {
        self.next_id = id + 1;
        self.oldest.get_or_insert(at);
        if self.others.contains_key(&key) || self.rows.contains_key(&half(&key)) {
            self.others.insert(key, id);
        } else {
            self.rows.insert(half(&key), id);
        }
    }

    /// Forgets a row that is over; its key may have been used anew since.
    fn forget(&mut self, key: &KeyHash, id: i64) {
        if self.others.get(key) == Some(&id) {
            self.others.remove(key);
        } else if self.rows.get(&half(key)) == Some(&id) {
            self.rows.remove(&half(key));
        }
    }
}

fn half(key: &KeyHash) -> u64 {
    key.first_chunk().map_or(0, |half| u64::from_le_bytes(*half))
}

fn key_of(column: Vec<u8>) -> KeyHash {
    KeyHash::try_from(column.as_slice()).unwrap_or_default()
}

impl WriterMemory for Answers {
    fn keep(&mut self) {
        self.added = None;
    }

    fn undo(&mut self) {
        if let Some(key) = self.added.take()
            && self.others.remove(&key).is_none()
        {
            self.rows.remove(&half(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Answers {
        Answers { rows: HashMap::new(), others: HashMap::new(), next_id: 1, oldest: None, added: None }
    }

    /// Keys whose halves are the same.
    const TWINS: [KeyHash; 2] = [[7; 16], [7, 7, 7, 7, 7, 7, 7, 7, 1, 1, 1, 1, 1, 1, 1, 1]];

    #[test]
    fn keys_that_begin_alike_have_rows_of_their_own() {
        let now = UtcMs::from_ms(1_795_593_600_000);
        let mut answers = empty();
        let [first, second] = TWINS.map(|key| answers.add(key, now));
        assert_eq!(TWINS.map(|key| answers.row_of(&key)), [Some(first), Some(second)]);
        answers.forget(&TWINS[0], first);
        assert_eq!(TWINS.map(|key| answers.row_of(&key)), [None, Some(second)]);
        // Used anew after a day, before the old row has gone.
        let third = answers.add(TWINS[1], now);
        assert_eq!(answers.row_of(&TWINS[1]), Some(third));
        answers.forget(&TWINS[1], second);
        assert_eq!(answers.row_of(&TWINS[1]), Some(third));
    }

    #[test]
    fn what_is_undone_is_forgotten_alone() {
        let now = UtcMs::from_ms(1_795_593_600_000);
        let mut answers = empty();
        let first = answers.add(TWINS[0], now);
        answers.keep();
        answers.add(TWINS[1], now);
        answers.undo();
        assert!(answers.others.is_empty());
        assert_eq!(answers.row_of(&TWINS[0]), Some(first));
        answers.add([9; 16], now);
        answers.undo();
        assert_eq!(answers.row_of(&[9; 16]), None);
    }
}
