//! What an answer of a relay means for a message (RFC 5321, RFC 3463; Amazon SES's own answers among them).

use crate::features::messages::carrier::Outcome;
use crate::features::messages::{SuppressReason, reason};
use crate::kernel::UtcMs;

/// How far a message came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// To the relay, and its greeting.
    Connect,
    Tls,
    SignIn,
    /// The sender.
    Mail,
    /// The recipient.
    Rcpt,
    Data,
    /// Its own bytes, without their end.
    Body,
    /// Its end was on its way: from here on it may have been taken.
    Dot,
}

/// Why a message was not surely taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// The relay said no.
    Answer { step: Step, code: u16, text: String },
    /// No connection, none any more, or no answer in time.
    Lost { step: Step, why: String },
    /// Its certificate is not trusted.
    Certificate { why: String },
    /// It would talk in the clear only.
    NoStartTls,
    /// It offers no way to sign in that we know.
    NoSignIn,
    /// It takes no address in another script than Latin.
    OtherScript,
}

/// Amazon's daily quota is a sliding one: an hour later some of it is free again.
const QUOTA_WAIT_MS: i64 = 60 * 60 * 1_000;

impl Trouble {
    /// Whether the relay finds us too fast.
    pub(super) fn is_throttling(&self) -> bool {
        matches!(self, Trouble::Answer { code: 454, text, .. } if text.to_ascii_lowercase().contains("throttling"))
    }

    /// What came of the message.
    pub(super) fn outcome(&self, now: UtcMs) -> Outcome {
        let relay = |said: &str| format!("the mail relay {said}");
        match self {
            Trouble::Lost { step: Step::Connect | Step::Tls | Step::SignIn, why } => {
                Outcome::Unreachable { why: relay(&format!("could not be reached: {}", reason(why))) }
            }
            Trouble::Lost { step: Step::Dot, why } => {
                Outcome::Unclear { why: relay(&format!("did not say whether it took the message: {}", reason(why))) }
            }
            Trouble::Lost { why, .. } => {
                Outcome::Later { why: relay(&format!("was lost before it had the message: {}", reason(why))), not_before: None }
            }
            Trouble::Certificate { why } => Outcome::Misconfigured {
                why: relay(&format!(
                    "shows a certificate that is not trusted ({}); look at `mail.host`, and at `mail.ca_file` for a relay of your own",
                    reason(why)
                )),
            },
            Trouble::NoStartTls => Outcome::Misconfigured {
                why: relay(
                    "offers no STARTTLS, and nothing is sent in the clear; set `mail.tls` to implicit, or another `mail.port`",
                ),
            },
            Trouble::NoSignIn => Outcome::Misconfigured {
                why: relay("offers no sign-in by password; look at `mail.port`, and whether it wants `mail.username` at all"),
            },
            Trouble::OtherScript => Outcome::Failed {
                code: "smtputf8".to_owned(),
                why: relay("takes no address in another script than Latin"),
                suppress: None,
            },
            Trouble::Answer { step, code, text } => answer(*step, *code, text, now),
        }
    }
}

