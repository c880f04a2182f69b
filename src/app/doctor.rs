//! The shop's health as one traffic light, in plain words for somebody who is no programmer.
//!
//! Red: money, orders or the shop itself are in danger, or something was given up that nobody will do by itself. Yellow: it will be
//! red if nobody looks, or somebody's word is waited for. Each finding says what, since when if that is known, and what to do. It
//! only reads, beside a running server as well as without one. A new check is a line in [`CHECKS`] or in [`BOOKS`].

mod machine;
mod shop;

use std::path::Path;

use serde::Serialize;

use super::control::Running;
use crate::config::Config;
use crate::db::{self, Reader};
use crate::features::{audit, cart, catalog, messages, money, orders, payments};
use crate::jobs;
use crate::kernel::{Result, UtcMs};
use crate::ops::litestream::Reading;

/// How a shop does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    Green,
    Yellow,
    Red,
}

impl Light {
    /// What it means, in a few words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Light::Green => "All is well",
            Light::Yellow => "Look at this today",
            Light::Red => "Act now",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub light: Light,
    /// A word for the part of the shop.
    pub about: &'static str,
    pub what: String,
    pub since: Option<UtcMs>,
    /// What to do; empty where `what` says it already.
    pub mend: String,
}

impl Finding {
    fn new(light: Light, about: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding { light, about, what: what.into(), since: None, mend: mend.into() }
    }

    fn since(self, since: UtcMs) -> Finding {
        Finding { since: Some(since), ..self }
    }

    /// In one line.
    #[must_use]
    pub fn told(&self) -> String {
        let since = self.since.map(|since| format!(", since {since}")).unwrap_or_default();
        let mend = if self.mend.is_empty() { String::new() } else { format!(". {}", self.mend) };
        format!("{}{since}{mend}", self.what)
    }
}

/// Who answers for the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Server {
    /// Nobody.
    Absent,
    Running(Running),
    /// Somebody who does not answer as a server of this version does, and what it said.
    Unclear(String),
}

/// What is looked at beside the books.
pub struct Patient<'a> {
    /// The data folder.
    pub folder: &'a Path,
    /// The keeper's configuration, or what is wrong with it.
    pub config: std::result::Result<&'a Config, Vec<String>>,
    pub server: Server,
    /// How far Litestream's replica is, or why that is not known; `None` where this shop has none.
    pub replica: Option<std::result::Result<Reading, String>>,
    pub now: UtcMs,
}

/// Looks at one thing.
type Check = fn(&Patient<'_>, &Reader<'_>) -> Result<Vec<Finding>>;

/// Everything that is looked at beside the books themselves, with the word for it.
const CHECKS: &[(&str, Check)] = &[
    ("server", shop::server),
    ("disk", machine::disk),
    ("memory", machine::memory),
    ("clock", machine::clock),
    ("folder", machine::rights),
    ("database", machine::database),
    ("configuration", shop::configuration),
    ("certificate", shop::certificate),
    ("backups", shop::backups),
    ("restored", shop::restored),
    ("replica", machine::replica),
    ("jobs", shop::late_jobs),
    ("messages", shop::messages),
    ("payments", shop::payments),
    ("pictures", shop::pictures),
    ("program", machine::program),
];

/// Looks for what does not hold in the books.
type BooksCheck = fn(&Reader<'_>) -> Result<Vec<String>>;

/// What is to be done about books that do not hold.
const KEEP_A_COPY: &str =
    "Keep a copy of the folder before anything is changed; docs/recovery.md says how to go back to a backup";

/// Every check of the books, with the word for it and what to do where its lines do not say it themselves.
const BOOKS: &[(&str, BooksCheck, &str)] = &[
    ("database", db::check_books, KEEP_A_COPY),
    ("orders", orders::check_books, KEEP_A_COPY),
    ("money", money::check_books, KEEP_A_COPY),
    ("jobs", jobs::check_books, ""),
    ("audit", audit::check_newest, KEEP_A_COPY),
    ("carts", cart::check_books, KEEP_A_COPY),
    ("search", catalog::check_search, ""),
    ("payments", payments::lost_money, ""),
    ("messages", messages::check_books, ""),
];

/// What does not hold in the books, by every check there is; empty if all is well.
///
/// # Errors
/// A fault if a check cannot run.
pub fn books(reader: &Reader<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (_, check, _) in BOOKS {
        found.extend(check(reader)?);
    }
    Ok(found)
}

/// Those of them that hold at every moment, also in a backup: what waits for somebody, or was given up, is no part of it.
const BALANCES: &[BooksCheck] = &[orders::check_books, money::check_books, cart::check_books, catalog::check_search];

/// Whether the books balance; empty if they do.
///
/// # Errors
/// A fault if a check cannot run.
pub fn balances(reader: &Reader<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for check in BALANCES {
        found.extend(check(reader)?);
    }
    Ok(found)
}

/// Looks at everything; the worst first. What cannot be looked at is a finding itself.
#[must_use]
pub fn examine(patient: &Patient<'_>, reader: &Reader<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let unseen = |about, error: crate::kernel::Error| {
        Finding::new(Light::Red, about, format!("this could not be looked at: {error}"), KEEP_A_COPY)
    };
    for (about, check, mend) in BOOKS {
        match check(reader) {
            Ok(lines) => found.extend(lines.into_iter().map(|line| Finding::new(Light::Red, about, line, *mend))),
            Err(error) => found.push(unseen(about, error)),
        }
    }
    for (about, check) in CHECKS {
        match check(patient, reader) {
            Ok(findings) => found.extend(findings),
            Err(error) => found.push(unseen(about, error)),
        }
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.light));
    found
}

/// The light of all of them.
#[must_use]
pub fn light_of(findings: &[Finding]) -> Light {
    findings.iter().map(|finding| finding.light).max().unwrap_or(Light::Green)
}

/// What is looked at, a word each.
#[must_use]
pub fn looked_at() -> Vec<&'static str> {
    let mut words: Vec<_> = BOOKS.iter().map(|(about, ..)| *about).chain(CHECKS.iter().map(|(about, _)| *about)).collect();
    words.sort_unstable();
    words.dedup();
    words
}
