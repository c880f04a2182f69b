//! Every carrier there is, a line each.

mod log;
mod pace;
mod sendgrid;
mod sms_http;
mod smtp;
mod twilio;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::carrier::Carrier;
use super::{CarrierFault, Channel};
use crate::clock::Clock;
use crate::config::{Config, MailAdapter, Sms};
use crate::outbound::Patience;

/// Where a provider tells what became of a text message; behind `public_url`.
pub(super) const SMS_STATUS_PATH: &str = "/api/v1/notifications/sms/status";
/// Where a provider tells what became of e-mails; behind `public_url`.
pub(super) const EMAIL_EVENTS_PATH: &str = "/api/v1/notifications/email/events";

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
            MailAdapter::SendGrid(section) => sendgrid::open(section, setting),
            MailAdapter::Log => log::open(channel, setting),
        },
        Channel::Sms => match &setting.config.sms {
            Sms::Log => log::open(channel, setting),
            Sms::Twilio(section) => twilio::open(section, setting),
            Sms::Http(section) => sms_http::open(section, setting),
        },
    }
}

/// Whether messages of a channel become files.
pub(super) fn is_log(channel: Channel, config: &Config) -> bool {
    match channel {
        Channel::Email => matches!(config.mail.adapter, MailAdapter::Log),
        Channel::Sms => matches!(config.sms, Sms::Log),
    }
}

/// A text of at most so many UTF-16 units, as which text messages are counted; a longer one ends in `…`.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.encode_utf16().count() <= most {
        return Cow::Borrowed(text);
    }
    let mut units = 1;
    let kept = text.chars().take_while(|c| {
        units += c.len_utf16();
        units <= most
    });
    Cow::Owned(kept.chain(['…']).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("خبز", 3), "خبز");
        assert_eq!(cut("خبزة", 3), "خب…");
        assert_eq!(cut("a🥐🥐", 5), "a🥐🥐");
        assert_eq!(cut("a🥐🥐b", 5), "a🥐…", "half a picture is none");
    }
}
