//! MyFatoorah's messages: two ways of signing, of which version 2 is the one to set up (PROVIDERS 5).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::amounts;
use super::super::lenient::{at, sha256_hex, text_at, whole_at};
use crate::features::money::Failure;
use crate::features::payments::gateway::{Delivery, Event, Reading, RefundTold, Report, Verdict};
use crate::kernel::{Currency, RefundStatus};

pub(super) const SIGNATURE: &str = "MyFatoorah-Signature";

const PAYMENT: i64 = 1;
const REFUND: i64 = 2;
/// What version 2 signs of a payment's event, and of a refund's.
const SIGNED_OF_PAYMENT: &[&str] =
    &["Invoice.Id", "Invoice.Status", "Transaction.Status", "Transaction.PaymentId", "Invoice.ExternalIdentifier"];
const SIGNED_OF_REFUND: &[&str] = &["Refund.Id", "Refund.Status", "Amount.ValueInBaseCurrency", "ReferencedInvoice.Id"];
/// What version 1 leaves out of a refund's signed text.
const UNSIGNED_OF_REFUND_V1: &str = "GatewayReference";

pub(super) fn verify(key: &hmac::Key, delivery: &Delivery<'_>) -> Verdict {
    let forged = |why| Verdict::Forged { why };
    let mut signatures = delivery.headers.get_all(SIGNATURE).iter();
    let (Some(signature), None) = (signatures.next(), signatures.next()) else {
        return forged("there is not one signature");
    };
    let Ok(signature) = STANDARD.decode(signature.as_bytes()) else {
        return forged("the signature is not Base64");
    };
    let Some(body) = serde_json::from_slice::<Value>(delivery.body).ok().filter(Value::is_object) else {
        return forged("the body is no JSON object");
    };
    let Some(data) = body.get("Data").filter(|data| data.is_object()) else {
        return forged("the body has no Data");
    };
    let text = if let Some(code) = whole_at(&body, "EventType") {
        text_v1(data, code)
    } else {
        match whole_at(&body, "Event.Code") {
            Some(PAYMENT) => text_v2(data, SIGNED_OF_PAYMENT),
            Some(REFUND) => text_v2(data, SIGNED_OF_REFUND),
            // What is signed of the others is not known here, and they mean nothing here.
            Some(_) => return Verdict::NotForUs,
            None => None,
        }
    };
    let Some(text) = text else {
        return forged("a signed field is missing or is no single value");
    };
    if hmac::verify(key, text.as_bytes(), &signature).is_err() {
        return forged("the signature is another");
    }
    let id = text_at(&body, "Event.Reference").unwrap_or_else(|| sha256_hex(text.as_bytes()));
    let kind = text_at(&body, "Event.Name").or_else(|| text_at(&body, "Event")).unwrap_or_else(|| "unnamed".to_owned());
    Verdict::Genuine(Event { id, kind, body })
}

/// `Path=value` of these fields, with commas; null is empty, and an absent one too.
fn text_v2(data: &Value, fields: &[&str]) -> Option<String> {
    let parts = fields.iter().map(|path| Some(format!("{path}={}", signed_text(at(data, path))?)));
    Some(parts.collect::<Option<Vec<_>>>()?.join(","))
}

/// All fields, sorted by their names in whatever case.
fn text_v1(data: &Value, code: i64) -> Option<String> {
    let mut fields: Vec<_> =
        data.as_object()?.iter().filter(|(name, _)| code != REFUND || name.as_str() != UNSIGNED_OF_REFUND_V1).collect();
    fields.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let parts = fields.into_iter().map(|(name, value)| Some(format!("{name}={}", signed_text(Some(value))?)));
    Some(parts.collect::<Option<Vec<_>>>()?.join(","))
}

fn signed_text(value: Option<&Value>) -> Option<String> {
    match value {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Bool(flag)) => Some(flag.to_string()),
        Some(Value::Array(_) | Value::Object(_)) => None,
    }
}

