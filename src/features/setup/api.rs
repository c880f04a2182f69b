//! `/setup`, the page, and `/api/v1/setup`, what it asks; `/`, which leads there until the shop is set up.

mod shapes;

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::refuse::fixed_by;
use super::{Choices, FIELDS, NewOwner, OpenShop, Standing, problems, refusals};
use crate::features::AppState;
use crate::features::accounts::api::{Handing, read_new_password, signed_in_shape};
use crate::features::accounts::{self, NewPassword};
use crate::features::settings::api::{currency_schema, read_currency, read_zone, zone_schema};
use crate::http::assets::{PageQuery, page};
use crate::http::{Answer, Body, Context, Fields, Input, Link, Route, respond};
use crate::kernel::problem::kinds;
use crate::kernel::text::Lines;
use crate::kernel::{Currency, Email, Error, Fault, Locale, Name, Problem, ShopZone};

/// The page.
pub const PAGE: &str = "/setup";
/// The page's address on the shop's own machine. A server that listens everywhere has no address of its own: there it is reached on
/// loopback, and from elsewhere by whatever the machine is called.
#[must_use]
pub fn page_at(public_url: &str) -> String {
    let here = public_url.replacen("://0.0.0.0", "://127.0.0.1", 1).replacen("://[::]", "://[::1]", 1);
    format!("{here}{PAGE}")
}

/// Where a browser goes that names no page of a shop that is set up.
const HOME: &str = "/api/v1/docs";
/// The most characters that are read of a code: what is longer is none.
const LONGEST_CODE: usize = 100;

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/api/v1/setup", get, "Tell what a new shop can choose, and how it stands with the code")
            .describe("Only while nobody owns the shop; afterwards there is nothing here. `fixed` names what the server's configuration decides: send those values as they are.")
            .answers(200, "What can be chosen", shapes::setup())
            .links([Link::to("open", "POST /api/v1/setup", "Open the shop").body(json!({ "shopName": "El-Bayader Bakery" }))])
            .refuses(&[&kinds::NOT_FOUND]),
        Route::post("/api/v1/setup", post, "Open the shop: its settings, its owner and, if asked for, a sample bakery")
            .describe("Once, while nobody owns the shop; afterwards there is nothing here. `code` is shown on the terminal that started the server, or printed by `bayader admin setup-code` on its machine: 15 minutes, five wrong tries; case, dash and spaces do not count. All of it is one write. Answers as signing in does.")
            .body::<SetUpBody>()
            .hands_a_session_over()
            .example("A bakery in Amman, with things on its shelves to try", json!({
                "code": "K7QM-2XRD", "shopName": "El-Bayader Bakery", "locale": "ar", "timeZone": "Asia/Amman", "currency": "JOD",
                "ownerEmail": "salma@example.com", "password": "saffron-and-rose", "sample": true,
            }))
            .answers(201, "The owner, signed in", signed_in_shape())
            .links([
                Link::to("me", "GET /api/v1/auth/me", "The owner, with the token as bearer"),
                Link::to("settings", "GET /api/v1/admin/settings", "Everything else that can be set"),
            ])
            .refuses(&[
                &kinds::NOT_FOUND,
                &kinds::CSRF_REFUSED,
                &problems::WRONG_CODE,
                &problems::CODE_SPENT,
                &crate::features::settings::problems::CURRENCY_IN_USE,
            ]),
        Route::get(PAGE, show, "Show the page on which a shop is set up")
            .describe("It asks for the code and seven fields. A shop that is set up has no such page.")
            .query::<PageQuery>()
            .answers_page("The page")
            .answers_elsewhere("The shop is set up"),
        Route::get("/", home, "Lead to where one begins")
            .describe("To the page that sets the shop up; of a shop that is, to the pages for programmers.")
            .answers_elsewhere("There it is"),
    ]
}

/// The shop still waits for its owner. Asked before anything of the request is read.
struct StillWaits;

impl FromRequestParts<AppState> for StillWaits {
    type Rejection = Error;

    async fn from_request_parts(_: &mut Parts, shop: &AppState) -> Result<StillWaits, Error> {
        if shop.db.read(accounts::owner_exists).await? { Err(problems::set_up_already().into()) } else { Ok(StillWaits) }
    }
}

