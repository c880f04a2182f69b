//! The pages for programmers: the API to search and try, and every code that a refusal may carry.

use std::fmt::Write;

use bytes::Bytes;

use super::routes;
use crate::features::{
    AppState, accounts, admin, cart, catalog, inventory, media, messages, orders, payments, restored, settings, setup,
};
use crate::http::assets::{self, PageQuery, asked_language};
use crate::http::describe::refusals;
use crate::http::field_faults::FIELD_FAULTS;
use crate::http::{Answer, Context, Query, Route};
use crate::kernel::problem::kinds;
use crate::kernel::{Locale, ProblemKind};

/// Every kind of problem there is, by who declares it. A test compares it with the source.
pub const PROBLEMS: &[(&str, &[&ProblemKind])] = &[
    ("src/kernel/problem.rs", kinds::ALL),
    ("src/features/accounts/problems.rs", accounts::problems::ALL),
    ("src/features/admin/problems.rs", admin::problems::ALL),
    ("src/features/cart/problems.rs", cart::problems::ALL),
    ("src/features/catalog/problems.rs", catalog::problems::ALL),
    ("src/features/inventory/problems.rs", inventory::problems::ALL),
    ("src/features/media/problems.rs", media::problems::ALL),
    ("src/features/messages/problems.rs", messages::problems::ALL),
    ("src/features/orders/problems.rs", orders::problems::ALL),
    ("src/features/payments/refund_problems.rs", payments::refund_problems::ALL),
    ("src/features/payments/problems.rs", payments::problems::ALL),
    ("src/features/restored/problems.rs", restored::problems::ALL),
    ("src/features/settings/problems.rs", settings::problems::ALL),
    ("src/features/setup/problems.rs", setup::problems::ALL),
];

/// What the machine says where no route is involved.
pub const OF_THE_MACHINE: &[&ProblemKind] =
    &[&kinds::NOT_FOUND, &kinds::METHOD_NOT_ALLOWED, &kinds::URI_TOO_LONG, &kinds::HEADERS_TOO_LARGE];

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/api/v1/docs", docs, "Search and try the API")
            .describe("A page that reads `/api/v1/openapi.json`; it loads nothing from elsewhere.")
            .query::<PageQuery>()
            .answers_page("The page"),
        Route::get("/api/v1/docs/errors", errors, "Read what every error code means")
            .describe("Each code that a refusal may carry, what it means and what to do. `type` of every problem points here.")
            .query::<PageQuery>()
            .answers_page("The page"),
    ]
}

async fn docs(context: Context, _: Query<PageQuery>) -> Answer {
    assets::page(&context, "docs")
}

async fn errors(context: Context, _: Query<PageQuery>) -> Answer {
    static PAGES: [std::sync::OnceLock<Bytes>; 2] = [std::sync::OnceLock::new(), std::sync::OnceLock::new()];
    let locale = asked_language(&context).unwrap_or(context.locale);
    let page = match locale {
        Locale::En => &PAGES[0],
        Locale::Ar => &PAGES[1],
    };
    Ok(assets::html(locale, page.get_or_init(|| Bytes::from(error_page(locale))).clone()))
}

/// The words of the page around what the code says.
struct Words {
    title: &'static str,
    lead: &'static str,
    other: &'static str,
    facts: &'static str,
    routes: &'static str,
    everywhere: &'static str,
    fields: &'static str,
    fields_lead: &'static str,
    code: &'static str,
    meaning: &'static str,
    back: &'static str,
}

const EN: Words = Words {
    title: "Error codes",
    lead: "Every refusal is application/problem+json. Branch on code: it never changes. title and detail are for people.",
    other: "العربية",
    facts: "Beside it",
    routes: "From",
    everywhere: "any address",
    fields: "Faults of fields",
    fields_lead: "A 422 lists every fault in errors: field is the path, code one of these.",
    code: "code",
    meaning: "meaning",
    back: "The API",
};

const AR: Words = Words {
    title: "رموز الأخطاء",
    lead: "كل رفض يأتي بصيغة application/problem+json. ابنِ برنامجك على code فهو لا يتغيّر، أما title وdetail فللقراءة.",
    other: "English",
    facts: "معه",
    routes: "من",
    everywhere: "كل العناوين",
    fields: "أخطاء الحقول",
    fields_lead: "تسرد استجابة 422 كل الأخطاء في errors: المسار في field، والرمز في code أحد هذه.",
    code: "الرمز",
    meaning: "المعنى",
    back: "واجهة البرمجة",
};

