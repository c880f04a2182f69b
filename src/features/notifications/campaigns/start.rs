//! Staff write to people.

use serde_json::{Value, json};

use super::model::{Audience, Campaign, Content, address};
use super::{expand, sql};
use crate::db::{Command, WriteTx};
use crate::features::messages::{self, Channel, Kind, NewMessage};
use crate::features::{accounts, orders};
use crate::kernel::problem::FieldFault;
use crate::kernel::{CampaignId, Change, OrderId, Problem, Result, UserId};

/// Writes to those whom it names: at once to some, by a job to all.
pub struct StartCampaign {
    /// `Message` or `Promotion`.
    pub kind: Kind,
    pub channel: Channel,
    pub content: Content,
    pub audience: Audience,
}

impl Command for StartCampaign {
    const NAME: &'static str = "notifications.start_campaign";
    type Output = Campaign;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Campaign> {
        let id = CampaignId::from_uuid(tx.new_id());
        let messages = match &self.audience {
            Audience::Users(users) => self.to_users(tx, users)?,
            Audience::Order(order) => vec![self.to_order(tx, *order)?],
            Audience::All => Vec::new(),
        };
        for message in &messages {
            messages::queue(tx, message)?;
        }
        let is_to_all = self.audience == Audience::All;
        let campaign = Campaign {
            id,
            kind: self.kind,
            channel: self.channel,
            audience: self.audience.code().to_owned(),
            queued: i64::try_from(messages.len()).unwrap_or(i64::MAX),
            created_at: tx.now(),
            ended_at: (!is_to_all).then(|| tx.now()),
        };
        // What is written to some stands in their messages, which go with their people; here it would stay.
        sql::insert(tx, &campaign, is_to_all.then_some(&self.content))?;
        if is_to_all {
            expand::enqueue(tx, id)?;
        }
        let after = json!({ "type": self.kind.code(), "channel": self.channel.code(), "to": self.told() });
        tx.changed(Change { action: "campaign.start", subject: format!("campaign:{id}"), before: None, after: Some(after) });
        Ok(campaign)
    }
}

impl StartCampaign {
    /// For the audit log: whom it went to, by their ids.
    fn told(&self) -> Value {
        match &self.audience {
            Audience::Users(users) => json!(users.iter().map(ToString::to_string).collect::<Vec<_>>()),
            Audience::Order(order) => json!(format!("order:{order}")),
            Audience::All => json!("all"),
        }
    }

    fn to_users(&self, tx: &WriteTx<'_>, users: &[UserId]) -> Result<Vec<NewMessage>> {
        let mut faults = Vec::new();
        let mut messages = Vec::new();
        for (index, user) in users.iter().enumerate() {
            let mut refuse = |code, message: &str| {
                faults.push(FieldFault { field: format!("to.userIds[{index}]"), code, message: message.to_owned() });
            };
            let Some(contact) = accounts::contact(tx, *user)? else {
                refuse("unknown_customer", "is no account of this shop");
                continue;
            };
            if self.kind.is_promotion() && !contact.agrees {
                refuse("no_consent", "has not agreed to promotions");
                continue;
            }
            match address(&contact, self.channel) {
                Some(to) => messages.push(expand::message(self.kind, self.channel, &self.content, &contact, to, tx.now())),
                None => refuse("unreachable", "has no phone number"),
            }
        }
        if faults.is_empty() { Ok(messages) } else { Err(Problem::fields(faults).into()) }
    }

    fn to_order(&self, tx: &WriteTx<'_>, id: OrderId) -> Result<NewMessage> {
        let refuse = |code, message: &str| Problem::field("to.orderId", code, message);
        let order = orders::whole(tx, id)?.ok_or_else(|| refuse("unknown_order", "is no order of this shop"))?;
        let (to, lacks) = match self.channel {
            Channel::Email => (&order.customer.email, "its customer left no e-mail address"),
            Channel::Sms => (&order.customer.phone, "its customer left no phone number"),
        };
        let to = to.clone().ok_or_else(|| refuse("unreachable", lacks))?;
        let (locale, payload) = self.content.payload(order.language(self.content.main()), &order.customer.name);
        Ok(NewMessage {
            kind: self.kind,
            channel: self.channel,
            to,
            locale,
            payload,
            order: Some(id),
            user: order.customer.id,
            at: tx.now(),
        })
    }
}
