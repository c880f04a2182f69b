//! Every statement on `gateway_attempts`, `payment_objects` and `webhook_inbox`, and what is read beside them.

pub(super) mod attempts;
mod compare;
pub(super) mod inbox;
mod lists;