pub(super) fn read(body: &Value, account: Currency) -> Reading {
    let ignored = || Reading { ignored: true, ..Reading::default() };
    let Some(data) = body.get("Data") else { return ignored() };
    match (whole_at(body, "EventType"), whole_at(body, "Event.Code")) {
        (None, Some(PAYMENT)) => payment(data, "Invoice.Id", "Transaction.PaymentId"),
        (Some(PAYMENT), _) => payment(data, "InvoiceId", "PaymentId"),
        (None, Some(REFUND)) => {
            let told = text_at(data, "Amount.BaseCurrency");
            if told.is_some_and(|code| code != account.code()) {
                // The currency is not signed, so it is not believed; but then the amount cannot be understood.
                return doubtful_refund(data, "ReferencedInvoice.Id");
            }
            refund(data, "Refund.Id", "Refund.Status", "Amount.ValueInBaseCurrency", "ReferencedInvoice.Id", account)
        }
        (Some(REFUND), _) => refund(data, "RefundId", "RefundStatus", "Amount", "InvoiceId", account),
        _ => ignored(),
    }
}

/// The amount is not signed: the invoice is asked about.
fn payment(data: &Value, invoice: &str, payment: &str) -> Reading {
    let about: Vec<_> = [invoice, payment].into_iter().filter_map(|path| text_at(data, path)).collect();
    let objects = text_at(data, payment).into_iter().collect();
    Reading { about, ask: true, report: Report { objects, ..Report::default() }, ..Reading::default() }
}

/// A refund's event is believed: its amount is signed, in the account's currency.
fn refund(data: &Value, id: &str, status: &str, amount: &str, invoice: &str, account: Currency) -> Reading {
    let amount = text_at(data, amount).and_then(|text| amounts::from_myfatoorah(&text, account));
    let (Some(object), Some(amount)) = (text_at(data, id), amount.filter(|amount| amount.minor() > 0)) else {
        return doubtful_refund(data, invoice);
    };
    let word = text_at(data, status).unwrap_or_default().to_ascii_uppercase();
    let status = match word.as_str() {
        "REFUNDED" => RefundStatus::Succeeded,
        "CANCELED" | "CANCELLED" | "REJECTED" => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    };
    let failure = (status == RefundStatus::Failed)
        .then(|| Failure { code: word.to_ascii_lowercase(), message: "MyFatoorah did not carry the refund out".to_owned() });
    let told = RefundTold { object, ours: None, amount, status, failure };
    Reading {
        about: text_at(data, invoice).into_iter().collect(),
        report: Report { refunds: vec![told], ..Report::default() },
        ..Reading::default()
    }
}

fn doubtful_refund(data: &Value, invoice: &str) -> Reading {
    let note = "MyFatoorah told of a refund whose amount or currency cannot be understood. Look it up in its portal";
    Reading {
        about: text_at(data, invoice).into_iter().collect(),
        report: Report { note: Some(note.to_owned()), ..Report::default() },
        ..Reading::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_the_vectors_are_ours() {
        let vectors: Value = serde_json::from_str(include_str!("../../../../../tests/vectors/myfatoorah.json")).expect("JSON");
        let fields = serde_json::json!({ "1": SIGNED_OF_PAYMENT, "2": SIGNED_OF_REFUND });
        assert_eq!(vectors["v2_fields"], fields);
        let mut count = 0;
        for case in vectors["cases"].as_array().expect("cases") {
            let Some(steps) = case.get("steps") else { continue };
            let body: Value = serde_json::from_str(case["body"].as_str().expect("a body")).expect("JSON");
            let text = match (case["webhook_version"].as_i64(), whole_at(&body, "Event.Code")) {
                (Some(1), _) => text_v1(&body["Data"], whole_at(&body, "EventType").expect("a type")),
                (_, Some(PAYMENT)) => text_v2(&body["Data"], SIGNED_OF_PAYMENT),
                _ => text_v2(&body["Data"], SIGNED_OF_REFUND),
            };
            assert_eq!(text.as_deref(), steps["signed_text"].as_str(), "{}", case["name"]);
            count += 1;
        }
        assert_eq!(count, 7);
    }
}
