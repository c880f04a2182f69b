//! `/notifications`: what was sent and what waits.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::features::AppState;
use crate::features::messages::line::Shut;
use crate::features::messages::model::Message;
use crate::features::messages::queries::{self, Filter};
use crate::features::messages::retry::Retry;
use crate::features::messages::{Channel, Kind, Status, problems, sql};
use crate::http::extract::Empty;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::{Fields, FromJson, Input};
use crate::http::page::{Paging, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Id, Link, Query, Route, Shape, respond};
use crate::kernel::text::Lines;
use crate::kernel::{At, Faults, Locale, NotificationId, Result};

/// The longest address that is asked for (SPEC 2: an e-mail address).
const MOST_OF_AN_ADDRESS: usize = 254;

pub(super) fn routes() -> Vec<Route<AppState>> {
    let message = message_shape();
    vec![
        Route::get("/api/v1/notifications", list, "List messages, newest first")
            .describe("Every message that the shop has to send, by e-mail or as a text, and what became of it. `queued` are also those on their way. `payload` is what its template is filled with; links that open an account are made when a message leaves and stand nowhere. After `retention.messageBodyDays` of the settings `recipient`, `payload` and `subject` are gone.")
            .query::<ListQuery>()
            .parameter("channel", "How it travels: `email` or `sms`.")
            .parameter("type", "What it is about, as `order_placed`.")
            .parameter("recipient", "The whole address: an e-mail address, or a phone as +962790000000.")
            .parameter("order_id", "Those about one order.")
            .answers(200, "A page of messages", list_schema(message.clone()))
            .links(links("$response.body#/data/0/id")),
        Route::get("/api/v1/notifications/counts", counts, "Count what waits and what failed, and see which carrier is in the way")
            .describe("`waiting` counts all that wait, with `held` of them until their carrier can be asked again; `lastWeek` those that were made in the last seven days and ended. A channel is `unreachable` while nobody answers there: it is tried every minute, and everything goes when it answers. It is `stopped` while its provider refuses the shop's keys, sender or account: `why` says what to mend, and it is tried every ten minutes and at each start. No message is lost meanwhile.")
            .answers(200, "Counts, and each channel as it stands", counts_shape()),
        Route::get("/api/v1/notifications/{id}", get, "Read a message")
            .describe("What was to be said to whom, how often it was tried, and what its carrier said.")
            .answers(200, "The message", message.clone())
            .links(links("$response.body#/id")),
        Route::post("/api/v1/notifications/{id}/retry", retry, "Send a message again that had failed")
            .describe("One that failed or was suppressed, where nothing of it can have arrived. It keeps its id and its tries. Its address is written to again, also for other messages: the provider had said not to. A promotion still needs its reader's consent.")
            .body::<Empty>()
            .idempotent()
            .answers(200, "The message, which waits again", message)
            .links(links("$response.body#/id"))
            .refuses(&[&problems::MESSAGE_NOT_FAILED, &problems::MESSAGE_MAY_HAVE_ARRIVED, &problems::MESSAGE_FORGOTTEN]),
    ]
}

/// What can be done with a message; `id` is where an answer holds its id.
fn links(id: &'static str) -> Vec<Link> {
    vec![
        Link::to("read", "GET /api/v1/notifications/{id}", "The message").with("id", id),
        Link::to("retry", "POST /api/v1/notifications/{id}/retry", "Send it again").with("id", id),
    ]
}

fn word<T>(value: &Value, at: &At<'_>, faults: &mut Faults<'_>, known: Option<T>, all: &[&str]) -> Option<T> {
    if known.is_none() && !value.is_null() {
        faults.add(at, "unknown_value", format!("must be one of {}", all.join(", ")));
    }
    known
}

impl FromJson for Channel {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        word(value, at, faults, value.as_str().and_then(Channel::from_code), &Channel::ALL.map(Channel::code))
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": Channel::ALL.map(Channel::code) })
    }
}

