//! What stands on an order's page: everything in the reader's language, ready to be written.

use serde::Serialize;

use super::dates;
use super::read::Shown;
use super::say::Say;
use crate::features::orders::{self, Contact, Line};
use crate::features::settings::Settings;
use crate::kernel::{Currency, Fulfilment, Locale, Money, OrderStatus, PaymentMethod, PaymentStatus, TransactionStatus, UtcMs};

/// How a thing looks, beside its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    Plain,
    Good,
    Warn,
    Bad,
}

/// Something that has just happened, or is expected.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Notice {
    pub tone: Tone,
    pub title: &'static str,
    pub text: &'static str,
    /// What can be done about it.
    pub links: Vec<Link>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Link {
    pub href: String,
    pub label: &'static str,
}

/// A way to pay that can be chosen here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    pub method: PaymentMethod,
    pub name: String,
}

/// Who reads, when, and what the form needs.
pub struct Reading<'a> {
    pub locale: Locale,
    /// `?lang=…` where the reader has asked for a language, so that links keep it.
    pub lang: &'a str,
    pub now: UtcMs,
    pub settings: &'a Settings,
    pub transfer_details: Option<&'a str>,
    pub form_key: &'a str,
    pub ways: &'a [Way],
    pub notice: Option<Notice>,
    /// A payment may just be coming: nobody is asked to pay meanwhile.
    pub is_waiting: bool,
}

#[derive(Debug, Serialize)]
pub struct Page {
    title: String,
    number: String,
    notice: Option<Notice>,
    state: State,
    due: Option<Due>,
    reach: Part,
    items: Items,
    payment: Payment,
    transfer: Option<Part>,
    pay: Option<Pay>,
    cancel: Option<Link>,
    help: Option<Help>,
}

#[derive(Debug, Serialize)]
struct State {
    label: &'static str,
    word: &'static str,
    tone: Tone,
    text: String,
    /// A stroke a step, filled so far as the order has come; none once it is cancelled.
    strokes: Vec<bool>,
}

#[derive(Debug, Serialize)]
struct Due {
    label: &'static str,
    time: String,
    day: String,
}

/// A heading with lines under it.
#[derive(Debug, Serialize)]
struct Part {
    label: &'static str,
    lines: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Items {
    label: &'static str,
    what: &'static str,
    sum: String,
    lines: Vec<ItemLine>,
    totals: Vec<Total>,
    notes: Option<Part>,
}

#[derive(Debug, Serialize)]
struct ItemLine {
    quantity: i64,
    name: String,
    options: String,
    total: String,
}

#[derive(Debug, Serialize)]
struct Total {
    label: String,
    amount: String,
    is_whole: bool,
}

#[derive(Debug, Serialize)]
struct Payment {
    label: &'static str,
    word: &'static str,
    tone: Tone,
    ask: Option<Ask>,
    lines: Vec<String>,
}

/// What is still owed.
#[derive(Debug, Serialize)]
struct Ask {
    label: &'static str,
    amount: String,
    unit: String,
}

#[derive(Debug, Serialize)]
struct Pay {
    /// Before ways to pay beside the chosen one.
    label: Option<&'static str>,
    until: Option<String>,
    action: String,
    key: String,
    ways: Vec<PayWay>,
}

#[derive(Debug, Serialize)]
struct PayWay {
    code: String,
    label: String,
    is_first: bool,
}

#[derive(Debug, Serialize)]
struct Help {
    label: &'static str,
    phone: String,
    ways: [Link; 2],
}

/// The page on which who wants to cancel says so once more.
#[derive(Debug, Serialize)]
pub struct CancelPage {
    title: String,
    number: String,
    text: String,
    action: String,
    key: String,
    yes: &'static str,
    back: Link,
}

/// The page that leads to the gateway's.
#[derive(Debug, Serialize)]
pub struct Handing<'a> {
    pub title: &'static str,
    pub text: &'static str,
    pub label: String,
    pub url: &'a str,
    pub back: Link,
}

fn pick(locale: Locale, en: Option<&String>, ar: Option<&String>) -> String {
    let (own, other) = if locale == Locale::En { (en, ar) } else { (ar, en) };
    own.or(other).cloned().unwrap_or_default()
}

