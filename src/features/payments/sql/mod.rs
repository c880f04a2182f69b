//! Every statement on `gateway_attempts`, `payment_objects` and `webhook_inbox`, and what is read beside them.

pub(super) mod attempts;
pub(super) mod compare;
pub(super) mod inbox;
pub(super) mod refunds;
