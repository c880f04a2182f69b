//! What can go wrong with a payment, in the words of the API.

use super::gateway::CallFault;
use crate::kernel::{Problem, ProblemKind};

/// Seconds after which it is worth asking a gateway again that could not be reached.
const UNAVAILABLE_RETRY_S: u32 = 60;
/// Seconds after which an attempt of unknown outcome has been looked for (SPEC 4).
const UNCLEAR_RETRY_S: u32 = 10;

crate::problem_kinds! {
    PAYMENT_DECLINED = 402 "payment_declined" "The payment was declined" "رُفضت عملية الدفع"
        { "Nothing was taken. The order is held until its time ends: try again, perhaps with another card, or pay another way." "لم يُخصم شيء. يبقى الطلب محجوزًا حتى انتهاء مهلته: حاول مرة أخرى ببطاقة أخرى مثلًا، أو ادفع بطريقة أخرى." };
    ORDER_NOT_PAYABLE = 409 "order_not_payable" "This order cannot be paid" "لا يمكن دفع هذا الطلب"
        { "reason says why: it is cancelled, its time to pay has ended (hold_ended), money that came for it waits for the shop's word (parked), or it was tried too often (too_many_attempts). A new order can be placed, or this one paid at the shop." "يذكر reason السبب: الطلب ملغى (cancelled)، أو انتهت مهلة دفعه (hold_ended)، أو وصل مبلغ بانتظار قرار المتجر (parked)، أو تكررت محاولات الدفع كثيرًا (too_many_attempts). يمكن تقديم طلب جديد أو الدفع في المتجر." } [reason];
    ALREADY_PAID = 409 "already_paid" "The order is paid" "الطلب مدفوع"
        { "Nothing is owed for it, and nothing was begun." "لا يوجد مبلغ مستحق عليه، ولم تبدأ أي عملية دفع." };
    CHECKOUT_IN_PROGRESS = 409 "checkout_in_progress" "A checkout of this order is running" "عملية دفع لهذا الطلب جارية الآن"
        { "Another request is asking a gateway for this order. Wait as long as Retry-After says and ask again: both get the same attempt." "طلب آخر يتواصل الآن مع بوابة الدفع لهذا الطلب. انتظر المدة المذكورة في Retry-After ثم أعد المحاولة، وستصل إلى العملية نفسها." };
    PAYMENT_UNDERWAY = 409 "payment_underway" "Money for this order is on its way" "مبلغ هذا الطلب في الطريق"
        { "It was paid by a way that takes its time, and cannot be stopped. The order is kept; it is confirmed when the money has come." "دُفع الطلب بطريقة تستغرق وقتًا ولا يمكن إيقافها. يبقى الطلب محجوزًا ويُؤكَّد عند وصول المبلغ." };
    PAYMENT_STILL_OPEN = 409 "payment_still_open" "Another payment of this order is still open" "عملية دفع أخرى لهذا الطلب ما زالت مفتوحة"
        { "It could be paid there and here, so nothing was begun: its gateway has no way to end it before its time. Go on with it by the same paymentMethod, pay at the shop (cash), or wait until it has ended." "قد يُدفع الطلب مرتين، لذلك لم تبدأ أي عملية: لا تتيح بوابة الدفع الأولى إنهاء عمليتها قبل أوانها. تابع الدفع بالطريقة نفسها (paymentMethod) أو ادفع في المتجر نقدًا (cash) أو انتظر انتهاءها." };
    AMOUNT_NOT_REPRESENTABLE = 409 "amount_not_representable" "This way to pay cannot take that amount" "طريقة الدفع هذه لا تقبل هذا المبلغ"
        { "The gateway has fewer decimals than the order's amount needs. Take another method of GET /api/v1/payments/methods?order_id=." "تقبل بوابة الدفع خانات عشرية أقل مما في مبلغ الطلب. اختر طريقة أخرى من GET /api/v1/payments/methods?order_id=." };
    GATEWAY_REFUSED = 409 "gateway_refused" "The gateway does not take this payment" "بوابة الدفع لا تقبل هذه العملية"
        { "Nothing was taken. gatewayCode is the gateway's own word, as for an amount below its least. Take another method." "لم يُخصم شيء. gatewayCode هو رمز البوابة نفسها، كأن يكون المبلغ أقل من حدّها الأدنى. اختر طريقة أخرى." } [gatewayCode];
    GATEWAY_UNAVAILABLE = 503 "gateway_unavailable" "The gateway cannot be reached" "تعذّر الوصول إلى بوابة الدفع"
        { "Nothing was taken. Try again after Retry-After, or pay another way; the order is held until its time ends." "لم يُخصم شيء. حاول بعد المدة المذكورة في Retry-After أو ادفع بطريقة أخرى؛ يبقى الطلب محجوزًا حتى انتهاء مهلته." };
    PAYMENT_UNCLEAR = 503 "payment_unclear" "The gateway did not answer clearly" "لم تردّ بوابة الدفع بوضوح"
        { "It is not known yet whether the gateway did what it was asked; nobody has to pay twice. Send the same request after Retry-After: it is looked for first." "لم يُعرف بعد إن كانت البوابة قد نفّذت الطلب، ولن يدفع أحد مرتين. أعد الطلب نفسه بعد المدة المذكورة في Retry-After، وسنبحث عن العملية أولًا." };
}

/// A call that did not do what it was asked, as the customer is told of it. No word of a misconfiguration reaches them.
#[must_use]
pub fn of_call(fault: &CallFault) -> Problem {
    match fault {
        CallFault::Declined { message, .. } => {
            let said = if message.is_empty() { "the gateway declined it" } else { message.as_str() };
            Problem::of(&PAYMENT_DECLINED).detail(format!("Nothing was taken: {said}. Try again, or pay another way."))
        }
        CallFault::Refused { code, .. } => Problem::of(&GATEWAY_REFUSED)
            .detail("Nothing was taken: the gateway does not take this payment. Pay another way.")
            .fact("gatewayCode", code.as_str()),
        CallFault::Misconfigured(_) | CallFault::NotSent(_) => Problem::of(&GATEWAY_UNAVAILABLE)
            .detail("Nothing was taken: the gateway cannot be used now. Try again in a minute, or pay another way.")
            .retry_after_s(UNAVAILABLE_RETRY_S),
        CallFault::Unclear(_) | CallFault::NeedsAction { .. } => unclear(),
    }
}

/// Nobody knows yet.
#[must_use]
pub fn unclear() -> Problem {
    Problem::of(&PAYMENT_UNCLEAR)
        .detail("The gateway did not answer clearly. Nobody pays twice: send the same request again in ten seconds, and it is looked for first.")
        .retry_after_s(UNCLEAR_RETRY_S)
}

/// What a checkout may be refused with.
pub(super) const OF_CHECKOUT: &[&ProblemKind] = &[
    &PAYMENT_DECLINED,
    &ORDER_NOT_PAYABLE,
    &ALREADY_PAID,
    &CHECKOUT_IN_PROGRESS,
    &PAYMENT_UNDERWAY,
    &PAYMENT_STILL_OPEN,
    &AMOUNT_NOT_REPRESENTABLE,
    &GATEWAY_REFUSED,
    &GATEWAY_UNAVAILABLE,
    &PAYMENT_UNCLEAR,
];
