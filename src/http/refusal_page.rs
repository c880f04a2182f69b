//! Refusals on the pages that people open by a link (`/o/…`, `/pay/…`, `/u/…`): the same status, as a page in their language.

use axum::body::Body;
use axum::response::Response;
use serde::Serialize;

use super::assets::{asked_language, tell_page};
use super::template::{self, Frame};
use super::{Context, problem};
use crate::kernel::{Locale, Problem};

/// Where a person reads what is answered, and sends forms instead of JSON.
const FOR_PEOPLE: &[&str] = &["/o/", "/pay/", "/u/"];

/// Whether a path belongs to a page that is written for its reader.
#[must_use]
pub fn is_for_people(path: &str) -> bool {
    FOR_PEOPLE.iter().any(|begin| path.starts_with(begin))
}

/// Who reads a page.
pub(super) struct Reader {
    locale: Locale,
    request_id: std::sync::Arc<str>,
}

impl Reader {
    /// `None` where a program reads.
    pub(super) fn of(context: &Context) -> Option<Reader> {
        is_for_people(&context.path).then(|| Reader {
            locale: asked_language(context).unwrap_or(context.locale),
            request_id: std::sync::Arc::clone(&context.request_id),
        })
    }

    /// Writes the page of an error that a handler or the gate answered with; other answers pass as they are.
    pub(super) fn tell(&self, mut response: Response) -> Response {
        let Some(problem) = problem::take(&mut response, &self.request_id) else { return response };
        let page = self.page(&problem);
        let body = template::fill("refusal", self.locale, &page.frame(), &page).unwrap_or_else(|fault| {
            tracing::error!(request_id = %self.request_id, fault = %fault.chain(), "the page of a refusal cannot be written");
            page.title.as_bytes().to_vec().into()
        });
        let mut response = problem::written(&problem, Body::from(body), response);
        tell_page(response.headers_mut(), self.locale);
        response
    }

    fn page(&self, problem: &Problem) -> Page<'_> {
        let words = WORDS.iter().find(|words| words.code == problem.kind.code);
        let (title, text) = match (words, self.locale) {
            (Some(words), Locale::En) => (words.en.0, words.en.1),
            (Some(words), Locale::Ar) => (words.ar.0, words.ar.1),
            (None, Locale::En) => (problem.kind.title_en, OTHER_EN),
            (None, Locale::Ar) => (problem.kind.title_ar, OTHER_AR),
        };
        let request = if self.locale == Locale::Ar { "رقم الحالة" } else { "Reference" };
        Page { title, text, request, request_id: &self.request_id }
    }
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'static str,
    text: &'static str,
    request: &'static str,
    request_id: &'a str,
}

impl Page<'_> {
    fn frame(&self) -> Frame<'static> {
        Frame { title: self.title, name: "", other: "", goes_to: None }
    }
}

struct Words {
    code: &'static str,
    en: (&'static str, &'static str),
    ar: (&'static str, &'static str),
}

const OTHER_EN: &str = "Nothing was changed. Open the page again by the link in your message; if it stays so, call the shop.";
const OTHER_AR: &str = "لم يتغيّر شيء. يمكن فتح الصفحة من جديد بالرابط الموجود في الرسالة؛ وإن تكرر ذلك فالمتجر يساعد بالهاتف.";

/// What is said to a buyer, who knows no header and no token.
const WORDS: &[Words] = &[
    Words {
        code: "not_found",
        en: (
            "This link opens no order",
            "Perhaps a part of it was lost on the way. Open the whole link from your message, or call the shop with the order number.",
        ),
        ar: (
            "هذا الرابط لا يفتح أي طلب",
            "ربما ضاع جزء منه في الطريق. يُفتح الرابط كاملًا كما ورد في الرسالة، أو يُتصل بالمتجر مع ذكر رقم الطلب.",
        ),
    },
    Words {
        code: "unauthenticated",
        en: (
            "Open this page by your own link",
            "An order is shown only to who has its link. It stands in the message that confirmed the order; open it from there once more.",
        ),
        ar: (
            "تُفتح هذه الصفحة بالرابط الخاص بالطلب",
            "لا يظهر الطلب إلا لمن لديه رابطه. الرابط موجود في رسالة تأكيد الطلب، ويُفتح من هناك مرة أخرى.",
        ),
    },
    Words {
        code: "order_token_expired",
        en: (
            "This link has ended",
            "The order was delivered more than 90 days ago. Call the shop for what is needed of it, a receipt for instance.",
        ),
        ar: ("انتهت صلاحية هذا الرابط", "سُلّم الطلب قبل أكثر من 90 يومًا. لطلب إيصال أو غيره يُتصل بالمتجر."),
    },
    Words {
        code: "csrf_refused",
        en: (
            "This was not sent from the order's own page",
            "Nothing was changed. Open the order again by its link, and press the button there.",
        ),
        ar: ("لم يُرسَل هذا من صفحة الطلب نفسها", "لم يتغيّر شيء. يُفتح الطلب من رابطه من جديد، ثم يُضغط الزر هناك."),
    },
    Words {
        code: "rate_limited",
        en: ("Too many requests at once", "Nothing was changed. Wait a minute, then open the page again."),
        ar: ("طلبات كثيرة دفعة واحدة", "لم يتغيّر شيء. يمكن فتح الصفحة من جديد بعد دقيقة."),
    },
    Words {
        code: "method_not_allowed",
        en: ("There is nothing to read here", "Open the order by its link."),
        ar: ("لا شيء يُعرض هنا", "يُفتح الطلب من رابطه."),
    },
    Words {
        code: "busy",
        en: ("The shop is very busy", "Nothing was changed. Try again in a minute."),
        ar: ("الضغط كبير على المتجر", "لم يتغيّر شيء. يمكن المحاولة بعد دقيقة."),
    },
    Words {
        code: "setup_required",
        en: ("This shop is not open yet", "Come back later."),
        ar: ("المتجر لم يُفتح بعد", "يمكن العودة لاحقًا."),
    },
    Words {
        code: "outcome_unknown",
        en: (
            "It is not certain whether this was done",
            "Open the order again by its link: it shows how it stands. Nothing is charged twice.",
        ),
        ar: ("ليس مؤكدًا أن العملية تمت", "يُفتح الطلب من رابطه من جديد فيظهر وضعه. ولا يُخصم أي مبلغ مرتين."),
    },
    Words {
        code: "internal",
        en: (
            "Something failed on our side",
            "Open the order again by its link. If it fails again, call the shop and tell the reference below.",
        ),
        ar: ("حدث خلل لدينا", "يُفتح الطلب من رابطه من جديد. وإن تكرر الخلل يُتصل بالمتجر مع ذكر الرقم أدناه."),
    },
    Words {
        code: "illegal_transition",
        en: (
            "The order can no longer be changed like this",
            "Its state has changed meanwhile. Open it again by its link to see how it stands; the shop helps by phone.",
        ),
        ar: (
            "لم يعد هذا التغيير ممكنًا",
            "تغيّرت حالة الطلب في هذه الأثناء. يُفتح من رابطه من جديد ليظهر وضعه، والمتجر يساعد بالهاتف.",
        ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_paths_are_known_and_no_others() {
        for path in ["/o/1", "/o/{id}/pay", "/pay/return"] {
            assert!(is_for_people(path), "{path}");
        }
        for path in ["/", "/o", "/order/1", "/api/v1/orders/1", "/payments"] {
            assert!(!is_for_people(path), "{path}");
        }
    }
}
