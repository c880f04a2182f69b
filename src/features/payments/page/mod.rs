//! The order's page, which its buyer opens by a link, and on which they pay and cancel without a script (SPEC 4).

mod dates;
mod onward;
pub(super) mod read;
pub(super) mod say;
pub(super) mod view;

pub(super) use onward::onward;
