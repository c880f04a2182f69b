//! What orders refuse.

crate::problem_kinds! {
    INSUFFICIENT_STOCK = 409 "insufficient_stock" "There is not enough left" "الكمية المتوفرة لا تكفي"
        { "Nothing was ordered. lines names each line that is short, with what is available. Take less, or leave it out." "لم يُحجز شيء. تذكر lines كل بند ناقص والمتاح منه. خفّض الكمية أو احذف البند." } [lines];
    PRICE_CHANGED = 409 "price_changed" "The price has changed" "تغيّر السعر"
        { "Nothing was ordered: the sum is not expectedTotal. The new sums stand beside the code; show them to the customer and ask again." "لم يُسجَّل الطلب لأن المجموع يختلف عن expectedTotal. المبالغ الجديدة مذكورة مع الرمز؛ اعرضها على الزبون واسأله من جديد." } [subtotal, deliveryFee, discount, tax, taxIncluded, totalAmount];
    ILLEGAL_TRANSITION = 409 "illegal_transition" "The order cannot go there" "لا يمكن نقل الطلب إلى هذه الحالة"
        { "The order is in another state than was thought. legal lists where it can go from here." "حالة الطلب تختلف عن المتوقع. تذكر legal الحالات التي يمكن نقله إليها." } [from, to, legal];
    CANNOT_UNDO = 409 "cannot_undo" "This cannot be taken back any more" "لم يعد التراجع ممكنًا"
        { "Only the last move by staff can be taken back, within 60 seconds, and not one whose money is in the till. Cancel the order instead." "يمكن التراجع عن آخر نقلة للموظفين فقط وخلال 60 ثانية، وليس عن طلب قُبض ثمنه. يمكن إلغاء الطلب بدلًا من ذلك." };
    TOO_MANY_OPEN_ORDERS = 409 "too_many_open_orders" "Too many orders wait to be confirmed" "طلبات كثيرة ما زالت بانتظار التأكيد"
        { "Nothing was ordered. Guests may have limit unconfirmed orders open from one phone or network. Call the shop to confirm them, or sign in." "لم يُسجَّل الطلب. للزائر عدد محدود (limit) من الطلبات غير المؤكدة من الهاتف أو الشبكة نفسها. اتصل بالمتجر لتأكيدها أو سجّل الدخول." } [limit];
    NOT_PAID = 409 "not_paid" "The order is not paid" "الطلب غير مدفوع"
        { "The order is to be paid online: its payment confirms it, and it is handed over once it is paid. Collect the money at the shop, or let an admin go on with force and a note." "يُدفع هذا الطلب إلكترونيًا: يتأكد بالدفع ويُسلَّم بعد أن يُدفع. اقبض المبلغ في المتجر، أو ليتابع أحد المديرين باستخدام force مع ملاحظة." };
    NOTHING_DUE = 409 "nothing_due" "Nothing is owed" "لا يوجد مبلغ مستحق"
        { "The order is paid, or it was cancelled. Read it to see what was booked." "الطلب مدفوع أو ملغى. اقرأه لمعرفة ما سُجّل." };
    AMOUNT_EXCEEDS_DUE = 409 "amount_exceeds_due" "That is more than is owed" "المبلغ أكبر من المستحق"
        { "Nothing was booked. due is what is still owed; leave amount out to book just that." "لم يُسجَّل شيء. قيمة due هي المبلغ المستحق؛ احذف amount ليُسجَّل هذا المبلغ تمامًا." } [due];
    TOKEN_EXPIRED = 410 "order_token_expired" "This link has ended" "انتهت صلاحية هذا الرابط"
        { "An order's token ends 90 days after delivery. Ask the shop for what you need of it." "تنتهي صلاحية رابط الطلب بعد 90 يومًا من تسليمه. اطلب من المتجر ما تحتاج إليه." };
}
