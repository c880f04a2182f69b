//! PayPal (PROVIDERS 3): an order there is created and approved by the buyer, and captured by us. Capturing is our own act alone, so an
//! order that we do not capture takes nobody's money, and needs no cancelling, for which PayPal has no call.

mod certificates;
mod client;
mod events;
mod faults;
mod inflight;
mod links;
mod orders;
mod verify;

use std::pin::Pin;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use serde_json::json;

use self::certificates::Certificates;
pub use self::certificates::{Doubt, Fetched, NO_PATH, NOT_IN_DATE, NOT_SIGNED, OTHER_NAME, Source};
use self::client::{Answer, Client, Trouble, name};
use self::faults::Refusal;
use self::inflight::InFlight;
use self::links::Links;
use self::orders::{Unreadable, failure};
use super::{GatewayFault, Setting, amounts};
use crate::clock::Clock;
use crate::config::PayPal as Config;
use crate::features::payments::gateway::{
    AmountRefusal, Attempt, Call, CallFault, Delivery, Ending, Event, Found, Gateway, KeyLife, Reading, RefundCall,
    RefundReport, Report, There, Verdict, WhenLost,
};
use crate::kernel::{Currency, Locale, Money, PaymentMethod, UtcMs};
use crate::outbound::Outbound;

const NAME: &str = "paypal";
const HOUR_MS: i64 = 3_600_000;
/// PayPal remembers the key of an order for 6 h and that of a refund for 45 days (PROVIDERS 3.1); what counts is shorter (1).
const KEY_LIFE: KeyLife = KeyLife { start_ms: 5 * HOUR_MS, refund_ms: 40 * 24 * HOUR_MS };

/// The adapter.
#[derive(Debug)]
pub struct PayPal {
    client: Client,
    links: Links,
    certificates: Certificates,
    webhook_id: String,
    captures: InFlight,
    clock: Clock,
}

impl PayPal {
    /// # Errors
    /// If its client cannot be made.
    pub fn open(config: &Config, setting: &Setting) -> Result<PayPal, GatewayFault> {
        PayPal::trusting(config, setting, None, &[])
    }

