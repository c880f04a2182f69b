//! `/o/:id`, `/pay/return`, `/pay/cancel`: the order's page, without a script.
//!
//! A GET changes nothing of an order; what it does at most is ask a gateway how things stand. A POST is a form of the page: the order's
//! cookie says who sends it, its key that the page was written here. After a POST the browser is sent on to a page of ours: the
//! gateway's lies on another site, to which `form-action 'self'` lets no form lead, not even by a redirect, so a page of ours leads
//! there.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::features::orders;
use crate::features::orders::problems::TOKEN_EXPIRED;
use crate::features::payments::ask;
use crate::features::payments::checkout::{self, Wanted};
use crate::features::payments::page::onward;
use crate::features::payments::page::read::{Shown, shown};
use crate::features::payments::page::say::Say;
use crate::features::payments::page::view::{self, Notice, Reading, Tone, Way};
use crate::features::{AppState, money};
use crate::http::assets::{PageQuery, asked_language, html};
use crate::http::gate::unauthenticated;
use crate::http::problem::not_found;
use crate::http::template::{self, Frame};
use crate::http::{Answer, Context, Fields, Form, Id, Input, Route, order_cookie, session_cookie};
use crate::kernel::problem::kinds;
use crate::kernel::text::Lines;
use crate::kernel::{Actor, Error, Fault, Locale, Money, OrderId, PaymentId, PaymentMethod, Problem, Result};

/// A gateway is waited for so long while a buyer looks on; it is asked to the end all the same.
const PATIENCE: Duration = Duration::from_secs(8);
/// A page that waits for a gateway looks again after so many seconds, so many times.
const AGAIN_S: u32 = 5;
const LOOKS: u32 = 12;

pub(super) fn routes() -> Vec<Route<AppState>> {
    let opens = [&kinds::UNAUTHENTICATED, &kinds::NOT_FOUND, &TOKEN_EXPIRED];
    vec![
        Route::get("/o/{id}", show, "Show an order to its buyer")
            .describe("The token of the link becomes a cookie for this page and leaves the address bar. State, due time, what was ordered, what is paid, ways to pay.")
            .query::<OrderPageQuery>()
            .answers_page("The page")
            .answers_elsewhere("The same page, without the token in its address")
            .refuses(&opens),
        Route::get("/o/{id}/pay", back_to_order, "Lead back to the order's page")
            .describe("Where paying has begun there is nothing to read.")
            .query::<PageQuery>()
            .answers_elsewhere("The order's page"),
        Route::post("/o/{id}/pay", pay, "Begin to pay an order from its page")
            .describe("A form of the page. Answers with a page that leads to the gateway's, or back to the order's.")
            .body::<PayForm>()
            .example("By card", serde_json::json!({ "key": EXAMPLE_KEY, "method": "stripe" }))
            .answers_page("A page that leads to the gateway's")
            .answers_elsewhere("The order's page: nothing more is to be done, or it says what went wrong")
            .refuses(&opens)
            .refuses(&[&kinds::CSRF_REFUSED]),
        Route::get("/o/{id}/cancel", ask_to_cancel, "Ask once more before an order is cancelled")
            .describe("Changes nothing.")
            .query::<PageQuery>()
            .answers_page("The page")
            .answers_elsewhere("The order's page: the order cannot be cancelled any more")
            .refuses(&opens),
        Route::post("/o/{id}/cancel", cancel, "Cancel an order from its page")
            .describe("A form of the page; the same act as by the API.")
            .body::<CancelForm>()
            .example("Yes", serde_json::json!({ "key": EXAMPLE_KEY }))
            .answers_elsewhere("The order's page")
            .refuses(&opens)
            .refuses(&[&kinds::CSRF_REFUSED]),
        Route::get("/pay/return", come_back, "Take in a buyer who comes back from a gateway")
            .describe("Asks the gateway at once, then sends the buyer to the order's page, or on to the storefront with `orderId` and `paymentStatus`. What else the gateway adds to the address is not read.")
            .query::<BackQuery>()
            .parameter("to", "Where the checkout wanted its buyer to go on.")
            .answers_elsewhere("The order's page, or the storefront")
            .refuses(&opens),
        Route::get("/pay/cancel", give_up, "Take in a buyer who has left a gateway without paying")
            .describe("Changes nothing: what was begun can be gone on with. The buyer is sent to the order's page, or on to the page that the checkout named.")
            .query::<BackQuery>()
            .parameter("to", "Where the checkout wanted its buyer to go on.")
            .answers_elsewhere("The order's page, or the page that the checkout named")
            .refuses(&opens),
    ]
}

