//! Pages that are written for one reader: templates under `assets/templates`, filled on the server.
//!
//! Whatever is filled in is escaped for HTML; no template says otherwise, but for the frame around what another has written.

use std::sync::OnceLock;

use bytes::Bytes;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::kernel::{Fault, Locale};

#[derive(RustEmbed)]
#[folder = "assets/templates"]
struct Templates;

/// What stands around a page's own words.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Frame<'a> {
    pub title: &'a str,
    /// At the top: the shop's name, or the product's.
    pub name: &'a str,
    /// Where the page stands in the other language.
    pub other: &'a str,
    /// Where the browser goes by itself, at once.
    pub goes_to: Option<&'a str>,
}

fn templates() -> Result<&'static Environment<'static>, Fault> {
    static LOADED: OnceLock<Environment<'static>> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(Fault::new)?);
    for name in Templates::iter() {
        let file = Templates::get(&name).ok_or_else(|| Fault::because(format!("there is no template {name}")))?;
        let text = String::from_utf8(file.data.into_owned()).map_err(Fault::new)?;
        environment.add_template_owned(name.into_owned(), text).map_err(Fault::new)?;
    }
    Ok(LOADED.get_or_init(|| environment))
}

/// `assets/templates/<name>.html`, filled with a page's words and values, in its frame.
///
/// # Errors
/// A fault if there is no such template, or it names what is not there.
pub fn fill(name: &str, locale: Locale, frame: &Frame<'_>, page: &impl Serialize) -> Result<Bytes, Fault> {
    let templates = templates()?;
    let inside =
        templates.get_template(&format!("{name}.html")).map_err(Fault::new)?.render(Serde(page)).map_err(Fault::new)?;
    let (language, direction) = if locale == Locale::Ar { ("ar", "rtl") } else { ("en", "ltr") };
    let (other, other_name) = if locale == Locale::Ar { ("en", "English") } else { ("ar", "العربية") };
    let whole = templates.get_template("frame.html").map_err(Fault::new)?.render(context! {
        language, direction, other, other_name, frame => Value::from(Serde(frame)), inside,
    });
    whole.map(Bytes::from).map_err(Fault::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the policy of pages would refuse, and what would open a door.
    #[test]
    fn templates_keep_to_what_the_policy_allows_and_escape_everything() {
        for name in Templates::iter() {
            let text = String::from_utf8(Templates::get(&name).expect("it was listed").data.into_owned()).expect("UTF-8");
            for refused in ["style=\"", "<style", "onclick=", "onsubmit=", "<script", "https://", "http://", "autoescape"] {
                assert!(!text.contains(refused), "{name}: {refused}");
            }
            let unescaped = text.matches("|safe").count() + text.matches("| safe").count();
            assert_eq!(unescaped, usize::from(name == "frame.html"), "{name}");
        }
    }
}