    /// As [`PayPal::open`], for tests: with certificates from elsewhere, and further roots that are trusted.
    ///
    /// # Errors
    /// If its client cannot be made.
    pub fn trusting(
        config: &Config,
        setting: &Setting,
        source: Option<Arc<dyn Source>>,
        more_roots: &[CertificateDer<'_>],
    ) -> Result<PayPal, GatewayFault> {
        let outbound = Outbound::new(NAME, setting.clock.clone(), setting.patience)
            .map_err(|fault| GatewayFault::Client { gateway: NAME, reason: fault.to_string() })?;
        let links = Links::new(&config.base_url, &config.cert_hosts);
        let source = source.unwrap_or_else(|| Arc::new(outbound.clone()));
        Ok(PayPal {
            client: Client::new(config, outbound, setting.clock.clone(), setting.patience),
            certificates: Certificates::new(source, links.is_sandbox(), more_roots),
            links,
            webhook_id: config.webhook_id.clone(),
            captures: InFlight::default(),
            clock: setting.clock.clone(),
        })
    }

    async fn create(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let request = attempt.request.as_ref().ok_or_else(|| CallFault::Refused {
            code: "attempt_closed".to_owned(),
            message: "the attempt is closed and is not sent again".to_owned(),
        })?;
        let amount = wire_amount(attempt.amount)?;
        let (body, key) = (orders::create_body(attempt, request, &amount), attempt.key());
        let call = self.client.post("/v2/checkout/orders".to_owned(), &body, &key);
        let answer = self.client.call(&call).await.map_err(|trouble| self.fault(trouble, attempt))?;
        let report = self.order_report(&answer, attempt)?;
        if report.state == Some(There::Open) && report.handover.is_none() {
            // Nobody can approve it, and nobody but us could capture it.
            return Err(CallFault::Refused {
                code: "no_safe_link".to_owned(),
                message: "PayPal's order carries no https link to paypal.com for the buyer".to_owned(),
            });
        }
        Ok(report)
    }

    async fn look(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let order = reference(attempt.reference.as_deref())?;
        match self.client.call(&self.client.get(format!("/v2/checkout/orders/{order}"))).await {
            Ok(answer) => self.order_report(&answer, attempt),
            Err(Trouble::Refused(refusal)) if refusal.is_not_found() => self.look_at_captures(attempt).await,
            Err(trouble) => Err(self.fault(trouble, attempt)),
        }
    }

    /// PayPal forgets orders, and captures never: of an old one that was paid these are asked.
    async fn look_at_captures(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let mut report = Report { reference: attempt.reference.clone(), ..Report::default() };
        for object in attempt.objects.iter().filter_map(|object| name(object)) {
            if attempt.reference.as_deref() == Some(object) {
                continue;
            }
            match self.client.call(&self.client.get(format!("/v2/payments/captures/{object}"))).await {
                Ok(answer) => {
                    let capture = serde_json::from_value(answer.body.clone());
                    let capture = capture.map_err(|_| Unreadable("it is no capture"))?;
                    orders::add_capture(&mut report, &capture)?;
                    report.raw = Some(answer.raw());
                }
                Err(Trouble::Refused(refusal)) if refusal.is_not_found() => {}
                Err(trouble) => return Err(self.fault(trouble, attempt)),
            }
        }
        if report.captures.is_empty() && report.state.is_none() {
            report.state = Some(There::Ended(Ending::Expired));
            report.failure = Some(failure("RESOURCE_NOT_FOUND", "PayPal knows the order no longer."));
        }
        Ok(report)
    }

    async fn take(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let order = reference(attempt.reference.as_deref())?;
        let key = format!("{}:capture", attempt.key());
        let call = self.client.post(format!("/v2/checkout/orders/{order}/capture"), &json!({}), &key);
        self.captures.sent(attempt.payment, self.clock.elapsed());
        let outcome = match self.client.call(&call).await {
            // Without its captures the answer says less than the order does.
            Ok(answer) => match self.order_report(&answer, attempt) {
                Ok(report) if is_decided(&report) => Ok(report),
                _ => self.look_after_capture(attempt, None).await,
            },
            Err(Trouble::Refused(refusal)) if refusal.is_to_be_asked_about() => {
                self.look_after_capture(attempt, Some(&refusal)).await
            }
            Err(Trouble::Fault(CallFault::Unclear(why))) => {
                self.look_after_capture(attempt, None).await.map_err(|_| CallFault::Unclear(why))
            }
            Err(trouble) => Err(self.fault(trouble, attempt)),
        };
        if !matches!(outcome, Err(CallFault::Unclear(_))) {
            self.captures.answered(attempt.payment);
        }
        outcome
    }

    /// After a capture of unknown outcome the order is asked (PROVIDERS 3.2); while it is only approved, the outcome stays unknown.
    async fn look_after_capture(&self, attempt: &Attempt, refusal: Option<&Refusal>) -> Result<Report, CallFault> {
        let report = self.look(attempt).await.map_err(|fault| match fault {
            CallFault::Misconfigured(_) => fault,
            other => CallFault::Unclear(other.to_string()),
        })?;
        match (report.state, refusal) {
            (Some(There::Approved), Some(refusal)) => Err(refusal.fault(None, locale(attempt))),
            (Some(There::Approved), None) => {
                Err(CallFault::Unclear("paypal does not say what became of the capture".to_owned()))
            }
            _ => Ok(report),
        }
    }

    /// What is not captured ends here, approved or not: from now on we do not capture it. The approval lapses by itself.
    async fn leave(&self, attempt: &Attempt) -> Result<Report, CallFault> {
        let mut report = self.look(attempt).await?;
        let was_approved = match report.state {
            Some(There::Approved) => true,
            Some(There::Open | There::NeedsAction) => false,
            Some(There::Underway | There::Ended(_)) | None => return Ok(report),
        };
        report.handover = None;
        if was_approved && self.captures.is_open(attempt.payment, self.clock.elapsed()) {
            report.state = Some(There::Underway);
            report.note = Some("PayPal has not yet said what became of the capture.".to_owned());
            return Ok(report);
        }
        report.state = Some(There::Ended(Ending::Cancelled));
        if was_approved {
            report.note = Some("The buyer had agreed at PayPal; the money was not taken.".to_owned());
        }
        Ok(report)
    }

    async fn give_back(&self, refund: &RefundCall) -> Result<RefundReport, CallFault> {
        let capture = name(&refund.captured).ok_or_else(|| CallFault::Refused {
            code: "no_capture".to_owned(),
            message: "the payment has no capture at PayPal that can be refunded".to_owned(),
        })?;
        let amount = wire_amount(refund.amount)?;
        let (body, key) = (orders::refund_body(refund, &amount), refund.key());
        let call = self.client.post(format!("/v2/payments/captures/{capture}/refund"), &body, &key);
        match self.client.call(&self.client.with_long_patience(call)).await {
            Ok(answer) => Ok(orders::refund_report(&answer.body, answer.raw())?),
            Err(Trouble::Refused(refusal)) if refusal.says_refunded_before() => {
                // Less is left than we knew. If it was this very refund that took it, it is done.
                match self.refund_by_order(refund).await {
                    Ok(Some(report)) => Ok(report),
                    Ok(None) => Err(refusal.fault(None, Locale::En)),
                    Err(fault) => Err(CallFault::Unclear(fault.to_string())),
                }
            }
            Err(Trouble::Refused(refusal)) => Err(refusal.fault(None, Locale::En)),
            Err(Trouble::Fault(fault)) => Err(fault),
        }
    }

    async fn look_at_refund(&self, refund: &RefundCall) -> Result<Option<RefundReport>, CallFault> {
        let Some(object) = refund.object.as_deref() else { return self.refund_by_order(refund).await };
        let object = name(object).ok_or_else(|| CallFault::Unclear("the refund's name is none of PayPal's".to_owned()))?;
        match self.client.call(&self.client.get(format!("/v2/payments/refunds/{object}"))).await {
            Ok(answer) => Ok(Some(orders::refund_report(&answer.body, answer.raw())?)),
            Err(Trouble::Refused(refusal)) if refusal.is_not_found() => Ok(None),
            Err(Trouble::Refused(refusal)) => Err(refusal.fault(None, Locale::En)),
            Err(Trouble::Fault(fault)) => Err(fault),
        }
    }

    /// A refund whose name is not known stands in its order, with our id.
    async fn refund_by_order(&self, refund: &RefundCall) -> Result<Option<RefundReport>, CallFault> {
        let order = reference(refund.reference.as_deref())?;
        match self.client.call(&self.client.get(format!("/v2/checkout/orders/{order}"))).await {
            Ok(answer) => {
                let there = orders::read_order(&answer.body, refund.payment)?;
                let found = orders::refund_in_order(&there, refund);
                Ok(found.map(|report| RefundReport { raw: Some(answer.raw()), ..report }))
            }
            // What the order would have shown is not known; that there is no refund it does not say.
            Err(Trouble::Refused(refusal)) if refusal.is_not_found() => {
                Err(CallFault::Unclear("PayPal knows the order no longer".to_owned()))
            }
            Err(Trouble::Refused(refusal)) => Err(refusal.fault(None, Locale::En)),
            Err(Trouble::Fault(fault)) => Err(fault),
        }
    }

    fn order_report(&self, answer: &Answer, attempt: &Attempt) -> Result<Report, CallFault> {
        let order = orders::read_order(&answer.body, attempt.payment)?;
        if attempt.reference.as_deref().is_some_and(|known| known != order.id) {
            return Err(Unreadable("it is another order").into());
        }
        let report = orders::report(&order, attempt.payment, &self.links)?;
        Ok(Report { raw: Some(answer.raw()), ..report })
    }

    fn fault(&self, trouble: Trouble, attempt: &Attempt) -> CallFault {
        match trouble {
            Trouble::Refused(refusal) => {
                let link = refusal.link.as_deref().and_then(|link| self.links.page(link));
                refusal.fault(link, locale(attempt))
            }
            Trouble::Fault(fault) => fault,
        }
    }
}

/// Whether a report after a capture says what became of it.
fn is_decided(report: &Report) -> bool {
    !report.captures.is_empty() || matches!(report.state, Some(There::Underway | There::Ended(_)))
}

fn locale(attempt: &Attempt) -> Locale {
    attempt.request.as_ref().and_then(|request| Locale::from_code(&request.locale)).unwrap_or(Locale::En)
}

fn reference(known: Option<&str>) -> Result<&str, CallFault> {
    known.and_then(name).ok_or_else(|| CallFault::Unclear("the order's name at PayPal is not known".to_owned()))
}

fn wire_amount(amount: Money) -> Result<String, CallFault> {
    amounts::to_paypal(amount).map_err(|refusal| CallFault::Refused {
        code: refusal.code().to_owned(),
        message: format!("PayPal cannot be asked for {amount} {}", amount.currency().code()),
    })
}

impl Gateway for PayPal {
    fn method(&self) -> PaymentMethod {
        PaymentMethod::of(NAME)
    }

