//! What this feature refuses with.

use crate::kernel::Problem;
use crate::kernel::problem::FieldFault;
use crate::problem_kinds;

problem_kinds! {
    EMAIL_TAKEN = 409 "email_taken" "This e-mail address has an account already" "لهذا البريد الإلكتروني حساب مسجّل"
        { "Sign in with it, or reset its password, or take another address." "سجّل الدخول به، أو أعد تعيين كلمة مروره، أو استخدم بريدًا آخر." };
    INVALID_CREDENTIALS = 401 "invalid_credentials" "E-mail address or password is wrong" "البريد الإلكتروني أو كلمة المرور غير صحيحة"
        { "No account has the two together. Check both; which one is wrong is told to nobody." "لا يوجد حساب بهذين معًا. تحقّق منهما؛ ولا يُذكر أيهما الخطأ لأحد." };
    TOKEN_EXPIRED = 401 "token_expired" "The access token has ended" "انتهت صلاحية رمز الدخول"
        { "Access tokens count for a quarter of an hour, or their session was ended. Get a new one at /api/v1/auth/refresh, or sign in again." "رمز الدخول صالح لربع ساعة، أو أن جلسته أُنهيت. اطلب رمزًا جديدًا من /api/v1/auth/refresh أو سجّل الدخول من جديد." };
    INVALID_REFRESH_TOKEN = 401 "invalid_refresh_token" "The refresh token does not count" "رمز التجديد غير صالح"
        { "It is unknown, or was used before: a refresh token counts once, and using it twice ends its session. Sign in again." "الرمز غير معروف أو استُخدم من قبل؛ رمز التجديد صالح لمرة واحدة، واستخدامه مرتين ينهي الجلسة. سجّل الدخول من جديد." };
    TOO_MANY_ATTEMPTS = 429 "too_many_attempts" "Too many wrong passwords" "محاولات كثيرة بكلمة مرور خاطئة"
        { "Wait as long as Retry-After says. Until then not even the right password is taken, and no try is counted." "انتظر المدة المذكورة في Retry-After. حتى ذلك الحين لا تُقبل حتى كلمة المرور الصحيحة، ولا تُحسب أي محاولة." };
    WRONG_PASSWORD = 422 "wrong_password" "The current password is wrong" "كلمة المرور الحالية غير صحيحة"
        { "Send the password that counts until now as currentPassword. Nothing was changed, and the session lives on." "أرسل كلمة المرور السارية حاليًا في currentPassword. لم يتغيّر شيء، والجلسة مستمرة." };
    INVALID_LINK = 410 "invalid_link" "This link no longer works" "هذا الرابط لم يعد صالحًا"
        { "It was used, a newer one was sent, or its time is over. Ask for a new one." "استُخدم الرابط، أو أُرسل أحدث منه، أو انقضت مدته. اطلب رابطًا جديدًا." };
    HAS_PASSWORD = 409 "has_password" "The account has a password already" "للحساب كلمة مرور بالفعل"
        { "Nobody needs to be invited twice. Who has forgotten the password asks for a link at /account/forgot." "لا حاجة إلى دعوة ثانية. من نسي كلمة مروره يطلب رابطًا من /account/forgot." };
    LAST_ADMIN = 409 "last_admin" "A shop keeps at least one admin" "لا بد أن يبقى للمتجر مدير واحد على الأقل"
        { "Make another account an admin first, one whose password is set." "اجعل حسابًا آخر مديرًا أولًا، على أن تكون كلمة مروره معيّنة." };
    HAS_OPEN_ORDERS = 409 "has_open_orders" "Orders of this account are still open" "لهذا الحساب طلبات لم تكتمل بعد"
        { "Wait until they are delivered, or cancel them; openOrders counts them." "انتظر تسليمها أو ألغِها؛ عددها في openOrders." } [openOrders];
}

pub(super) fn invalid_credentials() -> Problem {
    Problem::of(&INVALID_CREDENTIALS).detail("No account has this e-mail address and password together.")
}

pub(super) fn token_expired() -> Problem {
    Problem::of(&TOKEN_EXPIRED).detail("Get a new access token at /api/v1/auth/refresh with your refresh token.")
}

pub(super) fn invalid_refresh_token() -> Problem {
    Problem::of(&INVALID_REFRESH_TOKEN)
        .detail("It is unknown, its session has ended, or it was used before, which ends its session. Sign in again.")
}

/// The refusal of a try that must wait; seconds are rounded up, so that who waits them is not refused again.
pub(super) fn too_many_attempts(wait_ms: i64) -> Problem {
    let wait_s = u32::try_from(wait_ms.div_euclid(1_000) + i64::from(wait_ms.rem_euclid(1_000) > 0)).unwrap_or(1).max(1);
    Problem::of(&TOO_MANY_ATTEMPTS)
        .detail(format!(
            "Try again in {wait_s} s. Until then not even the right password is taken; no try is counted meanwhile."
        ))
        .retry_after_s(wait_s)
}

/// Not a 401: the session is good, and a client must not sign its person out for a slip of the finger.
pub(super) fn wrong_password() -> Problem {
    let mut problem =
        Problem::of(&WRONG_PASSWORD).detail("currentPassword is not the password of this account. Nothing was changed.");
    problem.errors.push(FieldFault {
        field: "currentPassword".to_owned(),
        code: WRONG_PASSWORD.code,
        message: "is not the password of this account".to_owned(),
    });
    problem
}

pub(super) fn invalid_link() -> Problem {
    Problem::of(&INVALID_LINK).detail(
        "It was used, a newer one was sent, or its time is over. Ask for a new one: at /account/forgot, or who was invited from \
         the shop's admin.",
    )
}

pub(super) fn has_password() -> Problem {
    Problem::of(&HAS_PASSWORD)
        .detail("Who was invited has chosen a password by now. If it was forgotten, they ask for a new one at /account/forgot.")
}

pub(super) fn last_admin() -> Problem {
    Problem::of(&LAST_ADMIN).detail(
        "Nobody else could run the shop. Make another account an admin first, and see that its password is set; then repeat.",
    )
}