fn answer(step: Step, code: u16, text: &str, now: UtcMs) -> Outcome {
    let words = text.to_ascii_lowercase();
    let why = format!("the mail relay answered {code} {}", reason(text));
    let why = why.trim_end().to_owned();
    let never = |suppress| Outcome::Failed { code: code.to_string(), why: why.clone(), suppress };
    let enhanced = enhanced(text);
    match (step, code) {
        // It knows us not, or not well enough; an account that is closed says 525 or 534.
        (_, 525 | 530 | 534 | 535 | 538) => Outcome::Misconfigured { why },
        (_, 454) if words.contains("daily message quota") => {
            Outcome::Later { why, not_before: Some(now.plus_ms(QUOTA_WAIT_MS)) }
        }
        // Whatever the message, the next one would fare alike.
        (Step::Connect | Step::Tls, _) | (Step::SignIn, 400..500) => Outcome::Unreachable { why },
        // Our sender is refused, and so is each message; only what is said of a message's size is its own.
        (Step::SignIn, _) | (Step::Mail, 500..=551 | 553..) => Outcome::Misconfigured { why },
        // Amazon's sandbox; and a relay that does not know whose mail it carries.
        (_, 500..)
            if words.contains("not verified") || words.contains("relay access denied") || words.contains("relaying denied") =>
        {
            Outcome::Misconfigured { why }
        }
        (Step::Rcpt, 550 | 551 | 553 | 554) if is_of_the_address(enhanced).unwrap_or(true) => {
            never(Some(SuppressReason::Bounced))
        }
        (_, 500..) if is_of_the_address(enhanced).unwrap_or(false) => never(Some(SuppressReason::Bounced)),
        (_, 500..) => never(None),
        // 4xx: not now.
        _ => Outcome::Later { why, not_before: None },
    }
}

/// `5.1.1` as it begins an answer.
fn enhanced(text: &str) -> Option<(u16, u16, u16)> {
    let mut parts = text.split_whitespace().next()?.split('.').map(str::parse::<u16>);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(class)), Some(Ok(subject)), Some(Ok(detail)), None) => Some((class, subject, detail)),
        _ => None,
    }
}

/// RFC 3463: X.1 is the address; X.2.1 a mailbox that is closed. A refusal for policy (X.7) or content (X.6) is the message's, and an
/// address is not given up for it.
fn is_of_the_address(enhanced: Option<(u16, u16, u16)>) -> Option<bool> {
    let (_, subject, detail) = enhanced?;
    Some(matches!((subject, detail), (0 | 1, _) | (2, 1)))
}