const EXAMPLE_KEY: &str = "Zk2pQ8n1vXc7RtY0aLs3Dw5eHb9uJi4oMg6fNkPqTrE";

/// The query of an order's page.
struct OrderPageQuery;

impl Input for OrderPageQuery {
    const NAME: &'static str = "OrderPageQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.opt::<Locale>("lang");
        fields.opt_text("token", Lines::One, 1..=200);
        Some(OrderPageQuery)
    }
}

/// The query of a way back from a gateway.
struct BackQuery;

impl Input for BackQuery {
    const NAME: &'static str = "BackQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.opt_text("tx", Lines::One, 1..=200);
        fields.opt_text("k", Lines::One, 1..=200);
        fields.opt_text("to", Lines::One, 1..=2_000);
        fields.opt::<Locale>("lang");
        Some(BackQuery)
    }
}

/// What the form of the ways to pay sends.
struct PayForm {
    key: String,
    method: PaymentMethod,
}

impl Input for PayForm {
    const NAME: &'static str = "PayForm";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let key = fields.req_text("key", Lines::One, 1..=200);
        let method = fields.req::<PaymentMethod>("method");
        Some(PayForm { key: key?, method: method? })
    }
}

/// What the form that cancels sends.
struct CancelForm {
    key: String,
}

impl Input for CancelForm {
    const NAME: &'static str = "CancelForm";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Some(CancelForm { key: fields.req_text("key", Lines::One, 1..=200)? })
    }
}

/// A parameter of a page's address; unknown ones are nobody's business.
fn asked(context: &Context, name: &str) -> Option<String> {
    let query = context.query.as_deref()?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn locale(context: &Context) -> Locale {
    asked_language(context).unwrap_or(context.locale)
}

/// `?lang=ar` where it was asked for, so that it stays; else nothing.
fn lang(context: &Context) -> &'static str {
    match asked_language(context) {
        Some(Locale::Ar) => "?lang=ar",
        Some(Locale::En) => "?lang=en",
        None => "",
    }
}

/// The order's page, with a word of what has just happened.
fn address(context: &Context, order: OrderId, word: Option<(&str, &str)>) -> String {
    let lang = lang(context);
    match word {
        Some((name, value)) => format!("/o/{order}{lang}{}{name}={value}", if lang.is_empty() { '?' } else { '&' }),
        None => format!("/o/{order}{lang}"),
    }
}

