//! Stripe (PROVIDERS 2): its own page for cards, or its fields on the storefront's.

mod answers;
mod client;
mod requests;
mod webhook;

use std::future::{Future, ready};
use std::pin::Pin;

use serde_json::Value;

use self::client::{Client, Haste};
use self::requests::{Form, expanding};
use self::webhook::Endpoint;
use super::amounts::{stripe_takes, to_stripe};
use super::lenient::page_at;
use super::{GatewayFault, Setting};
use crate::clock::Clock;
use crate::config::{Secret, Stripe as Section};
use crate::features::payments::gateway::{
    AmountRefusal, Attempt, BookLine, Call, CallFault, Delivery, Ending, Event, Flow, Found, Gateway, Handover, KeyLife,
    Reading, RefundCall, RefundReport, Report, There, Verdict, WhenLost,
};
use crate::kernel::time::span::HOUR_MS;
use crate::kernel::{Currency, Locale, Money, PaymentMethod, UtcMs};

const STRIPE: PaymentMethod = PaymentMethod::of("stripe");
/// Stripe remembers a key for 24 hours at least; ours is not trusted so long.
const KEY_LIFE_MS: i64 = 20 * HOUR_MS;

const SESSIONS: &str = "/v1/checkout/sessions";
const INTENTS: &str = "/v1/payment_intents";
const REFUNDS: &str = "/v1/refunds";

/// An account at Stripe.
pub struct Stripe {
    client: Client,
    clock: Clock,
    endpoint: Endpoint,
    publishable_key: Option<String>,
}

impl Stripe {
    /// # Errors
    /// [`GatewayFault::Client`].
    pub fn open(section: &Section, setting: &Setting) -> Result<Stripe, GatewayFault> {
        let secrets = section.webhook_secret.iter().map(Secret::reveal);
        Ok(Stripe {
            client: Client::new(section, setting)?,
            clock: setting.clock.clone(),
            endpoint: Endpoint::new(secrets, is_live(section.secret_key.reveal())),
            publishable_key: section.publishable_key.clone(),
        })
    }

    async fn begin(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let request = attempt.request.as_ref().ok_or_else(|| CallFault::NotSent("the attempt is closed".to_owned()))?;
        let amount = to_stripe(attempt.amount).map_err(refused_amount)?;
        let (path, form) = match attempt.flow {
            Flow::Redirect => (SESSIONS, requests::checkout_session(attempt, request, amount)),
            Flow::Elements => (INTENTS, requests::payment_intent(attempt, request, amount)),
        };
        let answer = self.client.post(path, &attempt.key(), &form, Haste::Usual).await?;
        let report = told(answer, attempt.flow);
        // Without a name it could never be asked about again.
        if report.reference.is_none() { Err(unreadable()) } else { Ok(report) }
    }

    async fn look_at(&self, reference: &str) -> Result<Report, CallFault> {
        let flow = flow_of(reference);
        let path = format!("{}/{}", path_of(flow), segment(reference)?);
        let answer = self.client.get(&path, &expanding(expansion(flow))).await?;
        let was_refunded = answers::was_refunded(&answer);
        let mut report = told(answer, flow);
        if was_refunded && let Some(of) = payment(None, &report.objects, report.captures.first().map(|one| one.object.as_str()))
        {
            let mut refunds = Vec::new();
            let never: Option<()> = self
                .client
                .walk(REFUNDS, &Form::new().with(of.0, of.1), |refund| {
                    refunds.extend(answers::refund_told(refund));
                    None
                })
                .await?;
            debug_assert!(never.is_none());
            report.refunds = refunds;
            report.says_whose = true;
        }
        Ok(report)
    }

    async fn search(&self, attempt: &Attempt) -> Result<Option<Report>, CallFault> {
        let query = requests::made_since(attempt);
        let name_of = |object: &Value| {
            let is_ours = answers::ours(object) == Some(attempt.payment);
            answers::text(object, "id").filter(|_| is_ours).map(str::to_owned)
        };
        match self.client.walk(path_of(attempt.flow), &query, name_of).await? {
            Some(reference) => self.look_at(&reference).await.map(Some),
            None => Ok(None),
        }
    }

    async fn state(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        match &attempt.reference {
            Some(reference) => self.look_at(reference).await,
            None => self.search(attempt).await?.ok_or_else(|| CallFault::Unclear("Stripe does not know it yet".to_owned())),
        }
    }

