//! Paymob (PROVIDERS 4): an intention a payment attempt, paid on Paymob's unified checkout.
//!
//! It has no idempotency keys, ends nothing for us, and signs too little of its callbacks: so each of them makes us ask, and what
//! is asked decides. An intention is named by its order's number there, `order:217503754` with us: orders and transactions are
//! counted apart, so the bare numbers could meet.

mod answers;
mod callback;
mod intention;
mod refund;
mod transaction;

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::amounts;
use super::lenient::text_at;
use super::{GatewayFault, Setting};
use crate::clock::Clock;
use crate::config::{HttpUrl, Paymob as Section, Secret};
use crate::features::payments::gateway::{
    AmountRefusal, Attempt, Call, CallFault, Delivery, Ending, Event, Found, Gateway, KeyLife, Reading, RefundCall,
    RefundReport, Report, There, Verdict, WhenLost,
};
use crate::kernel::time::span;
use crate::kernel::{Currency, Locale, Money, PaymentId, PaymentMethod, UtcMs};
use crate::outbound::{Outbound, Reply, Retry, is_unclear_status};
use answers::{Asked, Key};
use transaction::Transaction;

/// The adapter.
#[derive(Debug)]
pub struct Paymob {
    secret_key: Secret,
    public_key: String,
    api_key: Secret,
    hmac: hmac::Key,
    integration_ids: Vec<u64>,
    currency: Currency,
    base_url: HttpUrl,
    outbound: Outbound,
    clock: Clock,
    refund_time: Duration,
    token: Mutex<Option<Token>>,
}

/// By which questions are asked.
#[derive(Clone)]
struct Token {
    text: Arc<str>,
    taken_at: Duration,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

/// How many further transactions of an order are looked at, the newest first: each is a call.
const MOST_FURTHER: usize = 8;
/// It lives about an hour; it is renewed before.
const TOKEN_LIFE: Duration = Duration::from_secs(50 * 60);
/// So long after its hold an intention that nobody has paid is given up (PROVIDERS 4.2).
const GIVEN_UP_MS: i64 = span::DAY_MS;
/// And one for which a bill was made that is paid at a counter.
const BILL_GIVEN_UP_MS: i64 = 14 * span::DAY_MS;

impl Paymob {
    pub const METHOD: PaymentMethod = PaymentMethod::of("paymob");
    /// A refund is sent by a job, which has more time (PROVIDERS 1).
    const REFUND_PATIENCE: u32 = 3;

    /// # Errors
    /// [`GatewayFault::Client`], also for a currency that Paymob does not take.
    pub fn open(section: &Section, setting: &Setting) -> Result<Paymob, GatewayFault> {
        let fault = |reason: String| GatewayFault::Client { gateway: "paymob", reason };
        let currency = Currency::from_code(&section.currency).filter(|currency| amounts::paymob_takes(*currency));
        let currency = currency.ok_or_else(|| fault(format!("{} is no currency of its accounts", section.currency)))?;
        let outbound =
            Outbound::new("Paymob", setting.clock.clone(), setting.patience).map_err(|error| fault(error.to_string()))?;
        Ok(Paymob {
            secret_key: section.secret_key.clone(),
            public_key: section.public_key.clone(),
            api_key: section.api_key.clone(),
            hmac: hmac::Key::new(hmac::HMAC_SHA512, section.hmac_secret.reveal().as_bytes()),
            integration_ids: section.integration_ids.clone(),
            currency,
            base_url: section.base_url.clone(),
            outbound,
            clock: setting.clock.clone(),
            refund_time: setting.patience.call * Self::REFUND_PATIENCE,
            token: Mutex::new(None),
        })
    }

    /// Posts what changes something; it is sent once.
    async fn order(&self, path: &str, body: &Value, time: Option<Duration>) -> Result<Reply, CallFault> {
        let url = format!("{}{path}", self.base_url.as_str());
        let authorization = format!("Token {}", self.secret_key.reveal());
        let send = self.outbound.send(
            Retry::OnlyUnsent,
            |client| {
                let request = client.post(&url).header("Authorization", authorization.as_str()).json(body);
                match time {
                    Some(time) => request.timeout(time),
                    None => request,
                }
            },
            |reply| is_unclear_status(reply.status),
        );
        Ok(send.await?)
    }

    /// Asks, with a token that is renewed once if it is not taken.
    async fn question(&self, path: &str, body: Option<&Value>) -> Result<Asked, CallFault> {
        let url = format!("{}{path}", self.base_url.as_str());
        let mut is_renewed = false;
        loop {
            let token = self.token(is_renewed).await?;
            let body = body.map(|body| {
                let mut body = body.clone();
                body["auth_token"] = json!(token.as_ref());
                body
            });
            let send = self.outbound.send(
                Retry::Safe,
                |client| match &body {
                    Some(body) => client.post(&url).bearer_auth(token.as_ref()).json(body),
                    None => client.get(&url).bearer_auth(token.as_ref()),
                },
                |reply| is_unclear_status(reply.status),
            );
            let reply = send.await?;
            if reply.status == http::StatusCode::UNAUTHORIZED && !is_renewed {
                is_renewed = true;
                continue;
            }
            return answers::asked(&reply);
        }
    }

