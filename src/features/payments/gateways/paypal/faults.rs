//! What PayPal's refusals mean (PROVIDERS 3.2): decided by `details[].issue`, never by text.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::features::payments::gateway::CallFault;
use crate::features::payments::gateways::lenient::short;
use crate::kernel::Locale;

/// A readable refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The first issue, else the error's own name.
    code: String,
    /// For staff, with the debug id by which PayPal's support finds the call. It names no person.
    message: String,
    /// Where the buyer goes on, if the refusal says so; not looked at yet.
    pub link: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    name: String,
    #[serde(default)]
    message: String,
    debug_id: Option<String>,
    #[serde(default)]
    details: Vec<Detail>,
    #[serde(default)]
    links: Vec<super::orders::Link>,
}

#[derive(Deserialize)]
struct Detail {
    issue: Option<String>,
    #[serde(default)]
    description: String,
}

impl Refusal {
    pub fn read(status: StatusCode, body: &Value, debug_id: Option<&str>) -> Option<Refusal> {
        let body = Body::deserialize(body).ok()?;
        let detail = body.details.into_iter().find(|detail| detail.issue.is_some());
        let (issue, description) = detail.map_or((None, String::new()), |detail| (detail.issue, detail.description));
        let text = short(if description.is_empty() { &body.message } else { &description });
        let debug_id = debug_id.or(body.debug_id.as_deref());
        let message = debug_id.map_or_else(|| text.clone(), |id| format!("{text} (PayPal debug id {id})"));
        let link = body.links.into_iter().find(|link| matches!(link.rel.as_str(), "payer-action" | "redirect"));
        Some(Refusal { status, code: issue.unwrap_or(body.name), message, link: link.map(|link| link.href) })
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND || self.code == "INVALID_RESOURCE_ID"
    }

    /// Whether the order itself has to be looked at, because the call may have been done, now or before.
    pub fn is_to_be_asked_about(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ORDER_ALREADY_CAPTURED"
                | "ORDER_ALREADY_COMPLETED"
                | "ORDER_COMPLETION_IN_PROGRESS"
                | "PREVIOUS_REQUEST_IN_PROGRESS"
                | "ORDER_NOT_APPROVED"
                | "DUPLICATE_INVOICE_ID"
        )
    }

    /// Whether a refund was turned away because less is left than we knew: it may have been given by this very call before.
    pub fn says_refunded_before(&self) -> bool {
        matches!(self.code.as_str(), "CAPTURE_FULLY_REFUNDED" | "REFUND_AMOUNT_EXCEEDED")
    }

    /// What it means for who called. `link` is the refusal's own, if it may be followed.
    pub fn fault(&self, link: Option<String>, locale: Locale) -> CallFault {
        let code = self.code.as_str();
        let refused = || CallFault::Refused { code: self.code.clone(), message: self.message.clone() };
        match code {
            "INSTRUMENT_DECLINED" | "PAYER_ACTION_REQUIRED" => match link {
                Some(url) => CallFault::NeedsAction { url },
                None => self.declined(locale),
            },
            "TRANSACTION_REFUSED"
            | "PAYER_CANNOT_PAY"
            | "COMPLIANCE_VIOLATION"
            | "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED"
            | "ORDER_EXPIRED" => self.declined(locale),
            _ if code.starts_with("PAYER_ACCOUNT_") => self.declined(locale),
            "PREVIOUS_REQUEST_IN_PROGRESS"
            | "ORDER_COMPLETION_IN_PROGRESS"
            | "ORDER_ALREADY_CAPTURED"
            | "ORDER_ALREADY_COMPLETED"
            | "ORDER_NOT_APPROVED" => CallFault::Unclear(format!("paypal says {code}: {}", self.message)),
            _ if code == "PERMISSION_DENIED"
                || code.starts_with("PAYEE_")
                || code.starts_with("CURRENCY_NOT_SUPPORTED")
                || self.status == StatusCode::FORBIDDEN =>
            {
                CallFault::Misconfigured(format!("PayPal refuses this account or app: {code}: {}", self.message))
            }
            "DUPLICATE_INVOICE_ID" | "DECIMAL_PRECISION" | "AMOUNT_MISMATCH" | "MAX_VALUE_EXCEEDED" => {
                tracing::error!(code, message = self.message, "PayPal refuses how the shop has asked: report this fault");
                refused()
            }
            _ => refused(),
        }
    }

    fn declined(&self, locale: Locale) -> CallFault {
        CallFault::Declined { code: self.code.clone(), message: declined_message(locale).to_owned() }
    }
}

