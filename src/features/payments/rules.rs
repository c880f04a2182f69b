//! What a refund by line amounts to, and what is done next about a refund that a gateway has to make (SPEC 4; PROVIDERS 1 and 4.2).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::features::money::Refund;
use crate::features::orders::Sold;
use crate::kernel::time::span::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::kernel::{Pieces, UtcMs};

/// A part of a refund that was asked for by line, as it is kept with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundedLine {
    pub item_id: Uuid,
    pub quantity: Pieces,
    pub restock: bool,
    pub amount_minor: i64,
}

/// What was paid for each line of an order, in the order of its lines and in minor units: its total, with its tax where that comes on
/// top, less its part of the order's discount. Together they are what was paid for all lines.
#[must_use]
pub fn paid_by_line(sold: &Sold) -> Vec<i64> {
    let subtotal: i64 = sold.lines.iter().map(|line| line.total_minor).sum();
    let mut so_far = 0;
    let paid = sold.lines.iter().map(|line| {
        let before = part(sold.discount_minor, so_far, subtotal);
        so_far += line.total_minor;
        let discount = part(sold.discount_minor, so_far, subtotal) - before;
        line.total_minor + if sold.tax_included { 0 } else { line.tax_minor } - discount
    });
    paid.collect()
}

/// What the next `pieces` of a line amount to, of which `before` pieces were given back for `given_minor` already: so much that the
/// whole line comes to exactly what was paid for it, however it is taken apart, and whichever parts of it failed in between.
#[must_use]
pub fn share(paid_minor: i64, quantity: Pieces, before: Pieces, given_minor: i64, pieces: Pieces) -> i64 {
    (part(paid_minor, before + pieces, quantity) - given_minor).max(0)
}

/// `whole × n ÷ of`, half a unit rounded up.
fn part(whole: i64, n: i64, of: i64) -> i64 {
    if of == 0 {
        return 0;
    }
    let (whole, n, of) = (i128::from(whole), i128::from(n), i128::from(of));
    // Amounts and pieces are bounded so that the result is far inside of i64; nothing is lost.
    i64::try_from((2 * whole * n + of) / (2 * of)).unwrap_or(i64::MAX)
}

/// Of pieces that are to go back on the shelf with a refund, how many do: those of a refund that failed lie there already, and are
/// not put there again when it is repeated.
#[must_use]
pub fn to_restock(pieces: Pieces, refunded_before: Pieces, returned: Pieces) -> Pieces {
    pieces.min(refunded_before + pieces - returned).max(0)
}

/// What is done next about a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It has ended.
    Nothing,
    /// Not now; it is looked at again after so many ms.
    Wait(i64),
    /// The gateway is asked for it.
    Send,
    /// The gateway is asked what became of it.
    Ask,
    /// There is nothing left that it could take.
    GiveUp,
}

/// What stands around a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around {
    /// How long its gateway remembers a key, in ms; 0 where it has none.
    pub key_life_ms: i64,
    /// An earlier refund of the same payment is under way.
    pub is_behind: bool,
    pub is_disputed: bool,
    /// Minor units of the payment that are booked as taken and not as given back.
    pub held_minor: i64,
}

/// After which a refund that could not be sent for a reason of its own is looked at again.
const WAIT_MS: i64 = 10 * MINUTE_MS;
/// A dispute takes weeks.
const WAIT_FOR_DISPUTE_MS: i64 = 6 * HOUR_MS;
/// Between the two looks after which a refund is known not to have been done (PROVIDERS 4.2).
pub const LOOKS_APART_MS: i64 = 10 * MINUTE_MS;

/// What is done next about a refund, before anybody is asked.
#[must_use]
pub fn next_step(refund: &Refund, around: Around) -> Step {
    if refund.status != crate::kernel::RefundStatus::Pending {
        return Step::Nothing;
    }
    if refund.sent_at.is_some() || refund.object.is_some() {
        return Step::Ask;
    }
    if refund.currency.is_none() && around.held_minor < refund.amount_minor {
        return Step::GiveUp;
    }
    if around.is_disputed {
        return Step::Wait(WAIT_FOR_DISPUTE_MS);
    }
    // Without keys only the sum that went back tells what was done, so one refund at a time (PROVIDERS 4.2).
    if around.key_life_ms == 0 && around.is_behind {
        return Step::Wait(WAIT_MS);
    }
    Step::Send
}

/// What a gateway's not knowing a refund means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// It was not done, or its key says that it is the same: it is sent again.
    SendAgain,
    /// One look is not enough; the next one is due after so many ms.
    LookAgain(i64),
    /// It was not done, and its key may be forgotten: it has failed.
    Failed,
}

/// What is done about a refund that was asked for and that its gateway does not know.
#[must_use]
pub fn when_lost(refund: &Refund, key_life_ms: i64, now: UtcMs) -> Lost {
    let Some(sent_at) = refund.sent_at else { return Lost::LookAgain(HOUR_MS) };
    if now.ms() - sent_at.ms() < key_life_ms {
        return Lost::SendAgain;
    }
    match refund.lost_at {
        Some(lost_at) if now.ms() - lost_at.ms() >= LOOKS_APART_MS => {
            if key_life_ms == 0 {
                Lost::SendAgain
            } else {
                Lost::Failed
            }
        }
        _ => Lost::LookAgain(LOOKS_APART_MS),
    }
}

/// When a refund that its gateway has begun is asked about next: often at first, then as slowly as banks work.
#[must_use]
pub fn ask_again_after_ms(refund: &Refund, now: UtcMs) -> i64 {
    match now.ms() - refund.sent_at.unwrap_or(refund.created_at).ms() {
        ..HOUR_MS => 10 * MINUTE_MS,
        HOUR_MS..DAY_MS => HOUR_MS,
        _ => 6 * HOUR_MS,
    }
}