/// The order's page.
#[must_use]
pub fn page(shown: &Shown, reading: &Reading<'_>) -> Page {
    let say = Say(reading.locale);
    let Shown { order, payable, .. } = shown;
    let is_over = order.status.is_final();
    Page {
        title: title(shown, reading.locale),
        number: payable.number.clone(),
        notice: reading.notice.clone(),
        state: state(shown, say),
        due: (order.status != OrderStatus::Cancelled).then(|| Due {
            label: match (order.fulfilment, is_over) {
                (_, true) => say.it("It was due", "كان الموعد"),
                (Fulfilment::Pickup, _) => say.it("Ready for pickup at", "جاهز للاستلام عند"),
                (Fulfilment::Delivery, _) => say.it("With you at", "موعد التوصيل"),
            },
            time: dates::time(&reading.settings.format.zone, order.due_at),
            day: dates::day(reading.locale, &reading.settings.format.zone, order.due_at, reading.now),
        }),
        reach: reach(shown, reading),
        items: items(shown, reading.locale),
        payment: payment(shown, say),
        transfer: transfer(shown, reading),
        pay: pay(shown, reading),
        cancel: orders::customer_may_cancel(order).then(|| Link {
            href: format!("/o/{}/cancel{}", order.id, reading.lang),
            label: say.it("Cancel the order", "إلغاء الطلب"),
        }),
        help: reading.settings.shop.phone.as_deref().map(|phone| help(phone, &payable.number, say)),
    }
}

/// How to reach the shop; what is written begins with the order's number, so that nobody has to ask for it.
fn help(phone: &str, number: &str, say: Say) -> Help {
    let text = format!("{} {number}: ", say.it("About order", "بخصوص الطلب"));
    let contact = Contact::new(phone, text);
    Help {
        label: say.it("Questions? The shop's phone:", "لأي سؤال، هاتف المتجر:"),
        phone: phone.to_owned(),
        ways: [
            Link {
                href: contact.whatsapp, label: say.it("Write to the shop on WhatsApp", "مراسلة المتجر عبر واتساب")
            },
            Link {
                href: contact.sms, label: say.it("Write to the shop by SMS", "مراسلة المتجر برسالة نصية")
            },
        ],
    }
}

/// `Order B-261125-0042`.
#[must_use]
pub fn title(shown: &Shown, locale: Locale) -> String {
    format!("{} {}", Say(locale).it("Order", "الطلب"), shown.payable.number)
}

fn state(shown: &Shown, say: Say) -> State {
    let order = &shown.order;
    let pickup = order.fulfilment == Fulfilment::Pickup;
    let (word, tone, text) = match order.status {
        OrderStatus::Pending if !shown.payable.method.is_offline() => (
            say.it("Waiting for payment", "بانتظار الدفع"),
            Tone::Warn,
            say.it("The order is confirmed as soon as it is paid.", "يتأكد الطلب فور دفع المبلغ."),
        ),
        OrderStatus::Pending if shown.payable.method == PaymentMethod::TRANSFER => (
            say.it("Waiting for the transfer", "بانتظار الحوالة"),
            Tone::Warn,
            say.it("The shop confirms the order when the transfer has arrived.", "يؤكد المتجر الطلب عند وصول الحوالة."),
        ),
        OrderStatus::Pending => (
            say.it("Waiting for the shop", "بانتظار التأكيد"),
            Tone::Warn,
            say.it("The shop has the order and confirms it soon.", "وصل الطلب إلى المتجر وسيؤكده قريبًا."),
        ),
        OrderStatus::Confirmed => (
            say.it("Confirmed", "مؤكَّد"),
            Tone::Good,
            say.it("The shop makes it for the time below.", "يحضّره المتجر للموعد أدناه."),
        ),
        OrderStatus::Preparing => {
            (say.it("Preparing", "قيد التحضير"), Tone::Good, say.it("It is being made now.", "يجري تحضيره الآن."))
        }
        OrderStatus::ReadyForPickup => (
            say.it("Ready for pickup", "جاهز للاستلام"),
            Tone::Good,
            say.it("It waits at the shop. The order number is enough.", "الطلب في المحل، ويكفي ذكر رقمه."),
        ),
        OrderStatus::OutForDelivery => {
            (say.it("Out for delivery", "خرج للتوصيل"), Tone::Good, say.it("It is on its way.", "الطلب في الطريق."))
        }
        OrderStatus::Delivered => (
            say.it("Delivered", "تم التسليم"),
            Tone::Good,
            if pickup {
                say.it("It was handed over. Thank you.", "سُلّم الطلب. شكرًا.")
            } else {
                say.it("It was brought. Thank you.", "وصل الطلب. شكرًا.")
            },
        ),
        OrderStatus::Cancelled => (say.it("Cancelled", "ملغى"), Tone::Bad, cancelled(shown, say)),
    };
    let step = match order.status {
        OrderStatus::Pending => 1,
        OrderStatus::Confirmed => 2,
        OrderStatus::Preparing => 3,
        OrderStatus::ReadyForPickup | OrderStatus::OutForDelivery => 4,
        OrderStatus::Delivered => 5,
        OrderStatus::Cancelled => 0,
    };
    let strokes = if step == 0 { Vec::new() } else { (1..=5).map(|stroke| stroke <= step).collect() };
    State { label: say.it("State", "الحالة"), word, tone, text: text.to_owned(), strokes }
}

