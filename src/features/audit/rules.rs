//! The chain, and whose writes are kept: pure.

use std::fmt::Write;

use aws_lc_rs::digest;
use serde_json::{Value, json};

use super::model::{Entry, Head, Kept};
use crate::kernel::{Actor, Role};

/// Writes that concern the shop no more than a customer's do, a sign-in that is renewed or the actor's own cart: a row for each
/// would bury the others.
const OWN_AFFAIRS: &[&str] = &[
    "accounts.refresh",
    "cart.add",
    "cart.change",
    "cart.remove",
    "cart.empty",
    // What was said of them is told once, by the answer.
    "restored.let_go",
];

/// Whether what this actor writes is kept: those who work for the shop. What customers do, their own orders tell.
#[must_use]
pub fn is_kept(actor: Actor) -> bool {
    matches!(actor.role(), Some(Role::Driver | Role::Staff | Role::Admin))
}

/// What is kept whoever did it: the shop must be able to show when somebody took back what they had agreed to.
const KEPT_OF_ANYBODY: &[&str] = &["account.unsubscribe"];

/// Whether this was done is kept, whoever did it.
#[must_use]
pub fn is_kept_of_anybody(action: &str) -> bool {
    KEPT_OF_ANYBODY.contains(&action)
}

/// Whether a write of this command, of which nothing is told, gets a row all the same.
#[must_use]
pub fn is_kept_untold(command: &str) -> bool {
    !OWN_AFFAIRS.contains(&command)
}

/// What a row's hash covers: a JSON array of its number and its columns in a fixed order. The JSON columns stand in it as the
/// texts that are stored, so that no other spelling of the same value counts as the same.
#[must_use]
pub fn canonical(n: i64, entry: &Entry) -> String {
    let Entry { at, actor, actor_id, action, subject, before, after, address, request_id, outcome, code } = entry;
    let actor_id = actor_id.map(|id| id.to_string());
    let row: Value =
        json!([n, at.ms(), actor, actor_id, action, subject, before, after, address, request_id, outcome.code(), code]);
    row.to_string()
}

/// The hash of the row that follows `head`: SHA-256 of the hash before and the row.
#[must_use]
pub fn next(head: Head, entry: &Entry) -> Head {
    let n = head.n + 1;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&head.hash);
    context.update(canonical(n, entry).as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Head { n, hash }
}

/// What is wrong with a row that should follow `head`; the head that it makes, if nothing is.
///
/// # Errors
/// What is wrong, in words for the keeper.
pub fn follow(head: Head, kept: &Kept) -> Result<Head, String> {
    if kept.n != head.n + 1 {
        return Err(format!("row {} is missing", head.n + 1));
    }
    let right = next(head, &kept.entry);
    if right.hash != kept.hash {
        return Err(format!("row {} is not as it was written, or the row before it is not", kept.n));
    }
    Ok(right)
}

/// A hash as it is shown.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::super::model::Outcome;
    use super::*;
    use crate::kernel::{UserId, UtcMs};
    use proptest::prelude::*;

    fn entry(action: &str) -> Entry {
        Entry {
            at: UtcMs::from_ms(1_795_593_600_000),
            actor: "admin".to_owned(),
            actor_id: Some(UserId::from_uuid(uuid::Uuid::nil())),
            action: action.to_owned(),
            subject: Some("product:1".to_owned()),
            before: Some("{\"priceMinor\":100}".to_owned()),
            after: None,
            address: Some("203.0.113.9".to_owned()),
            request_id: None,
            outcome: Outcome::Done,
            code: None,
        }
    }

    #[test]
    fn a_rows_hash_is_that_of_its_canonical_form() {
        let told = canonical(1, &entry("product.replace"));
        assert_eq!(
            told,
            "[1,1795593600000,\"admin\",\"00000000-0000-0000-0000-000000000000\",\"product.replace\",\"product:1\",\
             \"{\\\"priceMinor\\\":100}\",null,\"203.0.113.9\",null,\"done\",null]"
        );
        // Whoever checks a log with other tools comes to the same: sha256 of 32 zero bytes and this text.
        let mut bytes = vec![0; 32];
        bytes.extend(told.as_bytes());
        assert_eq!(next(Head::START, &entry("product.replace")).hash, digest::digest(&digest::SHA256, &bytes).as_ref());
    }

    #[test]
    fn staff_admins_and_drivers_are_kept() {
        let id = UserId::from_uuid(uuid::Uuid::nil());
        let kept: Vec<bool> = Role::ALL.into_iter().map(|role| is_kept(Actor::Account { id, role })).collect();
        assert_eq!(kept, [false, true, true, true]);
        assert!(!is_kept(Actor::Guest) && !is_kept(Actor::System));
        assert!(!is_kept_untold("accounts.refresh") && is_kept_untold("catalog.replace_product"));
    }

    proptest! {
        /// A chain of rows; one is changed in one column, taken out or put in elsewhere: it is found, and not before that row.
        #[test]
        fn any_change_of_a_chain_is_found(length in 1_usize..12, at in 0_usize..12, how in 0_u8..12) {
            let mut head = Head::START;
            let mut chain = Vec::new();
            for n in 0..length {
                let entry = entry(&format!("step.{n}"));
                head = next(head, &entry);
                chain.push(Kept { n: head.n, entry, hash: head.hash });
            }
            let walk = |chain: &[Kept]| chain.iter().try_fold(Head::START, follow);
            prop_assert_eq!(walk(&chain), Ok(head));
            let at = at % length;
            let row = &mut chain[at];
            match how {
                0 => row.entry.at = row.entry.at.plus_ms(1),
                1 => row.entry.actor = "staff".to_owned(),
                2 => row.entry.actor_id = None,
                3 => row.entry.action.push('x'),
                4 => row.entry.subject = None,
                5 => row.entry.before = Some("{\"priceMinor\": 100}".to_owned()),
                6 => row.entry.after = Some("null".to_owned()),
                7 => row.entry.address = None,
                8 => row.entry.request_id = Some(String::new()),
                9 => row.entry.outcome = Outcome::Refused,
                10 => row.hash[31] ^= 1,
                _ => {
                    chain.remove(at);
                }
            }
            let gone_from_the_end = how == 11 && at + 1 == length;
            prop_assert_eq!(walk(&chain).is_ok(), gone_from_the_end, "the end's loss shows in the head alone");
        }
    }
}
