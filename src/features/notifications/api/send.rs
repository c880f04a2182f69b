//! `POST /notifications/send` and `/notifications/campaigns`: what staff write to people.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::features::AppState;
use crate::features::messages::{Channel, Kind};
use crate::features::notifications::campaigns::{self, Audience, Campaign, Content, StartCampaign, Words};
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::{Fields, FromJson, Input, there, wrong_type};
use crate::http::page::{PagingOnly, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Id, Link, Query, Route, Shape, respond};
use crate::kernel::text::Lines;
use crate::kernel::{At, CampaignId, Faults, Locale, OrderId, UserId};

/// Accounts that one request may name. Who writes to more writes to all.
const MOST_USERS: usize = 100;
/// Characters of a subject, of an e-mail's text, and of a short message's: of these, 67 Arabic or 153 Latin ones make a part that
/// is paid for, and a provider takes ten parts with the shop's name and the link.
const SUBJECT: usize = 200;
const TEXT: usize = 5_000;
const SMS_TEXT: usize = 400;

pub(super) fn routes() -> Vec<Route<AppState>> {
    let to = json!({ "userIds": ["01936f2b-0d10-7000-8000-5a6b7c8d9e03"] });
    vec![
        Route::post("/api/v1/notifications/send", send, "Write to people")
            .describe("For admins. A `message` is about business: to accounts, or to the customer of an order, whose page its link opens. A `promotion` goes to accounts that have agreed to such (`marketingConsent`), or to all of these, a batch at a time in the background; in the quiet hours of the settings it waits, it bears a link that ends such messages, and who withdraws before it leaves does not get it. `text` is in the shop's main language; who reads the other one gets that of `translations`, if there is one. Each message then stands in `/notifications`.")
            .body::<SendBody>()
            .example("A message about an order", json!({
                "type": "message", "channel": "email", "subject": "Your order for Thursday", "text": "The tray will be ready at 11:00.",
                "to": { "orderId": "01936f2b-0d10-7000-8000-5a6b7c8d9e01" },
            }))
            .example("A short message to an account", json!({ "type": "message", "channel": "sms", "text": "Your lost scarf is at the counter.", "to": to }))
            .example("A promotion to all who have agreed", json!({
                "type": "promotion", "channel": "email", "subject": "Ma'amoul for the feast", "text": "From Friday on, each morning.",
                "translations": { "ar": { "subject": "معمول العيد", "text": "ابتداءً من يوم الجمعة، كل صباح." } }, "to": { "all": true },
            }))
            .idempotent()
            .answers(201, "It is queued, or being queued", campaign_shape())
            .links(campaign_links("$response.body")),
        Route::get("/api/v1/notifications/campaigns", list, "List what staff wrote, newest first")
            .describe("How far each has come, and to how many. What was said to single people stands in their messages alone.")
            .query::<PagingOnly>()
            .answers(200, "A page of campaigns", list_schema(campaign_shape()))
            .links(campaign_links("$response.body#/data/0").into_iter().take(1)),
        Route::get("/api/v1/notifications/campaigns/{id}", get, "See how far one has come")
            .describe("A promotion to all is `sending` until the last of its messages is queued. What became of each stands in `/notifications`.")
            .answers(200, "The campaign", campaign_shape()),
    ]
}

/// Where a campaign leads.
fn campaign_links(body: &str) -> Vec<Link> {
    let id = if body.contains('#') { format!("{body}/id") } else { format!("{body}#/id") };
    vec![Link::to("campaign", "GET /api/v1/notifications/campaigns/{id}", "How far it has come").with("id", &id)]
}

/// What staff may write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Message,
    Promotion,
}

impl FromJson for Type {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        match value.as_str() {
            Some("message") => Some(Type::Message),
            Some("promotion") => Some(Type::Promotion),
            _ => {
                faults.add(at, "unknown_value", "must be message or promotion");
                None
            }
        }
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": ["message", "promotion"] })
    }
}

/// What is said in one language.
struct WordsBody(Words);

