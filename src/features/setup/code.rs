//! The one-time code: who can read the server's own terminal, or run a command as the shop's user, may become its owner.
//!
//! It lies in the memory of the running server alone. Nothing writes it: no log, address, table or backup.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};

use super::problems;
use crate::clock::Clock;
use crate::kernel::Problem;
use crate::kernel::text::fold_digits;
use crate::security::random::readable_letters;

/// Long enough to walk from the terminal to a telephone and type, too short to be found on a photograph of last week.
pub const LASTS: Duration = Duration::from_secs(15 * 60);
/// Of 31^8 codes five guesses find one in 170 thousand million shops, and nobody who reads it off mistypes it five times.
pub const TRIES: u32 = 5;
/// Letters of a code.
const LETTERS: usize = 8;
/// Letters before the dash, which is there to be read and does not count.
const GROUP: usize = 4;

/// A code on its way to who asked for it. Debugging shows nothing of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Code(String);

impl Code {
    /// As it is read and typed: `K7QM-2XRD`.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(***)")
    }
}

/// How it stands with the code; no secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// None was made since the server began.
    None,
    /// It can be typed for so long, wrongly so many times.
    Waits { left: Duration, tries: u32 },
    /// Its time is over.
    Ended,
    /// It was typed wrongly too often.
    Spent,
}

impl Standing {
    /// The word for it on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Standing::None => "none",
            Standing::Waits { .. } => "waits",
            Standing::Ended => "ended",
            Standing::Spent => "spent",
        }
    }
}

/// The code of a running server, if there is one.
#[derive(Debug)]
pub struct OneTimeCode {
    clock: Clock,
    held: Mutex<Option<Held>>,
}

struct Held {
    letters: String,
    /// By the clock that is never set.
    ends: Duration,
    tries: u32,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("ends", &self.ends).field("tries", &self.tries).finish_non_exhaustive()
    }
}

impl OneTimeCode {
    #[must_use]
    pub fn new(clock: Clock) -> OneTimeCode {
        OneTimeCode { clock, held: Mutex::new(None) }
    }

    /// Makes a new code in place of the one there was, with all its tries and all its time.
    #[must_use]
    pub fn renew(&self) -> Code {
        let letters = readable_letters(LETTERS).to_ascii_uppercase();
        let shown = format!("{}-{}", &letters[..GROUP], &letters[GROUP..]);
        *self.held() = Some(Held { letters, ends: self.clock.elapsed() + LASTS, tries: TRIES });
        Code(shown)
    }

    /// Forgets the code: it has done its work.
    pub fn forget(&self) {
        *self.held() = None;
    }

    #[must_use]
    pub fn standing(&self) -> Standing {
        self.held().as_ref().map_or(Standing::None, |held| held.standing(self.clock.elapsed()))
    }

    /// Whether this is the code, as somebody typed it: small letters, dashes and spaces do not count. A wrong one costs a try, the
    /// right one costs nothing, so that who has it may mend what else is wrong.
    ///
    /// # Errors
    /// 403 `wrong_code`; 429 `code_spent`.
    pub fn check(&self, typed: &str) -> Result<(), Problem> {
        let now = self.clock.elapsed();
        let mut held = self.held();
        let Some(held) = held.as_mut() else { return Err(problems::no_code()) };
        match held.standing(now) {
            Standing::Spent => return Err(problems::spent()),
            Standing::None | Standing::Ended => return Err(problems::ended()),
            Standing::Waits { .. } => {}
        }
        let typed: String = fold_digits(typed).chars().filter(|c| c.is_alphanumeric()).collect();
        if verify_slices_are_equal(typed.to_ascii_uppercase().as_bytes(), held.letters.as_bytes()).is_ok() {
            return Ok(());
        }
        held.tries -= 1;
        Err(problems::wrong(held.tries))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn standing(&self, now: Duration) -> Standing {
        match (self.tries, self.ends.checked_sub(now).filter(|left| !left.is_zero())) {
            (0, _) => Standing::Spent,
            (_, None) => Standing::Ended,
            (tries, Some(left)) => Standing::Waits { left, tries },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::UtcMs;

    fn desk() -> (Clock, OneTimeCode) {
        let clock = Clock::manual(UtcMs::from_ms(1_795_593_600_000));
        (clock.clone(), OneTimeCode::new(clock))
    }

    fn refusal(desk: &OneTimeCode, typed: &str) -> &'static str {
        desk.check(typed).expect_err("it is wrong").kind.code
    }

    #[test]
    fn a_code_has_two_groups_of_letters_that_nobody_confuses() {
        let (_, desk) = desk();
        for _ in 0..200 {
            let code = desk.renew();
            let (first, second) = code.reveal().split_once('-').expect("a dash");
            assert_eq!((first.len(), second.len()), (4, 4), "{}", code.reveal());
            let known = |c: char| matches!(c, 'A'..='H' | 'J' | 'K' | 'M' | 'N' | 'P'..='Z' | '2'..='9');
            assert!(first.chars().chain(second.chars()).all(known), "{}", code.reveal());
            assert!(!format!("{code:?} {desk:?}").contains(first));
        }
    }

    #[test]
    fn case_dash_and_spaces_do_not_count() {
        let (_, desk) = desk();
        let code = desk.renew();
        let bare = code.reveal().replace('-', "");
        let typed =
            [bare.to_lowercase(), format!(" {bare} "), format!("{}–{}", &bare[..3], &bare[3..]), code.reveal().to_owned()];
        for typed in typed {
            desk.check(&typed).unwrap_or_else(|_| panic!("{typed} is the code"));
        }
        assert_eq!(desk.standing(), Standing::Waits { left: LASTS, tries: TRIES });
    }

    #[test]
    fn five_wrong_tries_spend_it_and_a_new_one_has_five_again() {
        let (_, desk) = desk();
        assert_eq!((desk.standing(), refusal(&desk, "K7QM-2XRD")), (Standing::None, "wrong_code"));
        let code = desk.renew();
        for wrong in ["", "K7QM-2XR", "0000-0000", &format!("{}A", code.reveal()), "الرمز"] {
            assert_eq!(refusal(&desk, wrong), "wrong_code", "{wrong}");
        }
        assert_eq!((desk.standing(), refusal(&desk, code.reveal())), (Standing::Spent, "code_spent"));
        let next = desk.renew();
        assert_eq!(refusal(&desk, code.reveal()), "wrong_code");
        desk.check(next.reveal()).expect("the new one counts");
        desk.forget();
        assert_eq!((desk.standing(), refusal(&desk, next.reveal())), (Standing::None, "wrong_code"));
    }

    #[test]
    fn a_code_ends_after_a_quarter_of_an_hour() {
        let (clock, desk) = desk();
        let code = desk.renew();
        clock.advance_ms(15 * 60_000 - 1);
        desk.check(code.reveal()).expect("its last moment");
        clock.advance_ms(1);
        assert_eq!((desk.standing(), refusal(&desk, code.reveal())), (Standing::Ended, "wrong_code"));
    }
}
