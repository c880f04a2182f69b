//! A transaction as Paymob tells it, and what it means (PROVIDERS 4.4).

use serde_json::{Number, Value, json};

use super::super::amounts;
use super::super::lenient::{flag_at, only, short, text_at, whole_at};
use super::answers::unreadable;
use crate::features::money::Failure;
use crate::features::payments::gateway::{CallFault, Capture, Report, There, Total};
use crate::kernel::{Currency, Money};

/// One try to pay, or a child of one: a refund, a void, a capture.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Transaction {
    pub(super) id: String,
    pub(super) order: Option<String>,
    /// Of which it is a child.
    pub(super) parent: Option<String>,
    pub(super) is_success: bool,
    pub(super) is_pending: bool,
    is_error: bool,
    is_auth: bool,
    is_voided: bool,
    is_refunded: bool,
    /// It gives back its parent as a whole, before that was settled.
    is_void: bool,
    is_refund: bool,
    pub(super) amount: Option<Money>,
    /// Of [`Transaction::amount`], so far.
    refunded: Option<Money>,
    captured: Option<Money>,
    pub(super) failure: Option<Failure>,
    raw: Value,
}

/// Reads an answer, bare or wrapped.
pub(super) fn read(answer: &Value) -> Result<Transaction, CallFault> {
    let obj = answer.get("obj").filter(|obj| obj.is_object()).unwrap_or(answer);
    let missing = |what: &str| unreadable(&format!("no {what}"));
    let flag = |name: &str| flag_at(obj, name).unwrap_or(false);
    let currency = text_at(obj, "currency").and_then(|code| Currency::from_code(&code));
    let money = |name: &str| amounts::from_paymob(whole_at(obj, name)?, currency?);
    let parent = text_at(obj, "parent_transaction").or_else(|| text_at(obj, "parent_transaction.id"));
    if parent.is_none() && flag("has_parent_transaction") {
        return Err(missing("parent_transaction"));
    }
    let is_success = flag_at(obj, "success").ok_or_else(|| missing("success"))?;
    let is_pending = flag_at(obj, "pending").ok_or_else(|| missing("pending"))?;
    let message = text_at(obj, "data.message");
    let code = text_at(obj, "data.txn_response_code").unwrap_or_else(|| "declined".to_owned());
    let failure = (!is_success && !is_pending)
        .then(|| Failure { code: short(&code), message: short(message.as_deref().unwrap_or("Paymob gives no reason")) });
    Ok(Transaction {
        id: text_at(obj, "id").ok_or_else(|| missing("id"))?,
        order: text_at(obj, "order.id").or_else(|| text_at(obj, "order")),
        parent,
        is_success,
        is_pending,
        is_error: flag("error_occured"),
        is_auth: flag("is_auth"),
        is_voided: flag("is_voided"),
        is_refunded: flag("is_refunded"),
        is_void: flag("is_void"),
        is_refund: flag("is_refund"),
        amount: money("amount_cents"),
        refunded: money("refunded_amount_cents"),
        captured: money("captured_amount"),
        failure,
        raw: kept(obj),
    })
}

impl Transaction {
    /// How much was given back of it so far; `None` if that cannot be read.
    pub(super) fn given_back(&self) -> Option<Money> {
        let amount = self.amount?;
        let nothing = Money::zero(amount.currency());
        match self.refunded {
            _ if self.is_voided => Some(amount),
            Some(told) if told.minor() > 0 => Some(told),
            _ if self.is_refunded => Some(amount),
            told => Some(told.unwrap_or(nothing)),
        }
    }

    /// As it is kept.
    pub(super) fn into_raw(self) -> Value {
        self.raw
    }

    /// Whether it gives back that much of that transaction and has not ended.
    pub(super) fn is_waiting_refund(&self, parent: &str, amount: Money) -> bool {
        self.is_pending && self.is_refund && self.parent.as_deref() == Some(parent) && self.amount == Some(amount)
    }

    /// What it has taken, if it has.
    fn capture(&self) -> Option<Capture> {
        if !self.is_success || self.is_pending || self.is_error || self.parent.is_some() {
            return None;
        }
        // Of money that was only held, what was taken afterwards.
        let amount = if self.is_auth { self.captured.filter(|taken| taken.minor() > 0) } else { self.amount };
        Some(Capture { object: self.id.clone(), amount: amount?, fee: None })
    }
}

