//! Asking each carrier whether it knows the shop, without a message: what an owner does first after having filled a section in.

use std::path::Path;

use super::carrier::Check;
use super::{CarrierFault, Channel, carriers};
use crate::clock::Clock;
use crate::config::Config;
use crate::outbound::Patience;

/// What asking one carrier has shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedCarrier {
    pub channel: Channel,
    /// Its word in the configuration.
    pub carrier: &'static str,
    pub check: Check,
}

/// One call a channel; nothing is sent, and nothing is written into the data folder.
///
/// # Errors
/// [`CarrierFault`] if one cannot be opened.
pub async fn check_carriers(
    data_folder: &Path,
    config: &Config,
    clock: &Clock,
    patience: Patience,
) -> Result<Vec<CheckedCarrier>, CarrierFault> {
    let setting = carriers::Setting { data_folder, config, clock, patience };
    let mut checked = Vec::new();
    for channel in Channel::ALL {
        checked.push(if carriers::is_log(channel, config) {
            CheckedCarrier { channel, carrier: "log", check: Check::Nobody }
        } else {
            let carrier = carriers::open(channel, &setting)?;
            CheckedCarrier { channel, carrier: carrier.name(), check: carrier.check().await }
        });
    }
    Ok(checked)
}
