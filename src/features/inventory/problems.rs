//! What the shelf refuses.

crate::problem_kinds! {
    BELOW_RESERVED = 409 "below_reserved" "More is promised than that" "الكمية المحجوزة أكبر من ذلك";
    STOCK_OUT_OF_RANGE = 409 "stock_out_of_range" "The stock would leave its range" "الكمية خارج الحدود المسموحة";
}
