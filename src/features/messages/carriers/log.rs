//! Nobody: each message becomes a file in `outbox/` of the data folder (SPEC 7).

use std::sync::Arc;

use super::Setting;
use crate::features::messages::carrier::{Boxed, Carrier, Found, Outcome, Outgoing};
use crate::features::messages::mime::Sender;
use crate::features::messages::model::codes;
use crate::features::messages::outbox::{Form, Outbox};
use crate::features::messages::{CarrierFault, Channel};

pub(super) fn open(channel: Channel, setting: &Setting<'_>) -> Result<Arc<dyn Carrier>, CarrierFault> {
    let folder = setting.data_folder.join("outbox");
    let form = match channel {
        Channel::Email => Form::Eml,
        Channel::Sms => Form::Txt,
    };
    let outbox = Outbox::open(&folder, form).map_err(|reason| CarrierFault::Outbox { folder, reason })?;
    Ok(Arc::new(Log { channel, sender: Sender::of(&setting.config.mail)?, outbox }))
}

struct Log {
    channel: Channel,
    sender: Sender,
    outbox: Outbox,
}

impl Log {
    /// As a person opens it.
    fn file(&self, message: &Outgoing) -> Result<Vec<u8>, Outcome> {
        match self.channel {
            Channel::Email => self.sender.file(message).map_err(|unwritable| Outcome::Failed {
                code: codes::UNWRITABLE.to_owned(),
                why: unwritable.to_string(),
                suppress: None,
            }),
            Channel::Sms => Ok(format!("To: {}\n\n{}\n", message.to, message.text.trim_end()).into_bytes()),
        }
    }
}

impl Carrier for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn channel(&self) -> Channel {
        self.channel
    }

    fn send<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(async move {
            let file = match self.file(message) {
                Ok(file) => file,
                Err(outcome) => return outcome,
            };
            match self.outbox.put(message.id, file).await {
                Ok(()) => {
                    tracing::info!(message = %message.id, kind = message.kind.code(), "a message lies in the outbox");
                    Outcome::Sent { provider_id: None }
                }
                Err(error) => {
                    tracing::error!(message = %message.id, error = %error, "the outbox does not take a message");
                    Outcome::Later {
                        why: "the outbox does not take it; look at the folder's rights and the disk".to_owned(),
                        not_before: None,
                    }
                }
            }
        })
    }

    /// Its file tells.
    fn find<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Found> {
        Box::pin(async move {
            match self.outbox.has(message.id).await {
                Ok(true) => Found::Sent { provider_id: None },
                Ok(false) => Found::NotThere,
                Err(_) => Found::CannotTell,
            }
        })
    }
}