impl Input for WordsBody {
    const NAME: &'static str = "SendWords";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let subject = fields.opt_text("subject", Lines::One, 1..=SUBJECT);
        let text = fields.req_text("text", Lines::Many, 1..=TEXT);
        Some(WordsBody(Words { subject, text: text? }))
    }
}

/// To whom; exactly one of the three.
struct To(Audience);

impl Input for To {
    const NAME: &'static str = "SendTo";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.rule(json!({ "oneOf": [there("userIds"), there("orderId"), there("all")] }));
        let users: Option<Vec<UserId>> = fields.opt_list("userIds", 1..=MOST_USERS);
        let order: Option<OrderId> = fields.opt("orderId");
        let all = fields.opt_with(
            "all",
            || json!({ "type": "boolean", "enum": [true] }),
            |value, at, faults| {
                if value != &Value::Bool(true) {
                    faults.add(at, "unknown_value", "must be true; leave it out otherwise");
                    return None;
                }
                Some(())
            },
        );
        for (index, user) in users.iter().flatten().enumerate() {
            if users.iter().flatten().take(index).any(|earlier| earlier == user) {
                fields.fault(&format!("userIds[{index}]"), "duplicate", "stands twice");
            }
        }
        let given: Vec<&str> = ["userIds", "orderId", "all"].into_iter().filter(|name| fields.has(name)).collect();
        match given.as_slice() {
            [] => fields.fault("userIds", "required", "is required, or orderId, or all"),
            [_] => {}
            [first, rest @ ..] => {
                for name in rest {
                    fields.fault(name, "one_of", format!("does not go together with {first}"));
                }
            }
        }
        match (users, order, all) {
            (Some(users), _, _) => Some(To(Audience::Users(users))),
            (None, Some(order), _) => Some(To(Audience::Order(order))),
            (None, None, Some(())) => Some(To(Audience::All)),
            (None, None, None) => None,
        }
    }
}

struct SendBody(StartCampaign);

impl Input for SendBody {
    const NAME: &'static str = "NotificationSend";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let everywhere = |words: &Value| json!({ "allOf": [words, { "properties": { "translations": { "additionalProperties": words } } }] });
        fields.rule(json!({
            "if": { "properties": { "channel": { "const": "email" } }, "required": ["channel"] },
            "then": everywhere(&there("subject")), "else": everywhere(&json!({ "not": there("subject") })),
        }));
        fields.rule(json!({
            "if": { "properties": { "type": { "const": "message" } }, "required": ["type"] },
            "then": { "properties": { "to": { "not": there("all") } } },
            "else": { "properties": { "to": { "not": there("orderId") } } },
        }));
        let kind: Option<Type> = fields.req("type");
        let channel: Option<Channel> = fields.req("channel");
        let subject = fields.opt_text("subject", Lines::One, 1..=SUBJECT);
        let text = fields.req_text("text", Lines::Many, 1..=TEXT);
        let other = read_translation(fields);
        let to: Option<To> = fields.req("to");
        if let Some(channel) = channel {
            let has_subject = fields.has("subject");
            check_words(fields, channel, "", has_subject, text.as_deref());
            if let Some((locale, words)) = &other {
                let place = format!("translations.{}.", locale.code());
                check_words(fields, channel, &place, words.subject.is_some(), Some(&words.text));
            }
        }
        match (kind, to.as_ref().map(|to| &to.0)) {
            (Some(Type::Message), Some(Audience::All)) => {
                fields.fault("to.all", "not_for_this_type", "a message goes to userIds or orderId");
            }
            (Some(Type::Promotion), Some(Audience::Order(_))) => {
                fields.fault("to.orderId", "not_for_this_type", "a promotion goes to userIds or all");
            }
            _ => {}
        }
        let main = fields.shop()?.locale;
        let kind = match kind? {
            Type::Message => Kind::Message,
            Type::Promotion => Kind::Promotion,
        };
        let content = Content::new(main, Words { subject, text: text? }, other.map(|(_, words)| words));
        Some(SendBody(StartCampaign { kind, channel: channel?, content, audience: to?.0 }))
    }
}

