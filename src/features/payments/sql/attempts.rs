//! Attempts and the names under which gateways speak of them.

use crate::args;
use crate::db::{Reader, Row as DbRow, WriteTx};
use crate::features::payments::attempts::{Parked, Phase, Row};
use crate::features::payments::gateway::Flow;
use crate::kernel::{Fault, OrderId, PaymentId, PaymentMethod, Result, UtcMs};

fn word<T>(word: Option<T>) -> Result<T> {
    word.ok_or_else(|| Fault::because("a word of gateway_attempts is none of ours").into())
}

fn attempt_row(row: &DbRow<'_>) -> Result<Row> {
    let mut columns = row.columns();
    Ok(Row {
        payment: columns.next()?,
        method: columns.next()?,
        flow: word(Flow::from_code(&columns.next::<String>()?))?,
        phase: word(Phase::from_code(&columns.next::<String>()?))?,
        is_ending: columns.next()?,
        request: columns.json()?,
        reference: columns.next()?,
        handover: columns.next()?,
        sent_at: columns.next()?,
        ends_at: columns.next()?,
        asks: columns.next()?,
        lost_at: columns.next()?,
        parked: columns.json()?,
    })
}

/// `select` of attempts; its columns are those of [`attempt_row`].
macro_rules! select_attempt {
    () => {
        "select a.payment_id, a.method, a.flow, a.phase, a.is_ending, a.request, a.reference, a.handover, a.sent_at, a.ends_at, \
         a.asks, a.lost_at, a.parked from gateway_attempts a"
    };
}

pub(in crate::features::payments) fn row(reader: &Reader<'_>, payment: PaymentId) -> Result<Option<Row>> {
    reader.opt(concat!(select_attempt!(), " where a.payment_id = ?1"), args![payment], attempt_row)
}

/// Attempts of which something is still expected, the oldest first. By the index `gateway_attempts_open`.
pub(in crate::features::payments) fn open(reader: &Reader<'_>) -> Result<Vec<Row>> {
    reader.all(concat!(select_attempt!(), " where a.phase <> 'closed' order by a.payment_id"), &[], attempt_row)
}

pub(in crate::features::payments) fn insert(tx: &mut WriteTx<'_>, row: &Row) -> Result<()> {
    let request = row.request.as_ref().map(serde_json::to_string).transpose().map_err(Fault::new)?;
    tx.exec_one(
        "insert into gateway_attempts (payment_id, method, flow, phase, request, sent_at, ends_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        args![row.payment, row.method, row.flow.code(), row.phase.code(), request, row.sent_at, row.ends_at],
    )
}

pub(in crate::features::payments) fn set_phase(tx: &mut WriteTx<'_>, payment: PaymentId, phase: Phase) -> Result<()> {
    tx.exec_one(
        "update gateway_attempts set phase = ?2, request = case when ?2 = 'closed' then null else request end where payment_id = ?1",
        args![payment, phase.code()],
    )
}

pub(in crate::features::payments) fn set_ending(tx: &mut WriteTx<'_>, payment: PaymentId) -> Result<()> {
    tx.exec_one("update gateway_attempts set is_ending = 1 where payment_id = ?1", args![payment])
}

/// The first name stays: it is what the gateway was asked with.
pub(in crate::features::payments) fn set_reference(tx: &mut WriteTx<'_>, payment: PaymentId, reference: &str) -> Result<bool> {
    let rows = tx.exec(
        "update gateway_attempts set reference = ?2 where payment_id = ?1 and reference is null",
        args![payment, reference],
    )?;
    Ok(rows > 0)
}

pub(in crate::features::payments) fn set_handover(tx: &mut WriteTx<'_>, payment: PaymentId, sealed: &[u8]) -> Result<()> {
    tx.exec_one("update gateway_attempts set handover = ?2 where payment_id = ?1", args![payment, sealed])
}

pub(in crate::features::payments) fn set_asks(tx: &mut WriteTx<'_>, payment: PaymentId, asks: i64) -> Result<()> {
    tx.exec_one("update gateway_attempts set asks = ?2 where payment_id = ?1", args![payment, asks])
}

pub(in crate::features::payments) fn set_lost(tx: &mut WriteTx<'_>, payment: PaymentId, at: Option<UtcMs>) -> Result<()> {
    tx.exec_one("update gateway_attempts set lost_at = ?2 where payment_id = ?1", args![payment, at])
}

pub(in crate::features::payments) fn set_parked(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    parked: Option<&Parked>,
) -> Result<()> {
    let parked = parked.map(serde_json::to_string).transpose().map_err(Fault::new)?;
    tx.exec_one("update gateway_attempts set parked = ?2 where payment_id = ?1", args![payment, parked])
}

/// Keeps the last answer, which has no secrets any more.
pub(in crate::features::payments) fn set_raw(tx: &mut WriteTx<'_>, payment: PaymentId, raw: &str) -> Result<()> {
    tx.exec_one("update gateway_attempts set raw = ?2, raw_at = ?3 where payment_id = ?1", args![payment, raw, tx.now()])
}

pub(in crate::features::payments) fn add_object(
    tx: &mut WriteTx<'_>,
    method: PaymentMethod,
    object: &str,
    payment: PaymentId,
) -> Result<bool> {
    let rows = tx.exec(
        "insert into payment_objects (method, object, payment_id) values (?1, ?2, ?3) on conflict (method, object) do nothing",
        args![method, object, payment],
    )?;
    Ok(rows > 0)
}

pub(in crate::features::payments) fn by_object(
    reader: &Reader<'_>,
    method: PaymentMethod,
    object: &str,
) -> Result<Option<PaymentId>> {
    reader.opt("select payment_id from payment_objects where method = ?1 and object = ?2", args![method, object], |row| {
        row.get(0)
    })
}

/// The names of a payment.
pub(in crate::features::payments) fn objects(reader: &Reader<'_>, payment: PaymentId) -> Result<Vec<String>> {
    reader.all("select object from payment_objects where payment_id = ?1 order by object", args![payment], |row| row.get(0))
}

pub(in crate::features::payments) fn currency_of(reader: &Reader<'_>, order: OrderId) -> Result<String> {
    reader.one("select currency from orders where id = ?1", args![order], |row| row.get(0))
}

/// Attempts whose beginning is of unknown outcome, and refunds that their gateway was asked for. By the indexes `gateway_attempts_open`
/// and `refunds_open`.
pub(in crate::features::payments) fn count_unknown(reader: &Reader<'_>) -> Result<i64> {
    reader.one(
        "select (select count(*) from gateway_attempts where phase <> 'closed' and phase <> 'open') \
         + (select count(*) from refunds where status = 'pending')",
        &[],
        |row| row.get(0),
    )
}