impl FromJson for Kind {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        word(value, at, faults, value.as_str().and_then(Kind::from_code), &Kind::ALL.map(Kind::code))
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": Kind::ALL.map(Kind::code) })
    }
}

impl FromJson for Status {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let known = value.as_str().filter(|word| Status::WIRE.contains(word)).and_then(Status::from_code);
        word(value, at, faults, known, &Status::WIRE)
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": Status::WIRE })
    }
}

struct ListQuery(Filter);

impl Input for ListQuery {
    const NAME: &'static str = "NotificationListQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (status, channel, kind) = (fields.opt("status"), fields.opt("channel"), fields.opt("type"));
        let recipient = fields.opt_text("recipient", Lines::One, 1..=MOST_OF_AN_ADDRESS).map(|text| text.to_lowercase());
        let order = fields.opt("order_id");
        let paging = Paging::read(fields)?;
        Some(ListQuery(Filter { status, channel, kind, recipient, order, paging }))
    }
}

async fn list(State(shop): State<AppState>, context: Context, Query(ListQuery(filter)): Query<ListQuery>) -> Answer {
    let list = shop.db.read(move |reader| queries::list(reader, &filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|message| message_body(&message)))
}

async fn counts(State(shop): State<AppState>, context: Context) -> Answer {
    let now = shop.clock.now();
    let counts = shop.db.read(move |reader| queries::counts(reader, now)).await?;
    let channel = |channel: Channel| {
        let standing = shop.messages.line(channel).standing();
        let state = match standing.as_ref().map(|standing| standing.how) {
            None => "open",
            Some(Shut::Unreachable) => "unreachable",
            Some(Shut::Stopped) => "stopped",
        };
        let mut body = json!({
            "channel": channel.code(),
            "carrier": shop.messages.carrier(channel).map(|carrier| carrier.name()),
            "state": state,
        });
        if let Some(standing) = standing {
            body["why"] = standing.why.into();
            body["since"] = standing.since.to_string().into();
        }
        body
    };
    let body = json!({
        "waiting": counts.waiting,
        "held": counts.held,
        "oldestWaitingAt": counts.oldest_waiting.map(|at| at.to_string()),
        "lastWeek": {
            "sent": counts.sent, "delivered": counts.delivered, "failed": counts.failed, "suppressed": counts.suppressed,
        },
        "channels": Channel::ALL.map(channel),
        "asOf": now.to_string(),
    });
    respond::json(&context, StatusCode::OK, &body)
}

async fn get(State(shop): State<AppState>, context: Context, Id(id): Id<NotificationId>) -> Answer {
    let message = shop.db.read(move |reader| sql::lists::one(reader, id)).await?.ok_or_else(not_found)?;
    respond::json(&context, StatusCode::OK, &message_body(&message))
}

async fn retry(State(shop): State<AppState>, context: Context, Id(id): Id<NotificationId>, _: Body<Empty>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let kept = |message: &Message| -> Result<Kept> { Ok(Kept::ok(respond::to_bytes(&message_body(message))?)) };
    shop.db.write(once(key, Retry { id }, kept)).await?.answer(&context)
}

