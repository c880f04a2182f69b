//! Giving back without idempotency keys (PROVIDERS 4.2): what was given back before is remembered, and what was given back
//! afterwards tells whether a call of unknown outcome was carried out.

use serde_json::{Number, json};

use super::super::amounts;
use super::Paymob;
use super::answers::{self, Key, unreadable};
use super::transaction::{self, Transaction};
use crate::features::payments::gateway::{CallFault, RefundCall, RefundReport};
use crate::kernel::{Money, RefundStatus};

impl Paymob {
    async fn parent(&self, refund: &RefundCall) -> Result<Transaction, CallFault> {
        let parent = self.transaction(&refund.captured).await?;
        parent.ok_or_else(|| unreadable("it does not know the transaction that was paid"))
    }

    async fn given_back_of(&self, refund: &RefundCall) -> Result<Money, CallFault> {
        let given_back = self.parent(refund).await?.given_back();
        given_back
            .filter(|money| money.currency() == refund.amount.currency())
            .ok_or_else(|| unreadable("no refunded_amount_cents"))
    }

    /// In our minor units.
    pub(super) async fn given_back_before(&self, refund: &RefundCall) -> Result<Option<String>, CallFault> {
        Ok(Some(self.given_back_of(refund).await?.minor().to_string()))
    }

    pub(super) async fn give_back(&self, refund: &RefundCall) -> Result<RefundReport, CallFault> {
        let refused = |code: &str, message: &str| CallFault::Refused { code: code.to_owned(), message: message.to_owned() };
        let amount =
            amounts::to_paymob(refund.amount).map_err(|refusal| refused(refusal.code(), "the amount cannot be written"))?;
        let id: Number = refund
            .captured
            .parse::<u64>()
            .map_err(|_| refused("unknown_transaction", "what was captured is no transaction of Paymob"))?
            .into();
        let body = json!({ "transaction_id": id, "amount_cents": amount });
        let reply = self.order("/api/acceptance/void_refund/refund", &body, Some(self.refund_time)).await?;
        let child = transaction::read(&answers::done(&reply, Key::Secret)?)?;
        if child.parent.as_ref().is_some_and(|parent| *parent != refund.captured) {
            return Err(unreadable("it is about another transaction"));
        }
        Ok(told(child))
    }

    /// `None` if the sum has not risen by it. That twice, some time apart, lets it be sent again (PROVIDERS 4.2); who asks counts.
    pub(super) async fn given_back(&self, refund: &RefundCall) -> Result<Option<RefundReport>, CallFault> {
        if let Some(id) = &refund.object
            && let Some(child) = self.transaction(id).await?
        {
            return Ok(Some(told(child)));
        }
        let unknown = |status| Some(RefundReport { status, object: refund.object.clone(), failure: None, raw: None });
        let Some(before) = refund.memo.as_deref().and_then(|memo| memo.parse::<i64>().ok()) else {
            return Ok(unknown(RefundStatus::Pending));
        };
        if self.given_back_of(refund).await?.minor() - before >= refund.amount.minor() {
            return Ok(unknown(RefundStatus::Succeeded));
        }
        // The sum rises when a refund ends: one that was taken down and is not carried out yet would be made twice.
        let all = self.transactions(refund.reference.as_deref(), refund.payment, &refund.objects).await?;
        Ok(all.into_iter().find(|child| child.is_waiting_refund(&refund.captured, refund.amount)).map(told))
    }
}

/// What the child says.
fn told(child: Transaction) -> RefundReport {
    let status = match (child.is_pending, child.is_success) {
        (true, _) => RefundStatus::Pending,
        (false, true) => RefundStatus::Succeeded,
        (false, false) => RefundStatus::Failed,
    };
    RefundReport { status, object: Some(child.id.clone()), failure: child.failure.clone(), raw: Some(child.into_raw()) }
}