    async fn give_up(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let found;
        let reference = if let Some(reference) = &attempt.reference {
            reference
        } else {
            found = self.state(attempt).await?.reference.ok_or_else(unreadable)?;
            &found
        };
        let key = format!("{}:cancel", attempt.key());
        match self.end_at(reference, &key).await {
            Err(CallFault::Misconfigured(why)) => Err(CallFault::Misconfigured(why)),
            Ok(report) => Ok(report),
            // It is not open any more, or nobody knows: it may be paid, so it is asked.
            Err(fault) => {
                let report = self.look_at(reference).await?;
                match (fault, report.state) {
                    // An error is saved with its key and would come back for a day, while somebody could still pay. Ended twice is
                    // ended, so another key each time does no harm.
                    (CallFault::Unclear(_) | CallFault::NotSent(_), Some(There::Open | There::NeedsAction)) => {
                        self.end_at(reference, &format!("{key}:{}", self.clock.now().ms())).await
                    }
                    _ => Ok(report),
                }
            }
        }
    }

    async fn end_at(&self, reference: &str, key: &str) -> Result<Report, CallFault> {
        let flow = flow_of(reference);
        let (verb, form) = match flow {
            Flow::Redirect => ("expire", Form::new()),
            Flow::Elements => ("cancel", Form::new().with("cancellation_reason", "abandoned")),
        };
        let path = format!("{}/{}/{verb}", path_of(flow), segment(reference)?);
        let report = told(self.client.post(&path, key, &form, Haste::Usual).await?, flow);
        match report.state {
            Some(There::Ended(_)) => Ok(Report { state: Some(There::Ended(Ending::Cancelled)), handover: None, ..report }),
            _ => Ok(report),
        }
    }

    async fn give_back(&self, call: &RefundCall) -> Result<RefundReport, CallFault> {
        let amount = to_stripe(call.amount).map_err(refused_amount)?;
        let of = payment_of(call).ok_or_else(unnamed)?;
        let form = requests::refund(call, of, amount);
        match self.client.post(REFUNDS, &call.key(), &form, Haste::Job).await {
            Ok(answer) if answers::text(&answer, "id").is_some() => Ok(answers::refund(&answer)),
            Ok(_) => Err(unreadable()),
            // By this one, perhaps, whose answer was lost.
            Err(CallFault::Refused { code, message }) if code == "charge_already_refunded" => {
                self.refund_state(call).await?.ok_or(CallFault::Refused { code, message })
            }
            Err(fault) => Err(fault),
        }
    }

    async fn refund_state(&self, call: &RefundCall) -> Result<Option<RefundReport>, CallFault> {
        if let Some(object) = &call.object {
            let answer = self.client.get(&format!("{REFUNDS}/{}", segment(object)?), &Form::new()).await?;
            return Ok(Some(answers::refund(&answer)));
        }
        let of = payment_of(call).ok_or_else(unnamed)?;
        let query = Form::new().with(of.0, of.1);
        let is_it = |refund: &Value| (answers::our_refund(refund) == Some(call.refund)).then(|| answers::refund(refund));
        self.client.walk(REFUNDS, &query, is_it).await
    }

    async fn lines(&self, from: UtcMs, until: UtcMs) -> Result<Vec<BookLine>, CallFault> {
        let mut lines = Vec::new();
        let query = requests::between(from, until);
        let never: Option<()> = self
            .client
            .walk("/v1/balance_transactions", &query, |line| {
                lines.extend(answers::book_line(line));
                None
            })
            .await?;
        debug_assert!(never.is_none());
        Ok(lines)
    }
}

impl Gateway for Stripe {
    fn method(&self) -> PaymentMethod {
        STRIPE
    }

