//! What settings refuse.

crate::problem_kinds! {
    CURRENCY_IN_USE = 409 "currency_in_use" "The shop's currency is in use" "عملة المتجر مستخدمة";
}
