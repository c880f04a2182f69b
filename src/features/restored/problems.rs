//! What is refused of a restored shop.

crate::problem_kinds! {
    NOTHING_WAITS = 409 "nothing_waits" "Nothing waits for your word" "لا شيء ينتظر قرارك"
        { "After a restore messages wait until somebody says whether they are sent; none does now. There is nothing to do." "بعد الاستعادة تنتظر الرسائل حتى يقرر أحد إرسالها أو إسقاطها؛ ولا شيء ينتظر الآن. لا حاجة إلى أي إجراء." };
}
