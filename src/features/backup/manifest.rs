//! What a backup says of itself: its first entry, `manifest.json`.
//!
//! What always holds: every other entry is named here with its size and hash, in the order in which it follows; a place that is not
//! one of a shop's own cannot be named.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::kernel::UtcMs;

/// The name of the first entry.
pub const NAME: &str = "manifest.json";
/// The form of archives that this program writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// A line a picture's file is some 150 bytes; so this has room for 400,000 of them, and no more memory is ever taken.
pub const MOST_BYTES: u64 = 64 << 20;
/// The longest path of an entry: what an old tar header holds.
const LONGEST_PATH: usize = 200;
/// The longest step of one: such a header parts a path at a `/` only, and one longer could not be packed.
const LONGEST_STEP: usize = 100;

/// A backup's description of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The version of its database.
    pub schema: i64,
    /// The moment that its books show.
    #[serde(with = "moment")]
    pub made_at: UtcMs,
    pub shop: ShopFacts,
    /// Every entry behind this one, in order.
    pub entries: Vec<Entry>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, i64>,
    /// The newest link of the chain of what staff did; none where nothing was written yet.
    pub audit: Option<AuditHead>,
    /// The newest order of the newest day that has one.
    pub last_order: Option<LastOrder>,
    /// What was not as it should be when it was made, as a picture's file that was missing already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Whose backup it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShopFacts {
    pub name: String,
    pub time_zone: String,
    pub currency: String,
}

/// A file in a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub path: String,
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// The audit log's newest row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditHead {
    pub rows: i64,
    pub hash: String,
}

/// The number of the newest order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastOrder {
    /// `YYYY-MM-DD`, the shop's day.
    pub day: String,
    /// The day's counter.
    pub number: i64,
}

/// What an entry is, by its path. Nothing else is ever packed or unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// `bayader.db`
    Database,
    /// `bayader.toml`
    Configuration,
    /// `erased.log`
    Erased,
    /// Below `keys/`.
    Key,
    /// Below `media/`.
    Picture,
    /// Below `templates/`.
    Template,
}

impl Place {
    /// Reads a path; `None` if no file of a shop lies there.
    #[must_use]
    pub fn of(path: &str) -> Option<Place> {
        if path.len() > LONGEST_PATH || !path.split('/').all(is_plain) {
            return None;
        }
        match path.split_once('/') {
            None => match path {
                "bayader.db" => Some(Place::Database),
                "bayader.toml" => Some(Place::Configuration),
                "erased.log" => Some(Place::Erased),
                _ => None,
            },
            Some(("keys", _)) => Some(Place::Key),
            Some(("media", _)) => Some(Place::Picture),
            Some(("templates", _)) => Some(Place::Template),
            Some(_) => None,
        }
    }
}

/// One step of a path: no way up, nothing hidden, nothing that a terminal or a shell reads otherwise.
fn is_plain(step: &str) -> bool {
    let first = step.bytes().next();
    step.len() <= LONGEST_STEP
        && first.is_some_and(|byte| byte != b'.' && byte != b'-')
        && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+' | b'@' | b'*'))
}

