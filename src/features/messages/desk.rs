//! What sending needs: the carriers that the keeper has chosen, the templates, and who makes links that open something.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::carrier::{Boxed, Carrier};
use super::carriers;
use super::line::Line;
use super::templates::Templates;
use super::{Channel, Kind, Rendered};
use crate::clock::Clock;
use crate::config::Config;
use crate::kernel::{Fault, Locale, Result, UserId, UtcMs};
use crate::outbound::Patience;

/// Why messages cannot be sent, in words for whoever keeps the machine.
#[derive(Debug, thiserror::Error)]
pub enum CarrierFault {
    #[error("the folder {folder} cannot be used: {reason}. Look at its rights")]
    Outbox { folder: std::path::PathBuf, reason: std::io::Error },
    #[error("the configuration of {carrier} is not right: {reason}")]
    Carrier { carrier: &'static str, reason: String },
    #[error("the templates in {folder} cannot be used: {reason}")]
    Templates { folder: std::path::PathBuf, reason: String },
}

/// Who makes links that open an account, at the moment when they leave. `accounts` does, and `app` plugs it in.
pub trait SecretLinks: Send + Sync + 'static {
    /// A link for a message of this kind to this account; `None` where its cause is gone, and nothing is to be sent.
    fn make(&self, kind: Kind, user: UserId) -> Boxed<'_, Result<Option<String>>>;
}

/// What sending needs.
pub struct Desk {
    carriers: Vec<Arc<dyn Carrier>>,
    templates: Templates,
    email: Line,
    sms: Line,
}

impl Desk {
    /// Opens the carriers of a configuration; those of `extra` take the place of the ones for the same channel.
    ///
    /// # Errors
    /// [`CarrierFault`].
    pub fn open(
        data_folder: &Path,
        config: &Config,
        clock: &Clock,
        patience: Patience,
        extra: Vec<Arc<dyn Carrier>>,
    ) -> Result<Desk, CarrierFault> {
        let setting = carriers::Setting { data_folder, config, clock, patience };
        let mut carriers = extra;
        for channel in Channel::ALL {
            if !carriers.iter().any(|carrier| carrier.channel() == channel) {
                carriers.push(carriers::open(channel, &setting)?);
            }
        }
        let templates = Templates::load(&data_folder.join("templates"))?;
        Ok(Desk { carriers, templates, email: Line::default(), sms: Line::default() })
    }

    /// Who carries messages of a channel.
    #[must_use]
    pub fn carrier(&self, channel: Channel) -> Option<&Arc<dyn Carrier>> {
        self.carriers.iter().find(|carrier| carrier.channel() == channel)
    }

    /// Takes up what an earlier run has left: which channels are stopped, as [`super::TakeUp`] has found them.
    pub fn take_up(&self, stopped: [Option<(String, UtcMs)>; 2], now: UtcMs) {
        for (channel, stopped) in Channel::ALL.into_iter().zip(stopped) {
            self.line(channel).begin(stopped, now);
        }
    }

    /// Whether messages of a channel are held, because its carrier cannot be asked.
    #[must_use]
    pub fn is_shut(&self, channel: Channel) -> bool {
        !self.line(channel).is_open()
    }

    pub(super) fn line(&self, channel: Channel) -> &Line {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        }
    }

    /// A message's words, as [`Templates::render`] has them.
    ///
    /// # Errors
    /// As there.
    pub fn words(&self, kind: Kind, locale: Locale, channel: Channel, values: &Value) -> Result<Rendered, Fault> {
        self.templates.render(kind, locale, channel, values)
    }

    #[must_use]
    pub(super) fn templates(&self) -> &Templates {
        &self.templates
    }
}