fn message_body(message: &Message) -> Value {
    let mut body = json!({
        "id": message.id.to_string(),
        "type": message.kind.code(),
        "channel": message.channel.code(),
        "recipient": message.recipient,
        "locale": message.locale.code(),
        "payload": message.payload,
        "status": message.status.wire(),
        "attempts": message.attempts,
        "resent": message.resent,
        "createdAt": message.created_at.to_string(),
    });
    let more = [
        ("subject", message.subject.clone()),
        ("orderId", message.order.map(|order| order.to_string())),
        ("userId", message.user.map(|user| user.to_string())),
        ("errorCode", message.error_code.clone()),
        ("lastError", message.last_error.clone()),
        ("providerId", message.provider_id.clone()),
        ("sentAt", message.sent_at.map(|at| at.to_string())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    body
}

fn message_shape() -> Shape {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let id = |description: &str| json!({ "type": "string", "format": "uuid", "description": description });
    let moment = |description: &str| json!({ "type": "string", "format": "date-time", "description": description });
    let schema = json!({
        "type": "object",
        "required": ["id", "type", "channel", "recipient", "locale", "payload", "status", "attempts", "resent", "createdAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "type": Kind::schema(),
            "channel": Channel::schema(),
            "recipient": { "type": ["string", "null"], "description": "An e-mail address or a phone; null once it is old, or its person was erased." },
            "locale": { "type": "string", "enum": Locale::ALL.map(Locale::code) },
            "subject": text("Of an e-mail, as it was sent."),
            "payload": { "type": ["object", "null"], "description": "What its template is filled with; null as the recipient." },
            "orderId": id("The order that it is about."),
            "userId": id("The account that it is written to."),
            "status": Status::schema(),
            "attempts": { "type": "integer", "description": "Tries so far." },
            "resent": { "type": "integer", "description": "Tries that followed one which may have arrived, because the machine died between the provider's yes and the books." },
            "errorCode": text("Why it failed or was suppressed: a provider's code, or one of address_suppressed, no_consent, no_longer_due, erased, cancelled, not_repeated, template_fault, outcome_unknown, gave_up, undelivered."),
            "lastError": text("The same in words, or why the last try put it off."),
            "providerId": text("The provider's name for it."),
            "createdAt": moment("When its cause happened."),
            "sentAt": moment("When the provider took it."),
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": "01936f2b-0d10-7000-8000-5a6b7c8d9e71", "type": "order_confirmed", "channel": "email", "recipient": "layla@example.com",
        "locale": "ar", "subject": "تم تأكيد طلبك B-261125-0042", "payload": { "orderNumber": "B-261125-0042", "customerName": "Layla" },
        "orderId": "01936f2b-0d10-7000-8000-5a6b7c8d9e01", "status": "sent", "attempts": 1, "resent": 0, "providerId": "0100018f-7d1c",
        "createdAt": "2026-11-25T05:40:00.000Z", "sentAt": "2026-11-25T05:40:01.120Z",
    });
    Shape::named("Notification", schema, example)
}

fn counts_shape() -> Shape {
    let count = |description: &str| json!({ "type": "integer", "description": description });
    let channel = json!({
        "type": "object",
        "required": ["channel", "carrier", "state"],
        "properties": {
            "channel": Channel::schema(),
            "carrier": { "type": ["string", "null"], "description": "The adapter of the configuration, as `smtp`." },
            "state": { "type": "string", "enum": ["open", "unreachable", "stopped"] },
            "why": { "type": "string", "description": "What is in the way." },
            "since": { "type": "string", "format": "date-time" },
        },
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "required": ["waiting", "held", "oldestWaitingAt", "lastWeek", "channels", "asOf"],
        "properties": {
            "waiting": count("Messages that wait or are on their way."),
            "held": count("Of these, the ones that wait until their carrier can be asked."),
            "oldestWaitingAt": { "type": ["string", "null"], "format": "date-time", "description": "When the first of them was made." },
            "lastWeek": {
                "type": "object",
                "required": ["sent", "delivered", "failed", "suppressed"],
                "properties": {
                    "sent": count("Taken by a provider, delivered ones among them."), "delivered": count("Known to have arrived."),
                    "failed": count("Given up."), "suppressed": count("Not sent, because they must not be."),
                },
                "additionalProperties": false,
            },
            "channels": { "type": "array", "items": channel },
            "asOf": { "type": "string", "format": "date-time" },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "waiting": 12, "held": 11, "oldestWaitingAt": "2026-11-25T07:12:00.000Z",
        "lastWeek": { "sent": 412, "delivered": 397, "failed": 2, "suppressed": 5 },
        "channels": [
            { "channel": "email", "carrier": "smtp", "state": "stopped", "why": "535 the user name or password is refused", "since": "2026-11-25T07:12:03.000Z" },
            { "channel": "sms", "carrier": "twilio", "state": "open" },
        ],
        "asOf": "2026-11-25T08:00:00.000Z",
    });
    Shape::named("NotificationCounts", schema, example)
}
