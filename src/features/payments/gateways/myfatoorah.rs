//! MyFatoorah (PROVIDERS 5): an invoice a payment attempt, paid on MyFatoorah's page.
//!
//! It has no idempotency keys and no call that ends an invoice: an invoice ends by the time we give it. Payment events do not sign
//! their amount, so each of them makes us ask. Refunds are carried out by MyFatoorah's staff, later, and told by an event.

mod answers;
mod invoice;
mod webhook;

use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::amounts;
use super::lenient::{only, page_at, text_at};
use super::{GatewayFault, Setting};
use crate::clock::Clock;
use crate::config::{HttpUrl, MyFatoorah as Section, Secret};
use crate::features::payments::gateway::{
    AmountRefusal, Attempt, Call, CallFault, Delivery, Event, Found, Gateway, Handover, KeyLife, Reading, RefundCall,
    RefundReport, Report, There, Verdict, WhenLost,
};
use crate::kernel::{Currency, Locale, Money, PaymentMethod, RefundStatus, UtcMs};
use crate::outbound::{Outbound, Retry, is_unclear_status};

/// The adapter.
#[derive(Debug)]
pub struct MyFatoorah {
    token: Secret,
    webhook: hmac::Key,
    /// The account's: invoices, refunds and what answers say are in it.
    currency: Currency,
    base_url: HttpUrl,
    outbound: Outbound,
    clock: Clock,
    refund_time: Duration,
}

impl MyFatoorah {
    pub const METHOD: PaymentMethod = PaymentMethod::of("myfatoorah");
    /// A refund is sent by a job, which has more time (PROVIDERS 1).
    const REFUND_PATIENCE: u32 = 3;

    /// # Errors
    /// [`GatewayFault::Client`], also for a country that MyFatoorah has no accounts of.
    pub fn open(section: &Section, setting: &Setting) -> Result<MyFatoorah, GatewayFault> {
        let fault = |reason: String| GatewayFault::Client { gateway: "myfatoorah", reason };
        let currency = amounts::myfatoorah_currency(&section.country)
            .ok_or_else(|| fault(format!("{} is no country of its accounts", section.country)))?;
        let outbound =
            Outbound::new("MyFatoorah", setting.clock.clone(), setting.patience).map_err(|error| fault(error.to_string()))?;
        Ok(MyFatoorah {
            token: section.api_token.clone(),
            webhook: hmac::Key::new(hmac::HMAC_SHA256, section.webhook_secret.reveal().as_bytes()),
            currency,
            base_url: section.base_url.clone(),
            outbound,
            clock: setting.clock.clone(),
            refund_time: setting.patience.call * Self::REFUND_PATIENCE,
        })
    }

    /// Posts to a path; what `Data` of the answer holds.
    async fn post(&self, retry: Retry, path: &str, body: &Value, time: Option<Duration>) -> Result<Value, CallFault> {
        let url = format!("{}{path}", self.base_url.as_str());
        let send = self.outbound.send(
            retry,
            |client| {
                let request = client.post(&url).bearer_auth(self.token.reveal()).json(body);
                match time {
                    Some(time) => request.timeout(time),
                    None => request,
                }
            },
            |reply| is_unclear_status(reply.status),
        );
        answers::data_of(&send.await?)
    }

    async fn status(&self, key: &str, key_type: &str) -> Result<Value, CallFault> {
        self.post(Retry::Safe, "/v2/GetPaymentStatus", &json!({ "Key": key, "KeyType": key_type }), None).await
    }

    async fn begin(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let body = invoice::body(attempt, self.currency)?;
        let data = self.post(Retry::OnlyUnsent, "/v2/SendPayment", &body, None).await.map_err(answers::without_details)?;
        let invoice = text_at(&data, "InvoiceId").ok_or_else(|| answers::unreadable("no InvoiceId"))?;
        let link = text_at(&data, "InvoiceURL").and_then(|link| page_at(&link));
        let link = link.ok_or_else(|| answers::unreadable("no InvoiceURL"))?;
        Ok(Report {
            state: Some(There::Open),
            reference: Some(invoice),
            handover: Some(Handover { redirect_url: Some(link), client_secret: None }),
            raw: Some(only(&data, &["InvoiceId", "CustomerReference"])),
            ..Report::default()
        })
    }

