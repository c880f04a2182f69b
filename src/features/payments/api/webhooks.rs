//! `POST /payments/webhook`.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::features::payments::gateway::Delivery;
use crate::features::payments::{Gateway, inbox};
use crate::features::{AppState, Shop};
use crate::http::problem::not_found;
use crate::http::{Answer, Context, Id, Raw, Route};
use crate::kernel::PaymentMethod;
use crate::kernel::problem::kinds;

pub(super) fn routes() -> Vec<Route<AppState>> {
    const TAKES: &str = "The gateway's message, byte for byte as it was signed, at most 256 KiB of any media type.";
    const TAKEN: &str = "It is kept, or was kept before, or means nothing here";
    let refuses = &[&kinds::BAD_SIGNATURE, &kinds::RATE_LIMITED];
    vec![
        Route::post("/api/v1/payments/webhook/{gateway}", of_gateway, "Take a gateway's message")
            .describe(
                "For the gateways, not for programs: what a gateway tells by itself, signed as it documents it. It is kept once by the \
                 gateway's own name of the event and understood afterwards, so the same message may come any number of times, in any \
                 order. 503 asks for it again. Twenty forged messages within a minute from an address, and the next waits.",
            )
            .word("gateway", "The gateway's code, as `code` of `/payments/methods`.")
            .raw_body(TAKES)
            .answers_empty(200, TAKEN)
            .refuses(refuses),
        Route::post("/api/v1/payments/webhook", of_its_signer, "Take a message of whichever gateway signed it")
            .describe(
                "As with the gateway's code in the address; here the signature's header, or a field of the message, tells whose it is. With none, or \
                 with several, it is refused as one that nobody signed.",
            )
            .raw_body(TAKES)
            .answers_empty(200, TAKEN)
            .refuses(refuses),
    ]
}

async fn of_gateway(State(shop): State<AppState>, context: Context, Id(code): Id<String>, Raw(body): Raw) -> Answer {
    let gateway = PaymentMethod::from_code(&code).and_then(|method| shop.gateways.get(method)).ok_or_else(not_found)?;
    shop.forgeries.check(context.client.address)?;
    take_in(&shop, gateway.as_ref(), &context, &body).await
}

async fn of_its_signer(State(shop): State<AppState>, context: Context, Raw(body): Raw) -> Answer {
    shop.forgeries.check(context.client.address)?;
    let delivery = delivery(&context, &body);
    let mut signers = shop.gateways.iter().filter(|gateway| gateway.signs(&delivery));
    match (signers.next(), signers.next()) {
        (Some(gateway), None) => take_in(&shop, gateway.as_ref(), &context, &body).await,
        (None, _) => Err(inbox::forged(&shop, "nobody", "it bears no gateway's signature", context.client.address).into()),
        (Some(_), Some(_)) => {
            Err(inbox::forged(&shop, "several", "it bears several gateways' signatures", context.client.address).into())
        }
    }
}

async fn take_in(shop: &Shop, gateway: &dyn Gateway, context: &Context, body: &[u8]) -> Answer {
    inbox::take_in(shop, gateway, delivery(context, body), context.client.address).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

fn delivery<'a>(context: &'a Context, body: &'a [u8]) -> Delivery<'a> {
    Delivery { headers: &context.headers, query: context.query.as_deref(), body }
}
