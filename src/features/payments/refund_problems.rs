//! What refunding and resolving refuse.

crate::problem_kinds! {
    REFUND_EXCEEDS_CAPTURED = 409 "refund_exceeds_captured" "That is more than can be given back" "المبلغ أكبر مما يمكن رده"
        { "Nothing was given back. refundable is what is left of the payment; leave amount out to give back just that." "لم يُردّ شيء. قيمة refundable هي ما تبقّى من الدفعة؛ احذف amount لردّ هذا المبلغ تمامًا." } [refundable];
    NOTHING_CAPTURED = 409 "nothing_captured" "Nothing was taken by this payment" "لم يُقبض شيء بهذه الدفعة"
        { "There is nothing to give back: the payment failed, ended or has not come yet. Read it to see how it stands." "لا يوجد مبلغ لردّه لأن الدفعة فشلت أو انتهت أو لم تصل بعد. اقرأها لمعرفة حالتها." };
    PAYMENT_DISPUTED = 409 "payment_disputed" "The customer disputes this payment" "الزبون معترض على هذه الدفعة"
        { "While a dispute is open the provider decides where the money goes; a refund beside it would give it back twice. Wait until it is over." "ما دام الاعتراض قائمًا فالقرار لمزوّد الدفع، وردّ المبلغ الآن قد يعيده مرتين. انتظر حتى يُحسم الاعتراض." };
    PAYMENT_PARKED = 409 "payment_parked" "Money waits here for a decision" "يوجد مبلغ بانتظار قرار"
        { "Money came that does not fit the payment. Accept or refund it at POST /api/v1/payments/{id}/resolve." "وصل مبلغ لا يطابق الدفعة. اقبله أو ردّه عبر POST /api/v1/payments/{id}/resolve." };
    NOT_PARKED = 409 "not_parked" "No money waits here for a decision" "لا يوجد مبلغ بانتظار قرار"
        { "What came for this payment fitted, or somebody has decided already. Read the payment to see how it stands." "ما وصل لهذه الدفعة مطابق لها، أو اتُّخذ القرار من قبل. اقرأ الدفعة لمعرفة حالتها." };
    PARKED_CURRENCY = 409 "parked_currency" "What came is in another currency" "المبلغ الذي وصل بعملة أخرى"
        { "The shop's books have one currency, so this money cannot be booked for the order. Refund it." "دفاتر المتجر بعملة واحدة، ولذلك لا يمكن تسجيل هذا المبلغ للطلب. ردّه إلى الزبون." };
    GATEWAY_MISSING = 409 "gateway_missing" "The payment's gateway is not configured" "بوابة هذه الدفعة غير مُعدّة"
        { "The money came through a gateway whose section was taken out of the configuration. Put it back, or refund in the provider's own dashboard." "وصل المبلغ عبر بوابة حُذفت من الإعدادات. أعد قسمها إلى الإعدادات، أو ردّ المبلغ من لوحة مزوّد الدفع نفسه." };
}
