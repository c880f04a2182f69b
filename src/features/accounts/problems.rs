//! What this feature refuses with.

use crate::kernel::Problem;
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
