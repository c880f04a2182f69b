//! What settings refuse.

crate::problem_kinds! {
    CURRENCY_IN_USE = 409 "currency_in_use" "The shop's currency is in use" "عملة المتجر مستخدمة"
        { "There are products or orders in it already, and amounts are never converted. The currency beside the code stays the shop's." "توجد منتجات أو طلبات بهذه العملة، ولا تُحوَّل المبالغ. تبقى عملة المتجر هي المذكورة مع الرمز." } [currency];
}
