//! Randomness from the system's generator, for tokens, keys and seeds.

use rand::TryRng;
use rand::rngs::SysRng;

/// Fills with bytes from the operating system.
///
/// # Panics
/// If the operating system has no randomness: nothing secret could be made then, and nothing must be pretended.
pub fn fill(bytes: &mut [u8]) {
    SysRng.try_fill_bytes(bytes).expect("the operating system gives randomness");
}

/// So many random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// Letters and digits that nobody confuses when reading them aloud: no i, l, o, 0, 1.
const READABLE: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// So many of them, each as likely as the others.
#[must_use]
pub fn readable_letters(count: usize) -> String {
    // Bytes past the last whole multiple of 31 are thrown away: the rest would make the first letters likelier.
    let fair = u8::MAX - u8::MAX % 31;
    std::iter::from_fn(|| Some(bytes::<32>()))
        .flatten()
        .filter(|byte| *byte < fair)
        .filter_map(|byte| READABLE.get(usize::from(byte % 31)).map(|letter| char::from(*letter)))
        .take(count)
        .collect()
}

/// A password to be typed by a person: four groups of five, 99 bits.
#[must_use]
pub fn readable_password() -> String {
    (0..4).map(|_| readable_letters(5)).collect::<Vec<_>>().join("-")
}

/// Random bytes for what is no secret (request ids), from the thread's own generator: no call of the system for each request.
#[must_use]
pub fn quick() -> [u8; 16] {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let mut rng = rand::rng();
    let mut bytes = [0; 16];
    rand::Rng::fill_bytes(&mut rng, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readable_password_has_four_groups_of_letters_that_nobody_confuses() {
        let password = readable_password();
        assert_eq!(password.len(), 23, "{password}");
        assert!(password.split('-').all(|group| group.len() == 5), "{password}");
        assert!(password.bytes().all(|byte| byte == b'-' || READABLE.contains(&byte)), "{password}");
        assert_ne!(password, readable_password());
    }
}
