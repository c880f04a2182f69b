//! `ETag: "<version>.<hash of the answer>"` (SPEC 2): the whole for `If-None-Match`, what stands before the dot for `If-Match`.

use crate::kernel::problem::kinds;
use crate::kernel::{Problem, Result, Version};

/// The tag of an answer.
#[must_use]
pub fn tag(version: Version, body: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    let hash = digest.as_ref().iter().take(8).fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
    format!("\"{version}.{hash:016x}\"")
}

/// Whether `If-None-Match` names this tag (RFC 9110, 13.1.2: weak comparison, a list, or `*`).
#[must_use]
pub fn matches(if_none_match: &str, tag: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|candidate| candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == tag)
}

/// The version that an `If-Match` header names; `None` if there is no header, or it is `*`.
///
/// # Errors
/// 412 for a tag that is none of ours: it cannot be current.
pub fn if_match(header: Option<&str>) -> Result<Option<Version>> {
    let Some(text) = header.map(str::trim).filter(|text| *text != "*") else { return Ok(None) };
    let version = text.trim_matches('"').split('.').next().and_then(|version| version.parse().ok());
    version.map(Some).ok_or_else(|| {
        Problem::of(&kinds::STALE)
            .detail("If-Match must be an ETag as this shop gave it. Read the thing again, then repeat.")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_matches_itself_in_a_list_weak_or_by_star() {
        let tag = tag(3, b"body");
        assert!(tag.starts_with("\"3."));
        assert!(matches(&tag, &tag) && matches(&format!("\"x\", W/{tag}"), &tag) && matches("*", &tag));
        assert!(!matches("\"3.0\"", &tag));
        assert_eq!(if_match(Some(&tag)).ok().flatten(), Some(3));
        assert!(if_match(Some("*")).is_ok_and(|version| version.is_none()));
        assert!(if_match(Some("\"abc\"")).is_err());
    }
}
