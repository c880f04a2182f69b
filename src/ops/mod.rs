//! What the machine's keeper looks at while the shop runs.

pub mod litestream;
pub mod logs;
pub mod metrics;
pub mod systemd;
pub mod traces;
pub mod upgrade;