    async fn stands(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let data = match &attempt.reference {
            Some(invoice) => self.status(invoice, "InvoiceId").await?,
            None => self.status(&attempt.payment.to_string(), "CustomerReference").await?,
        };
        answers::report(&data, attempt, self.currency, self.clock.now())
    }

    async fn look(&self, attempt: &Attempt) -> Result<Found, CallFault> {
        let data = match self.status(&attempt.payment.to_string(), "CustomerReference").await {
            Ok(data) => data,
            Err(CallFault::Refused { .. }) => return Ok(Found::NotThere),
            Err(fault) => return Err(fault),
        };
        let report = answers::report(&data, attempt, self.currency, self.clock.now())?;
        // Its link is told once, in the answer that never came: nobody has it, so nobody can pay (PROVIDERS 4.2).
        let is_touched = !report.captures.is_empty() || report.state == Some(There::Underway) || !report.objects.is_empty();
        Ok(if is_touched { Found::There(Box::new(report)) } else { Found::NotThere })
    }

    async fn give_back(&self, refund: &RefundCall) -> Result<RefundReport, CallFault> {
        let amount = invoice::number(refund.amount, self.currency)?;
        let body = json!({
            "Key": refund.captured,
            "KeyType": "PaymentId",
            "RefundChargeOnCustomer": false,
            "ServiceChargeOnCustomer": false,
            "Amount": amount,
            "CurrencyIso": refund.amount.currency().code(),
            "Comment": refund.number,
        });
        let data = self.post(Retry::OnlyUnsent, "/v2/MakeRefund", &body, Some(self.refund_time)).await?;
        let object = text_at(&data, "RefundId").ok_or_else(|| answers::unreadable("no RefundId"))?;
        Ok(RefundReport {
            status: RefundStatus::Pending,
            object: Some(object),
            failure: None,
            raw: Some(only(&data, &["RefundId", "RefundReference", "Key", "Amount"])),
        })
    }
}

impl Gateway for MyFatoorah {
    fn method(&self) -> PaymentMethod {
        Self::METHOD
    }

    fn name(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => "Card (MyFatoorah)",
            Locale::Ar => "بطاقة (ماي فاتورة)",
        }
    }

    /// The account's alone: a refund's event tells its amount in that currency and in no other.
    fn takes(&self, currency: Currency) -> bool {
        currency == self.currency
    }

    fn expresses(&self, amount: Money) -> Result<(), AmountRefusal> {
        if self.takes(amount.currency()) {
            amounts::to_myfatoorah(amount).map(drop)
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

    /// No call ends an invoice: it says how it stands, and its own time ends it.
    fn end<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.stands(attempt))
    }

    fn refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, RefundReport> {
        Box::pin(self.give_back(refund))
    }

    /// No call tells it: an event does. So a refund of unknown outcome stays so, and is never sent a second time by itself.
    fn ask_refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, Option<RefundReport>> {
        let object = refund.object.clone();
        Box::pin(async { Ok(Some(RefundReport { status: RefundStatus::Pending, object, failure: None, raw: None })) })
    }

    /// Asks for an invoice that nobody made: a refusal shows that the token was taken.
    fn check(&self) -> Call<'_, ()> {
        Box::pin(async {
            match self.status(&uuid::Uuid::nil().to_string(), "CustomerReference").await {
                Ok(_) | Err(CallFault::Refused { .. }) => Ok(()),
                Err(fault) => Err(fault),
            }
        })
    }

    fn signs(&self, delivery: &Delivery<'_>) -> bool {
        delivery.headers.contains_key(webhook::SIGNATURE)
    }

    fn verify<'a>(
        &'a self,
        delivery: Delivery<'a>,
        _now: UtcMs,
    ) -> std::pin::Pin<Box<dyn Future<Output = Verdict> + Send + 'a>> {
        Box::pin(async move { webhook::verify(&self.webhook, &delivery) })
    }

    fn read(&self, event: &Event) -> Reading {
        webhook::read(&event.body, self.currency)
    }
}
