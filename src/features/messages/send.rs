//! The job that sends one message: a try is written down, the carrier is asked, and its outcome is written with the job's end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Channel, SecretLinks};
use crate::features::Shop;
use crate::jobs::{Claimed, Handler};
use crate::kernel::Result;

/// The kinds of job that send messages.
pub const MESSAGE_JOBS: [&str; 2] = ["messages.email", "messages.sms"];

/// The kind of job that sends messages of a channel.
pub(super) const fn job_kind(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => MESSAGE_JOBS[0],
        Channel::Sms => MESSAGE_JOBS[1],
    }
}

/// The worker that sends messages of one channel.
pub struct SendMessages {
    #[expect(dead_code, reason = "the send engine reads it next")]
    shop: Arc<Shop>,
    channel: Channel,
    #[expect(dead_code, reason = "the send engine reads it next")]
    links: Arc<dyn SecretLinks>,
}

impl SendMessages {
    /// One for each channel.
    #[must_use]
    pub fn all(shop: &Arc<Shop>, links: &Arc<dyn SecretLinks>) -> [SendMessages; 2] {
        Channel::ALL.map(|channel| SendMessages { shop: Arc::clone(shop), channel, links: Arc::clone(links) })
    }
}

impl Handler for SendMessages {
    fn kind(&self) -> &'static str {
        job_kind(self.channel)
    }

    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move { Ok(()) })
    }
}