/// Why a cancelled order is so, as far as its buyer wants to know.
fn cancelled(shown: &Shown, say: Say) -> &'static str {
    let by_itself = shown.order.history.last().is_some_and(|row| row.actor == "system");
    match (by_itself, shown.payable.method.is_offline(), shown.payable.captured_minor > 0) {
        (true, false, false) => say.it(
            "It was not paid in time, so it was cancelled. Nothing was charged.",
            "لم يُدفع الطلب في الوقت المحدد فأُلغي، ولم يُخصم أي مبلغ.",
        ),
        (true, _, false) => say.it(
            "It was not confirmed in time, so it was cancelled. There is nothing to pay.",
            "لم يتأكد الطلب في الوقت المحدد فأُلغي، ولا يوجد ما يُدفع.",
        ),
        (_, _, false) => say.it("There is nothing to pay.", "لا يوجد ما يُدفع."),
        (_, _, true) => say.it("What was paid stands below.", "تفاصيل المبلغ المدفوع أدناه."),
    }
}

fn reach(shown: &Shown, reading: &Reading<'_>) -> Part {
    let say = Say(reading.locale);
    let order = &shown.order;
    let mut lines = Vec::new();
    if order.fulfilment == Fulfilment::Pickup {
        lines.push(reading.settings.shop.name.clone());
        lines.extend(reading.settings.shop.address.iter().flat_map(|address| address.lines()).map(str::to_owned));
        return Part { label: say.it("Pickup", "استلام من المحل"), lines };
    }
    lines.push(order.customer.name.clone());
    if let Some(address) = order.delivery.as_ref().and_then(|delivery| delivery.address.as_ref()) {
        lines.push(address.line1.clone());
        lines.extend(address.line2.clone());
        let place = [address.area.as_deref(), Some(address.city.as_str())];
        lines.push(place.into_iter().flatten().collect::<Vec<_>>().join(say.it(", ", "، ")));
    }
    Part { label: say.it("Delivery", "توصيل"), lines }
}

fn items(shown: &Shown, locale: Locale) -> Items {
    let say = Say(locale);
    let (order, currency) = (&shown.order, shown.payable.currency);
    let money = |minor| Money::from_minor(minor, currency).to_string();
    let mut totals = Vec::new();
    let mut total = |label: &str, minor: i64, is_whole| {
        totals.push(Total { label: label.to_owned(), amount: money(minor), is_whole });
    };
    let sums = order.totals;
    if sums.delivery_fee != 0 || sums.discount != 0 || (!sums.tax_included && sums.tax != 0) {
        total(say.it("Subtotal", "المجموع الفرعي"), sums.subtotal, false);
    }
    if sums.discount != 0 {
        total(say.it("Discount", "خصم"), -sums.discount, false);
    }
    if sums.delivery_fee != 0 {
        total(say.it("Delivery fee", "أجرة التوصيل"), sums.delivery_fee, false);
    }
    if !sums.tax_included && sums.tax != 0 {
        total(say.it("Sales tax", "ضريبة المبيعات"), sums.tax, false);
    }
    total(say.it("Total", "الإجمالي"), sums.total, true);
    if sums.tax_included && sums.tax != 0 {
        total(say.it("of it sales tax", "منها ضريبة المبيعات"), sums.tax, false);
    }
    let notes = order
        .notes
        .as_ref()
        .map(|notes| Part { label: say.it("Note", "ملاحظة"), lines: notes.lines().map(str::to_owned).collect() });
    Items {
        label: say.it("What was ordered", "تفاصيل الطلب"),
        what: say.it("Product", "الصنف"),
        sum: say.unit(currency),
        lines: order.lines.iter().map(|line| item(line, locale, currency)).collect(),
        totals: totals.into_iter().map(minus_sign).collect(),
        notes,
    }
}

/// A minus that is as wide as a figure.
fn minus_sign(total: Total) -> Total {
    Total { amount: total.amount.replace('-', "\u{2212}"), ..total }
}