fn elsewhere(to: &str) -> Answer {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(to).map_err(Fault::new)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// Sends the browser to the order's page and gives it the order's cookie.
fn elsewhere_with_cookie(context: &Context, to: &str, order: OrderId, token: &str) -> Answer {
    let mut response = elsewhere(to)?;
    response.headers_mut().append(header::SET_COOKIE, order_cookie::set(order, token, context.client.secure));
    Ok(response)
}

/// The version of the token that opens an order: 404 if none does, 410 if its time is over.
async fn version(shop: &AppState, order: OrderId, opens: impl FnOnce(i64) -> bool) -> Result<i64> {
    let now = shop.clock.now();
    let lock = shop.db.read(move |reader| orders::lock(reader, order, now)).await?;
    match lock.filter(|lock| opens(lock.token_version)) {
        Some(lock) if lock.ended => Err(Problem::of(&TOKEN_EXPIRED)
            .detail("This order was delivered more than 90 days ago. Ask the shop for what you need of it.")
            .into()),
        Some(lock) => Ok(lock.token_version),
        None => Err(not_found()),
    }
}

async fn version_by_token(shop: &AppState, order: OrderId, token: &str) -> Result<i64> {
    version(shop, order, |version| shop.keys.order_token_matches(order, version, token)).await
}

/// The same, for who brings the order's cookie: 401 without one.
async fn version_by_cookie(shop: &AppState, context: &Context, order: OrderId) -> Result<i64> {
    let token = order_cookie::presented(context)
        .ok_or_else(|| unauthenticated("This page is opened by the order's own link, which bears its token."))?;
    version_by_token(shop, order, &token).await
}

/// As [`version_by_cookie`], of a form: it must have been written here.
async fn version_by_form(shop: &AppState, context: &Context, order: OrderId, key: &str) -> Result<i64> {
    let version = version_by_cookie(shop, context, order).await?;
    session_cookie::check_form(context, &shop.public_url, shop.keys.form_key_matches(order, version, key))?;
    Ok(version)
}

async fn read(shop: &AppState, order: OrderId) -> Result<Shown> {
    shop.db.read(move |reader| shown(reader, order)).await?.ok_or_else(not_found)
}

async fn show(State(shop): State<AppState>, context: Context, Id(order): Id<OrderId>) -> Answer {
    if let Some(token) = asked(&context, "token") {
        version_by_token(&shop, order, &token).await?;
        return elsewhere_with_cookie(&context, &address(&context, order, None), order, &token);
    }
    let version = version_by_cookie(&shop, &context, order).await?;
    let mut shown = read(&shop, order).await?;
    let looks = asked(&context, "back").and_then(|looks| looks.parse::<u32>().ok());
    // The way back has asked for the first look.
    if let (Some(2..), true, Some(payment)) = (looks, shown.waits_for_gateway(), &shown.payment) {
        ask_gateway(&shop, order, payment.id).await;
        shown = read(&shop, order).await?;
    }
    let notice = notice(&context, &shown, looks);
    let is_waiting = looks.is_some() && shown.waits_for_gateway();
    let refresh = looks.filter(|looks| is_waiting && *looks < LOOKS);
    let key = shop.keys.form_key(order, version);
    let settings = shop.settings.get();
    let ways = ways(&shop, &shown, locale(&context));
    let reading = Reading {
        locale: locale(&context),
        lang: lang(&context),
        now: shop.clock.now(),
        settings: &settings,
        transfer_details: settings.shop.transfer_details.as_deref(),
        form_key: &key,
        ways: &ways,
        notice,
        is_waiting,
    };
    let page = view::page(&shown, &reading);
    let mut response = written(&context, &shop, "order", &view::title(&shown, reading.locale), &page)?;
    if let Some(looks) = refresh {
        let again = format!("{AGAIN_S};url={}", address(&context, order, Some(("back", &(looks + 1).to_string()))));
        response.headers_mut().insert("refresh", HeaderValue::from_str(&again).map_err(Fault::new)?);
    }
    Ok(response)
}

/// A page of an order.
fn written(context: &Context, shop: &AppState, template: &str, title: &str, page: &impl serde::Serialize) -> Answer {
    let locale = locale(context);
    let other = format!("?lang={}", locale.other().code());
    let name = shop.settings.get().shop.name.clone();
    let frame = Frame { title: &format!("{title} · {name}"), name: &name, other: &other, goes_to: None };
    Ok(html(locale, template::fill(template, locale, &frame, page)?))
}

/// What a buyer is told who has just come here from somewhere.
fn notice(context: &Context, shown: &Shown, looks: Option<u32>) -> Option<Notice> {
    let say = Say(locale(context));
    let told = |tone, title, text| Some(Notice { tone, title, text, links: Vec::new() });
    if let Some(looks) = looks {
        if shown.waits_for_gateway() {
            let href = address(context, shown.order.id, Some(("back", &looks.max(1).saturating_add(1).min(LOOKS).to_string())));
            return Some(Notice {
                tone: Tone::Plain,
                title: say.it("Waiting for the bank's word.", "بانتظار رد البنك."),
                text: say.it(
                    "If it was paid, this page shows it in a moment. Please do not pay twice.",
                    "إن تم الدفع فسيظهر هنا بعد لحظات. الرجاء عدم الدفع مرتين.",
                ),
                links: vec![
                    view::Link { href, label: say.it("Look again now", "التحقق الآن") },
                    view::Link {
                        href: address(context, shown.order.id, None),
                        label: say.it("It was not paid: back to the ways to pay", "لم يتم الدفع: العودة إلى طرق الدفع"),
                    },
                ],
            });
        }
        if view::may_pay(shown) && view::failed_meanwhile(shown) {
            return told(
                Tone::Bad,
                say.it("The payment did not go through.", "لم تتم عملية الدفع."),
                say.it(
                    "Nothing was charged. Try again, or choose another way.",
                    "لم يُخصم أي مبلغ. يمكن المحاولة مرة أخرى أو اختيار طريقة أخرى.",
                ),
            );
        }
        return None;
    }
    let said = asked(context, "said")?;
    match said.as_str() {
        "left" if view::may_pay(shown) => told(
            Tone::Warn,
            say.it("It is not paid yet.", "لم يُدفع الطلب بعد."),
            say.it("Nothing was charged. The order can still be paid below.", "لم يُخصم أي مبلغ، ويمكن الدفع أدناه."),
        ),
        "busy" => told(
            Tone::Warn,
            say.it("A payment is just being begun.", "عملية دفع قيد البدء الآن."),
            say.it("Wait a few seconds, then press the button again.", "يُضغط الزر من جديد بعد ثوانٍ."),
        ),
        "open" => told(
            Tone::Warn,
            say.it("What was begun first can still be paid.", "ما زالت عملية الدفع الأولى مفتوحة."),
            say.it(
                "So that nothing is paid twice, go on with the first way to pay, or pay at the shop.",
                "حتى لا يُدفع الطلب مرتين، يُرجى متابعة الدفع بالطريقة الأولى أو الدفع في المتجر.",
            ),
        ),
        "gateway" => told(
            Tone::Bad,
            say.it("This way to pay does not answer now.", "طريقة الدفع هذه لا تستجيب الآن."),
            say.it(
                "Nothing was charged. Try again in a minute, or choose another way.",
                "لم يُخصم أي مبلغ. يمكن المحاولة بعد دقيقة أو اختيار طريقة أخرى.",
            ),
        ),
        "refused" => told(
            Tone::Warn,
            say.it("This could not be done.", "تعذّر تنفيذ ذلك."),
            say.it("The order stands as shown here.", "وضع الطلب كما هو ظاهر هنا."),
        ),
        _ => None,
    }
}

/// How the order can be paid from its page: gateways first, then at the shop; never by the bank's terminal, which staff hold.
fn ways(shop: &AppState, shown: &Shown, locale: Locale) -> Vec<Way> {
    let settings = shop.settings.get();
    let due = Money::from_minor(shown.due(), shown.payable.currency);
    let online = shop.gateways.iter().filter(|gateway| settings.offers(gateway.method()) && gateway.expresses(due).is_ok());
    let mut ways: Vec<Way> =
        online.map(|gateway| Way { method: gateway.method(), name: gateway.name(locale).to_owned() }).collect();
    let offline = [PaymentMethod::CASH, PaymentMethod::TRANSFER];
    let others = offline.into_iter().filter(|method| settings.offers(*method) && *method != shown.payable.method);
    ways.extend(others.map(|method| Way { method, name: String::new() }));
    ways
}

async fn back_to_order(context: Context, Id(order): Id<OrderId>) -> Answer {
    elsewhere(&address(&context, order, None))
}

async fn pay(State(shop): State<AppState>, context: Context, Id(order): Id<OrderId>, Form(form): Form<PayForm>) -> Answer {
    version_by_form(&shop, &context, order, &form.key).await?;
    let shown = read(&shop, order).await?;
    let say = Say(locale(&context));
    let Some(way) = ways(&shop, &shown, say.0).into_iter().find(|way| way.method == form.method) else {
        return elsewhere(&address(&context, order, Some(("said", "refused"))));
    };
    let wanted = Wanted { order, method: way.method, flow: None, return_url: None, by: Actor::Guest, locale: locale(&context) };
    let begun = match checkout::checkout(&shop, wanted).await {
        Ok(begun) => begun,
        Err(Error::Refused(problem)) => {
            let said = match (problem.kind.status, problem.kind.code) {
                (_, "checkout_in_progress") => "busy",
                (_, "payment_still_open") => "open",
                (500.., _) => "gateway",
                _ => "refused",
            };
            return elsewhere(&address(&context, order, Some(("said", said))));
        }
        Err(fault) => return Err(fault),
    };
    let Some(url) = begun.handover.redirect_url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) else {
        return elsewhere(&address(&context, order, None));
    };
    let page = view::Handing {
        title: say.it("To the payment page", "إلى صفحة الدفع"),
        text: say.it(
            "The payment goes on at the payment provider. If nothing happens, press the button.",
            "يُستكمل الدفع لدى مزوّد الدفع. إن لم تُفتح الصفحة تلقائيًا فيُضغط الزر.",
        ),
        label: format!("{} {}", say.it("Go on to", "متابعة إلى"), way.name),
        url: &url,
        back: view::Link {
            href: address(&context, order, None), label: say.it("Back to the order", "العودة إلى الطلب")
        },
    };
    let name = shop.settings.get().shop.name.clone();
    let frame = Frame { title: page.title, name: &name, other: "", goes_to: Some(&url) };
    Ok(html(say.0, template::fill("handing", say.0, &frame, &page)?))
}