/// The page of codes; everything on it but these words comes from the code.
#[must_use]
pub fn error_page(locale: Locale) -> String {
    let words = if locale == Locale::Ar { &AR } else { &EN };
    let (language, direction) = if locale == Locale::Ar { ("ar", "rtl") } else { ("en", "ltr") };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} · EL-Bayader</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/assets/base.css\">\n<link rel=\"stylesheet\" href=\"/assets/docs.css\">\n</head>\n<body>\n\
         <main class=\"page wide\">\n<div class=\"bar\"><a href=\"/api/v1/docs?lang={language}\">{back}</a>\
         <a href=\"?lang={other}\" lang=\"{other}\">{other_name}</a></div>\n<h1>{title}</h1>\n<p>{lead}</p>\n",
        title = words.title,
        back = words.back,
        other = locale.other().code(),
        other_name = words.other,
        lead = prose(words.lead, locale),
    );
    let mut all: Vec<&ProblemKind> = PROBLEMS.iter().flat_map(|(_, kinds)| *kinds).copied().collect();
    all.sort_by_key(|kind| (kind.status, kind.code));
    let from = refusing_routes();
    for kind in all {
        problem_section(&mut page, kind, locale, words, &from);
    }
    let _ = write!(
        page,
        "<h2 id=\"fields\">{}</h2>\n<p>{}</p>\n<table>\n<thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\n<tbody>\n",
        words.fields,
        prose(words.fields_lead, locale),
        words.code,
        words.meaning
    );
    for (code, en, ar) in FIELD_FAULTS {
        let meaning = if locale == Locale::Ar { ar } else { en };
        let _ = writeln!(page, "<tr id=\"field-{code}\"><td><code>{code}</code></td><td>{}</td></tr>", prose(meaning, locale));
    }
    page.push_str("</tbody>\n</table>\n</main>\n</body>\n</html>\n");
    page
}

fn problem_section(
    page: &mut String,
    kind: &ProblemKind,
    locale: Locale,
    words: &Words,
    from: &[(&'static ProblemKind, Vec<String>)],
) {
    let _ = write!(
        page,
        "<section class=\"code\" id=\"{code}\">\n<h2><a href=\"#{code}\"><code>{code}</code></a> <span class=\"status\">{status}</span></h2>\n\
         <p class=\"titles\"><b lang=\"en\" dir=\"ltr\">{en}</b> · <b lang=\"ar\" dir=\"rtl\">{ar}</b></p>\n<p>{told}</p>\n",
        code = kind.code,
        status = kind.status,
        en = escape(kind.title_en),
        ar = escape(kind.title_ar),
        told = prose(kind.told(locale), locale),
    );
    if !kind.facts.is_empty() {
        let facts: Vec<String> = kind.facts.iter().map(|fact| format!("<code>{fact}</code>")).collect();
        let _ = writeln!(page, "<p class=\"meta\">{}: {}</p>", words.facts, facts.join(" "));
    }
    let routes = from.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, routes)| routes);
    // What nearly every route may say says nothing of a route.
    if (1..=12).contains(&routes.len()) {
        let routes: Vec<String> = routes.iter().map(|route| format!("<code>{}</code>", escape(route))).collect();
        let _ = writeln!(page, "<p class=\"meta\">{}: {}</p>", words.routes, routes.join(" "));
    } else {
        let _ = writeln!(page, "<p class=\"meta\">{}: {}</p>", words.routes, words.everywhere);
    }
    page.push_str("</section>\n");
}

/// For each kind the routes that may refuse with it.
fn refusing_routes() -> Vec<(&'static ProblemKind, Vec<String>)> {
    routes::with_operations(|operations| {
        let mut from: Vec<(&'static ProblemKind, Vec<String>)> = Vec::new();
        for operation in operations {
            for kind in refusals(operation).into_values().flatten() {
                let route = format!("{} {}", operation.method, operation.path);
                match from.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, routes)) => routes.push(route),
                    None => from.push((kind, vec![route])),
                }
            }
        }
        from
    })
}

