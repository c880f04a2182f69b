//! What every route asks before its handler runs, in the order of SPEC 2: set-up, size, media type, credentials, role.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};

use super::context::Received;
use super::describe::FORM;
use super::extract::refuse_query;
use super::multipart::{self, MAX_UPLOAD_BYTES, MULTIPART};
use super::rate_limit::{Allowance, Limits};
use super::traffic::Traffic;
use super::{Caller, Context, problem, session_cookie};
use crate::db;
use crate::kernel::network::is_near;
use crate::kernel::problem::kinds;
use crate::kernel::{Error, Fault, Problem, ProblemKind, Role, SessionId, ShopFormat};
use crate::trace;

/// Who may use a route. What belongs to whom, the route's own statements decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Any account.
    SignedIn,
    /// Accounts, and whoever holds the order's own token; the handler looks at the token.
    SignedInOrToken,
    /// These roles.
    Roles(&'static [Role]),
}

/// A line of the access table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
    /// Answered although the shop has no owner yet.
    pub before_setup: bool,
    /// Each request is counted (SPEC 9); health is asked too often for that.
    pub limited: bool,
    /// A bearer is not looked at: who signs in or refreshes may still send the one that has expired.
    pub ignores_bearer: bool,
    /// A password or a token is sent here. Over plain HTTP it is taken from this machine and the house's own network alone.
    pub carries_secrets: bool,
    /// What its body may be.
    pub takes: Takes,
}

/// What a route takes as its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// JSON, up to what the front reads.
    Json,
    /// What a form on a page sends, up to what the front reads.
    Form,
    /// Files in parts, which the handler reads while they arrive.
    Files,
    /// Bytes of any media type, at most so many (and no more than the front reads); the handler judges them as they came.
    Raw { most: usize },
}

impl Access {
    /// The same line of a route to which secrets are sent.
    #[must_use]
    pub const fn with_secrets(self) -> Access {
        Access { carries_secrets: true, ..self }
    }
}

/// What a session cookie is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CookieWorth {
    /// It is this session's, whose caller this is.
    Counts { caller: Caller, session: SessionId },
    /// The session lives, but was given a newer cookie, which the browser has or is about to get.
    Replaced,
    /// It is nobody's, or no more.
    Nothing,
}

/// What the machine asks of the bakery. `app` answers.
pub trait Gatekeeper: Send + Sync + 'static {
    /// Whether an owner exists.
    fn is_set_up(&self) -> bool;
    /// The shop's formats now.
    fn shop(&self) -> Arc<ShopFormat>;
    /// Who may use a route, by its method and its path as it is written in the router.
    fn access(&self, method: &Method, path: &str) -> Option<Access>;
    /// How often each caller may ask; `None` without a limit.
    fn limits(&self) -> Option<&Limits>;
    /// Whether a request's path, as it was sent, is that of a route that takes files.
    fn takes_files(&self, _method: &Method, _path: &str) -> bool {
        false
    }
    /// Whether a route reads a query.
    fn reads_query(&self, method: &Method, path: &str) -> bool;
    /// Hears that a request was refused, by the gate or by its handler. It must not block.
    fn refused(&self, _context: &Context, _route: &str, _problem: &Problem) {}
    /// Whose access token this is; 401 if nobody's any more.
    fn identify<'a>(&'a self, bearer: &'a str) -> Pin<Box<dyn Future<Output = Result<Caller, Error>> + Send + 'a>>;
    /// Whose session cookie this is.
    fn identify_cookie<'a>(&'a self, cookie: &'a str) -> Pin<Box<dyn Future<Output = Result<CookieWorth, Error>> + Send + 'a>>;
    /// Whether this is the CSRF token of a session.
    fn csrf_matches(&self, session: SessionId, presented: &str) -> bool;
    /// `[server] public_url`.
    fn public_url(&self) -> &str;
    /// Where requests are counted.
    fn traffic(&self) -> &Traffic;
}

