//! `/users`: each account for its own person and for admins.

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use super::Presented;
use super::shapes::{UserBody, user_shape};
use crate::features::AppState;
use crate::features::accounts::model::MAX_ADDRESSES;
use crate::features::accounts::queries::{self, UserFilter};
use crate::features::accounts::{AddressInput, EraseUser, Invite, ReplaceUser, UserInput, note_erased, problems};
use crate::http::extract::Empty;
use crate::http::input::Metadata;
use crate::http::page::{Paging, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Fields, Id, Input, Link, Query, Route, Shape, etag, no_content, respond};
use crate::kernel::problem::kinds;
use crate::kernel::text::Lines;
use crate::kernel::{Address, Email, Fault, Problem, Result, Role, SeenVersion, UserId};

pub(super) fn routes() -> Vec<Route<AppState>> {
    let user = user_shape();
    let invited = Shape::named(
        "Invited",
        json!({
            "type": "object",
            "required": ["invited"],
            "properties": { "invited": { "type": "boolean" } },
            "additionalProperties": false,
        }),
        json!({ "invited": true }),
    );
    vec![
        Route::get("/api/v1/users", list, "List accounts, newest first")
            .describe("For admins. Who was erased is not among them.")
            .query::<ListQuery>()
            .parameter("q", "A part of the name, the e-mail address or the phone number; a number is found however it is typed.")
            .parameter("role", "Accounts of this role alone.")
            .answers(200, "A page of accounts", list_schema(user.clone()))
            .links([Link::to("first", "GET /api/v1/users/{id}", "The first account of the page").with("id", "$response.body#/data/0/id")]),
        Route::get("/api/v1/users/{id}", get, "Read an account")
            .describe("One's own, or as an admin anybody's; any other is answered as if it were not there.")
            .tagged()
            .answers(200, "The account", user.clone())
            .links(user_links()),
        Route::put("/api/v1/users/{id}", put, "Replace what is kept of an account")
            .describe(
                "One's own, or as an admin anybody's. What is left out is gone; `locale`, `email`, `role` and `metadata` stay. An \
                 address sent with its `id` keeps it, one without gets one. `email` and `role` are changed by admins, `metadata` by \
                 staff. A changed role ends the account's sessions.",
            )
            .body::<UserReplaceBody>()
            .example("A phone and an address", json!({
                "name": "Layla Khoury", "phone": "+962790000003", "marketingConsent": true,
                "addresses": [{ "label": "Home", "line1": "Rainbow Street 12", "city": "Amman", "isDefault": true }],
            }))
            .example("Another role, by an admin", json!({ "name": "Omar", "phone": "+962790000006", "role": "admin", "version": 3 }))
            .conditional()
            .tagged()
            .answers(200, "The account as it is now", user)
            .links(user_links())
            .refuses(&[&problems::EMAIL_TAKEN, &problems::LAST_ADMIN, &kinds::VERSION_CONFLICT]),
        Route::delete("/api/v1/users/{id}", delete, "Erase an account's person for good")
            .describe(
                "Name, e-mail address, phone, addresses and consent go, its sessions and links end, and nobody signs in to it any \
                 more. Its orders keep their lines and sums, without a name. Who erases their own account sends `currentPassword`; \
                 an admin who erases another's needs none. Refused while orders of the account are open.",
            )
            .body::<EraseBody>()
            .example("One's own", json!({ "currentPassword": "saffron-and-rose" }))
            .conditional()
            .answers_empty(204, "Nothing says any more whose account it was")
            .refuses(&[&problems::WRONG_PASSWORD, &problems::TOO_MANY_ATTEMPTS, &problems::LAST_ADMIN, &problems::HAS_OPEN_ORDERS]),
        Route::post("/api/v1/users/{id}/invite", invite, "Send an invitation again")
            .describe("For admins: the link by which who was invited chooses a password. It counts for three days; the one before ends.")
            .body::<Empty>()
            .answers(202, "A new link is on its way", invited)
            .refuses(&[&problems::HAS_PASSWORD]),
    ]
}

/// Where an account leads.
fn user_links() -> [Link; 3] {
    let to = |name, to, description| Link::to(name, to, description).with("id", "$response.body#/id");
    [
        to("replace", "PUT /api/v1/users/{id}", "Change it, beginning with what was read").body(json!({
            "name": "$response.body#/name", "phone": "$response.body#/phone", "addresses": "$response.body#/addresses",
            "version": "$response.body#/version",
        })),
        to("erase", "DELETE /api/v1/users/{id}", "Erase its person"),
        Link::to("orders", "GET /api/v1/orders", "What it has ordered").with("customer_id", "$response.body#/id"),
    ]
}

struct ListQuery(UserFilter);

impl Input for ListQuery {
    const NAME: &'static str = "UserListQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let text = fields.opt_text("q", Lines::One, 1..=200);
        let role = fields.opt("role");
        let paging = Paging::read(fields)?;
        Some(ListQuery(UserFilter { text, role, paging }))
    }
}

/// `PUT /users/{id}`: what is left out is gone, but for locale, e-mail, role and metadata, which stay.
struct UserReplaceBody {
    input: UserInput,
    version: Option<i64>,
}