/// Words among Arabic ones that read from left to right, as paths and fields, stay whole and in their direction.
fn prose(text: &str, locale: Locale) -> String {
    if locale == Locale::En {
        return escape(text);
    }
    let mut shown = String::new();
    let mut run: Vec<&str> = Vec::new();
    let close = |run: &mut Vec<&str>, shown: &mut String| {
        let joined = run.join(" ");
        let whole = joined.trim_end_matches(['.', ',', ':', ';']);
        if !whole.is_empty() {
            let _ = write!(shown, "<bdi dir=\"ltr\">{}</bdi>{} ", escape(whole), &joined[whole.len()..]);
        }
        run.clear();
    };
    for word in text.split(' ') {
        if word.is_ascii() && word.contains(|c: char| c.is_ascii_alphabetic() || c == '/') {
            run.push(word);
        } else {
            close(&mut run, &mut shown);
            shown.push_str(&escape(word));
            shown.push(' ');
        }
    }
    close(&mut run, &mut shown);
    shown.trim_end().to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_in_both_languages_and_comes_from_somewhere() {
        let from = refusing_routes();
        for kind in PROBLEMS.iter().flat_map(|(_, kinds)| *kinds) {
            assert!(!kind.told_en.is_empty() && !kind.told_ar.is_empty(), "{}: say what it means and what to do", kind.code);
            let comes = from.iter().any(|(known, _)| known == kind) || OF_THE_MACHINE.contains(kind);
            assert!(comes, "{}: no route refuses with it", kind.code);
            for locale in Locale::ALL {
                assert!(error_page(locale).contains(&format!("id=\"{}\"", kind.code)), "{}", kind.code);
            }
        }
    }

    #[test]
    fn no_code_means_two_things() {
        let mut codes: Vec<&str> = PROBLEMS.iter().flat_map(|(_, kinds)| *kinds).map(|kind| kind.code).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
        let mut faults: Vec<&str> = FIELD_FAULTS.iter().map(|(code, ..)| *code).collect();
        assert!(faults.is_sorted());
        faults.dedup();
        assert_eq!(faults.len(), FIELD_FAULTS.len());
    }

    /// Every file of the source with its code before the tests, in one line.
    fn sources() -> Vec<(String, String)> {
        let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let (mut found, mut folders) = (Vec::new(), vec![root.join("src")]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let text = std::fs::read_to_string(&entry).expect("a file");
                    let code: Vec<&str> = text.split("#[cfg(test)]").next().unwrap_or("").split_whitespace().collect();
                    found.push((entry.strip_prefix(&root).expect("inside").to_string_lossy().into_owned(), code.join(" ")));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn no_list_of_kinds_is_forgotten() {
        let declares = |code: &str| {
            code.starts_with("problem_kinds! {")
                || code.contains("; problem_kinds! {")
                || code.contains("crate::problem_kinds! {")
                || code.contains("{ problem_kinds! {")
        };
        let declared: Vec<String> = sources().into_iter().filter(|(_, code)| declares(code)).map(|(file, _)| file).collect();
        let mut listed: Vec<&str> = PROBLEMS.iter().map(|(file, _)| *file).collect();
        listed.sort_unstable();
        assert_eq!(declared, listed);
    }

    /// A code is the first small word that stands alone between commas, as in `fields.fault("note", "required", ..)`.
    #[test]
    fn every_fault_that_a_field_can_have_is_in_the_table() {
        let (mut seen, mut missing) = (0, Vec::new());
        for (file, code) in sources() {
            for start in ["faults.add(", "fields.fault(", "Problem::field(", " fault("] {
                for (at, _) in code.match_indices(start) {
                    let call = code[at + start.len()..].split(';').next().unwrap_or("");
                    let mut pieces = call.split('"');
                    let mut before = pieces.next().unwrap_or("");
                    while let (Some(word), Some(after)) = (pieces.next(), pieces.next()) {
                        let alone = after.starts_with(',')
                            && (before.ends_with(", ") || start == " fault(" && before.trim().is_empty());
                        if alone && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                            seen += 1;
                            if !FIELD_FAULTS.iter().any(|(known, ..)| *known == word) {
                                missing.push(format!("{file}: {word}"));
                            }
                            break;
                        }
                        before = after;
                    }
                }
            }
        }
        assert!(missing.is_empty(), "say in http/field_faults.rs what these mean:\n{}", missing.join("\n"));
        assert!(seen > 60, "only {seen} faults were found");
    }
}
