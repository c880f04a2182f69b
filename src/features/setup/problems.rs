//! What set-up refuses.

use crate::kernel::Problem;
use crate::kernel::problem::kinds;

crate::problem_kinds! {
    WRONG_CODE = 403 "wrong_code" "This is not the code" "هذا ليس الرمز الصحيح"
        { "The shop was not set up. Type the code from the server's terminal; bayader admin setup-code on the shop's machine makes a new one. triesLeft says how often it may still be typed." "لم يُجهَّز المتجر. اكتب الرمز الظاهر على طرفية الخادم؛ والأمر bayader admin setup-code على جهاز المتجر يُصدر رمزًا جديدًا. تذكر triesLeft عدد المحاولات الباقية." } [triesLeft];
    CODE_SPENT = 429 "code_spent" "The code was typed wrongly too often" "أُدخل الرمز خطأً مرات كثيرة"
        { "It no longer counts, not even typed rightly. On the shop's machine run bayader admin setup-code: it prints a new one, at once." "لم يعد الرمز صالحًا ولو كُتب صحيحًا. نفّذ على جهاز المتجر الأمر bayader admin setup-code فيطبع رمزًا جديدًا على الفور." };
}

const NEW_ONE: &str = "On the shop's machine run: bayader admin setup-code";

pub(super) fn wrong(tries_left: u32) -> Problem {
    let left = match tries_left {
        0 => format!("That was its last try. For a new one: {NEW_ONE}"),
        1 => format!(
            "It may be typed once more. Its letters are A to Z and 2 to 9, without I, L and O. {NEW_ONE}, for a new one"
        ),
        _ => format!("It may be typed {tries_left} more times. Its letters are A to Z and 2 to 9, without I, L and O"),
    };
    Problem::of(&WRONG_CODE)
        .detail(format!("This is not the code of the server's terminal. {left}."))
        .fact("triesLeft", tries_left)
}

pub(super) fn ended() -> Problem {
    let detail = format!("The code has ended: it counts for 15 minutes. {NEW_ONE}.");
    Problem::of(&WRONG_CODE).detail(detail).fact("triesLeft", 0)
}

pub(super) fn no_code() -> Problem {
    Problem::of(&WRONG_CODE).detail(format!("There is no code yet. {NEW_ONE}.")).fact("triesLeft", 0)
}

pub(super) fn spent() -> Problem {
    Problem::of(&CODE_SPENT).detail(format!("It was typed wrongly five times and no longer counts. {NEW_ONE}."))
}

/// Whatever set-up is asked of a shop that has an owner.
pub(super) fn set_up_already() -> Problem {
    Problem::of(&kinds::NOT_FOUND).detail("This shop is set up. Its owner signs in at /api/v1/auth/login.")
}