/// The middleware of every route.
pub async fn pass(keeper: Arc<dyn Gatekeeper>, mut request: Request, next: Next) -> Response {
    let mut seen = Seen::default();
    let measured =
        request.extensions().get::<MatchedPath>().map(|path| keeper.traffic().measure(request.method(), path.as_str()));
    let passed = check(keeper.as_ref(), &mut request, &mut seen).await;
    let asked = asked(&request);
    let mut response = match passed {
        Ok(()) => run(request, next).await,
        Err(error) => error.into_response(),
    };
    if let Some(problem) = problem::refusal(&response) {
        keeper.traffic().count_refusal(problem.kind.code);
        if let Some((context, route)) = &asked {
            keeper.refused(context, route.as_str(), problem);
        }
    }
    seen.tell(response.headers_mut());
    if let Some(measured) = measured {
        measured.answered(response.status());
    }
    response
}

/// What the gate saw that the answer must tell of, whatever it is.
#[derive(Default)]
struct Seen {
    /// What the caller has left once this request was counted.
    allowance: Option<Allowance>,
    /// A session's cookie that is nobody's any more, and whether it came by HTTPS.
    dead_cookie: Option<bool>,
}

impl Seen {
    fn tell(self, headers: &mut HeaderMap) {
        if let Some(allowance) = self.allowance {
            allowance.tell(headers);
        }
        // A browser sends a dead cookie by itself, and its owner cannot help it: so it shuts nobody out, and is taken back. A
        // handler that has just handed a new one over goes before.
        if let Some(secure) = self.dead_cookie
            && !headers.contains_key(header::SET_COOKIE)
        {
            headers.append(header::SET_COOKIE, session_cookie::clear(secure));
        }
    }
}

/// Of whose refusal the audit log may want to know: not of a guest who only reads.
fn asked(request: &Request) -> Option<(Context, MatchedPath)> {
    let context = request.extensions().get::<Context>()?;
    if context.caller == Caller::Guest && context.method.is_safe() {
        return None;
    }
    Some((context.clone(), request.extensions().get::<MatchedPath>()?.clone()))
}

/// Runs the handler; what it writes carries who asked.
async fn run(request: Request, next: Next) -> Response {
    let origin = request.extensions().get::<Context>().filter(|context| !context.method.is_safe()).map(Context::origin);
    match origin {
        Some(origin) => db::origin::within(origin, next.run(request)).await,
        None => next.run(request).await,
    }
}

async fn check(keeper: &dyn Gatekeeper, request: &mut Request, seen: &mut Seen) -> Result<(), Error> {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .cloned()
        .ok_or_else(|| Fault::because("the gate stands behind the router"))?;
    let path = path.as_str();
    let method = request.method().clone();
    if trace::is_on() {
        let work = trace::here();
        work.word("http.route", path);
        work.rename(format!("{method} {path}"));
    }
    let access =
        keeper.access(&method, path).ok_or_else(|| Fault::because(format!("{method} {path} is not in the access table")))?;
    let reads_query = keeper.reads_query(&method, path);
    let context =
        request.extensions_mut().get_mut::<Context>().ok_or_else(|| Fault::because("the gate stands behind the front"))?;
    if !access.before_setup && !keeper.is_set_up() {
        return Err(Problem::of(&kinds::SETUP_REQUIRED)
            .detail(
                "Nobody owns this shop yet. Open /setup in a browser, with the code that `bayader admin setup-code` prints on its machine; \
                 or run there: bayader admin create --email you@example.com --name \"Your name\" --password-stdin",
            )
            .into());
    }
    let identified = identify(keeper, &access, context, seen).await;
    if access.limited
        && let Some(limits) = keeper.limits()
    {
        // Whose credentials do not count is counted by its address.
        seen.allowance.insert(limits.take(context)).check()?;
    }
    check_body(context, access.takes)?;
    if access.carries_secrets {
        check_https(context)?;
    }
    identified?;
    check_role(access.who, context)?;
    // Links to pages carry what others hang on them; only the API knows all its parameters (SPEC 2).
    if reads(&method) && !reads_query && access.path.starts_with("/api/v1/") {
        refuse_query(context)?;
    }
    Ok(())
}

