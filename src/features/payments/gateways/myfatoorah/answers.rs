//! What MyFatoorah's answers mean.

use http::StatusCode;
use jiff::civil::{Date, DateTime, Time};
use serde_json::{Value, json};

use super::super::amounts;
use super::super::lenient::{flag_at, object_of, only, short, text_at};
use super::invoice::KUWAIT_HOURS;
use crate::features::money::Failure;
use crate::features::payments::gateway::{Attempt, CallFault, Capture, Ending, Report, There};
use crate::kernel::time::span;
use crate::kernel::{Currency, UtcMs};
use crate::outbound::{Reply, is_unclear_status};

/// So long after an invoice's end a payment that is in progress there may still come to something.
const IN_PROGRESS_MS: i64 = span::DAY_MS;

pub(super) fn unreadable(what: &str) -> CallFault {
    CallFault::Unclear(format!("MyFatoorah's answer cannot be read: {what}"))
}

/// `Data` of an answer. `IsSuccess: false` is a refusal even with 200; HTML, as proxies answer, says nothing.
pub(super) fn data_of(reply: &Reply) -> Result<Value, CallFault> {
    if is_unclear_status(reply.status) {
        return Err(CallFault::Unclear(format!("MyFatoorah answered {}", reply.status.as_u16())));
    }
    let is_page = reply.body.trim_ascii_start().starts_with(b"<");
    if matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) && !is_page {
        return Err(CallFault::Misconfigured("MyFatoorah does not take payments.myfatoorah.api_token".to_owned()));
    }
    let answer = object_of(reply).ok_or_else(|| unreadable("no JSON object"))?;
    match flag_at(&answer, "IsSuccess") {
        Some(true) if reply.status.is_success() => {
            answer.get("Data").filter(|data| data.is_object()).cloned().ok_or_else(|| unreadable("no Data"))
        }
        Some(false) => Err(refusal(&answer)),
        _ => Err(unreadable("no IsSuccess")),
    }
}