/// An e-mail has a subject and a short message none; and what is paid by its length is short.
fn check_words(fields: &mut Fields<'_, '_>, channel: Channel, place: &str, has_subject: bool, text: Option<&str>) {
    match (channel, has_subject) {
        (Channel::Email, false) => fields.fault(&format!("{place}subject"), "required", "is required of an e-mail"),
        (Channel::Sms, true) => fields.fault(&format!("{place}subject"), "email_only", "is for e-mails alone; leave it out"),
        _ => {}
    }
    let length = text.map_or(0, |text| text.chars().count());
    if channel == Channel::Sms && length > SMS_TEXT {
        let message = format!("must have at most {SMS_TEXT} characters as a short message, it has {length}");
        fields.fault(&format!("{place}text"), "too_long", message);
    }
}

/// `translations`: the language that is not the shop's main one.
fn read_translation(fields: &mut Fields<'_, '_>) -> Option<(Locale, Words)> {
    let schema = || {
        json!({
            "type": "object",
            "properties": { "ar": WordsBody::schema(), "en": WordsBody::schema() },
            "additionalProperties": false,
            "description": "The language that is not the shop's main one.",
        })
    };
    fields.opt_with("translations", schema, |value, at, faults| {
        let Value::Object(object) = value else { return wrong_type(at, faults, "an object") };
        let main = faults.shop.locale;
        let mut found = None;
        for (code, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let shown: String = code.chars().take(100).collect();
            let place = at.field(&shown);
            match Locale::from_code(code) {
                Some(locale) if locale == main => {
                    faults.add(&place, "main_language", "is the shop's main language: write it in subject and text");
                }
                Some(locale) => {
                    found = WordsBody::from_json(value, &place, faults).map(|words| (locale, words.0));
                }
                None => faults.add(&place, "unknown_field", "is no language of this shop; it has en and ar"),
            }
        }
        found
    })
}

async fn send(State(shop): State<AppState>, context: Context, Body(SendBody(command)): Body<SendBody>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let kept = shop
        .db
        .write(once(key, command, |campaign: &Campaign| {
            let location = format!("/api/v1/notifications/campaigns/{}", campaign.id);
            Ok(Kept::created(location, respond::to_bytes(&campaign_body(campaign))?))
        }))
        .await?;
    kept.answer(&context)
}

async fn list(State(shop): State<AppState>, context: Context, Query(PagingOnly(paging)): Query<PagingOnly>) -> Answer {
    let list = shop.db.read(move |reader| campaigns::list(reader, &paging)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|campaign| campaign_body(&campaign)))
}

async fn get(State(shop): State<AppState>, context: Context, Id(id): Id<CampaignId>) -> Answer {
    let campaign = shop.db.read(move |reader| campaigns::campaign(reader, id)).await?.ok_or_else(not_found)?;
    respond::json(&context, StatusCode::OK, &campaign_body(&campaign))
}

fn campaign_body(campaign: &Campaign) -> Value {
    let mut body = json!({
        "id": campaign.id.to_string(),
        "type": campaign.kind.code(),
        "channel": campaign.channel.code(),
        "to": campaign.audience,
        "status": if campaign.ended_at.is_some() { "queued" } else { "sending" },
        "queued": campaign.queued,
        "createdAt": campaign.created_at.to_string(),
    });
    if let Some(at) = campaign.ended_at {
        body["endedAt"] = at.to_string().into();
    }
    body
}

fn campaign_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["id", "type", "channel", "to", "status", "queued", "createdAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "type": Type::schema(),
            "channel": Channel::schema(),
            "to": { "type": "string", "enum": ["users", "order", "all"] },
            "status": { "type": "string", "enum": ["sending", "queued"], "description": "`queued` once its last message is." },
            "queued": { "type": "integer", "description": "Messages so far." },
            "createdAt": { "type": "string", "format": "date-time" },
            "endedAt": { "type": "string", "format": "date-time", "description": "When the last message was queued." },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": "01936f2b-0d10-7000-8000-5a6b7c8d9e81", "type": "promotion", "channel": "email", "to": "all", "status": "sending",
        "queued": 200, "createdAt": "2026-11-25T10:00:00.000Z",
    });
    Shape::named("Campaign", schema, example)
}