impl Input for UserReplaceBody {
    const NAME: &'static str = "UserReplace";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (name, phone, locale) = (fields.req("name"), fields.opt("phone"), fields.opt("locale"));
        let addresses: Vec<SavedAddressBody> = fields.opt_list("addresses", 0..=MAX_ADDRESSES).unwrap_or_default();
        let marketing_consent = fields.opt("marketingConsent").unwrap_or(false);
        let (email, role): (Option<Email>, Option<Role>) = (fields.opt("email"), fields.opt("role"));
        let metadata = fields.opt::<Metadata>("metadata").map(|metadata| metadata.0);
        let version = fields.opt_int("version", 1..=i64::MAX);
        for (index, _) in addresses.iter().enumerate().filter(|(_, address)| address.0.is_default).skip(1) {
            fields.fault(&format!("addresses[{index}].isDefault"), "second_default", "only one address may be the default");
        }
        if let Some(by) = fields.sender() {
            if by.role() != Some(Role::Admin) {
                refuse(fields, &["email", "role"], "admin_only", "is changed by admins only; leave it out");
            }
            if !by.is_staff() {
                refuse(fields, &["metadata"], "staff_only", "is for staff; leave it out");
            }
        }
        let addresses = addresses.into_iter().map(|address| address.0).collect();
        let input = UserInput { name: name?, phone, locale, addresses, marketing_consent, email, role, metadata };
        Some(UserReplaceBody { input, version })
    }
}

fn refuse(fields: &mut Fields<'_, '_>, names: &[&str], code: &'static str, message: &str) {
    for name in names {
        if fields.has(name) {
            fields.fault(name, code, message);
        }
    }
}

struct SavedAddressBody(AddressInput);

impl Input for SavedAddressBody {
    const NAME: &'static str = "SavedAddress";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let id = fields.opt("id");
        let label = fields.opt_text("label", Lines::One, 1..=100);
        let is_default = fields.opt("isDefault").unwrap_or(false);
        let address = Address::read(fields)?;
        Some(SavedAddressBody(AddressInput { id, label, address, is_default }))
    }
}

/// `DELETE /users/{id}`: who erases their own account proves that it is they who ask, not somebody at their unlocked phone.
struct EraseBody {
    current_password: Option<Presented>,
}

impl Input for EraseBody {
    const NAME: &'static str = "UserErase";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Some(EraseBody { current_password: Presented::opt(fields, "currentPassword") })
    }
}

/// Their own account, or any to an admin; to everybody else it is as none.
fn reachable(context: &Context, id: UserId) -> Result<()> {
    let is_theirs = context.caller.user() == Some(id);
    if is_theirs || context.caller.role() == Some(Role::Admin) { Ok(()) } else { Err(not_found()) }
}

async fn list(State(app): State<AppState>, context: Context, Query(ListQuery(filter)): Query<ListQuery>) -> Answer {
    let list = app.db.read(move |reader| queries::list(reader, &filter)).await?;
    let bodies: Vec<UserBody<'_>> = list.data.iter().map(UserBody::of).collect();
    respond::json(&context, StatusCode::OK, &json!({ "data": bodies, "meta": list.meta }))
}

async fn get(State(app): State<AppState>, context: Context, Id(id): Id<UserId>) -> Answer {
    reachable(&context, id)?;
    let user = app.db.read(move |reader| queries::user(reader, id)).await?.ok_or_else(not_found)?;
    respond::tagged(&context, StatusCode::OK, user.version, &UserBody::of(&user))
}

async fn put(State(app): State<AppState>, context: Context, Id(id): Id<UserId>, Body(body): Body<UserReplaceBody>) -> Answer {
    reachable(&context, id)?;
    let seen = SeenVersion { if_match: etag::if_match(context.header("if-match"))?, in_body: body.version };
    let user = app.db.write(ReplaceUser { id, input: body.input, seen }).await?;
    respond::tagged(&context, StatusCode::OK, user.version, &UserBody::of(&user))
}

async fn delete(State(app): State<AppState>, context: Context, Id(id): Id<UserId>, Body(body): Body<EraseBody>) -> Answer {
    reachable(&context, id)?;
    let seen = SeenVersion { if_match: etag::if_match(context.header("if-match"))?, in_body: None };
    let is_theirs = context.caller.user() == Some(id);
    let proven_hash = if is_theirs { Some(prove(&app, &context, id, body).await?) } else { None };
    app.db.write(EraseUser { id, seen, proven_hash }).await?;
    let folder = app.db.folder().path().to_owned();
    let noted = tokio::task::spawn_blocking(move || note_erased(&folder, [id])).await;
    noted.map_err(Fault::new)??;
    no_content()
}

/// The hash of the password that was proven.
async fn prove(app: &AppState, context: &Context, id: UserId, body: EraseBody) -> Result<String> {
    let presented = body.current_password.ok_or_else(|| {
        Problem::field("currentPassword", "required", "is required to erase one's own account: it cannot be taken back")
    })?;
    app.accounts.prove(&app.db, id, presented.0, context.client.address).await
}

async fn invite(State(app): State<AppState>, context: Context, Id(user): Id<UserId>, _: Body<Empty>) -> Answer {
    app.db.write(Invite { user }).await?;
    respond::json(&context, StatusCode::ACCEPTED, &json!({ "invited": true }))
}