async fn ask_to_cancel(State(shop): State<AppState>, context: Context, Id(order): Id<OrderId>) -> Answer {
    let version = version_by_cookie(&shop, &context, order).await?;
    let shown = read(&shop, order).await?;
    if !orders::customer_may_cancel(&shown.order) {
        return elsewhere(&address(&context, order, Some(("said", "refused"))));
    }
    let key = shop.keys.form_key(order, version);
    let settings = shop.settings.get();
    let reading = Reading {
        locale: locale(&context),
        lang: lang(&context),
        now: shop.clock.now(),
        settings: &settings,
        transfer_details: settings.shop.transfer_details.as_deref(),
        form_key: &key,
        ways: &[],
        notice: None,
        is_waiting: false,
    };
    let title = view::title(&shown, reading.locale);
    written(&context, &shop, "cancel", &title, &view::cancel_page(&shown, &reading))
}

async fn cancel(
    State(shop): State<AppState>,
    context: Context,
    Id(order): Id<OrderId>,
    Form(form): Form<CancelForm>,
) -> Answer {
    version_by_form(&shop, &context, order, &form.key).await?;
    match orders::cancel_by_customer(&shop, order).await {
        Ok(_) => elsewhere(&address(&context, order, None)),
        Err(Error::Refused(problem)) if problem.kind.status == 409 => {
            elsewhere(&address(&context, order, Some(("said", "refused"))))
        }
        Err(error) => Err(error),
    }
}

