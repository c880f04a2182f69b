//! Nobody: each message becomes a file in `outbox/` of the data folder (SPEC 7).

use std::sync::Arc;

use super::Setting;
use crate::features::messages::carrier::{Boxed, Carrier, Outcome, Outgoing};
use crate::features::messages::{CarrierFault, Channel, Letter, Outbox};
use crate::kernel::Email;

pub(super) fn open(channel: Channel, setting: &Setting<'_>) -> Result<Arc<dyn Carrier>, CarrierFault> {
    let folder = setting.data_folder.join("outbox");
    let outbox = Outbox::open(&folder).map_err(|reason| CarrierFault::Outbox { folder, reason })?;
    Ok(Arc::new(Log { channel, outbox }))
}

struct Log {
    channel: Channel,
    outbox: Outbox,
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
            let Ok(to) = Email::parse(&message.to) else {
                return Outcome::Failed { code: "address".to_owned(), why: "it is no address".to_owned(), suppress: None };
            };
            let subject = message.subject.clone().unwrap_or_default();
            let letter = Letter {
                id: message.id.uuid(),
                kind: message.kind.code(),
                to,
                at: message.tried_at,
                subject,
                body: message.text.clone(),
            };
            match self.outbox.send(letter).await {
                Ok(()) => Outcome::Sent { provider_id: None },
                Err(error) => Outcome::Later { why: error.to_string(), not_before: None },
            }
        })
    }
}
