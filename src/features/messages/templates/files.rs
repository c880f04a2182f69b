//! Which templates there are, and where they lie.

use std::fs;
use std::io;
use std::path::Path;

use rust_embed::RustEmbed;

use super::values;
use crate::features::messages::{Channel, Kind};
use crate::kernel::Locale;

#[derive(RustEmbed)]
#[folder = "assets/messages"]
struct Embedded;

/// The largest template: the longest of ours has a tenth of it.
const MAX_BYTES: u64 = 256 << 10;

/// Says how an order's money stands; what it says is a value of the others.
pub(super) const PAYING: &str = "order_paying.txt";

/// Of an e-mail the subject, on its first line, and the text; or a short message.
pub(super) fn text_name(kind: Kind, locale: Locale, channel: Channel) -> String {
    let end = match channel {
        Channel::Email => "txt",
        Channel::Sms => "sms.txt",
    };
    format!("{}.{}.{end}", kind.code(), locale.code())
}

pub(super) fn html_name(kind: Kind, locale: Locale) -> String {
    format!("{}.{}.html", kind.code(), locale.code())
}

/// One of ours.
pub(super) fn ours(name: &str) -> Option<String> {
    String::from_utf8(Embedded::get(name)?.data.into_owned()).ok()
}

/// The names of all of ours.
#[cfg(test)]
pub(super) fn names() -> std::collections::BTreeSet<String> {
    Embedded::iter().map(std::borrow::Cow::into_owned).collect()
}

/// Whether a file says messages of this kind: its own, and those that several kinds share.
pub(super) fn belongs_to(name: &str, kind: Kind) -> bool {
    let stem = name.split('.').next().unwrap_or("");
    Kind::from_code(stem).map_or(!stem.starts_with("order") || values::is_of_order(kind), |own| own == kind)
}

/// The templates of a folder, by name. What is hidden, and what editors leave behind (`~`), are not looked at; a folder that is not
/// there has none.
pub(super) fn of_folder(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("the folder cannot be read ({error}). Look at its rights")),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("the folder cannot be read ({error}). Look at its rights"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if Embedded::get(&name).is_none() {
            return Err(unknown(&name));
        }
        files.push((read(&entry.path(), &name)?, name));
    }
    files.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(files.into_iter().map(|(text, name)| (name, text)).collect())
}

fn read(path: &Path, name: &str) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("{name} cannot be read ({error}). Look at its rights, or take it away");
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_BYTES {
        return Err(format!("{name} has {size} bytes; a template has at most {MAX_BYTES}. Make it shorter, or take it away"));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8. Save it as UTF-8, or take it away"))
}

fn unknown(name: &str) -> String {
    let near = Embedded::iter().min_by_key(|known| strsim::osa_distance(known, name));
    let near = near.filter(|known| strsim::osa_distance(known, name) <= 4);
    let hint = near.map_or_else(String::new, |known| format!(" Is it meant to be {known}?"));
    format!("{name} is not the name of a template.{hint} Give it a template's name, or take it out of the folder")
}