/// The payment whose way back this is, its order, and the token that opens it: the key stands for the token here.
async fn way_back(shop: &AppState, context: &Context) -> Result<(money::Payment, String)> {
    let key = asked(context, "k")
        .ok_or_else(|| unauthenticated("This page is opened by the way back from a payment, which bears its key."))?;
    let payment = asked(context, "tx").as_deref().and_then(PaymentId::parse).ok_or_else(not_found)?;
    if !shop.keys.return_key_matches(payment, &key) {
        return Err(not_found());
    }
    let payment = shop.db.read(move |reader| money::payment(reader, payment)).await?.ok_or_else(not_found)?;
    let version = version(shop, payment.order, |_| true).await?;
    let token = shop.keys.order_token(payment.order, version);
    Ok((payment, token))
}

async fn come_back(State(shop): State<AppState>, context: Context) -> Answer {
    let (payment, token) = way_back(&shop, &context).await?;
    if payment.status.is_live() && !payment.method.is_offline() {
        ask_gateway(&shop, payment.order, payment.id).await;
    }
    let order = payment.order;
    let to = match own_storefront(&shop, &context).or_else(|| shop.return_url.clone()) {
        Some(storefront) => onward(&storefront, order, read(&shop, order).await?.payable.payment_status),
        None => None,
    };
    let to = to.unwrap_or_else(|| address(&context, order, Some(("back", "1"))));
    elsewhere_with_cookie(&context, &to, order, &token)
}

/// Where this payment's checkout wanted its buyer to go on. The way back is not signed for it, so it is looked at again.
fn own_storefront(shop: &AppState, context: &Context) -> Option<String> {
    asked(context, "to").filter(|to| checkout::is_ours(shop, to))
}

async fn give_up(State(shop): State<AppState>, context: Context) -> Answer {
    let (payment, token) = way_back(&shop, &context).await?;
    let order = payment.order;
    let to = match own_storefront(&shop, &context) {
        Some(storefront) => onward(&storefront, order, read(&shop, order).await?.payable.payment_status),
        None => None,
    };
    let to = to.unwrap_or_else(|| address(&context, order, Some(("said", "left"))));
    elsewhere_with_cookie(&context, &to, order, &token)
}

/// Asks the gateway how a payment stands, and waits for it a little. It is asked to the end even if nobody waits any more. Who opens a
/// page while the gateway is being asked for it waits for that answer: a link opened often asks once at a time.
async fn ask_gateway(shop: &AppState, order: OrderId, payment: PaymentId) {
    let Some(look) = shop.looks.try_take(order) else {
        shop.looks.wait(order, PATIENCE).await;
        return;
    };
    let asked = {
        let shop = AppState::clone(shop);
        tokio::spawn(async move {
            let asked = ask::ask_now(&shop, payment).await;
            drop(look);
            asked
        })
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(_))) => {}
        Ok(Ok(Err(error))) => tracing::info!(%payment, %error, "a gateway did not say how a payment stands; it is asked again"),
        Ok(Err(_)) => tracing::error!(%payment, "asking a gateway ended in a panic"),
        Err(_) => tracing::info!(%payment, "a gateway takes long to say how a payment stands"),
    }
}
