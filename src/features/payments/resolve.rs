//! Money that does not fit: staff accept or refund it.

use serde_json::json;

use super::attempts::Phase;
use super::gateways::Gateways;
use super::refunds_told::REFUNDED;
use super::sql::{attempts as attempts_sql, refunds as sql};
use super::{reconcile, refund, refund_problems};
use crate::db::{Command, WriteTx};
use crate::features::money::{self, Entry, Failure, Kind, NewRefund, Parked, Payment, Told};
use crate::features::orders::{self, Fate};
use crate::http::problem::not_found;
use crate::kernel::{Actor, Change, Fault, PaymentId, Problem, Result, TransactionStatus};

crate::kernel::status::words! {
    /// What becomes of parked money.
    Action {
        /// It is booked as it came.
        Accept = "accept",
        /// It goes back.
        Refund = "refund",
    }
}

/// Ends a parked payment.
pub struct Resolve {
    pub payment: PaymentId,
    pub action: Action,
    pub reason: String,
    pub gateways: Gateways,
    pub by: Actor,
}

impl Command for Resolve {
    const NAME: &'static str = "payments.resolve";
    type Output = Told;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Told> {
        let payment = money::payment(tx, self.payment)?.ok_or_else(not_found)?;
        let parked = sql::parked(tx, payment.id)?.filter(|parked| parked.resolved.is_none());
        let Some(parked) = parked else {
            return Err(Problem::of(&refund_problems::NOT_PARKED)
                .detail("No money waits here for a decision: it fitted, or somebody has decided already.")
                .into());
        };
        match self.action {
            Action::Accept => self.accept(tx, &payment, &parked)?,
            Action::Refund => self.refund(tx, &payment, &parked)?,
        }
        tx.changed(Change {
            action: "payment.resolve",
            subject: format!("payment:{}", payment.id),
            before: Some(json!({ "status": payment.status.code() })),
            after: Some(json!({
                "action": self.action.code(), "amountMinor": parked.amount_minor, "currency": parked.currency, "reason": self.reason,
            })),
        });
        Ok(money::told(tx, payment.id)?.ok_or_else(|| Fault::because("a payment just resolved is there"))?)
    }
}

impl Resolve {
    /// It is booked, and the order follows as it does with any money; what is too much goes back.
    fn accept(&self, tx: &mut WriteTx<'_>, payment: &Payment, parked: &Parked) -> Result<()> {
        let currency = sql::of_order(tx, payment)?.currency;
        if parked.currency != currency {
            return Err(Problem::of(&refund_problems::PARKED_CURRENCY)
                .detail(format!("What came is {}, and the order is in {currency}. It can only be refunded.", parked.currency))
                .into());
        }
        sql::set_resolved(tx, payment.id, parked, Some(self.action.code()))?;
        attempts_sql::set_phase(tx, payment.id, Phase::Closed)?;
        money::set_status(tx, payment.id, TransactionStatus::Succeeded, None)?;
        let entry = Entry {
            object: Some(&parked.object),
            reason: Some(&self.reason),
            ..Entry::of(payment.id, Kind::Captured, parked.amount_minor, self.by)
        };
        if !money::book(tx, &entry)? {
            return Ok(());
        }
        reconcile::after_capture(tx, payment.id)?;
        if let Fate::GiveBack { why, minor } = orders::captured(tx, payment.order, self.by)?
            && minor > 0
        {
            let new = NewRefund {
                payment: payment.id,
                amount_minor: minor,
                reason: Some(why),
                lines: None,
                object: None,
                by: Actor::System,
            };
            money::start_refund(tx, &new)?;
            orders::money_moved(tx, payment.order)?;
        }
        Ok(())
    }

    /// It was never booked for the order, so its refund is not either: the order stays to be paid.
    fn refund(&self, tx: &mut WriteTx<'_>, payment: &Payment, parked: &Parked) -> Result<()> {
        refund::needed(&self.gateways, payment)?;
        sql::set_resolved(tx, payment.id, parked, Some(REFUNDED))?;
        attempts_sql::set_phase(tx, payment.id, Phase::Closed)?;
        let failure = Failure { code: "did_not_fit".to_owned(), message: "What came did not fit, and goes back.".to_owned() };
        if payment.captured_minor == 0 {
            money::set_status(tx, payment.id, TransactionStatus::Failed, Some(&failure))?;
        } else {
            money::set_status(tx, payment.id, TransactionStatus::Succeeded, None)?;
        }
        let what = (parked.amount_minor, parked.currency.as_str(), parked.object.as_str());
        money::refund_parked(tx, payment.id, what, Some(&self.reason), self.by)?;
        orders::money_moved(tx, payment.order)
    }
}
