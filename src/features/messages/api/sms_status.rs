//! `POST /notifications/sms/status`.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::features::AppState;
use crate::features::messages::carrier::Callback;
use crate::features::messages::{Channel, SMS_STATUS_PATH, callbacks};
use crate::http::{Answer, Context, Raw, Route};
use crate::kernel::problem::kinds;

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::post(SMS_STATUS_PATH, status, "Take what a carrier tells of a text message")
            .describe(
                "For the carrier of text messages, not for programs: it tells here whether a message has arrived. The signature is \
                 reckoned over the address as `server.public_url` has it, never as the request's own host says. News may come any \
                 number of times, in any order: a message's state only rises. 404 where the carrier in the configuration tells nothing \
                 by itself. Twenty forged ones within a minute from an address, and the next waits.",
            )
            .raw_body("The carrier's message, byte for byte as it was signed, at most 256 KiB of any media type.")
            .answers_empty(200, "It is booked, was known, or means nothing here")
            .refuses(&[&kinds::BAD_SIGNATURE, &kinds::RATE_LIMITED, &kinds::NOT_FOUND]),
    ]
}

async fn status(State(shop): State<AppState>, context: Context, Raw(body): Raw) -> Answer {
    let query = context.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("{}{SMS_STATUS_PATH}{query}", shop.public_url);
    let callback = Callback { url: &url, headers: &context.headers, body: &body };
    callbacks::take_in(&shop, Channel::Sms, &callback, context.client.address).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}
