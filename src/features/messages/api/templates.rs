//! `/notifications/templates`: what messages would say.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::features::AppState;
use crate::features::messages::templates::example;
use crate::features::messages::{Channel, Kind, shop_values};
use crate::http::input::{Fields, Input};
use crate::http::problem::not_found;
use crate::http::{Answer, Context, FromJson, Id, Link, Query, Route, Shape, respond};
use crate::kernel::problem::kinds;
use crate::kernel::{Locale, Problem};

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/api/v1/notifications/templates", list, "List the kinds of messages")
            .describe("Everything the shop says to people, by which ways it can travel, and which of its templates the shop has replaced by files in `templates/` of its data folder. What the files say counts from the server's start on.")
            .answers(200, "Every kind", kinds_shape())
            .links([
                Link::to("preview", "GET /api/v1/notifications/templates/{type}/preview", "What the first kind would say")
                    .with("type", "$response.body#/data/0/type"),
            ]),
        Route::get("/api/v1/notifications/templates/{type}/preview", preview, "Show what a message would say")
            .describe("Filled with an example, the shop's own name, phone and address, and links that open nothing. `html` is a whole page: show it apart from your own, as in an `iframe` with `sandbox` and `srcdoc`.")
            .word("type", "A kind, as `type` of the list.")
            .query::<PreviewQuery>()
            .parameter("locale", "In this language; without it in the shop's.")
            .parameter("channel", "As it would travel; `email` without it.")
            .answers(200, "The message", preview_shape())
            .refuses(&[&kinds::NOT_FOUND, &kinds::VALIDATION_FAILED]),
    ]
}

struct PreviewQuery {
    locale: Option<Locale>,
    channel: Option<Channel>,
}

impl Input for PreviewQuery {
    const NAME: &'static str = "TemplatePreviewQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Some(PreviewQuery { locale: fields.opt("locale"), channel: fields.opt("channel") })
    }
}

async fn list(State(shop): State<AppState>, context: Context) -> Answer {
    let kind = |kind: Kind| {
        json!({
            "type": kind.code(),
            "channels": codes(kind),
            "locales": Locale::ALL.map(Locale::code),
            "ownFiles": shop.messages.templates().own_files(kind),
        })
    };
    let data: Vec<Value> = Kind::ALL.into_iter().map(kind).collect();
    respond::json(&context, StatusCode::OK, &json!({ "data": data }))
}

async fn preview(
    State(shop): State<AppState>,
    context: Context,
    Id(code): Id<String>,
    Query(query): Query<PreviewQuery>,
) -> Answer {
    let kind = Kind::from_code(&code).ok_or_else(not_found)?;
    let settings = shop.settings.get();
    let locale = query.locale.unwrap_or(settings.format.locale);
    let channel = query.channel.unwrap_or(Channel::Email);
    if !kind.channels().contains(&channel) {
        let message = format!("{code} goes by {} alone", codes(kind).join(", "));
        return Err(Problem::field("channel", "unknown_value", message).into());
    }
    let example = example(kind, locale, &shop_values(&settings), settings.currency(), &shop.public_url);
    let rendered = shop.messages.templates().render(kind, locale, channel, &example)?;
    let mut body = json!({ "type": kind.code(), "channel": channel.code(), "locale": locale.code(), "text": rendered.text });
    for (name, part) in [("subject", rendered.subject), ("html", rendered.html)] {
        if let Some(part) = part {
            body[name] = part.into();
        }
    }
    respond::json(&context, StatusCode::OK, &body)
}

fn codes(kind: Kind) -> Vec<&'static str> {
    kind.channels().iter().map(|channel| channel.code()).collect()
}

fn kinds_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["data"],
        "properties": { "data": { "type": "array", "items": {
            "type": "object",
            "required": ["type", "channels", "locales", "ownFiles"],
            "properties": {
                "type": { "type": "string", "enum": Kind::ALL.map(Kind::code) },
                "channels": { "type": "array", "items": Channel::schema() },
                "locales": { "type": "array", "items": { "type": "string", "enum": Locale::ALL.map(Locale::code) } },
                "ownFiles": {
                    "type": "array", "items": { "type": "string" },
                    "description": "Files of the shop's own that stand in the place of built-in ones for it, those that several kinds share among them.",
                },
            },
            "additionalProperties": false,
        } } },
        "additionalProperties": false,
    });
    let example = json!({ "data": [
        { "type": "order_placed", "channels": ["email", "sms"], "locales": ["en", "ar"], "ownFiles": ["order_placed.ar.sms.txt"] },
        { "type": "low_stock", "channels": ["email"], "locales": ["en", "ar"], "ownFiles": [] },
    ] });
    Shape::named("MessageKinds", schema, example)
}

fn preview_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["type", "channel", "locale", "text"],
        "properties": {
            "type": { "type": "string", "enum": Kind::ALL.map(Kind::code) },
            "channel": Channel::schema(),
            "locale": { "type": "string", "enum": Locale::ALL.map(Locale::code) },
            "subject": { "type": "string", "description": "Of an e-mail." },
            "text": { "type": "string" },
            "html": { "type": "string", "description": "Of an e-mail: a whole page." },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "type": "order_delivered", "channel": "sms", "locale": "en",
        "text": "El-Bayader: order B-261126-0042 was handed over. Thank you.",
    });
    Shape::named("MessagePreview", schema, example)
}
