//! `/u/:token`: out of promotions with one click (RFC 8058).
//!
//! A GET changes nothing, because scanners follow links; it shows a page with one button. A POST takes the account off the list, whoever
//! sends it and whatever its body is: a mail program sends `List-Unsubscribe=One-Click` without a cookie or a word of where it was. A
//! token that is none of ours is answered as one that is, so that nobody learns by trying.

use axum::extract::State;
use bytes::Bytes;
use serde::Serialize;

use crate::features::AppState;
use crate::features::notifications::unsubscribe::Unsubscribe;
use crate::http::assets::{PageQuery, asked_language, html};
use crate::http::template::{self, Frame};
use crate::http::{Answer, Context, Id, Raw, Route};
use crate::kernel::Locale;
use crate::kernel::problem::kinds;

/// The field by which the page's own form is told from a mail program's.
const BY_PAGE: &str = "page";

pub(super) fn routes() -> Vec<Route<AppState>> {
    const TOKEN: &str = "What the link bears. Any other word is answered alike.";
    vec![
        Route::get("/u/{token}", ask, "Ask whether somebody wants no promotions any more")
            .describe("Changes nothing: the page's button does.")
            .word("token", TOKEN)
            .query::<PageQuery>()
            .answers_page("The page"),
        Route::post("/u/{token}", unsubscribe, "Take an account off the list of promotions")
            .describe(
                "For mail programs (RFC 8058), and for the page's button. It counts at once, also for what is queued; a second time \
                 changes nothing. Messages about orders still come.",
            )
            .word("token", TOKEN)
            .raw_body("Nothing of it is needed: `List-Unsubscribe=One-Click` as a form or in parts, or what the page's button sends.")
            .answers_page("It is done. Empty for a mail program, a page for who pressed its button")
            .refuses(&[&kinds::RATE_LIMITED]),
    ]
}

#[derive(Serialize)]
struct Page {
    title: &'static str,
    text: String,
    /// Of the question.
    button: Option<&'static str>,
    by_page: &'static str,
}

async fn ask(State(shop): State<AppState>, context: Context, Id(_): Id<String>) -> Answer {
    let (locale, name) = (locale(&context), shop.settings.get().shop.name.clone());
    let page = match locale {
        Locale::En => Page {
            title: "No more offers?",
            text: format!("{name} will write to you about your orders only."),
            button: Some("Unsubscribe"),
            by_page: BY_PAGE,
        },
        Locale::Ar => Page {
            title: "إيقاف رسائل العروض؟",
            text: format!("لن تصل بعدها من {name} إلا الرسائل المتعلقة بالطلبات."),
            button: Some("إلغاء الاشتراك"),
            by_page: BY_PAGE,
        },
    };
    written(locale, &name, &page)
}

async fn unsubscribe(State(shop): State<AppState>, context: Context, Id(token): Id<String>, Raw(body): Raw) -> Answer {
    if let Some(user) = shop.keys.unsubscribed(&token) {
        shop.db.write(Unsubscribe { user }).await?;
    }
    if !form_urlencoded::parse(&body).any(|(name, _)| name == BY_PAGE) {
        return Ok(html(locale(&context), Bytes::new()));
    }
    let (locale, name) = (locale(&context), shop.settings.get().shop.name.clone());
    let (title, text) = match locale {
        Locale::En => ("Done", format!("You get no more offers from {name}. Messages about your orders still come.")),
        Locale::Ar => ("تم", format!("لن تصل رسائل عروض من {name} بعد الآن، وتبقى الرسائل المتعلقة بالطلبات.")),
    };
    written(locale, &name, &Page { title, text, button: None, by_page: BY_PAGE })
}

fn locale(context: &Context) -> Locale {
    asked_language(context).unwrap_or(context.locale)
}

fn written(locale: Locale, name: &str, page: &Page) -> Answer {
    let other = format!("?lang={}", locale.other().code());
    let frame = Frame { title: &format!("{} · {name}", page.title), name, other: &other, goes_to: None };
    Ok(html(locale, template::fill("unsubscribe", locale, &frame, page)?))
}
