//! How often a thing has changed, and which change its editor has seen.

use super::problem::{Problem, kinds};

/// Starts at 1 and grows by one with each change.
pub type Version = i64;

/// Which version the caller believes to change (SPEC 2: `If-Match`, or `version` in the body).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SeenVersion {
    /// From `If-Match`; a stale one is 412.
    pub if_match: Option<Version>,
    /// From the body; a stale one is 409.
    pub in_body: Option<Version>,
}

impl SeenVersion {
    /// Passes if nothing was said, or what was said is current.
    ///
    /// # Errors
    /// 412 `stale` or 409 `version_conflict`, each with `currentVersion`.
    pub fn check(self, current: Version) -> Result<(), Problem> {
        let refusal = if self.if_match.is_some_and(|seen| seen != current) {
            &kinds::STALE
        } else if self.in_body.is_some_and(|seen| seen != current) {
            &kinds::VERSION_CONFLICT
        } else {
            return Ok(());
        };
        Err(Problem::of(refusal)
            .detail(format!("The thing has changed since you read it: it is at version {current}. Read it again, then repeat."))
            .fact("currentVersion", current))
    }
}