/// Says who asks: by the bearer, else by the session's cookie.
async fn identify(keeper: &dyn Gatekeeper, access: &Access, context: &mut Context, seen: &mut Seen) -> Result<(), Error> {
    if access.ignores_bearer {
        return Ok(());
    }
    if let Some(bearer) = bearer_of(context)? {
        context.caller = keeper.identify(&bearer).await?;
        return Ok(());
    }
    let secure = context.client.secure;
    let Some(cookie) = session_cookie::presented(&context.headers, secure) else { return Ok(()) };
    match keeper.identify_cookie(&cookie).await? {
        CookieWorth::Counts { caller, session } => {
            // Before the check: a refusal is that person's, for the audit log as for the count of their requests.
            context.caller = caller;
            context.by_cookie = true;
            if !context.method.is_safe() {
                session_cookie::check_csrf(context, keeper.public_url(), |token| keeper.csrf_matches(session, token))?;
            }
        }
        CookieWorth::Replaced => {}
        CookieWorth::Nothing => seen.dead_cookie = Some(secure),
    }
    Ok(())
}

fn check_https(context: &Context) -> Result<(), Error> {
    if context.client.secure || is_near(context.client.address) {
        return Ok(());
    }
    Err(Problem::of(&kinds::HTTPS_REQUIRED)
        .detail(
            "Passwords and tokens are not taken over plain HTTP from outside the shop's own network. Use the shop's https:// \
             address; if it has one before which a proxy stands, name the proxy in server.trusted_proxies.",
        )
        .into())
}

fn check_body(context: &Context, takes: Takes) -> Result<(), Error> {
    let too_large = |what: &str, most: usize| {
        Err(Problem::of(&kinds::BODY_TOO_LARGE).detail(format!("{what} may have at most {most} bytes.")).into())
    };
    match (&context.received, takes) {
        (Received::TooLarge, Takes::Raw { most }) => too_large("The body", most),
        (Received::Whole(body), Takes::Raw { most }) if body.len() > most => too_large("The body", most),
        (Received::Whole(_), Takes::Raw { .. }) => Ok(()),
        (Received::Arriving, Takes::Files) => {
            let announced = context.header("content-length").and_then(|text| text.parse::<u64>().ok());
            if announced.is_some_and(|bytes| bytes > MAX_UPLOAD_BYTES) { Err(multipart::too_large().into()) } else { Ok(()) }
        }
        (Received::Whole(_) | Received::TooLarge, Takes::Files) => Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)
            .detail(format!("Send the files with Content-Type: {MULTIPART}."))
            .into()),
        (Received::Arriving, _) => Err(Fault::because("only a route that takes files reads a body while it arrives").into()),
        (Received::TooLarge, Takes::Json | Takes::Form) => too_large("A body", super::front::MAX_BODY_BYTES),
        (Received::Cut, _) => {
            Err(Problem::of(&kinds::BAD_REQUEST).detail("The body ended before its announced length.").into())
        }
        (Received::Crowded, _) => Err(Problem::of(&kinds::BUSY)
            .detail("Too many large bodies arrive at once. Nothing was done; try again in a second.")
            .retry_after_s(1)
            .into()),
        (Received::Whole(body), _) if body.is_empty() => Ok(()),
        (Received::Whole(_), Takes::Json | Takes::Form) => {
            let wanted = if takes == Takes::Form { FORM } else { "application/json" };
            let mut parts = context.header("content-type").unwrap_or("").split(';').map(str::trim);
            if !parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case(wanted)) {
                return Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)
                    .detail(format!("Send the body with Content-Type: {wanted}."))
                    .into());
            }
            if parts.any(names_other_charset) {
                return Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)
                    .detail("JSON is read as UTF-8 alone. Send it so, and leave charset out of Content-Type.")
                    .into());
            }
            Ok(())
        }
    }
}

