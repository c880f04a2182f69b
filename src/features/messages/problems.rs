//! What can be refused where staff look after messages.

crate::problem_kinds! {
    MESSAGE_NOT_FAILED = 409 "message_not_failed" "The message has not failed" "لم تفشل الرسالة"
        { "Only a message that failed or was suppressed is sent again; one that waits is tried by itself, and one that was sent is not sent twice." "لا تُرسل من جديد إلا رسالة فشلت أو حُجبت؛ ما ينتظر يُحاوَل تلقائيًا، وما أُرسل لا يُرسل مرتين." } [messageStatus];
    MESSAGE_MAY_HAVE_ARRIVED = 409 "message_may_have_arrived" "The message may have arrived" "ربما وصلت الرسالة"
        { "A try of it ended without a clear answer, so that sending it again may reach its reader twice. If it is needed still, write to them anew with POST /api/v1/notifications/send." "انتهت محاولة إرسالها دون رد واضح، فقد تصل القارئَ مرتين إن أُرسلت من جديد. إن كانت لا تزال لازمة فاكتب إليه من جديد عبر POST /api/v1/notifications/send." };
    MESSAGE_FORGOTTEN = 409 "message_forgotten" "What the message said is gone" "لم يعد نص الرسالة محفوظًا"
        { "Its person was erased, or it is so old that its words and its address were taken out of the books. Nothing is left that could be sent." "مُحيت بيانات صاحبها أو قدمت حتى أُزيل نصها وعنوانها من السجلات، فلم يبقَ ما يُرسل." };
}
