//! What carts refuse.

use crate::kernel::problem::FieldFault;
use crate::kernel::{Error, Problem, ProblemKind};

crate::problem_kinds! {
    UNKNOWN_CART = 422 "unknown_cart" "There is no such cart" "لا توجد سلة بهذا الرمز"
        { "cartToken names no cart that you may order from: it has ended, or belongs to an account that you are not signed in to. Fill a new one, or sign in." "لا تفتح قيمة cartToken سلة يمكنك الطلب منها: انتهت السلة، أو أنها لحساب آخر غير الذي سجّلت الدخول به. املأ سلة جديدة أو سجّل الدخول." };
    CART_EMPTY = 422 "cart_empty" "The cart is empty" "السلة فارغة"
        { "There is nothing in the cart to order. Put something in first; if it was full before, look whether it was ordered already." "لا شيء في السلة لطلبه. أضف صنفًا أولًا، وإن لم تكن فارغة من قبل فتحقّق من أن الطلب لم يُرسل بالفعل." };
}

/// No cart that the caller may order from has this token.
pub(super) fn unknown_cart() -> Error {
    about_the_token(
        &UNKNOWN_CART,
        "names no cart that you may order from: it has ended, or belongs to an account; fill a new one, or sign in",
    )
}

pub(super) fn cart_empty() -> Error {
    about_the_token(&CART_EMPTY, "names an empty cart: put something in first, or see whether it was ordered already")
}

fn about_the_token(kind: &'static ProblemKind, message: &str) -> Error {
    let mut problem = Problem::of(kind).detail(format!("cartToken: {message}"));
    problem.errors = vec![FieldFault { field: "cartToken".to_owned(), code: kind.code, message: message.to_owned() }];
    problem.into()
}
