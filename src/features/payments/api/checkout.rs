//! `POST /payments/checkout`.

use axum::extract::State;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::db::{Command, WriteTx};
use crate::features::payments::checkout::{self, Wanted, is_ours};
use crate::features::payments::gateway::{Flow, Handover};
use crate::features::payments::{attempts, problems};
use crate::features::{AppState, Shop, orders};
use crate::http::idempotency::{IdempotencyKey, Kept, Recall, once};
use crate::http::input::{Fields, Input};
use crate::http::{Answer, Body, Context, Route, Shape, respond};
use crate::kernel::text::Lines;
use crate::kernel::{Fault, OrderId, PaymentId, PaymentMethod, PaymentStatus, Problem, Result};

/// The longest way back that is taken.
const MAX_URL: usize = 1_000;

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::post("/api/v1/payments/checkout", post, "Begin to pay an order")
            .describe("What is owed is asked for; the amount is never sent. By a gateway: go to `redirectUrl`, or give `clientSecret` to the gateway's fields in your own page (`flow` `elements`). The order is held as long as before, and is confirmed when the money has come. Asked for again, the same attempt is answered with; another method ends the first at its gateway before. `cash` turns an unpaid online order into one that is paid at the shop. Customers their own orders, staff any, guests with the order's token. Afterwards the buyer comes to `/pay/return`, and from there to `returnUrl`.")
            .body::<CheckoutBody>()
            .example("On the gateway's page", json!({ "orderId": ORDER_ID, "paymentMethod": "stripe", "paymentDetails": { "flow": "redirect" } }))
            .example("At the shop after all", json!({ "orderId": ORDER_ID, "paymentMethod": "cash" }))
            .idempotent()
            .order_token()
            .answers(200, "How the customer goes on", shape())
            .refuses(&[&crate::kernel::problem::kinds::NOT_FOUND, &orders::problems::TOKEN_EXPIRED])
            .refuses(problems::OF_CHECKOUT),
    ]
}

const ORDER_ID: &str = "01936f2a-7c11-7000-8000-0a1b2c3d4e5f";

/// `paymentDetails`. No card is ever taken here.
#[derive(Default)]
struct DetailsBody {
    flow: Option<Flow>,
    return_url: Option<String>,
}

impl Input for DetailsBody {
    const NAME: &'static str = "PaymentDetails";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let words: Vec<&str> = Flow::ALL.iter().map(|flow| flow.code()).collect();
        let flow = fields.opt_with(
            "flow",
            || json!({ "type": "string", "enum": words, "description": "On the gateway's page, or in its fields on yours. The gateway's usual one unless said." }),
            |value, at, faults| {
                let flow = value.as_str().and_then(Flow::from_code);
                if flow.is_none() {
                    faults.add(at, "unknown_value", "must be one of redirect, elements");
                }
                flow
            },
        );
        let return_url = fields.opt_text("returnUrl", Lines::One, 1..=MAX_URL);
        Some(DetailsBody { flow, return_url })
    }
}

struct CheckoutBody {
    order: OrderId,
    method: PaymentMethod,
    details: DetailsBody,
}

impl Input for CheckoutBody {
    const NAME: &'static str = "Checkout";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (order, method) = (fields.req("orderId"), fields.req("paymentMethod"));
        let details = fields.opt("paymentDetails").unwrap_or_default();
        Some(CheckoutBody { order: order?, method: method?, details })
    }
}

/// The answer as it is kept for a key: without what opens the payment, which is unsealed anew.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    payment_status: String,
    transaction_id: String,
    #[serde(flatten)]
    handover: Shown,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    redirect_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    client_secret: Option<String>,
}

impl From<Handover> for Shown {
    fn from(handover: Handover) -> Shown {
        Shown { redirect_url: handover.redirect_url, client_secret: handover.client_secret }
    }
}

async fn post(State(shop): State<AppState>, context: Context, Body(body): Body<CheckoutBody>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    if body.details.return_url.as_deref().is_some_and(|page| !is_ours(&shop, page)) {
        let message = "must lie under the shop's own address, or under an origin of [server] cors_origins";
        return Err(Problem::field("paymentDetails.returnUrl", "return_url_elsewhere", message).into());
    }
    orders::api::check_access(&shop, &context, body.order).await?;
    // A checkout that was done and not kept is done again, and comes to the same attempt: so its answer can be kept after it.
    if let Some(key) = key.clone()
        && let Some(kept) = shop.db.write(Recall { key }).await?
    {
        let whole = with_handover(&shop, &kept.body).await?;
        return kept.answer_with(&context, whole);
    }
    let wanted = Wanted {
        order: body.order,
        method: body.method,
        flow: body.details.flow,
        return_url: body.details.return_url,
        by: context.caller.actor(),
        locale: context.locale,
    };
    let begun = checkout::checkout(&shop, wanted).await?;
    let bare = Answered {
        payment_status: begun.payment_status.code().to_owned(),
        transaction_id: begun.payment.to_string(),
        handover: Shown::default(),
    };
    let bytes = respond::to_bytes(&bare)?;
    let kept = match key {
        Some(key) => shop.db.write(once(Some(key), Done, move |()| Ok(Kept::ok(bytes)))).await?,
        None => Kept::ok(bytes),
    };
    let whole = respond::to_bytes(&Answered { handover: begun.handover.into(), ..bare })?;
    kept.answer_with(&context, whole)
}

/// What was done outside; its answer alone is kept.
struct Done;

impl Command for Done {
    const NAME: &'static str = "payments.keep_answer";
    type Output = ();

    fn apply(self, _tx: &mut WriteTx<'_>) -> Result<()> {
        Ok(())
    }
}

/// A kept answer with its handover.
async fn with_handover(shop: &Shop, kept: &Bytes) -> Result<Bytes> {
    let answered: Answered = serde_json::from_slice(kept).map_err(Fault::new)?;
    let payment =
        PaymentId::parse(&answered.transaction_id).ok_or_else(|| Fault::because("a kept answer names its payment"))?;
    let row = shop.db.read(move |reader| attempts::row(reader, payment)).await?;
    let handover = row.map(|row| row.handover(&shop.keys)).unwrap_or_default();
    respond::to_bytes(&Answered { handover: handover.into(), ..answered })
}

fn shape() -> Shape {
    let statuses: Vec<&str> = PaymentStatus::ALL.iter().map(|status| status.code()).collect();
    let schema = json!({
        "type": "object",
        "required": ["paymentStatus", "transactionId"],
        "properties": {
            "paymentStatus": { "type": "string", "enum": statuses, "description": "The order's." },
            "transactionId": { "type": "string", "format": "uuid", "description": "The attempt." },
            "redirectUrl": { "type": "string", "format": "uri", "description": "Send the buyer here." },
            "clientSecret": { "type": "string", "description": "For the gateway's own fields in your page." },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "paymentStatus": "Pending", "transactionId": "01936f2a-7c11-7000-8000-0a1b2c3d4e60",
        "redirectUrl": "https://checkout.stripe.com/c/pay/cs_test_a1",
    });
    Shape::named("CheckoutBegun", schema, example)
}
