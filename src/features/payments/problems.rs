//! What payments refuse.

crate::problem_kinds! {
    BAD_SIGNATURE = 400 "bad_signature" "This was not signed by a gateway" "هذه الرسالة لا تحمل توقيع بوابة دفع"
        { "Nothing was kept: the message bears no gateway's signature, or it was changed on its way. If a gateway's own messages are refused so, copy its webhook secret into the shop's configuration again." "لم يُحفظ شيء لأن الرسالة لا تحمل توقيع بوابة دفع معروفة أو تغيّرت في الطريق. إن رُفضت رسائل البوابة نفسها فانسخ المفتاح السري لإشعاراتها (webhook) إلى إعدادات المتجر من جديد." };
}