async fn get(State(shop): State<AppState>, _: StillWaits, context: Context) -> Answer {
    let settings = shop.settings.get();
    let fixed = FIELDS.iter().filter_map(|(field, setting)| {
        let by = fixed_by(&shop, setting)?;
        let value = match *setting {
            "name" => &settings.shop.name,
            "locale" => &settings.shop.locale,
            "timeZone" => &settings.shop.time_zone,
            _ => &settings.shop.currency,
        };
        Some(json!({ "field": field, "value": value, "place": by.place }))
    });
    let mut body = shapes::choices();
    body["needed"] = true.into();
    body["fixed"] = fixed.collect();
    body["code"] = standing(shop.first_code.standing());
    let mut response = respond::json(&context, StatusCode::OK, &body)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn standing(standing: Standing) -> Value {
    let (seconds, tries) = match standing {
        // What is nearly over is not told as over.
        Standing::Waits { left, tries } => (left.as_secs() + u64::from(left.subsec_nanos() > 0), tries),
        Standing::None | Standing::Ended | Standing::Spent => (0, 0),
    };
    json!({ "state": standing.word(), "secondsLeft": seconds, "triesLeft": tries })
}

/// `POST /setup`. Not `Debug`: it holds the code and a password.
struct SetUpBody {
    code: String,
    choices: Choices,
    owner_name: Option<Name>,
    owner_email: Email,
    password: NewPassword,
    sample: bool,
}

impl Input for SetUpBody {
    const NAME: &'static str = "SetUp";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let code = fields.req_text("code", Lines::One, 1..=LONGEST_CODE);
        let name = fields.req::<Name>("shopName");
        let locale = fields.req::<Locale>("locale");
        let zone = fields.req_with("timeZone", zone_schema, read_zone);
        let currency = fields.req_with("currency", currency_schema, read_currency);
        let owner_name = fields.opt("ownerName");
        let owner_email = fields.req::<Email>("ownerEmail");
        let password = read_new_password(fields, "password", owner_email.as_ref());
        let sample = fields.req::<bool>("sample");
        let choices = Choices {
            name: Some(name?.into_string()),
            locale: Some(locale?),
            currency: Some(Currency::from_code(&currency?)?),
            zone: Some(ShopZone::named(&zone?)?),
        };
        Some(SetUpBody { code: code?, choices, owner_name, owner_email: owner_email?, password: password?, sample: sample? })
    }
}

async fn post(State(shop): State<AppState>, _: StillWaits, context: Context, Body(body): Body<SetUpBody>) -> Answer {
    let handing = Handing::asked(&shop, &context)?;
    if let Err(refusal) = shop.first_code.check(&body.code) {
        // Whoever opened the shop a moment ago has used the code up.
        let is_open = shop.db.read(accounts::owner_exists).await?;
        return Err(if is_open { problems::set_up_already() } else { refusal }.into());
    }
    let faults = refusals(&shop, &body.choices, FIELDS.map(|(field, _)| field));
    if !faults.is_empty() {
        return Err(Problem::fields(faults).into());
    }
    let password_hash = shop.accounts.hash(body.password.into_string()).await?;
    let command = OpenShop {
        choices: body.choices,
        owner: NewOwner { name: body.owner_name, email: body.owner_email, phone: None, password_hash },
        sample: body.sample,
        keeper: shop.settings.keeper(),
        session: Some(handing.session(&context)),
    };
    let opened = shop.db.write(command).await?;
    shop.first_code.forget();
    let signed_in = opened.signed_in.ok_or_else(|| Fault::because("a session that was asked for has begun"))?;
    let handed = handing.handed(&shop.keys, shop.clock.now(), &signed_in)?;
    let response = respond::json_bytes(&context, StatusCode::CREATED, handed.body.clone());
    let response = respond::with_location(response, &format!("/api/v1/users/{}", signed_in.user.id));
    Ok(handed.dress(&context, response))
}

async fn show(State(shop): State<AppState>, context: Context) -> Answer {
    if shop.db.read(accounts::owner_exists).await? { Ok(elsewhere("/")) } else { page(&context, "setup") }
}

async fn home(State(shop): State<AppState>) -> Answer {
    let is_open = shop.db.read(accounts::owner_exists).await?;
    Ok(elsewhere(if is_open { HOME } else { PAGE }))
}

/// Sends a browser on. Nothing is kept of it: tomorrow it may lead elsewhere.
fn elsewhere(to: &'static str) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::page_at;

    #[test]
    fn the_page_of_a_server_that_listens_everywhere_is_found_on_its_machine() {
        assert_eq!(page_at("http://0.0.0.0:8080"), "http://127.0.0.1:8080/setup");
        assert_eq!(page_at("http://[::]:8080"), "http://[::1]:8080/setup");
        assert_eq!(page_at("https://shop.example"), "https://shop.example/setup");
    }
}
