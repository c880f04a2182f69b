//! What an intention is made of, and what its beginning says.

use serde_json::{Value, json};

use super::super::amounts;
use super::super::lenient::{only, text_at, whole_at};
use super::answers::unreadable;
use super::transaction::order_name;
use crate::features::payments::gateway::{Attempt, CallFault, Handover, Report, StartRequest, There};
use crate::kernel::Currency;

/// What stands in a field of the bill that we do not know.
const UNKNOWN: &str = "NA";
/// Seconds that an intention lives at least.
const SHORTEST: i64 = 60;

/// The request that makes it.
///
/// # Errors
/// [`CallFault::Refused`] for an amount that is not the account's, and for an attempt that is closed.
pub(super) fn body(attempt: &Attempt, currency: Currency, integrations: &[u64]) -> Result<Value, CallFault> {
    let refused = |code: &str, message: &str| CallFault::Refused { code: code.to_owned(), message: message.to_owned() };
    let request = attempt.request.as_ref().ok_or_else(|| refused("closed", "the attempt is closed"))?;
    if attempt.amount.currency() != currency {
        return Err(refused("currency_not_supported", "the account is kept in another currency"));
    }
    let amount =
        amounts::to_paymob(attempt.amount).map_err(|refusal| refused(refusal.code(), "the amount cannot be written"))?;
    Ok(json!({
        "amount": amount,
        "currency": currency.code(),
        "payment_methods": integrations,
        "special_reference": attempt.payment.to_string(),
        "expiration": ((request.hold_ends_at - request.made_at) / 1_000).max(SHORTEST),
        "items": [{ "name": format!("Order {}", request.order_number), "amount": amount, "quantity": 1 }],
        "billing_data": bill(request),
        "notification_url": request.webhook_url,
        "redirection_url": request.return_url,
    }))
}

fn bill(request: &StartRequest) -> Value {
    let told = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(UNKNOWN).to_owned();
    let mut bill = json!({
        "first_name": told(Some(&request.customer_name)),
        "last_name": UNKNOWN,
        "phone_number": told(request.customer_phone.as_deref()),
        "email": told(request.customer_email.as_deref()),
    });
    for field in ["street", "building", "floor", "apartment", "city", "state", "country", "postal_code"] {
        bill[field] = UNKNOWN.into();
    }
    bill
}

/// What the answer says; the client's secret goes into the link and nowhere else.
pub(super) fn begun(answer: &Value, attempt: &Attempt, base_url: &str, public_key: &str) -> Result<Report, CallFault> {
    let missing = |what: &str| unreadable(&format!("no {what}"));
    let id = text_at(answer, "id").ok_or_else(|| missing("id"))?;
    let order = text_at(answer, "intention_order_id").ok_or_else(|| missing("intention_order_id"))?;
    let secret = text_at(answer, "client_secret").ok_or_else(|| missing("client_secret"))?;
    let is_ours = |told: i64| amounts::to_paymob(attempt.amount) == Ok(told);
    if whole_at(answer, "intention_detail.amount").is_some_and(|told| !is_ours(told)) {
        return Err(CallFault::Refused {
            code: "amount_differs".to_owned(),
            message: "Paymob made the intention with another amount; nobody was given its link".to_owned(),
        });
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("publicKey", public_key)
        .append_pair("clientSecret", &secret)
        .finish();
    let mut raw = only(answer, &["id", "intention_order_id", "status", "created"]);
    if let Some(detail) = answer.get("intention_detail") {
        raw["intention_detail"] = only(detail, &["amount", "currency"]);
    }
    Ok(Report {
        state: Some(There::Open),
        reference: Some(order_name(&order)),
        objects: vec![id],
        handover: Some(Handover { redirect_url: Some(format!("{base_url}/unifiedcheckout/?{query}")), client_secret: None }),
        raw: Some(raw),
        ..Report::default()
    })
}
