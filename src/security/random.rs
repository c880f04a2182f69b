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

/// Random bytes for what is no secret (request ids), from the thread's own generator: no call of the system for each request.
#[must_use]
pub fn quick() -> [u8; 16] {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let mut rng = rand::rng();
    let mut bytes = [0; 16];
    rand::Rng::fill_bytes(&mut rng, &mut bytes);
    bytes
}
