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

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::features::orders::SoldLine;
    use crate::kernel::{OrderId, PaymentId, PaymentMethod, ProductId, RefundId, RefundStatus};

    fn line(n: u128, quantity: Pieces, total_minor: i64, tax_minor: i64) -> SoldLine {
        SoldLine {
            id: Uuid::from_u128(n),
            product: ProductId::from_uuid(Uuid::from_u128(n)),
            quantity,
            returned: 0,
            total_minor,
            tax_minor,
            is_taken: true,
        }
    }

    fn sold(discount_minor: i64, tax_included: bool, lines: Vec<SoldLine>) -> Sold {
        Sold { discount_minor, tax_included, lines }
    }

    #[test]
    fn a_lines_tax_goes_back_with_it_where_it_came_on_top() {
        let lines = || vec![line(1, 3, 999, 50), line(2, 1, 500, 0)];
        assert_eq!(paid_by_line(&sold(0, false, lines())), [1_049, 500]);
        assert_eq!(paid_by_line(&sold(0, true, lines())), [999, 500]);
    }

    #[test]
    fn a_discount_is_parted_without_a_rest() {
        let paid = paid_by_line(&sold(100, true, vec![line(1, 1, 333, 0), line(2, 1, 333, 0), line(3, 1, 333, 0)]));
        assert_eq!(paid.iter().sum::<i64>(), 899);
        assert_eq!(paid_by_line(&sold(0, true, vec![line(1, 1, 0, 0)])), [0]);
    }

    #[test]
    fn pieces_add_up_to_their_line() {
        assert_eq!(share(1_049, 3, 0, 0, 1), 350);
        assert_eq!(share(1_049, 3, 1, 350, 1), 349);
        assert_eq!(share(1_049, 3, 2, 699, 1), 350);
        // The first one failed; what is left is told by what the others gave.
        assert_eq!(share(1_049, 3, 2, 699, 1) + 699, 1_049);
        assert_eq!(share(0, 3, 0, 0, 3), 0);
    }

    #[test]
    fn pieces_of_a_refund_that_failed_are_not_put_back_twice() {
        assert_eq!(to_restock(2, 0, 0), 2);
        assert_eq!(to_restock(2, 0, 2), 0, "they lie there already");
        assert_eq!(to_restock(1, 2, 0), 1, "those before were thrown away");
        assert_eq!(to_restock(2, 1, 2), 1);
    }

    fn refund(amount_minor: i64) -> Refund {
        let id = Uuid::from_u128(1);
        Refund {
            id: RefundId::from_uuid(id),
            payment: PaymentId::from_uuid(id),
            order: OrderId::from_uuid(id),
            n: 1,
            method: PaymentMethod::of("testpay"),
            amount_minor,
            status: RefundStatus::Pending,
            reason: None,
            object: None,
            memo: None,
            failure: None,
            capture: None,
            currency: None,
            sent_at: None,
            lost_at: None,
            created_at: UtcMs::from_ms(0),
            updated_at: UtcMs::from_ms(0),
        }
    }

    const AROUND: Around = Around { key_life_ms: DAY_MS, is_behind: false, is_disputed: false, held_minor: 100 };

    #[test]
    fn a_refund_is_sent_once_and_asked_about_afterwards() {
        assert_eq!(next_step(&refund(100), AROUND), Step::Send);
        let sent = Refund { sent_at: Some(UtcMs::from_ms(5)), ..refund(100) };
        assert_eq!(next_step(&sent, AROUND), Step::Ask);
        assert_eq!(next_step(&Refund { object: Some("re_1".into()), ..refund(100) }, AROUND), Step::Ask);
        assert_eq!(next_step(&Refund { status: RefundStatus::Succeeded, ..refund(100) }, AROUND), Step::Nothing);
    }

    #[test]
    fn a_refund_waits_for_what_stands_in_its_way() {
        assert_eq!(next_step(&refund(101), AROUND), Step::GiveUp);
        assert!(matches!(next_step(&refund(100), Around { is_disputed: true, ..AROUND }), Step::Wait(_)));
        let behind = Around { is_behind: true, ..AROUND };
        assert_eq!(next_step(&refund(100), behind), Step::Send, "a key tells them apart");
        assert!(matches!(next_step(&refund(100), Around { key_life_ms: 0, ..behind }), Step::Wait(_)));
        let foreign = Refund { currency: Some("USD".into()), ..refund(500) };
        assert_eq!(next_step(&foreign, AROUND), Step::Send, "what was parked stands in no ledger");
    }

    #[test]
    fn what_is_lost_is_sent_again_only_where_that_cannot_pay_twice() {
        let sent = Refund { sent_at: Some(UtcMs::from_ms(0)), ..refund(100) };
        let at = |minutes: i64| UtcMs::from_ms(minutes * MINUTE_MS);
        assert_eq!(when_lost(&sent, DAY_MS, at(1)), Lost::SendAgain);
        assert_eq!(when_lost(&sent, DAY_MS, at(24 * 60)), Lost::LookAgain(LOOKS_APART_MS), "the key may be forgotten");
        let lost = Refund { lost_at: Some(at(24 * 60)), ..sent.clone() };
        assert_eq!(when_lost(&lost, DAY_MS, at(24 * 60 + 10)), Lost::Failed);
        // Without keys: not there twice, ten minutes apart.
        assert_eq!(when_lost(&sent, 0, at(1)), Lost::LookAgain(LOOKS_APART_MS));
        let lost = Refund { lost_at: Some(at(1)), ..sent };
        assert_eq!(when_lost(&lost, 0, at(10)), Lost::LookAgain(LOOKS_APART_MS));
        assert_eq!(when_lost(&lost, 0, at(11)), Lost::SendAgain);
    }

    /// A sale with its refunds, kept as the verbs keep them, with the rules' own numbers.
    struct Sale {
        sold: Sold,
        fee: i64,
        captured: i64,
        refunds: Vec<Given>,
    }

    struct Given {
        amount: i64,
        lines: Vec<(usize, Pieces, i64)>,
        status: RefundStatus,
        was_booked: bool,
    }

    impl Sale {
        fn random(random: &mut StdRng) -> Sale {
            let tax_included = random.random();
            let lines: Vec<SoldLine> = (0..random.random_range(1..=5))
                .map(|n| {
                    let quantity = random.random_range(1..=12);
                    let total = quantity * random.random_range(0..5_000);
                    let rate = [0, 400, 1_600][random.random_range(0..3)];
                    line(n, quantity, total, (total * rate + 5_000) / 10_000)
                })
                .collect();
            let subtotal: i64 = lines.iter().map(|line| line.total_minor).sum();
            let discount = if random.random_ratio(1, 4) { subtotal * random.random_range(0..100) / 100 } else { 0 };
            let fee = random.random_range(0..2_000);
            let sold = sold(discount, tax_included, lines);
            let captured = paid_by_line(&sold).iter().sum::<i64>() + fee;
            let tax: i64 = sold.lines.iter().map(|line| line.tax_minor).sum();
            assert_eq!(captured, subtotal - discount + fee + if tax_included { 0 } else { tax }, "the parts are the total");
            Sale { sold, fee, captured, refunds: Vec::new() }
        }

        fn sum(&self, of: impl Fn(&Given) -> bool) -> i64 {
            self.refunds.iter().filter(|given| of(given)).map(|given| given.amount).sum()
        }

        fn left(&self) -> i64 {
            self.captured - self.sum(|given| given.status != RefundStatus::Failed)
        }

        fn given(&self, index: usize) -> (Pieces, i64) {
            let lines = self.refunds.iter().filter(|given| given.status != RefundStatus::Failed).flat_map(|given| &given.lines);
            lines.filter(|line| line.0 == index).fold((0, 0), |sum, line| (sum.0 + line.1, sum.1 + line.2))
        }

        /// `None` if the line has not so many.
        fn price(&self, index: usize, pieces: Pieces) -> Option<i64> {
            let (before, given) = self.given(index);
            let line = &self.sold.lines[index];
            (before + pieces <= line.quantity)
                .then(|| share(paid_by_line(&self.sold)[index], line.quantity, before, given, pieces))
        }

        fn begin(&mut self, amount: i64, lines: Vec<(usize, Pieces, i64)>) {
            if amount > 0 && amount <= self.left() {
                self.refunds.push(Given { amount, lines, status: RefundStatus::Pending, was_booked: false });
            }
        }

        fn step(&mut self, random: &mut StdRng, by_amount: bool) {
            match random.random_range(0..6) {
                0 | 1 => {
                    let index = random.random_range(0..self.sold.lines.len());
                    let pieces = random.random_range(1..=4);
                    if let Some(amount) = self.price(index, pieces) {
                        self.begin(amount, vec![(index, pieces, amount)]);
                    }
                }
                2 if by_amount => {
                    let amount = random.random_range(0..=self.captured + 10);
                    self.begin(amount, Vec::new());
                }
                3 | 4 => {
                    if let Some(given) = self.refunds.iter_mut().find(|given| given.status == RefundStatus::Pending) {
                        let fails = random.random_ratio(1, 3);
                        given.status = if fails { RefundStatus::Failed } else { RefundStatus::Succeeded };
                        given.was_booked = !fails;
                    }
                }
                // A success that is taken back, and a failure that was none.
                _ => {
                    let held = self.captured - self.sum(|given| given.status == RefundStatus::Succeeded);
                    let left = self.left();
                    let chosen = random.random_range(0..self.refunds.len().max(1));
                    let Some(given) = self.refunds.get_mut(chosen) else { return };
                    match given.status {
                        RefundStatus::Succeeded => given.status = RefundStatus::Failed,
                        RefundStatus::Failed if !given.was_booked && by_amount && given.amount <= held.min(left) => {
                            given.status = RefundStatus::Succeeded;
                            given.was_booked = true;
                        }
                        _ => {}
                    }
                }
            }
            assert!(self.left() >= 0, "more is given back than was taken");
        }
    }

    #[test]
    fn ten_thousand_sales_and_their_refunds_add_up_to_the_minor_unit() {
        let seed = 20_261_125;
        let mut random = StdRng::seed_from_u64(seed);
        for n in 0..10_000 {
            let by_amount = n % 2 == 0;
            let mut sale = Sale::random(&mut random);
            for _ in 0..random.random_range(0..20) {
                sale.step(&mut random, by_amount);
            }
            for given in &mut sale.refunds {
                if given.status == RefundStatus::Pending {
                    given.status = RefundStatus::Succeeded;
                }
            }
            if !by_amount {
                // Every piece that is left, one by one: each line comes to what was paid for it, whatever failed in between.
                for index in 0..sale.sold.lines.len() {
                    while let Some(amount) = sale.price(index, 1) {
                        sale.refunds.push(Given {
                            amount,
                            lines: vec![(index, 1, amount)],
                            status: RefundStatus::Succeeded,
                            was_booked: true,
                        });
                    }
                    assert_eq!(sale.given(index).1, paid_by_line(&sale.sold)[index], "seed {seed}, sale {n}, line {index}");
                }
                assert_eq!(sale.left(), sale.fee, "seed {seed}, sale {n}");
            }
            let rest = sale.left();
            sale.begin(rest, Vec::new());
            assert_eq!(sale.left(), 0, "seed {seed}, sale {n}");
            assert_eq!(sale.sum(|given| given.status != RefundStatus::Failed), sale.captured, "seed {seed}, sale {n}");
        }
    }
}