/// The first field that is faulty, and all that is said of it.
fn refusal(answer: &Value) -> CallFault {
    let faults = answer.get("ValidationErrors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let code = faults.first().and_then(|fault| text_at(fault, "Name")).unwrap_or_else(|| "refused".to_owned());
    let said = faults.iter().filter_map(|fault| Some(format!("{}: {}", text_at(fault, "Name")?, text_at(fault, "Error")?)));
    let said: Vec<_> = text_at(answer, "Message").into_iter().chain(said).collect();
    CallFault::Refused { code: short(&code), message: short(&said.join("; ")) }
}

/// A refused invoice as it may be kept: their words could repeat the customer's name.
pub(super) fn without_details(fault: CallFault) -> CallFault {
    match fault {
        CallFault::Refused { code, .. } => {
            CallFault::Refused { message: format!("MyFatoorah refused the invoice: {code}"), code }
        }
        other => other,
    }
}

/// How an invoice stands, from the `Data` of `GetPaymentStatus`.
pub(super) fn report(data: &Value, attempt: &Attempt, currency: Currency, now: UtcMs) -> Result<Report, CallFault> {
    let invoice = text_at(data, "InvoiceId").ok_or_else(|| unreadable("no InvoiceId"))?;
    let is_other = attempt.reference.as_ref().is_some_and(|reference| *reference != invoice)
        || text_at(data, "CustomerReference").is_some_and(|reference| reference != attempt.payment.to_string());
    if is_other {
        return Err(unreadable("it is about another invoice"));
    }
    let status = text_at(data, "InvoiceStatus").ok_or_else(|| unreadable("no InvoiceStatus"))?.to_ascii_lowercase();
    let transactions = data.get("InvoiceTransactions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut report = Report {
        objects: transactions.iter().filter_map(|one| text_at(one, "PaymentId")).collect(),
        failure: transactions.iter().rev().find_map(failure),
        raw: Some(kept(data, transactions)),
        reference: Some(invoice),
        ..Report::default()
    };
    match status.as_str() {
        "paid" | "duplicatepayment" => {
            report.failure = None;
            report.captures = captures(data, transactions, currency);
            if report.captures.is_empty() {
                // It is asked about again rather than booked under a name that a later answer would not repeat.
                report.state = Some(There::Underway);
                report.note = Some("MyFatoorah says that the invoice is paid, but not how or how much".to_owned());
            } else if status == "duplicatepayment" {
                report.note = Some("MyFatoorah says that the invoice was paid twice".to_owned());
            }
        }
        "pending" => report.state = Some(pending(data, transactions, attempt, now)),
        "canceled" | "cancelled" => report.state = Some(There::Ended(Ending::Cancelled)),
        "expired" => report.state = Some(There::Ended(Ending::Expired)),
        other => report.note = Some(format!("MyFatoorah says that the invoice is {}, which is not known here", short(other))),
    }
    Ok(report)
}

/// A transaction's success is spelt `Succss` there.
fn captures(data: &Value, transactions: &[Value], currency: Currency) -> Vec<Capture> {
    let Some(amount) = text_at(data, "InvoiceValue").and_then(|text| amounts::from_myfatoorah(&text, currency)) else {
        return Vec::new();
    };
    let mut captures: Vec<Capture> = Vec::new();
    for one in transactions.iter().filter(|one| ["succss", "success"].iter().any(|word| says(one, word))) {
        let Some(object) = text_at(one, "PaymentId") else { continue };
        if !captures.iter().any(|capture| capture.object == object) {
            captures.push(Capture { object, amount, fee: None });
        }
    }
    captures
}

fn says(transaction: &Value, status: &str) -> bool {
    text_at(transaction, "TransactionStatus").is_some_and(|text| text.eq_ignore_ascii_case(status))
}

fn failure(transaction: &Value) -> Option<Failure> {
    let message = short(&text_at(transaction, "Error")?);
    says(transaction, "failed").then(|| Failure { code: "declined".to_owned(), message })
}

/// Open until its time is over; then for a while longer if somebody was in the middle of paying.
fn pending(data: &Value, transactions: &[Value], attempt: &Attempt, now: UtcMs) -> There {
    let ours = attempt.request.as_ref().map(|request| UtcMs::from_ms(request.hold_ends_at));
    let Some(end) = expiry(data).or(ours) else { return There::Open };
    let is_in_progress = transactions.iter().any(|one| says(one, "inprogress"));
    let end = if is_in_progress { end.plus_ms(IN_PROGRESS_MS) } else { end };
    if now < end { There::Open } else { There::Ended(Ending::Expired) }
}

/// `ExpiryDate` and `ExpiryTime` are Kuwait's; the date is written in one of two ways, with or without the time.
fn expiry(data: &Value) -> Option<UtcMs> {
    let date = text_at(data, "ExpiryDate")?;
    let moment = match text_at(data, "ExpiryTime") {
        Some(time) => {
            let day = date.get(..10).and_then(|day| day.parse::<Date>().ok());
            let day = day.or_else(|| Date::strptime("%B %d, %Y", &date).ok())?;
            day.to_datetime(time.parse::<Time>().ok()?)
        }
        None if date.contains('T') => date.parse::<DateTime>().ok()?,
        // A date alone: the end of that day.
        None => date.parse::<Date>().ok()?.tomorrow().ok()?.to_datetime(Time::midnight()),
    };
    let moment = jiff::tz::offset(KUWAIT_HOURS).to_timestamp(moment).ok()?;
    Some(UtcMs::from_ms(moment.as_millisecond()))
}

fn kept(data: &Value, transactions: &[Value]) -> Value {
    const OF_INVOICE: &[&str] = &[
        "InvoiceId",
        "InvoiceStatus",
        "InvoiceReference",
        "InvoiceValue",
        "InvoiceDisplayValue",
        "CustomerReference",
        "CreatedDate",
        "ExpiryDate",
        "ExpiryTime",
    ];
    const OF_TRANSACTION: &[&str] = &[
        "TransactionStatus",
        "TransactionId",
        "TransactionDate",
        "PaymentId",
        "PaymentGateway",
        "ReferenceId",
        "TransactionValue",
        "PaidCurrency",
        "PaidCurrencyValue",
        "Error",
        "ErrorCode",
    ];
    let mut kept = only(data, OF_INVOICE);
    kept["InvoiceTransactions"] = transactions.iter().map(|one| only(one, OF_TRANSACTION)).collect::<Vec<_>>().into();
    json!({ "IsSuccess": true, "Data": kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_in_each_of_its_ways() {
        let read = |data: Value| expiry(&data).map(|moment| moment.to_string());
        let expected = Some("2026-11-25T21:30:05.000Z".to_owned());
        assert_eq!(read(json!({ "ExpiryDate": "2026-11-26", "ExpiryTime": "00:30:05" })), expected);
        assert_eq!(read(json!({ "ExpiryDate": "2026-11-26T00:00:00", "ExpiryTime": "00:30:05.000" })), expected);
        assert_eq!(read(json!({ "ExpiryDate": "November 26, 2026", "ExpiryTime": "00:30:05" })), expected);
        assert_eq!(read(json!({ "ExpiryDate": "2026-11-26T00:30:05" })), expected);
        assert_eq!(read(json!({ "ExpiryDate": "2026-11-26" })), Some("2026-11-26T21:00:00.000Z".to_owned()));
        for data in [json!({}), json!({ "ExpiryDate": "soon" }), json!({ "ExpiryDate": "2026-11-26", "ExpiryTime": "noon" })] {
            assert_eq!(read(data), None);
        }
    }
}
