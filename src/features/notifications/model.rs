//! What is told, by its cause.

use crate::kernel::{OrderId, OrderStatus, RefundId};

/// Something that happened to an order and that its customer is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Placed,
    /// It came to this state.
    Moved(OrderStatus),
    PaymentFailed,
    Refunded(RefundId),
}

impl Step {
    /// The step by which an order came to a state.
    #[must_use]
    pub const fn to(status: OrderStatus) -> Step {
        match status {
            OrderStatus::Pending => Step::Placed,
            status => Step::Moved(status),
        }
    }

    fn code(self) -> String {
        match self {
            Step::Placed => "placed".to_owned(),
            Step::Moved(status) => status.code().to_owned(),
            Step::PaymentFailed => "payment_failed".to_owned(),
            Step::Refunded(refund) => format!("refunded/{refund}"),
        }
    }

    fn from_code(code: &str) -> Option<Step> {
        match code {
            "placed" => Some(Step::Placed),
            "payment_failed" => Some(Step::PaymentFailed),
            code => match code.strip_prefix("refunded/") {
                Some(refund) => RefundId::parse(refund).map(Step::Refunded),
                None => OrderStatus::from_code(code).filter(|status| *status != OrderStatus::Pending).map(Step::Moved),
            },
        }
    }
}

/// The key of a step's job: one is open at most.
#[must_use]
pub fn key(order: OrderId, step: Step) -> String {
    format!("{order}/{}", step.code())
}

/// What a job's key names.
#[must_use]
pub fn parse_key(key: &str) -> Option<(OrderId, Step)> {
    let (order, step) = key.split_once('/')?;
    Some((OrderId::parse(order)?, Step::from_code(step)?))
}

/// Something that a person must look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alert {
    RefundFailed,
    PaymentParked,
    PaymentDisputed,
    /// Money came late, or twice, and goes back by itself.
    LateApproval,
    /// A reader called a message of ours spam.
    MailComplained,
}

impl Alert {
    pub const ALL: [Alert; 5] =
        [Alert::RefundFailed, Alert::PaymentParked, Alert::PaymentDisputed, Alert::LateApproval, Alert::MailComplained];

    /// Its word in templates and keys.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Alert::RefundFailed => "refund_failed",
            Alert::PaymentParked => "payment_parked",
            Alert::PaymentDisputed => "payment_disputed",
            Alert::LateApproval => "late_approval",
            Alert::MailComplained => "mail_complained",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Alert> {
        Alert::ALL.into_iter().find(|alert| alert.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_known_by_its_key() {
        let order = OrderId::from_uuid(uuid::Uuid::from_u128(7));
        let refund = RefundId::from_uuid(uuid::Uuid::from_u128(8));
        let moves = OrderStatus::ALL.iter().map(|status| Step::to(*status));
        for step in moves.chain([Step::PaymentFailed, Step::Refunded(refund)]) {
            assert_eq!(parse_key(&key(order, step)), Some((order, step)));
        }
        let texts =
            ["", "placed", "7/placed", &format!("{order}/Pending"), &format!("{order}/refunded/1"), &format!("{order}/x")];
        assert!(texts.into_iter().all(|text| parse_key(text).is_none()));
    }
}
