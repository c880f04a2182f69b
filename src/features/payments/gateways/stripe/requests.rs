//! What is sent to Stripe: forms with brackets (PROVIDERS 2.1, `vectors/stripe.json` form_encoding).

use crate::features::payments::gateway::{Attempt, RefundCall, StartRequest};
use crate::kernel::UtcMs;
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS, SECOND_MS};

/// Stripe takes a session's end from 30 minutes on, by its own clock.
const SHORTEST_SESSION_MS: i64 = 31 * MINUTE_MS;
/// And up to 24 hours.
const LONGEST_SESSION_MS: i64 = 24 * HOUR_MS - 5 * MINUTE_MS;
/// Stripe's clock and the order of its lists are not ours: so much earlier a search begins.
const EARLIER_MS: i64 = MINUTE_MS;

/// A form, or a query.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    pub(super) fn new() -> Form {
        Form::default()
    }

    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Form {
        self.pairs.push((name.to_owned(), value.to_string()));
        self
    }

    fn with_some(self, name: &str, value: Option<&str>) -> Form {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Names are ours and keep their brackets, as Stripe's own libraries write them.
    pub(super) fn encoded(&self) -> String {
        let pair = |(name, value): &(String, String)| {
            let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            format!("{name}={value}")
        };
        self.pairs.iter().map(pair).collect::<Vec<_>>().join("&")
    }
}

/// A page of Stripe's on which the whole total is paid as one line, so that no sum can go wrong.
pub(super) fn checkout_session(attempt: &Attempt, request: &StartRequest, amount: i64) -> Form {
    let (order, payment) = (attempt.order.to_string(), attempt.payment.to_string());
    let name = match request.locale.as_str() {
        "ar" => format!("طلب {}", request.order_number),
        _ => format!("Order {}", request.order_number),
    };
    // Stripe's page has no Arabic; `auto` takes the browser's language where it can.
    let locale = if request.locale == "en" { "en" } else { "auto" };
    Form::new()
        .with("mode", "payment")
        .with("line_items[0][quantity]", 1)
        .with("line_items[0][price_data][currency]", currency(attempt))
        .with("line_items[0][price_data][unit_amount]", amount)
        .with("line_items[0][price_data][product_data][name]", name)
        .with("client_reference_id", &order)
        .with("success_url", with_session(&request.return_url))
        .with("cancel_url", &request.cancel_url)
        .with("expires_at", expires_at(request))
        .with("payment_intent_data[metadata][order_id]", &order)
        .with("payment_intent_data[metadata][transaction_id]", &payment)
        .with("metadata[order_id]", &order)
        .with("metadata[transaction_id]", &payment)
        .with("payment_method_types[0]", "card")
        // Else the customer could pay another amount in another currency.
        .with("adaptive_pricing[enabled]", false)
        .with("locale", locale)
        .with_some("customer_email", request.customer_email.as_deref())
}

/// Something to pay in Stripe's fields on the storefront's own page.
pub(super) fn payment_intent(attempt: &Attempt, request: &StartRequest, amount: i64) -> Form {
    Form::new()
        .with("amount", amount)
        .with("currency", currency(attempt))
        .with("automatic_payment_methods[enabled]", true)
        .with("description", format!("Order {}", request.order_number))
        .with("metadata[order_id]", attempt.order)
        .with("metadata[transaction_id]", attempt.payment)
        .with_some("receipt_email", request.customer_email.as_deref())
}

/// Money back, of an intent, or of a charge where no intent is known.
pub(super) fn refund(call: &RefundCall, of: (&str, &str), amount: i64) -> Form {
    // Stripe's own words; any other reason is the shop's and stays there.
    let reason = match call.reason.as_deref() {
        Some(word @ ("duplicate" | "fraudulent")) => word,
        _ => "requested_by_customer",
    };
    Form::new().with(of.0, of.1).with("amount", amount).with("reason", reason).with("metadata[refund_id]", call.refund)
}

/// A query whose answer holds the object behind the path instead of its id.
pub(super) fn expanding(path: &str) -> Form {
    Form::new().with("expand[]", path)
}

/// From when on an attempt of unknown outcome can have been made at Stripe.
pub(super) fn made_since(attempt: &Attempt) -> Form {
    let made = attempt.request.as_ref().map_or(attempt.sent_at.ms(), |request| request.made_at.min(attempt.sent_at.ms()));
    Form::new().with("created[gte]", seconds(made - EARLIER_MS))
}

pub(super) fn between(from: UtcMs, until: UtcMs) -> Form {
    Form::new()
        .with("created[gte]", seconds(from.ms()))
        .with("created[lt]", seconds(until.ms()))
        .with("expand[]", "data.source")
}

/// From the request alone, so that the same bytes go out each time.
fn expires_at(request: &StartRequest) -> i64 {
    let hold = request.hold_ends_at - request.made_at;
    seconds(request.made_at + hold.clamp(SHORTEST_SESSION_MS, LONGEST_SESSION_MS))
}

/// Stripe writes the session's name in place of the word.
fn with_session(return_url: &str) -> String {
    let mark = if return_url.contains('?') { '&' } else { '?' };
    format!("{return_url}{mark}session={{CHECKOUT_SESSION_ID}}")
}

fn currency(attempt: &Attempt) -> String {
    attempt.amount.currency().code().to_ascii_lowercase()
}