    fn name(&self, _: Locale) -> &'static str {
        "PayPal"
    }

    fn takes(&self, currency: Currency) -> bool {
        amounts::paypal_takes(currency)
    }

    fn expresses(&self, amount: Money) -> Result<(), AmountRefusal> {
        amounts::to_paypal(amount).map(|_| ())
    }

    fn key_life(&self) -> KeyLife {
        KEY_LIFE
    }

    /// While its key lives, the same order comes back. Later nothing is lost: an order whose name we do not know nobody captures.
    fn when_lost(&self) -> WhenLost {
        WhenLost::SendAgain
    }

    fn start<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.create(attempt))
    }

    fn ask<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.look(attempt))
    }

    /// PayPal cannot be searched by our names; an order whose own name never came can neither be approved by the buyer, who has no
    /// link to it, nor captured by us.
    fn find<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Found> {
        Box::pin(async move {
            if attempt.reference.is_none() {
                return Ok(Found::NotThere);
            }
            self.look(attempt).await.map(|report| Found::There(Box::new(report)))
        })
    }

    fn capture<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.take(attempt))
    }

    fn end<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(self.leave(attempt))
    }

    fn refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, RefundReport> {
        Box::pin(self.give_back(refund))
    }

    fn ask_refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, Option<RefundReport>> {
        Box::pin(self.look_at_refund(refund))
    }

    fn check(&self) -> Call<'_, ()> {
        Box::pin(self.client.check())
    }

    fn signs(&self, delivery: &Delivery<'_>) -> bool {
        delivery.headers.contains_key(verify::SIGNATURE)
    }

    fn verify<'a>(&'a self, delivery: Delivery<'a>, now: UtcMs) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>> {
        Box::pin(verify::verify(delivery, &self.webhook_id, &self.links, &self.certificates, now))
    }

    fn read(&self, event: &Event) -> Reading {
        events::read(event)
    }
}