fn item(line: &Line, locale: Locale, currency: Currency) -> ItemLine {
    ItemLine {
        quantity: line.quantity,
        name: pick(locale, line.name_en.as_ref(), line.name_ar.as_ref()),
        options: pick(locale, line.options_text_en.as_ref(), line.options_text_ar.as_ref()),
        total: Money::from_minor(line.line_total, currency).to_string(),
    }
}

fn payment(shown: &Shown, say: Say) -> Payment {
    let payable = &shown.payable;
    let amount = |minor| say.amount(minor, payable.currency);
    let mut lines: Vec<String> = Vec::new();
    let cancelled = payable.status == OrderStatus::Cancelled;
    let (word, tone) = match payable.payment_status {
        _ if shown.coming_back > 0 => (say.it("Refund under way", "المبلغ قيد الإعادة"), Tone::Warn),
        PaymentStatus::Paid => (say.it("Paid", "مدفوع"), Tone::Good),
        PaymentStatus::PartiallyRefunded => (say.it("Partly refunded", "أُعيد جزء من المبلغ"), Tone::Plain),
        PaymentStatus::Refunded => (say.it("Refunded", "أُعيد المبلغ"), Tone::Plain),
        PaymentStatus::Failed => (say.it("Payment failed", "تعذّر الدفع"), Tone::Bad),
        PaymentStatus::Pending if cancelled => (say.it("Nothing to pay", "لا يوجد ما يُدفع"), Tone::Plain),
        PaymentStatus::Pending => (say.it("Unpaid", "غير مدفوع"), Tone::Warn),
    };
    if payable.captured_minor > 0 {
        lines.push(format!("{} {}.", say.it("Paid:", "المدفوع:"), amount(payable.captured_minor)));
        if payable.refunded_minor > 0 {
            lines.push(format!("{} {}.", say.it("Given back:", "المُعاد:"), amount(payable.refunded_minor)));
        }
    }
    if shown.coming_back > 0 {
        lines.push(format!(
            "{} {}.",
            say.it("On its way back to you, the way it came:", "في طريقه إليك بالطريقة نفسها التي دُفع بها:"),
            amount(shown.coming_back)
        ));
    }
    if shown.is_parked() {
        lines.push(
            say.it(
                "A payment came that does not fit the order. The shop looks at it; nothing is lost.",
                "وصلت دفعة لا تطابق الطلب. المتجر يراجعها، ولن يضيع منها شيء.",
            )
            .to_owned(),
        );
    }
    if shown.due() > 0 && !cancelled {
        lines.extend(how_it_is_paid(shown, say).map(str::to_owned));
    }
    let ask = (shown.due() > 0 && !cancelled && !shown.is_parked()).then(|| Ask {
        label: if payable.captured_minor > 0 {
            say.it("Still to pay", "المتبقي")
        } else {
            say.it("To pay", "المطلوب دفعه")
        },
        amount: Money::from_minor(shown.due(), payable.currency).to_string(),
        unit: say.unit(payable.currency),
    });
    Payment { label: say.it("Payment", "الدفع"), word, tone, ask, lines }
}

/// What is expected of who owes something.
fn how_it_is_paid(shown: &Shown, say: Say) -> Option<&'static str> {
    let payable = &shown.payable;
    let pickup = shown.order.fulfilment == Fulfilment::Pickup;
    if payable.payment_status == PaymentStatus::Failed {
        return Some(say.it(
            "The last try did not go through, and nothing was charged for it.",
            "المحاولة الأخيرة لم تتم، ولم يُخصم عنها أي مبلغ.",
        ));
    }
    match payable.method {
        PaymentMethod::CASH if pickup => Some(say.it("In cash, at pickup.", "نقدًا عند الاستلام.")),
        PaymentMethod::CASH => Some(say.it("In cash, at the door.", "نقدًا عند التوصيل.")),
        PaymentMethod::CARD_MACHINE => Some(say.it("By card, at the counter.", "بالبطاقة عند الصندوق.")),
        PaymentMethod::TRANSFER => Some(say.it("By bank transfer.", "بحوالة بنكية.")),
        _ => None,
    }
}

fn transfer(shown: &Shown, reading: &Reading<'_>) -> Option<Part> {
    let say = Say(reading.locale);
    let owes = shown.due() > 0 && !shown.order.status.is_final();
    let details = reading.transfer_details.filter(|_| owes && shown.payable.method == PaymentMethod::TRANSFER)?;
    let mut lines: Vec<String> = details.lines().map(str::to_owned).collect();
    lines.push(format!("{} {}", say.it("Amount:", "المبلغ:"), say.amount(shown.due(), shown.payable.currency)));
    lines.push(format!("{} \u{2068}{}\u{2069}", say.it("Purpose:", "الغرض:"), shown.payable.number));
    Some(Part { label: say.it("Transfer the amount to", "تُحوَّل القيمة إلى"), lines })
}