impl Manifest {
    /// The bytes of all entries; `None` if no disk has so many.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.entries.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.bytes))
    }

    /// How many orders it has.
    #[must_use]
    pub fn orders(&self) -> i64 {
        self.rows.get("orders").copied().unwrap_or(0)
    }

    /// Why nothing may be unpacked by it.
    ///
    /// # Errors
    /// What it says that cannot be.
    pub fn check(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for entry in &self.entries {
            if Place::of(&entry.path).is_none() {
                return Err(format!("it names {:?}, which is no place of a shop's file", shortened(&entry.path)));
            }
            if !seen.insert(&entry.path) {
                return Err(format!("it names {} twice", entry.path));
            }
            if entry.sha256.len() != 64 || !entry.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(format!("the hash of {} is none", entry.path));
            }
        }
        // A file and a folder of one name cannot both be.
        if let Some(entry) = self
            .entries
            .iter()
            .find(|entry| entry.path.match_indices('/').any(|(at, _)| seen.contains(&entry.path[..at].to_owned())))
        {
            return Err(format!("{} lies below what is a file", entry.path));
        }
        if !self.entries.first().is_some_and(|entry| Place::of(&entry.path) == Some(Place::Database)) {
            return Err("it has no database".to_owned());
        }
        if self.bytes().is_none() {
            return Err("it says that it is larger than any disk".to_owned());
        }
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// A moment as RFC 3339.
mod moment {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::kernel::UtcMs;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `with` passes a reference")]
    pub fn serialize<S: Serializer>(at: &UtcMs, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UtcMs, D::Error> {
        let text = String::deserialize(from)?;
        UtcMs::parse(&text).ok_or_else(|| de::Error::custom("no moment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_a_shop_can_be_named() {
        let hash = "a".repeat(64);
        for (path, place) in [
            ("bayader.db", Place::Database),
            ("bayader.toml", Place::Configuration),
            ("erased.log", Place::Erased),
            ("keys/access.key", Place::Key),
            ("keys/acme/shop.example.com.pem", Place::Key),
            (&format!("media/aa/{hash}-original.png"), Place::Picture),
            ("templates/en/order_placed.html", Place::Template),
        ] {
            assert_eq!(Place::of(path), Some(place), "{path}");
        }
        for path in [
            "",
            "/",
            ".",
            "..",
            "/bayader.db",
            "./bayader.db",
            "bayader.db/",
            "keys",
            "keys/",
            "keys//a",
            "keys/../bayader.db",
            "keys/./a",
            "../keys/a",
            "/etc/passwd",
            "bayader.db-wal",
            "bayader.lock",
            "control.sock",
            "backups/a",
            "outbox/a",
            "manifest.json",
            "keys/a\0b",
            "keys/a b",
            "keys/a\\b",
            "keys/a\nb",
            "keys/.hidden",
            "keys/-rf",
            "keys/ا",
            "KEYS/a",
            "media/\u{202e}a",
        ] {
            assert_eq!(Place::of(path), None, "{path:?}");
        }
        assert_eq!(Place::of(&format!("media/{}", "a".repeat(300))), None);
    }

    #[test]
    fn what_may_be_named_fits_into_a_header() {
        for length in 1..=LONGEST_PATH {
            for path in [format!("templates/{}", "a".repeat(length)), format!("keys/acme/{}", "a".repeat(length))] {
                let fits = tar::Header::new_ustar().set_path(&path).is_ok();
                assert!(fits || Place::of(&path).is_none(), "{} bytes", path.len());
            }
        }
        assert_eq!(Place::of(&format!("templates/{}", "a".repeat(LONGEST_STEP))), Some(Place::Template));
    }

    fn manifest(entries: &[(&str, u64)]) -> Manifest {
        let entry = |(path, bytes): &(&str, u64)| Entry { path: (*path).to_owned(), bytes: *bytes, sha256: "0".repeat(64) };
        Manifest {
            format: FORMAT,
            program: "0.1.0".to_owned(),
            schema: 1,
            made_at: UtcMs::from_ms(0),
            shop: ShopFacts { name: "Shop".to_owned(), time_zone: "Asia/Amman".to_owned(), currency: "JOD".to_owned() },
            entries: entries.iter().map(entry).collect(),
            rows: BTreeMap::new(),
            audit: None,
            last_order: None,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_manifest_that_cannot_be_true_is_refused() {
        assert_eq!(manifest(&[("bayader.db", 1), ("keys/a", 2)]).check(), Ok(()));
        for entries in [
            &[][..],
            &[("keys/a", 1)],
            &[("keys/a", 1), ("bayader.db", 1)],
            &[("bayader.db", 1), ("bayader.db", 1)],
            &[("bayader.db", 1), ("../x", 1)],
            &[("bayader.db", 1), ("keys/a", 1), ("keys/a/b", 1)],
            &[("bayader.db", u64::MAX), ("keys/a", 1)],
        ] {
            assert!(manifest(entries).check().is_err(), "{entries:?}");
        }
        let mut hash = manifest(&[("bayader.db", 1)]);
        hash.entries[0].sha256 = "G".repeat(64);
        assert!(hash.check().is_err());
    }

    #[test]
    fn a_manifest_reads_back_as_it_was_written() {
        let written = manifest(&[("bayader.db", 1)]);
        let text = serde_json::to_string(&written).expect("JSON");
        assert!(text.contains("\"madeAt\":\"1970-01-01T00:00:00.000Z\""), "{text}");
        assert_eq!(serde_json::from_str::<Manifest>(&text).expect("a manifest"), written);
    }
}
