//! The pages for programmers: the API to search and try, and every code that a refusal may carry.

use std::fmt::Write;

use bytes::Bytes;

use super::routes;
use crate::features::{AppState, accounts, catalog, inventory, orders};
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
    ("src/features/catalog/problems.rs", catalog::problems::ALL),
    ("src/features/inventory/problems.rs", inventory::problems::ALL),
    ("src/features/orders/problems.rs", orders::problems::ALL),
];

/// What the machine says where no route is involved.
pub const OF_THE_MACHINE: &[&ProblemKind] = &[&kinds::NOT_FOUND, &kinds::METHOD_NOT_ALLOWED];

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
         <link rel=\"stylesheet\" href=\"/assets/base.css\">\n<link rel=\"stylesheet\" href=\"/assets/docs.css\">\n</head>\n<body>\n\
         <main class=\"page wide\">\n<div class=\"bar\"><a href=\"/api/v1/docs?lang={language}\">{back}</a>\
         <a href=\"?lang={other}\" lang=\"{other}\">{other_name}</a></div>\n<h1>{title}</h1>\n<p>{lead}</p>\n",
        title = words.title,
        back = words.back,
        other = locale.other().code(),
        other_name = words.other,
        lead = words.lead,
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
        words.fields, words.fields_lead, words.code, words.meaning
    );
    for (code, en, ar) in FIELD_FAULTS {
        let meaning = if locale == Locale::Ar { ar } else { en };
        let _ = writeln!(page, "<tr id=\"field-{code}\"><td><code>{code}</code></td><td>{}</td></tr>", escape(meaning));
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
        told = escape(kind.told(locale)),
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

    #[test]
    fn no_list_of_kinds_is_forgotten() {
        let mut declared = Vec::new();
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if std::fs::read_to_string(&entry).expect("a file").lines().any(|line| {
                    let line = line.trim_start().trim_start_matches("crate::");
                    line.starts_with("problem_kinds! {")
                }) {
                    let path = entry.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside");
                    declared.push(path.to_string_lossy().into_owned());
                }
            }
        }
        declared.sort();
        let mut listed: Vec<&str> = PROBLEMS.iter().map(|(file, _)| *file).collect();
        listed.sort_unstable();
        assert_eq!(declared, listed);
    }
}
