//! Why bytes are not taken as a picture.

use std::borrow::Cow;

/// What is wrong with a file, in words for who has sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Stable, `snake_case`; a single field's fault.
    pub code: &'static str,
    pub message: Cow<'static, str>,
}

impl Refused {
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Refused {
        Refused { code, message: message.into() }
    }

    /// Its bytes are not those of a picture that is taken.
    pub(super) fn not_a_picture() -> Refused {
        Refused::new("not_a_picture", "is no picture: send a JPEG, PNG, WebP or GIF file")
    }

    /// It ends before its end.
    pub(super) fn truncated() -> Refused {
        Refused::new("damaged_picture", "ends before the picture does: it did not arrive whole, send it again")
    }

    /// It breaks its own format's rules.
    pub(super) fn damaged(why: &str) -> Refused {
        Refused::new("damaged_picture", format!("is damaged ({why}): open it in a picture program, save it anew and send that"))
    }
}