/// Whether a parameter of a media type names a charset that is not UTF-8.
fn names_other_charset(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset") && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// The bearer token of a request. Another scheme, or a header that cannot be read, is no credential of ours.
fn bearer_of(context: &Context) -> Result<Option<String>, Error> {
    let Some(value) = context.headers.get(http::header::AUTHORIZATION) else { return Ok(None) };
    let bearer =
        value.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    bearer
        .map(|(_, token)| Some(token.trim().to_owned()))
        .ok_or_else(|| unauthenticated("Authorization must be: Bearer, a space, and an access token.").into())
}

/// 401 with what to do.
#[must_use]
pub fn unauthenticated(detail: &'static str) -> Problem {
    Problem::of(&kinds::UNAUTHENTICATED).detail(detail)
}

fn check_role(who: Who, context: &Context) -> Result<(), Error> {
    let missing = || {
        unauthenticated(
            "This address asks who you are. Sign in at /api/v1/auth/login and send the token as Authorization: Bearer.",
        )
    };
    match (who, context.caller.role()) {
        (Who::Anyone, _) | (Who::SignedIn | Who::SignedInOrToken, Some(_)) => Ok(()),
        (Who::SignedInOrToken, None) if has_order_token(context) => Ok(()),
        (Who::SignedInOrToken, None) => Err(unauthenticated(
            "This address asks who you are. A guest sends the order's accessToken as X-Order-Token; who has an account signs in at \
             /api/v1/auth/login and sends the token as Authorization: Bearer.",
        )
        .into()),
        (Who::Roles(roles), Some(role)) if roles.contains(&role) => Ok(()),
        (Who::Roles(roles), Some(role)) => {
            let allowed: Vec<_> = roles.iter().map(|role| role.code()).collect();
            Err(Problem::of(&kinds::FORBIDDEN)
                .detail(format!("This is for {}; you are signed in as {}.", allowed.join(" and "), role.code()))
                .into())
        }
        (_, None) => Err(missing().into()),
    }
}

fn has_order_token(context: &Context) -> bool {
    order_token(context).is_some()
}

/// GET, and HEAD, which the same handlers answer.
fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The order's own token: from `X-Order-Token`, or where nothing is changed from `?token=`.
#[must_use]
pub fn order_token(context: &Context) -> Option<String> {
    if let Some(token) = context.header("x-order-token") {
        return Some(token.to_owned());
    }
    if !reads(&context.method) {
        return None;
    }
    let query = context.query.as_deref()?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token").map(|(_, value)| value.into_owned())
}

/// What a route may say that writes, or reads a body.
const WITH_A_BODY: &[&ProblemKind] =
    &[&kinds::BAD_JSON, &kinds::BAD_REQUEST, &kinds::CARD_DATA_REFUSED, &kinds::OUTCOME_UNKNOWN, &kinds::STORAGE_UNAVAILABLE];

/// What the gate may refuse a route with.
#[must_use]
pub fn refusals(access: &Access, has_body: bool, has_query: bool) -> Vec<&'static ProblemKind> {
    if matches!(access.takes, Takes::Raw { .. }) {
        return raw_refusals(access);
    }
    let mut refusals = vec![&kinds::INTERNAL, &kinds::BUSY, &kinds::UNAUTHENTICATED, &kinds::VALIDATION_FAILED];
    if !access.before_setup {
        refusals.push(&kinds::SETUP_REQUIRED);
    }
    // DELETE describes no body, and still takes `{}`.
    if has_body || access.method != "GET" {
        refusals.extend(WITH_A_BODY);
    }
    refusals.extend([&kinds::BODY_TOO_LARGE, &kinds::UNSUPPORTED_MEDIA_TYPE]);
    if has_query {
        refusals.push(&kinds::USE_CURSOR);
    }
    if matches!(access.who, Who::Roles(_)) {
        refusals.push(&kinds::FORBIDDEN);
    }
    if access.method != "GET" && !access.ignores_bearer {
        refusals.push(&kinds::CSRF_REFUSED);
    }
    if access.carries_secrets {
        refusals.push(&kinds::HTTPS_REQUIRED);
    }
    if access.limited {
        refusals.push(&kinds::RATE_LIMITED);
    }
    if access.path.contains('{') {
        refusals.push(&kinds::NOT_FOUND);
    }
    refusals
}

/// What the gate may refuse a route with that takes raw bytes from whoever can sign them: nobody signs in there.
fn raw_refusals(access: &Access) -> Vec<&'static ProblemKind> {
    let mut refusals = vec![
        &kinds::INTERNAL,
        &kinds::BUSY,
        &kinds::SETUP_REQUIRED,
        &kinds::BAD_REQUEST,
        &kinds::BODY_TOO_LARGE,
        &kinds::OUTCOME_UNKNOWN,
        &kinds::STORAGE_UNAVAILABLE,
    ];
    if access.path.contains('{') {
        refusals.push(&kinds::NOT_FOUND);
    }
    refusals
}