/// Whether anything can be paid here, and until when.
fn pay(shown: &Shown, reading: &Reading<'_>) -> Option<Pay> {
    let say = Say(reading.locale);
    if !may_pay(shown) || reading.ways.is_empty() || reading.is_waiting {
        return None;
    }
    let payable = &shown.payable;
    let goes_on = shown.waits_for_gateway().then_some(payable.method);
    let online = !payable.method.is_offline();
    let ways = reading.ways.iter().enumerate().map(|(index, way)| PayWay {
        code: way.method.code().to_owned(),
        label: label(way, goes_on, shown.order.fulfilment, say),
        is_first: index == 0 && online,
    });
    let until = payable.hold_ends_at.filter(|_| online).map(|end| {
        let time = dates::time(&reading.settings.format.zone, end);
        say.it(
            "The order is kept for you until {}. After that it is cancelled by itself.",
            "الطلب محجوز حتى الساعة {}، وبعدها يُلغى تلقائيًا.",
        )
        .replace("{}", &format!("\u{2068}{time}\u{2069}"))
    });
    Some(Pay {
        label: (!online).then(|| say.it("Or pay in another way:", "أو الدفع بطريقة أخرى:")),
        until,
        action: format!("/o/{}/pay{}", shown.order.id, reading.lang),
        key: reading.form_key.to_owned(),
        ways: ways.collect(),
    })
}

fn label(way: &Way, goes_on: Option<PaymentMethod>, how: Fulfilment, say: Say) -> String {
    match way.method {
        PaymentMethod::CASH if how == Fulfilment::Pickup => say.it("Pay in cash at pickup", "الدفع نقدًا عند الاستلام").to_owned(),
        PaymentMethod::CASH => say.it("Pay in cash at the door", "الدفع نقدًا عند التوصيل").to_owned(),
        PaymentMethod::TRANSFER => say.it("Pay by bank transfer", "الدفع بحوالة بنكية").to_owned(),
        method => {
            let verb = if goes_on == Some(method) {
                say.it("Go on to pay:", "متابعة الدفع:")
            } else {
                say.it("Pay now:", "الدفع الآن:")
            };
            format!("{verb} {}", way.name)
        }
    }
}

/// Whether the order waits for money that its buyer can send from here.
#[must_use]
pub fn may_pay(shown: &Shown) -> bool {
    let waits = matches!(shown.payable.payment_status, PaymentStatus::Pending | PaymentStatus::Failed);
    waits && shown.due() > 0 && !shown.order.status.is_final() && !shown.is_parked()
}

/// The page that asks once more before an order is cancelled.
#[must_use]
pub fn cancel_page(shown: &Shown, reading: &Reading<'_>) -> CancelPage {
    let say = Say(reading.locale);
    let paid = shown.payable.captured_minor - shown.payable.refunded_minor;
    let text = if paid > 0 {
        format!(
            "{} {}.",
            say.it("What was paid goes back the way it came:", "ويعود المبلغ المدفوع بالطريقة نفسها التي دُفع بها:"),
            say.amount(paid, shown.payable.currency)
        )
    } else {
        say.it("Nothing was charged for it.", "لم يُخصم عنه أي مبلغ.").to_owned()
    };
    CancelPage {
        title: say.it("Cancel this order?", "إلغاء هذا الطلب؟").to_owned(),
        number: shown.payable.number.clone(),
        text: format!("{} {text}", say.it("This cannot be taken back.", "لا يمكن التراجع عن الإلغاء.")),
        action: format!("/o/{}/cancel{}", shown.order.id, reading.lang),
        key: reading.form_key.to_owned(),
        yes: say.it("Cancel the order", "إلغاء الطلب"),
        back: Link {
            href: format!("/o/{}{}", shown.order.id, reading.lang),
            label: say.it("Keep the order", "الإبقاء على الطلب"),
        },
    }
}

/// A payment's state, for the notice of who comes back.
#[must_use]
pub fn failed_meanwhile(shown: &Shown) -> bool {
    shown.payment.as_ref().is_some_and(|payment| {
        matches!(payment.status, TransactionStatus::Failed | TransactionStatus::Cancelled | TransactionStatus::Expired)
    })
}