const fn seconds(ms: i64) -> i64 {
    ms.div_euclid(SECOND_MS)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::features::payments::gateway::Flow;
    use crate::kernel::{Currency, Money, OrderId, PaymentId, RefundId};

    const MADE_AT: i64 = 1_795_424_400_000;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../../tests/vectors/stripe.json")).expect("the vectors are JSON")
    }

    fn attempt(flow: Flow) -> Attempt {
        Attempt {
            payment: PaymentId::parse("0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e7f").expect("an id"),
            order: OrderId::parse("0199f1c2-7a10-7c2e-9b1a-1f2e3d4c5b6a").expect("an id"),
            number: 1,
            amount: Money::from_minor(4_250, Currency::JOD),
            flow,
            reference: None,
            objects: Vec::new(),
            request: Some(StartRequest {
                order_number: "B-261123-0042".to_owned(),
                shop_name: "EL-Bayader".to_owned(),
                locale: "ar".to_owned(),
                customer_name: "Layla".to_owned(),
                customer_email: None,
                customer_phone: None,
                return_url: "https://shop.example.com/done".to_owned(),
                cancel_url: "https://shop.example.com/cart".to_owned(),
                webhook_url: "https://shop.example.com/api/v1/payments/webhook/stripe".to_owned(),
                made_at: MADE_AT,
                hold_ends_at: MADE_AT + 30 * MINUTE_MS,
            }),
            sent_at: UtcMs::from_ms(MADE_AT),
        }
    }

    fn sorted(form: &str) -> Vec<&str> {
        let mut pairs: Vec<_> = form.split('&').collect();
        pairs.sort_unstable();
        pairs
    }

    /// Every form of the vectors, made by the code that sends it. What we send beside it stands here by name.
    #[test]
    fn the_forms_are_those_of_stripes_own_library() {
        for case in vectors()["form_encoding"]["cases"].as_array().expect("cases") {
            let expected = case["form"].as_str().expect("a form");
            let (form, beside): (Form, &[&str]) = match case["name"].as_str().expect("a name") {
                "payment_intent" => {
                    let mut attempt = attempt(Flow::Elements);
                    let request = attempt.request.as_mut().expect("a request");
                    request.customer_email = Some("a+b@example.com".to_owned());
                    (payment_intent(&attempt, attempt.request.as_ref().expect("a request"), 4_250), &[])
                }
                "checkout_session" => {
                    let attempt = attempt(Flow::Redirect);
                    let form = checkout_session(&attempt, attempt.request.as_ref().expect("a request"), 4_250);
                    (form, &["payment_method_types[0]=card", "adaptive_pricing[enabled]=false", "locale=auto"])
                }
                "refund_partial" => {
                    let call = RefundCall {
                        refund: RefundId::parse("0199f1c2-9c32-7e40-9d3c-3b4c5d6e7f80").expect("an id"),
                        payment: attempt(Flow::Redirect).payment,
                        number: "B-261123-0042-1-R1".to_owned(),
                        amount: Money::from_minor(1_000, Currency::JOD),
                        reason: Some("burnt".to_owned()),
                        captured: "ch_3TestBayader0001".to_owned(),
                        reference: None,
                        objects: Vec::new(),
                        object: None,
                        memo: None,
                        sent_at: None,
                    };
                    (refund(&call, ("payment_intent", "pi_3TestBayader0001"), 1_000), &[])
                }
                unknown => panic!("a form that no test knows: {unknown}"),
            };
            let sent = form.encoded();
            let ours: Vec<_> = sorted(&sent).into_iter().filter(|pair| !beside.contains(pair)).collect();
            assert_eq!(ours, sorted(expected), "{}", case["name"]);
            assert_eq!(sorted(&sent).len(), ours.len() + beside.len());
        }
    }

    #[test]
    fn the_session_ends_with_the_hold_within_what_stripe_takes() {
        let ends = |hold_ms: i64| {
            let request = attempt(Flow::Redirect).request.expect("a request");
            expires_at(&StartRequest { hold_ends_at: MADE_AT + hold_ms, ..request }) - MADE_AT / 1_000
        };
        assert_eq!(ends(MINUTE_MS), 31 * 60);
        assert_eq!(ends(45 * MINUTE_MS), 45 * 60);
        assert_eq!(ends(24 * HOUR_MS), 24 * 3600 - 300);
    }

    #[test]
    fn the_session_stands_behind_what_the_link_holds_already() {
        assert_eq!(
            with_session("https://a.example/pay/return?tx=1&k=2"),
            "https://a.example/pay/return?tx=1&k=2&session={CHECKOUT_SESSION_ID}"
        );
    }

    #[test]
    fn a_reason_that_stripe_has_a_word_for_is_said() {
        for (reason, word) in [("duplicate", "duplicate"), ("late", "requested_by_customer")] {
            let call = RefundCall {
                refund: RefundId::parse("0199f1c2-9c32-7e40-9d3c-3b4c5d6e7f80").expect("an id"),
                payment: attempt(Flow::Redirect).payment,
                number: String::new(),
                amount: Money::from_minor(1_000, Currency::JOD),
                reason: Some(reason.to_owned()),
                captured: "ch_1".to_owned(),
                reference: None,
                objects: Vec::new(),
                object: None,
                memo: None,
                sent_at: None,
            };
            assert!(refund(&call, ("charge", "ch_1"), 1_000).encoded().contains(&format!("reason={word}")));
        }
    }
}
