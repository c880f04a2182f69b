//! What the shelf refuses.

crate::problem_kinds! {
    BELOW_RESERVED = 409 "below_reserved" "More is promised than that" "الكمية المحجوزة أكبر من ذلك"
        { "Open orders hold more pieces than the stock would have. Nothing was changed. Cancel or confirm some of them first; orders names them." "طلبات مفتوحة تحجز حبات أكثر من المخزون الجديد. لم يتغيّر شيء. ألغِ بعضها أو أكّده أولًا؛ وهي مذكورة في orders." } [reserved, orders, rows];
    STOCK_OUT_OF_RANGE = 409 "stock_out_of_range" "The stock would leave its range" "الكمية خارج الحدود المسموحة"
        { "A stock stays from 0 to 100,000,000 pieces. Nothing was changed; stock is what there is now." "يبقى المخزون بين 0 و100,000,000 حبة. لم يتغيّر شيء؛ وقيمة stock هي الموجود الآن." } [stock, rows];
}