/// The relay's name for a message, in its yes: `Ok 0102..` of Amazon SES, `2.0.0 Ok: queued as 4F..` of Postfix, `OK id=1s..` of Exim.
pub(super) fn provider_id(yes: &str) -> Option<String> {
    const MOST: usize = 100;
    let words: Vec<&str> = yes.split_whitespace().collect();
    let follows = |pair: &[&str]| {
        words
            .windows(pair.len())
            .position(|window| window.iter().zip(pair).all(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs)))
    };
    let place = match (follows(&["queued", "as"]), follows(&["ok"])) {
        (Some(place), _) => place + 2,
        (None, Some(place)) => place + 1,
        (None, None) => return None,
    };
    let id = words.get(place)?.trim_start_matches("id=").trim_matches(|c: char| !c.is_ascii_alphanumeric());
    (!id.is_empty() && id.len() <= MOST && id.chars().all(|c| c.is_ascii_graphic())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);

    /// One letter for what is done, so that the table can be read.
    fn of(step: Step, code: u16, text: &str) -> &'static str {
        match (Trouble::Answer { step, code, text: text.to_owned() }).outcome(NOW) {
            Outcome::Sent { .. } => "sent",
            Outcome::Later { not_before: None, .. } => "later",
            Outcome::Later { not_before: Some(at), .. } if at == NOW.plus_ms(3_600_000) => "in an hour",
            Outcome::Later { .. } => "some time",
            Outcome::Unreachable { .. } => "unreachable",
            Outcome::Failed { suppress: Some(SuppressReason::Bounced), .. } => "bounced",
            Outcome::Failed { suppress: Some(_), .. } => "suppressed",
            Outcome::Failed { suppress: None, .. } => "failed",
            Outcome::Misconfigured { .. } => "misconfigured",
            Outcome::Unclear { .. } => "unclear",
        }
    }

    #[test]
    fn each_answer_means_what_the_table_says() {
        let cases = [
            (Step::Dot, 421, "4.3.2 closing", "later"),
            (Step::Rcpt, 450, "4.2.1 mailbox busy", "later"),
            (Step::Rcpt, 451, "4.3.0 try again", "later"),
            (Step::Dot, 452, "4.2.2 full", "later"),
            (Step::Dot, 454, "Throttling failure: Maximum sending rate exceeded.", "later"),
            (Step::Dot, 454, "Throttling failure: Daily message quota exceeded.", "in an hour"),
            (Step::Connect, 421, "Too many concurrent SMTP connections", "unreachable"),
            (Step::Connect, 554, "no service", "unreachable"),
            (Step::Tls, 454, "TLS not available", "unreachable"),
            (Step::SignIn, 454, "4.7.0 Temporary authentication failure", "unreachable"),
            (Step::SignIn, 535, "Authentication Credentials Invalid", "misconfigured"),
            (Step::Mail, 530, "Authentication required", "misconfigured"),
            (Step::Mail, 538, "Encryption required", "misconfigured"),
            (Step::Mail, 550, "5.7.1 this sender may not", "misconfigured"),
            (Step::Mail, 552, "5.3.4 too large", "failed"),
            (Step::Rcpt, 550, "5.1.1 no such user", "bounced"),
            (Step::Rcpt, 551, "user not local", "bounced"),
            (Step::Rcpt, 553, "mailbox name not allowed", "bounced"),
            (Step::Rcpt, 554, "5.1.1 no", "bounced"),
            (Step::Rcpt, 550, "5.7.1 refused by policy", "failed"),
            (Step::Rcpt, 554, "5.7.1 <a@b.c>: Relay access denied", "misconfigured"),
            (Step::Dot, 554, "Message rejected: Email address is not verified. The following identities ..", "misconfigured"),
            (Step::Dot, 554, "5.7.1 looks like spam", "failed"),
            (Step::Dot, 554, "Transaction failed: Local address contains control or whitespace", "failed"),
            (Step::Dot, 550, "5.1.1 no such user", "bounced"),
        ];
        for (step, code, text, expected) in cases {
            assert_eq!(of(step, code, text), expected, "{step:?} {code} {text}");
        }
    }

    #[test]
    fn only_after_the_last_dot_is_it_unclear() {
        let lost = |step| Trouble::Lost { step, why: "gone".to_owned() }.outcome(NOW);
        for step in [Step::Connect, Step::Tls, Step::SignIn] {
            assert!(matches!(lost(step), Outcome::Unreachable { .. }), "{step:?}");
        }
        for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Body] {
            assert!(matches!(lost(step), Outcome::Later { not_before: None, .. }), "{step:?}");
        }
        assert!(matches!(lost(Step::Dot), Outcome::Unclear { .. }));
        let throttling = |text: &str| Trouble::Answer { step: Step::Dot, code: 454, text: text.to_owned() }.is_throttling();
        assert!(throttling("Throttling failure: Maximum sending rate exceeded.") && !throttling("4.7.0 Temporary failure"));
    }

    #[test]
    fn a_refusal_is_told_without_the_address() {
        let trouble =
            Trouble::Answer { step: Step::Rcpt, code: 550, text: "5.1.1 <layla@example.com>: no such user".to_owned() };
        let Outcome::Failed { code, why, .. } = trouble.outcome(NOW) else { panic!("it failed") };
        assert_eq!((code.as_str(), why.as_str()), ("550", "the mail relay answered 550 5.1.1 … no such user"));
    }

    #[test]
    fn a_relays_name_for_a_message_is_found() {
        let id = |yes| provider_id(yes);
        assert_eq!(id("Ok 0102018fabc-1-2-3-000000").as_deref(), Some("0102018fabc-1-2-3-000000"));
        assert_eq!(id("2.0.0 Ok: queued as 4F7Zk32vQgz").as_deref(), Some("4F7Zk32vQgz"));
        assert_eq!(id("OK id=1sAbCd-0001").as_deref(), Some("1sAbCd-0001"));
        assert_eq!(id("2.0.0 queued as 1795593600-ab12").as_deref(), Some("1795593600-ab12"));
        assert_eq!((id("Message accepted"), id(""), id("Ok")), (None, None, None));
    }
}