/// For the customer.
pub(super) fn declined_message(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "PayPal did not accept this payment. Nothing was charged. Try again, or choose another way to pay.",
        Locale::Ar => "لم تقبل PayPal هذه الدفعة، ولم يُخصم منك أي مبلغ. حاول مرة أخرى أو اختر طريقة دفع أخرى.",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, issue: &str) -> Refusal {
        let body = json!({
            "name": "UNPROCESSABLE_ENTITY",
            "message": "The requested action could not be performed.",
            "debug_id": "f00",
            "details": [{ "issue": issue, "description": "Why." }],
            "links": [{ "rel": "redirect", "href": "https://www.paypal.com/checkoutnow?token=1" }],
        });
        Refusal::read(StatusCode::from_u16(status).unwrap(), &body, None).unwrap()
    }

    #[test]
    fn each_issue_means_what_the_contract_says() {
        let meaning = |status, issue: &str| {
            let refusal = refusal(status, issue);
            let fault = match refusal.fault(refusal.link.clone(), Locale::En) {
                CallFault::Declined { .. } => "declined",
                CallFault::NeedsAction { .. } => "needs action",
                CallFault::Refused { .. } => "refused",
                CallFault::Misconfigured(_) => "misconfigured",
                CallFault::NotSent(_) => "not sent",
                CallFault::Unclear(_) => "unclear",
            };
            (fault, refusal.is_to_be_asked_about(), refusal.says_refunded_before())
        };
        let table: &[(u16, &str, (&str, bool, bool))] = &[
            (422, "INSTRUMENT_DECLINED", ("needs action", false, false)),
            (422, "PAYER_ACTION_REQUIRED", ("needs action", false, false)),
            (422, "ORDER_NOT_APPROVED", ("unclear", true, false)),
            (422, "ORDER_ALREADY_CAPTURED", ("unclear", true, false)),
            (422, "ORDER_ALREADY_COMPLETED", ("unclear", true, false)),
            (422, "ORDER_COMPLETION_IN_PROGRESS", ("unclear", true, false)),
            (409, "PREVIOUS_REQUEST_IN_PROGRESS", ("unclear", true, false)),
            (422, "TRANSACTION_REFUSED", ("declined", false, false)),
            (422, "PAYER_CANNOT_PAY", ("declined", false, false)),
            (422, "PAYER_ACCOUNT_LOCKED_OR_CLOSED", ("declined", false, false)),
            (422, "PAYER_ACCOUNT_RESTRICTED", ("declined", false, false)),
            (422, "COMPLIANCE_VIOLATION", ("declined", false, false)),
            (422, "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", ("declined", false, false)),
            (422, "ORDER_EXPIRED", ("declined", false, false)),
            (422, "DUPLICATE_INVOICE_ID", ("refused", true, false)),
            (422, "PAYEE_ACCOUNT_RESTRICTED", ("misconfigured", false, false)),
            (422, "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER", ("misconfigured", false, false)),
            (403, "PERMISSION_DENIED", ("misconfigured", false, false)),
            (403, "ANYTHING_ELSE", ("misconfigured", false, false)),
            (422, "DECIMAL_PRECISION", ("refused", false, false)),
            (422, "AMOUNT_MISMATCH", ("refused", false, false)),
            (422, "MAX_VALUE_EXCEEDED", ("refused", false, false)),
            (422, "CAPTURE_FULLY_REFUNDED", ("refused", false, true)),
            (422, "REFUND_AMOUNT_EXCEEDED", ("refused", false, true)),
            (422, "REFUND_TIME_LIMIT_EXCEEDED", ("refused", false, false)),
            (422, "REFUND_NOT_ALLOWED", ("refused", false, false)),
            (422, "TRANSACTION_DISPUTED", ("refused", false, false)),
            (422, "REFUND_FAILED_INSUFFICIENT_FUNDS", ("refused", false, false)),
            (422, "PENDING_CAPTURE", ("refused", false, false)),
            (400, "INVALID_STRING_LENGTH", ("refused", false, false)),
        ];
        for (status, issue, expected) in table {
            assert_eq!(meaning(*status, issue), *expected, "{issue}");
        }
    }

    #[test]
    fn a_refusal_without_details_is_called_by_its_name_and_tells_its_debug_id() {
        let body = json!({ "name": "RESOURCE_NOT_FOUND", "message": "Not there.", "debug_id": "f01" });
        let refusal = Refusal::read(StatusCode::NOT_FOUND, &body, Some("f02")).unwrap();
        assert!(refusal.is_not_found());
        let told = CallFault::Refused {
            code: "RESOURCE_NOT_FOUND".to_owned(),
            message: "Not there. (PayPal debug id f02)".to_owned(),
        };
        assert_eq!(refusal.fault(None, Locale::En), told);
        assert_eq!(Refusal::read(StatusCode::NOT_FOUND, &json!({ "error": "x" }), None), None);
    }

    #[test]
    fn a_refusal_is_short_and_names_nobody() {
        let detail =
            json!({ "issue": "INVALID_PARAMETER_VALUE", "description": format!("rania@example.com {}", "x ".repeat(5_000)) });
        let body = json!({ "name": "INVALID_REQUEST", "details": [detail] });
        let refusal = Refusal::read(StatusCode::BAD_REQUEST, &body, Some("f02")).unwrap();
        assert!(!refusal.message.contains('@') && refusal.message.len() < 500, "{}", refusal.message);
        assert!(refusal.message.ends_with("(PayPal debug id f02)"), "{}", refusal.message);
    }

    #[test]
    fn without_a_link_to_go_on_a_refused_means_of_payment_is_a_refusal() {
        let fault = refusal(422, "INSTRUMENT_DECLINED").fault(None, Locale::Ar);
        assert!(matches!(fault, CallFault::Declined { message, .. } if message.contains("PayPal")));
    }
}
