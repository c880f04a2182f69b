//! Every carrier there is, a line each.

mod log;
mod pace;
mod smtp;

use std::path::Path;
use std::sync::Arc;

use super::carrier::Carrier;
use super::{CarrierFault, Channel};
use crate::clock::Clock;
use crate::config::{Config, MailAdapter, Sms};
use crate::outbound::Patience;

/// What a carrier is opened with.
pub(super) struct Setting<'a> {
    pub data_folder: &'a Path,
    pub config: &'a Config,
    pub clock: &'a Clock,
    pub patience: Patience,
}

/// The carrier that the keeper has chosen for a channel.
///
/// # Errors
/// [`CarrierFault`].
pub(super) fn open(channel: Channel, setting: &Setting<'_>) -> Result<Arc<dyn Carrier>, CarrierFault> {
    match channel {
        Channel::Email => match &setting.config.mail.adapter {
            MailAdapter::Smtp(smtp) => smtp::open(smtp, setting),
            MailAdapter::Log | MailAdapter::SendGrid(_) => log::open(channel, setting),
        },
        Channel::Sms => match &setting.config.sms {
            Sms::Log | Sms::Twilio(_) | Sms::Http(_) => log::open(channel, setting),
        },
    }
}