    async fn token(&self, anew: bool) -> Result<Arc<str>, CallFault> {
        let now = self.clock.elapsed();
        let kept = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = kept.filter(|token| !anew && now.saturating_sub(token.taken_at) < TOKEN_LIFE) {
            return Ok(token.text);
        }
        let url = format!("{}/api/auth/tokens", self.base_url.as_str());
        let send = self.outbound.send(
            Retry::Safe,
            |client| client.post(&url).json(&json!({ "api_key": self.api_key.reveal() })),
            |reply| is_unclear_status(reply.status),
        );
        let answer = answers::done(&send.await?, Key::Api)?;
        let text: Arc<str> = text_at(&answer, "token").ok_or_else(|| answers::unreadable("no token"))?.into();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(Token { text: Arc::clone(&text), taken_at: now });
        Ok(text)
    }

    /// The transaction of that number.
    async fn transaction(&self, id: &str) -> Result<Option<Transaction>, CallFault> {
        match self.question(&transaction::path(id)?, None).await? {
            Asked::Found(answer) => transaction::read(&answer).map(Some),
            Asked::Nothing => Ok(None),
        }
    }

    async fn begin(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let body = intention::body(attempt, self.currency, &self.integration_ids)?;
        let reply = self.order("/v1/intention/", &body, None).await?;
        let answer = answers::done(&reply, Key::Secret).map_err(answers::without_details)?;
        intention::begun(&answer, attempt, self.base_url.as_str(), &self.public_key)
    }

    /// The order's last transaction, those that callbacks have named, and the parents of them.
    async fn transactions(
        &self,
        reference: Option<&str>,
        payment: PaymentId,
        objects: &[String],
    ) -> Result<Vec<Transaction>, CallFault> {
        let body = match reference.map(transaction::order_number) {
            Some(order) => json!({ "order_id": order.ok_or_else(|| answers::unreadable("no number of an order"))? }),
            None => json!({ "merchant_order_id": payment.to_string() }),
        };
        let mut all = match self.question("/api/ecommerce/orders/transaction_inquiry", Some(&body)).await? {
            Asked::Found(answer) => vec![transaction::read(&answer)?],
            Asked::Nothing => Vec::new(),
        };
        for id in transaction::numbers(objects).take(MOST_FURTHER) {
            if all.iter().all(|one| one.id != id) {
                all.extend(self.transaction(&id).await?);
            }
        }
        let parents: Vec<String> = all.iter().filter_map(|one| one.parent.clone()).collect();
        for id in parents {
            if all.iter().all(|one| one.id != id) {
                let parent = self.transaction(&id).await?;
                all.push(parent.ok_or_else(|| answers::unreadable("it does not know the parent of a transaction"))?);
            }
        }
        transaction::check_order(&all, reference)?;
        Ok(all)
    }

    async fn stands(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let all = self.transactions(attempt.reference.as_deref(), attempt.payment, &attempt.objects).await?;
        let mut report = transaction::report(&all);
        let patience = if all.iter().any(|one| one.is_pending) { BILL_GIVEN_UP_MS } else { GIVEN_UP_MS };
        let is_over = attempt.request.as_ref().is_some_and(|request| self.clock.now().ms() >= request.hold_ends_at + patience);
        if is_over && report.state == Some(There::Open) {
            report.state = Some(There::Ended(Ending::Expired));
        }
        Ok(report)
    }

    async fn look(&self, attempt: &Attempt) -> Result<Found, CallFault> {
        let report = self.stands(&Attempt { reference: None, ..attempt.clone() }).await?;
        // Its link is told once, in the answer that never came: nobody has it, so nobody can pay (PROVIDERS 4.2).
        let is_touched = !report.objects.is_empty() || !report.captures.is_empty();
        Ok(if is_touched { Found::There(Box::new(report)) } else { Found::NotThere })
    }
}

impl Gateway for Paymob {
    fn method(&self) -> PaymentMethod {
        Self::METHOD
    }

    fn name(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => "Card or wallet (Paymob)",
            Locale::Ar => "بطاقة أو محفظة (Paymob)",
        }
    }

    fn takes(&self, currency: Currency) -> bool {
        currency == self.currency
    }

    fn expresses(&self, amount: Money) -> Result<(), AmountRefusal> {
        if self.takes(amount.currency()) {
            amounts::to_paymob(amount).map(drop)
        } else {
            Err(AmountRefusal::CurrencyNotSupported)
        }
    }

    fn key_life(&self) -> KeyLife {
        KeyLife { start_ms: 0, refund_ms: 0 }
    }

    fn when_lost(&self) -> WhenLost {
        WhenLost::Close
    }

    fn start<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.begin(attempt))
    }

    fn ask<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.stands(attempt))
    }

    fn find<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Found> {
        Box::pin(self.look(attempt))
    }

    fn can_end(&self) -> bool {
        false
    }

    /// No call ends an intention: it says how it stands.
    fn end<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.stands(attempt))
    }

    /// How much was given back of the payment so far.
    fn before_refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, Option<String>> {
        Box::pin(self.given_back_before(refund))
    }

    fn refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, RefundReport> {
        Box::pin(self.give_back(refund))
    }

    fn ask_refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, Option<RefundReport>> {
        Box::pin(self.given_back(refund))
    }

    /// A token shows that the API key is right.
    fn check(&self) -> Call<'_, ()> {
        Box::pin(async { self.token(true).await.map(drop) })
    }

    fn signs(&self, delivery: &Delivery<'_>) -> bool {
        callback::signs(delivery)
    }

    fn verify<'a>(&'a self, delivery: Delivery<'a>, _now: UtcMs) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>> {
        Box::pin(async move { callback::verify(&self.hmac, &delivery) })
    }

    fn read(&self, event: &Event) -> Reading {
        callback::read(&event.body, &self.integration_ids)
    }
}
