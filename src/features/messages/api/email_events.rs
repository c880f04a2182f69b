//! `POST /notifications/email/events`.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::features::AppState;
use crate::features::messages::carrier::Callback;
use crate::features::messages::{Channel, EMAIL_EVENTS_PATH, callbacks};
use crate::http::{Answer, Context, Raw, Route};
use crate::kernel::problem::kinds;

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::post(EMAIL_EVENTS_PATH, events, "Take what a carrier tells of e-mails")
            .describe(
                "For the carrier of e-mails, not for programs: it tells here which have arrived, which never will, and who wants no more. \
                 Each event is booked once by its own name, in any order; a message's state only rises. An address that bounced, or \
                 whose reader called a message spam, is not written to any more. 404 where the carrier in the configuration tells \
                 nothing by itself, or its verification key is not set. Twenty forged posts within a minute from an address, and the \
                 next waits.",
            )
            .raw_body("The carrier's events, byte for byte as they were signed, at most 4 MiB of any media type.")
            .answers_empty(200, "They are booked, were known, or mean nothing here")
            .refuses(&[&kinds::BAD_SIGNATURE, &kinds::RATE_LIMITED, &kinds::NOT_FOUND]),
    ]
}

async fn events(State(shop): State<AppState>, context: Context, Raw(body): Raw) -> Answer {
    let url = format!("{}{EMAIL_EVENTS_PATH}", shop.public_url);
    let callback = Callback { url: &url, headers: &context.headers, body: &body };
    callbacks::take_in(&shop, Channel::Email, &callback, context.client.address).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}
