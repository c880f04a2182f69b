//! What PayPal is asked to do, and what its orders, captures and refunds say (PROVIDERS 3.1).

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::name;
use super::links::Links;
use crate::features::money::Failure;
use crate::features::payments::gateway::{
    Attempt, CallFault, Capture, Ending, Handover, RefundCall, RefundReport, RefundTold, Report, StartRequest, There,
};
use crate::features::payments::gateways::amounts;
use crate::kernel::{Currency, Money, PaymentId, RefundId, RefundStatus};

/// The most characters of a free text of PayPal's.
const LONGEST_TEXT: usize = 127;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    pub rel: String,
    #[serde(default)]
    pub href: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Amount {
    currency_code: String,
    value: String,
}

impl Amount {
    pub fn money(&self) -> Option<Money> {
        amounts::from_paypal(&self.value, Currency::from_code(&self.currency_code)?)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub id: String,
    status: String,
    #[serde(default)]
    purchase_units: Vec<Unit>,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Unit {
    custom_id: Option<String>,
    #[serde(default)]
    payments: Payments,
}

#[derive(Debug, Default, Deserialize)]
struct Payments {
    #[serde(default)]
    captures: Vec<CaptureThere>,
    #[serde(default)]
    refunds: Vec<RefundThere>,
}

/// A capture, in an order, by itself or in a message.
#[derive(Debug, Deserialize)]
pub(super) struct CaptureThere {
    pub id: String,
    #[serde(default)]
    pub status: String,
    pub amount: Option<Amount>,
    pub custom_id: Option<String>,
    status_details: Option<Details>,
    seller_receivable_breakdown: Option<Breakdown>,
    supplementary_data: Option<Supplement>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Details {
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Breakdown {
    paypal_fee: Option<Amount>,
}

#[derive(Debug, Deserialize)]
struct Supplement {
    related_ids: Option<Related>,
}

#[derive(Debug, Deserialize)]
struct Related {
    order_id: Option<String>,
    capture_id: Option<String>,
}

/// A refund, in an order, by itself or in a message.
#[derive(Debug, Deserialize)]
pub(super) struct RefundThere {
    pub id: String,
    #[serde(default)]
    pub status: String,
    pub amount: Option<Amount>,
    pub custom_id: Option<String>,
    pub invoice_id: Option<String>,
    status_details: Option<Details>,
    supplementary_data: Option<Supplement>,
    #[serde(default)]
    pub links: Vec<Link>,
}

/// It cannot be made out what an answer says of money.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("paypal's answer cannot be read: {0}")]
pub(super) struct Unreadable(pub &'static str);

impl From<Unreadable> for CallFault {
    fn from(fault: Unreadable) -> CallFault {
        CallFault::Unclear(fault.to_string())
    }
}

/// The body that creates an order. It hangs on the attempt and its stored request alone, so that it is the same each time.
pub(super) fn create_body(attempt: &Attempt, request: &StartRequest, amount: &str) -> Value {
    let mut context = json!({
        // PayPal lists Arabic with Egypt's country alone.
        "locale": if request.locale == "ar" { "ar-EG" } else { "en-US" },
        "shipping_preference": "NO_SHIPPING",
        "user_action": "PAY_NOW",
        "return_url": request.return_url,
        "cancel_url": request.cancel_url,
    });
    let shop = text(&request.shop_name);
    if let (Value::Object(fields), false) = (&mut context, shop.is_empty()) {
        fields.insert("brand_name".to_owned(), Value::String(shop));
    }
    json!({
        "intent": "CAPTURE",
        "purchase_units": [{
            "reference_id": "default",
            "custom_id": attempt.payment.to_string(),
            "invoice_id": format!("{}-{}", request.order_number, attempt.number),
            "description": format!("Order {}", request.order_number),
            "amount": { "currency_code": attempt.amount.currency().code(), "value": amount },
        }],
        "payment_source": { "paypal": { "experience_context": context } },
    })
}

/// The body that asks for a refund. The buyer reads the note, so staff's own reason does not stand in it.
pub(super) fn refund_body(refund: &RefundCall, amount: &str) -> Value {
    json!({
        "amount": { "currency_code": refund.amount.currency().code(), "value": amount },
        "custom_id": refund.refund.to_string(),
        "invoice_id": refund.number,
        "note_to_payer": format!("Refund {}", refund.number),
    })
}

/// One line, and no longer than PayPal takes.
fn text(text: &str) -> String {
    let line = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    line.collect::<String>().trim().chars().take(LONGEST_TEXT).collect()
}

/// Reads an order and makes sure that it is this payment's.
pub(super) fn read_order(body: &Value, payment: PaymentId) -> Result<Order, Unreadable> {
    let order = Order::deserialize(body).map_err(|_| Unreadable("it is no order"))?;
    name(&order.id).ok_or(Unreadable("the order has no name"))?;
    let ours = payment.to_string();
    if order.purchase_units.iter().filter_map(|unit| unit.custom_id.as_deref()).any(|custom| custom != ours) {
        return Err(Unreadable("the order is another payment's"));
    }
    Ok(order)
}

/// What an order says.
pub(super) fn report(order: &Order, payment: PaymentId, links: &Links) -> Result<Report, Unreadable> {
    let mut report = Report { reference: Some(order.id.clone()), ..Report::default() };
    match order.status.as_str() {
        "APPROVED" => report.state = Some(There::Approved),
        "VOIDED" => {
            report.state = Some(There::Ended(Ending::Failed));
            report.failure = Some(failure("VOIDED", "PayPal voided the order."));
        }
        "COMPLETED" => {}
        // Created, saved, waiting for the buyer.
        _ => report.state = Some(There::Open),
    }
    let units = || order.purchase_units.iter();
    for capture in units().flat_map(|unit| &unit.payments.captures) {
        add_capture(&mut report, capture)?;
    }
    report.says_whose = true;
    for refund in units().flat_map(|unit| &unit.payments.refunds) {
        let told = refund_told(refund, RefundStatus::Pending, |id| id.uuid() != payment.uuid())?;
        report.says_whose &= says_whose(refund, &told);
        report.refunds.push(told);
    }
    if order.status == "COMPLETED" && report.state.is_none() && report.captures.is_empty() {
        return Err(Unreadable("the order is completed and shows no capture"));
    }
    if report.state == Some(There::Open) {
        let page = order.links.iter().find(|link| matches!(link.rel.as_str(), "payer-action" | "approve"));
        let page = page.and_then(|link| links.page(&link.href));
        report.handover = page.map(|url| Handover { redirect_url: Some(url), client_secret: None });
    }
    Ok(report)
}

/// Adds what a capture says: money, or where it stands. Money that came outweighs one that is under way, and that one that failed.
pub(super) fn add_capture(report: &mut Report, capture: &CaptureThere) -> Result<(), Unreadable> {
    let id = name(&capture.id).ok_or(Unreadable("a capture has no name"))?;
    report.objects.push(id.to_owned());
    let reason = capture.status_details.as_ref().and_then(|details| details.reason.as_deref());
    match capture.status.as_str() {
        "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED" => {
            let amount = capture.amount.as_ref().and_then(Amount::money).ok_or(Unreadable("a capture has no amount"))?;
            let fee = capture.seller_receivable_breakdown.as_ref().and_then(|breakdown| breakdown.paypal_fee.as_ref());
            report.captures.push(Capture { object: id.to_owned(), amount, fee: fee.and_then(Amount::money) });
            report.state = None;
            report.failure = None;
        }
        "DECLINED" | "FAILED" if report.captures.is_empty() && report.state != Some(There::Underway) => {
            report.state = Some(There::Ended(Ending::Failed));
            report.failure = Some(failure(reason.unwrap_or(&capture.status), "PayPal did not take the money."));
        }
        "DECLINED" | "FAILED" => {}
        other => {
            let why = reason.unwrap_or(if other.is_empty() { "no reason given" } else { other });
            report.note = Some(format!("PayPal holds the payment back: {why}"));
            if report.captures.is_empty() {
                report.state = Some(There::Underway);
                report.failure = None;
            }
        }
    }
    Ok(())
}

impl CaptureThere {
    /// The order it belongs to.
    pub fn order(&self) -> Option<&str> {
        let related = self.supplementary_data.as_ref().and_then(|more| more.related_ids.as_ref());
        related.and_then(|ids| ids.order_id.as_deref()).or_else(|| up(&self.links, "orders")).and_then(name)
    }
}

impl RefundThere {
    pub fn capture(&self) -> Option<&str> {
        let related = self.supplementary_data.as_ref().and_then(|more| more.related_ids.as_ref());
        up(&self.links, "captures").or_else(|| related.and_then(|ids| ids.capture_id.as_deref())).and_then(name)
    }

    pub fn order(&self) -> Option<&str> {
        let related = self.supplementary_data.as_ref().and_then(|more| more.related_ids.as_ref());
        related.and_then(|ids| ids.order_id.as_deref()).or_else(|| up(&self.links, "orders")).and_then(name)
    }
}

/// What the `up` link names, if it is one of `kind`: `…/captures/<name>`. It is read, never followed.
fn up<'l>(links: &'l [Link], kind: &str) -> Option<&'l str> {
    let link = links.iter().find(|link| link.rel == "up")?;
    let (before, last) = link.href.rsplit_once('/')?;
    before.ends_with(&format!("/{kind}")).then_some(last)
}

/// A refund as told. `custom_id` is the capture's where nobody gave the refund one: `is_refund` says whether an id can be a refund's.
pub(super) fn refund_told(
    refund: &RefundThere,
    otherwise: RefundStatus,
    is_refund: impl FnOnce(RefundId) -> bool,
) -> Result<RefundTold, Unreadable> {
    let object = name(&refund.id).ok_or(Unreadable("a refund has no name"))?.to_owned();
    let amount = refund.amount.as_ref().and_then(Amount::money).ok_or(Unreadable("a refund has no amount"))?;
    let amount = Money::from_minor(amount.minor().abs(), amount.currency());
    let ours = refund.custom_id.as_deref().and_then(RefundId::parse).filter(|id| is_refund(*id));
    let (status, failure) = standing(refund, otherwise);
    Ok(RefundTold { object, ours, amount, status, failure })
}

/// A refund that we asked for carries our number, `…-R1`; one made by hand carries the capture's, and the capture's `custom_id`.
pub(super) fn is_number_of_a_refund(invoice: Option<&str>) -> bool {
    let last = invoice.and_then(|number| number.rsplit_once("-R")).map(|(_, last)| last);
    last.is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a refund that was read says whose it is. With our number and without our id it is one of ours, and not known which; with
/// neither number nor id of anybody's, nothing is known.
pub(super) fn says_whose(refund: &RefundThere, told: &RefundTold) -> bool {
    let is_marked = refund.custom_id.is_some() || refund.invoice_id.is_some();
    told.ours.is_some() || is_marked && !is_number_of_a_refund(refund.invoice_id.as_deref())
}

fn standing(refund: &RefundThere, otherwise: RefundStatus) -> (RefundStatus, Option<Failure>) {
    let status = match refund.status.as_str() {
        "COMPLETED" => RefundStatus::Succeeded,
        "PENDING" => RefundStatus::Pending,
        "FAILED" | "CANCELLED" => RefundStatus::Failed,
        _ => otherwise,
    };
    let reason = refund.status_details.as_ref().and_then(|details| details.reason.as_deref());
    let word = reason.unwrap_or(if refund.status.is_empty() { "FAILED" } else { &refund.status });
    (status, (status == RefundStatus::Failed).then(|| failure(word, "PayPal did not give the money back.")))
}

/// What an answer about one refund says.
pub(super) fn refund_report(body: &Value, raw: Value) -> Result<RefundReport, Unreadable> {
    let refund = RefundThere::deserialize(body).map_err(|_| Unreadable("it is no refund"))?;
    let object = name(&refund.id).ok_or(Unreadable("the refund has no name"))?.to_owned();
    let (status, failure) = standing(&refund, RefundStatus::Pending);
    Ok(RefundReport { status, object: Some(object), failure, raw: Some(raw) })
}

/// The refund of ours that an order shows.
pub(super) fn refund_in_order(order: &Order, refund: &RefundCall) -> Option<RefundReport> {
    let (id, number) = (refund.refund.to_string(), refund.number.as_str());
    let all = order.purchase_units.iter().flat_map(|unit| &unit.payments.refunds);
    let found = all.into_iter().find(|there| {
        there.custom_id.as_deref() == Some(&id) || there.invoice_id.as_deref().is_some_and(|invoice| invoice == number)
    })?;
    let (status, failure) = standing(found, RefundStatus::Pending);
    Some(RefundReport { status, object: Some(name(&found.id)?.to_owned()), failure, raw: None })
}

pub(super) fn failure(code: &str, message: &str) -> Failure {
    Failure { code: code.to_owned(), message: message.to_owned() }
}