/// What the transactions of one order say together.
pub(super) fn report(all: &[Transaction]) -> Report {
    let roots = || all.iter().filter(|one| one.parent.is_none());
    let captures: Vec<_> = roots().filter_map(Transaction::capture).collect();
    let mut report = Report {
        reference: all.iter().find_map(|one| one.order.as_deref()).map(order_name),
        objects: all.iter().map(|one| one.id.clone()).collect(),
        refunded_total: refunded_total(all),
        note: roots().find_map(note),
        raw: Some(json!({ "transactions": all.iter().map(|one| one.raw.clone()).collect::<Vec<_>>() })),
        ..Report::default()
    };
    if captures.is_empty() {
        report.failure = roots().find_map(|one| one.failure.clone());
        report.state = Some(There::Open);
    }
    report.captures = captures;
    report
}

/// Over all that was taken: the children that gave it back are not all known, so the sum is told, under the newest one's name.
fn refunded_total(all: &[Transaction]) -> Option<Total> {
    let taken = || all.iter().filter(|one| one.capture().is_some());
    let is_voided = |one: &Transaction| {
        all.iter().any(|child| child.parent.as_ref() == Some(&one.id) && child.is_void && child.is_success && !child.is_pending)
    };
    let back = |one: &Transaction| if is_voided(one) { one.amount } else { one.given_back() };
    let mut sum: Option<Money> = None;
    for one in taken() {
        let back = back(one)?;
        sum = Some(sum.map_or(Some(back), |sum| sum.checked_add(back))?);
    }
    let amount = sum.filter(|sum| sum.minor() > 0)?;
    let children = all.iter().filter(|one| one.parent.is_some() && (one.is_refund || one.is_void) && one.is_success);
    let newest = children.max_by_key(|one| one.id.parse::<u64>().unwrap_or(0)).map(|one| one.id.clone());
    let of = taken().next()?;
    Some(Total { object: newest.unwrap_or_else(|| format!("{}:refunded:{}", of.id, amount.minor())), amount })
}

fn note(one: &Transaction) -> Option<String> {
    if one.is_auth && one.is_success && one.capture().is_none() {
        return Some(
            "Paymob only holds the money: the account is set to authorise. Capture it in Paymob's dashboard, and set the \
             integration to take money at once"
                .to_owned(),
        );
    }
    let is_odd = one.is_success && (one.is_error || one.is_pending || one.amount.is_none());
    is_odd.then(|| format!("Paymob contradicts itself about transaction {}. Look it up in its dashboard", one.id))
}

/// Whatever was found is of that order.
pub(super) fn check_order(all: &[Transaction], reference: Option<&str>) -> Result<(), CallFault> {
    let Some(reference) = reference else { return Ok(()) };
    let is_other = |one: &Transaction| one.order.as_deref().is_some_and(|order| order_name(order) != reference);
    if all.iter().any(is_other) { Err(unreadable("it is about another order")) } else { Ok(()) }
}

/// Where a transaction is asked about. Its number comes from an answer, and an answer leads nowhere else.
pub(super) fn path(id: &str) -> Result<String, CallFault> {
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(format!("/api/acceptance/transactions/{id}")) } else { Err(unreadable("no number of a transaction")) }
}

/// An order's name with us.
pub(super) fn order_name(number: &str) -> String {
    format!("order:{number}")
}

/// The number in an order's name.
pub(super) fn order_number(name: &str) -> Option<Number> {
    let number = name.strip_prefix("order:").unwrap_or(name);
    number.parse::<u64>().ok().map(Number::from)
}

/// The numbers of transactions among an attempt's names, the newest first.
pub(super) fn numbers(objects: &[String]) -> impl Iterator<Item = String> {
    let mut numbers: Vec<u64> = objects.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.into_iter().map(|number| number.to_string())
}

fn kept(obj: &Value) -> Value {
    const KEPT: &[&str] = &[
        "id",
        "amount_cents",
        "currency",
        "success",
        "pending",
        "error_occured",
        "is_auth",
        "is_capture",
        "is_voided",
        "is_void",
        "is_refunded",
        "is_refund",
        "is_live",
        "has_parent_transaction",
        "parent_transaction",
        "integration_id",
        "refunded_amount_cents",
        "captured_amount",
        "created_at",
        "updated_at",
    ];
    let mut kept = only(obj, KEPT);
    kept["order"] = obj.get("order").map_or(Value::Null, |order| only(order, &["id"]));
    kept["data"] = obj.get("data").map_or(Value::Null, |data| only(data, &["message", "txn_response_code"]));
    kept["source_data"] = obj.get("source_data").map_or(Value::Null, |source| only(source, &["type", "sub_type"]));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_becomes_part_of_a_path() {
        assert_eq!(path("192036465"), Ok("/api/acceptance/transactions/192036465".to_owned()));
        for id in ["", "../../auth/tokens", "1/2", "1?x=2", "1#2", "%31", "-1", "\u{661}"] {
            assert!(matches!(path(id), Err(CallFault::Unclear(_))), "{id}");
        }
    }
}
