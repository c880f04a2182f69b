//! What orders refuse.

crate::problem_kinds! {
    INSUFFICIENT_STOCK = 409 "insufficient_stock" "There is not enough left" "الكمية المتوفرة لا تكفي";
    PRICE_CHANGED = 409 "price_changed" "The price has changed" "تغيّر السعر";
    ILLEGAL_TRANSITION = 409 "illegal_transition" "The order cannot go there" "لا يمكن نقل الطلب إلى هذه الحالة";
    CANNOT_UNDO = 409 "cannot_undo" "This cannot be taken back any more" "لم يعد التراجع ممكنًا";
    TOO_MANY_OPEN_ORDERS = 409 "too_many_open_orders" "Too many orders wait to be confirmed" "طلبات كثيرة ما زالت بانتظار التأكيد";
    NOTHING_DUE = 409 "nothing_due" "Nothing is owed" "لا يوجد مبلغ مستحق";
    AMOUNT_EXCEEDS_DUE = 409 "amount_exceeds_due" "That is more than is owed" "المبلغ أكبر من المستحق";
    TOKEN_EXPIRED = 410 "order_token_expired" "This link has ended" "انتهت صلاحية هذا الرابط";
}
