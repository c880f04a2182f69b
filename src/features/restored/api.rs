//! `/admin/restored`.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use super::answer::answer;
use super::model::Standing;
use super::{problems, queries};
use crate::features::AppState;
use crate::features::messages::{Word, Words};
use crate::http::input::{Fields, FromJson, Input};
use crate::http::{Answer, Body, Context, Link, Route, Shape, respond};
use crate::kernel::{At, Faults, PaymentMethod};

pub fn routes() -> Vec<Route<AppState>> {
    let shape = shape();
    vec![
        Route::get("/api/v1/admin/restored", get, "Read what waits since the shop was restored")
            .describe("After a restore the shop sells at once. What would tell people of the time before the backup waits here, because the shop of before may have told it already; what gateways took since is compared with the books, and what differs is listed at GET /api/v1/payments/differences. `restoredAt` is null in a shop that was never restored.")
            .answers(200, "What waits, and what was found out", shape.clone())
            .links(links()),
        Route::post("/api/v1/admin/restored/release", release, "Say what becomes of the messages that wait")
            .describe("`send` lets them go: of each, its carrier is first asked whether it has it already, where it can tell. Links that open an account are made anew, and left out if they are asked for too long ago. `drop` ends them. From then on nothing waits any more. Promotions are dropped unless something else is said.")
            .body::<ReleaseBody>()
            .answers(200, "How it stands now", shape)
            .links(links())
            .refuses(&[&problems::NOTHING_WAITS]),
    ]
}

fn links() -> Vec<Link> {
    vec![
        Link::to("release", "POST /api/v1/admin/restored/release", "Send or drop what waits"),
        Link::to("differences", "GET /api/v1/payments/differences", "What the gateways' books say otherwise"),
    ]
}

impl FromJson for Word {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let word = value.as_str().and_then(Word::from_code);
        if word.is_none() {
            faults.add(at, "unknown_value", "must be one of send, drop".to_owned());
        }
        word
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": ["send", "drop"] })
    }
}

struct ReleaseBody(Words);

impl Input for ReleaseBody {
    const NAME: &'static str = "RestoredRelease";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let messages = fields.req("messages");
        let promotions = fields.opt("promotions").unwrap_or(Word::Drop);
        Some(ReleaseBody(Words { messages: messages?, promotions }))
    }
}

async fn get(State(shop): State<AppState>, context: Context) -> Answer {
    let methods: Vec<PaymentMethod> = shop.gateways.iter().map(|gateway| gateway.method()).collect();
    let standing = shop.db.read(move |reader| queries::standing(reader, &methods)).await?;
    respond::json(&context, StatusCode::OK, &body(&standing))
}

async fn release(State(shop): State<AppState>, context: Context, Body(ReleaseBody(words)): Body<ReleaseBody>) -> Answer {
    answer(&shop.db, words).await?;
    get(State(shop), context).await
}

fn body(standing: &Standing) -> Value {
    let restoration = standing.restoration.as_ref();
    let answer = restoration.and_then(|restoration| restoration.answered);
    let (messages, notifications, payments) = (standing.messages, standing.notifications, &standing.payments);
    json!({
        "restoredAt": restoration.map(|restoration| restoration.restored_at.to_string()),
        "backupOf": restoration.map(|restoration| restoration.backup_of.to_string()),
        "backup": restoration.map(|restoration| restoration.backup.as_str()),
        "held": {
            "messages": messages.messages,
            "promotions": messages.promotions,
            "orderNews": notifications.steps,
            "alerts": notifications.alerts,
            "campaigns": notifications.campaigns,
        },
        "answeredAt": answer.map(|(at, _)| at.to_string()),
        "answer": answer.map(|(_, words)| json!({ "messages": words.messages.code(), "promotions": words.promotions.code() })),
        "payments": {
            "booksToRead": payments.unread.iter().map(crate::kernel::payment_method::PaymentMethod::code).collect::<Vec<_>>(),
            "unknownOutcome": payments.asking,
            "differences": payments.differences,
            "unknownMoney": payments.unknown_money,
        },
    })
}

fn shape() -> Shape {
    let count = |description: &str| json!({ "type": "integer", "description": description });
    let moment = |description: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": description });
    let schema = json!({
        "type": "object",
        "required": ["restoredAt", "backupOf", "backup", "held", "answeredAt", "answer", "payments"],
        "properties": {
            "restoredAt": moment("When the shop was last restored."),
            "backupOf": moment("The moment that the backup shows. What happened between the two the shop does not know."),
            "backup": { "type": ["string", "null"], "description": "The backup's name." },
            "held": {
                "type": "object",
                "required": ["messages", "promotions", "orderNews", "alerts", "campaigns"],
                "description": "What waits for an answer.",
                "properties": {
                    "messages": count("Messages that were waiting to leave."),
                    "promotions": count("Promotions that were waiting to leave."),
                    "orderNews": count("News of orders of which no message was made yet."),
                    "alerts": count("Alerts to admins of which no message was made yet."),
                    "campaigns": count("Promotions to all that had not reached all."),
                },
            },
            "answeredAt": moment("When somebody said what becomes of it; null until then."),
            "answer": {
                "type": ["object", "null"],
                "required": ["messages", "promotions"],
                "properties": { "messages": Word::schema(), "promotions": Word::schema() },
            },
            "payments": {
                "type": "object",
                "required": ["booksToRead", "unknownOutcome", "differences", "unknownMoney"],
                "properties": {
                    "booksToRead": { "type": "array", "items": { "type": "string" }, "description": "Gateways whose books since the backup were not read yet." },
                    "unknownOutcome": count("Payments and refunds that their gateway is asked about."),
                    "differences": count("Differences with the gateways' books that are open."),
                    "unknownMoney": count("Gateways' messages about money of which the shop knows no payment."),
                },
            },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "restoredAt": "2026-11-25T08:00:00.000Z", "backupOf": "2026-11-25T00:30:00.000Z", "backup": "bayader-20261125-023000.tar.zst",
        "held": { "messages": 4, "promotions": 0, "orderNews": 1, "alerts": 0, "campaigns": 0 },
        "answeredAt": null, "answer": null,
        "payments": { "booksToRead": [], "unknownOutcome": 1, "differences": 2, "unknownMoney": 0 },
    });
    Shape::named("Restored", schema, example)
}
