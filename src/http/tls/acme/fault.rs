//! What goes wrong between a shop and an authority: what the keeper is told, and how long is waited.

use std::io;

use super::Asked;
use crate::kernel::time::span::{DAY_MS, HOUR_MS, MINUTE_MS};

/// Why there is no new certificate.
#[derive(Debug)]
pub(super) enum OrderFault {
    /// The authority cannot be reached, or does not answer as one.
    Silent(String),
    /// It said no; `kind` is the last part of RFC 8555's `urn:ietf:params:acme:error:…`.
    Refused {
        kind: String,
        words: String,
        /// So many seconds it wants not to be asked.
        wish_s: Option<u64>,
    },
    /// The certificate or the account could not be kept.
    Disk(io::Error),
}

/// How long is waited after the first failure, and at most: it doubles. Half of it is chance.
struct Wait {
    first_ms: i64,
    longest_ms: i64,
}

/// A line or a server that is down comes back soon.
const AFTER_SILENCE: Wait = Wait { first_ms: MINUTE_MS, longest_ms: HOUR_MS };
/// A name that does not lead here, and the like. Let's Encrypt takes five failures an hour for a name, and one more each 12 minutes.
const AFTER_REFUSAL: Wait = Wait { first_ms: 15 * MINUTE_MS, longest_ms: 12 * HOUR_MS };
/// Too many orders: most of Let's Encrypt's limits fill up over hours or days.
const AFTER_TOO_MANY: Wait = Wait { first_ms: 3 * HOUR_MS, longest_ms: DAY_MS };
/// A wish is honoured up to this.
const LONGEST_WISH_MS: i64 = 7 * DAY_MS;

impl OrderFault {
    /// With the wish that the authority's answer bore.
    pub fn wishing(self, seconds: Option<u64>) -> OrderFault {
        match self {
            OrderFault::Refused { kind, words, wish_s: None } => OrderFault::Refused { kind, words, wish_s: seconds },
            other => other,
        }
    }

    /// How long is waited after so many failures in a row.
    pub fn wait_ms(&self, failures: u32) -> i64 {
        let (wait, wish_s) = match self {
            OrderFault::Silent(_) | OrderFault::Disk(_) => (AFTER_SILENCE, None),
            OrderFault::Refused { kind, wish_s, .. } => {
                (if kind == "rateLimited" { AFTER_TOO_MANY } else { AFTER_REFUSAL }, *wish_s)
            }
        };
        let full = wait.first_ms.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(wait.longest_ms);
        let [chance, ..] = crate::security::random::quick();
        // Never sooner than the first wait, which is made of the authority's limits.
        let ours = (full / 2 + full / 2 * i64::from(chance) / 255).max(wait.first_ms);
        let wish = wish_s.and_then(|seconds| i64::try_from(seconds).ok()).map_or(0, |seconds| seconds.saturating_mul(1_000));
        ours.max(wish.min(LONGEST_WISH_MS))
    }

    /// How long a process that starts anew keeps from asking the same, if this was a no: only the first wait, for who mends what was
    /// wrong often starts the shop again.
    pub fn wait_after_refusal_ms(&self) -> Option<i64> {
        matches!(self, OrderFault::Refused { .. }).then(|| self.wait_ms(1))
    }

    /// What the keeper reads.
    pub fn words(&self, asked: &Asked) -> String {
        let (names, directory) = (asked.domains.join(", "), &asked.directory_url);
        match self {
            OrderFault::Silent(why) => format!(
                "no certificate could be got, for {directory} does not answer as a certificate authority: {why}. Look at this \
                 machine's connection and clock, and at `tls.directory_url` and `tls.ca_file`; it is tried again by itself"
            ),
            OrderFault::Disk(why) => format!(
                "a certificate cannot be kept in keys/acme of the data folder: {why}. Look at the disk and the folder's \
                 rights; it is tried again by itself"
            ),
            OrderFault::Refused { kind, words, .. } => {
                let advice = match kind.as_str() {
                    "connection" | "unauthorized" | "tls" | "dns" | "incorrectResponse" => {
                        "Let the name lead to this machine, and port 443 of the router to its door of HTTPS (`tls.listen`)"
                    }
                    "rateLimited" => "It wants to be asked later",
                    "caa" => "Let the name's CAA record allow this authority",
                    "rejectedIdentifier" | "malformed" | "unsupportedIdentifier" => "Look at `tls.domains`",
                    "invalidContact" | "unsupportedContact" => "Look at `tls.email`",
                    "externalAccountRequired" => {
                        "This authority takes only known accounts; choose another with `tls.directory_url`"
                    }
                    _ => "Look at `[tls]` of the configuration",
                };
                format!("{directory} gave no certificate for {names}: {words}. {advice}; it is tried again by itself")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: &str) -> OrderFault {
        OrderFault::Refused { kind: kind.to_owned(), words: String::new(), wish_s: None }
    }

    #[test]
    fn the_wait_grows_to_its_end_and_never_breaks_the_authoritys_limits() {
        for failures in 1..=40 {
            let silent = OrderFault::Silent(String::new()).wait_ms(failures);
            assert!((MINUTE_MS..=HOUR_MS).contains(&silent), "{failures}: {silent}");
            let no = refused("connection").wait_ms(failures);
            assert!((15 * MINUTE_MS..=12 * HOUR_MS).contains(&no), "{failures}: {no}");
            let many = refused("rateLimited").wait_ms(failures);
            assert!((3 * HOUR_MS..=DAY_MS).contains(&many), "{failures}: {many}");
        }
        assert!(OrderFault::Silent(String::new()).wait_ms(20) >= HOUR_MS / 2);
    }

    #[test]
    fn a_wish_is_honoured_within_reason() {
        assert_eq!(refused("rateLimited").wishing(Some(2 * 86_400)).wait_ms(1), 2 * DAY_MS);
        assert_eq!(refused("rateLimited").wishing(Some(u64::MAX / 4_000)).wait_ms(1), 7 * DAY_MS);
        assert!(refused("rateLimited").wishing(Some(1)).wait_ms(1) >= 3 * HOUR_MS, "a shorter one changes nothing");
    }
}