    fn name(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => "Card (Stripe)",
            Locale::Ar => "بطاقة (Stripe)",
        }
    }

    fn flows(&self) -> &'static [Flow] {
        if self.publishable_key.is_some() { &[Flow::Redirect, Flow::Elements] } else { &[Flow::Redirect] }
    }

    fn publishable_key(&self) -> Option<&str> {
        self.publishable_key.as_deref()
    }

    fn takes(&self, currency: Currency) -> bool {
        stripe_takes(currency)
    }

    fn expresses(&self, amount: Money) -> Result<(), AmountRefusal> {
        to_stripe(amount).map(|_| ())
    }

    fn key_life(&self) -> KeyLife {
        KeyLife { start_ms: KEY_LIFE_MS, refund_ms: KEY_LIFE_MS }
    }

    /// An error of Stripe's is saved with its key and would come back.
    fn when_lost(&self) -> WhenLost {
        WhenLost::Close
    }

    fn start<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.begin(attempt))
    }

    fn ask<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.state(attempt))
    }

    fn find<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Found> {
        Box::pin(async {
            let report = self.search(attempt).await?;
            Ok(report.map_or(Found::NotThere, |report| Found::There(Box::new(report))))
        })
    }

    fn end<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.give_up(attempt))
    }

    fn refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, RefundReport> {
        Box::pin(self.give_back(refund))
    }

    fn ask_refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, Option<RefundReport>> {
        Box::pin(self.refund_state(refund))
    }

    fn books(&self, from: UtcMs, until: UtcMs) -> Call<'_, Option<Vec<BookLine>>> {
        Box::pin(async move { self.lines(from, until).await.map(Some) })
    }

    fn check(&self) -> Call<'_, ()> {
        Box::pin(async {
            let balance = self.client.get("/v1/balance", &Form::new()).await?;
            if balance.get("available").is_some() { Ok(()) } else { Err(unreadable()) }
        })
    }

    fn signs(&self, delivery: &Delivery<'_>) -> bool {
        delivery.headers.contains_key(webhook::HEADER)
    }

    fn verify<'a>(&'a self, delivery: Delivery<'a>, now: UtcMs) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>> {
        Box::pin(ready(self.endpoint.verify(delivery.headers, delivery.body, now)))
    }

    fn read(&self, event: &Event) -> Reading {
        webhook::read(event)
    }
}

/// `sk_live_…`, `rk_test_…`: the mode of a key, if it says one.
fn is_live(key: &str) -> Option<bool> {
    match key.split('_').nth(1)? {
        "live" => Some(true),
        "test" => Some(false),
        _ => None,
    }
}

/// An answer to us, with the way on while there is one, and the answer itself.
fn told(answer: Value, flow: Flow) -> Report {
    let report = match flow {
        Flow::Redirect => answers::session(&answer),
        Flow::Elements => answers::payment_intent(&answer),
    };
    let is_payable = matches!(report.state, Some(There::Open | There::NeedsAction));
    let way = match flow {
        Flow::Redirect => {
            answers::text(&answer, "url").and_then(page_at).map(|url| Handover { redirect_url: Some(url), client_secret: None })
        }
        Flow::Elements => answers::text(&answer, "client_secret")
            .map(|secret| Handover { redirect_url: None, client_secret: Some(secret.to_owned()) }),
    };
    let reference = answers::text(&answer, "id").map(str::to_owned);
    Report { reference, handover: way.filter(|_| is_payable), raw: Some(answer), ..report }
}

/// The name itself says what it is: an attempt of either kind may be asked about.
fn flow_of(reference: &str) -> Flow {
    if reference.starts_with("pi_") { Flow::Elements } else { Flow::Redirect }
}

const fn path_of(flow: Flow) -> &'static str {
    match flow {
        Flow::Redirect => SESSIONS,
        Flow::Elements => INTENTS,
    }
}

const fn expansion(flow: Flow) -> &'static str {
    match flow {
        Flow::Redirect => "payment_intent.latest_charge.balance_transaction",
        Flow::Elements => "latest_charge.balance_transaction",
    }
}

fn payment_of(call: &RefundCall) -> Option<(&'static str, &str)> {
    payment(call.reference.as_deref(), &call.objects, Some(&call.captured))
}

/// By which parameter a refund's payment is named: its intent, else its charge.
fn payment<'a>(
    reference: Option<&'a str>,
    objects: &'a [String],
    captured: Option<&'a str>,
) -> Option<(&'static str, &'a str)> {
    let known = || captured.into_iter().chain(reference).chain(objects.iter().map(String::as_str));
    let intent = known().find(|name| name.starts_with("pi_")).map(|name| ("payment_intent", name));
    intent.or_else(|| known().find(|name| name.starts_with("ch_") || name.starts_with("py_")).map(|name| ("charge", name)))
}

/// An id of Stripe's as a part of a path.
fn segment(id: &str) -> Result<&str, CallFault> {
    let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_plain { Ok(id) } else { Err(CallFault::NotSent("that is no name of Stripe's".to_owned())) }
}

fn refused_amount(refusal: AmountRefusal) -> CallFault {
    CallFault::Refused { code: refusal.code().to_owned(), message: "Stripe cannot be sent this amount".to_owned() }
}

fn unnamed() -> CallFault {
    CallFault::Refused {
        code: "payment_unknown".to_owned(),
        message: "no charge of Stripe's is known of this payment".to_owned(),
    }
}

fn unreadable() -> CallFault {
    CallFault::Unclear("Stripe's answer cannot be read".to_owned())
}
