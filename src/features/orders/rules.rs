//! Decisions about orders, pure: which moves are legal, what a line costs, when an order is ready.

use super::model::Totals;
use crate::kernel::time::span::{DAY_MS, HOUR_MS};
use crate::kernel::{Fulfilment, OrderStatus, Role, ShopDay, ShopZone, UtcMs};

use OrderStatus::{Cancelled, Confirmed, Delivered, OutForDelivery, Pending, Preparing, ReadyForPickup};

/// How far ahead an order may be asked for (SPEC 4).
const FARTHEST_MS: i64 = 60 * DAY_MS;
/// How long a staff move can be taken back (SPEC 4).
pub const UNDO_MS: i64 = 60_000;

/// Whether a move is for one way of fulfilment only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum For {
    Any,
    Only(Fulfilment),
}

/// Which move is legal (SPEC 4, order states). Cancelling has its own verb, which asks [`may_cancel`]; here it stands for staff.
const MOVES: &[(OrderStatus, OrderStatus, For)] = &[
    (Pending, Confirmed, For::Any),
    (Confirmed, Preparing, For::Any),
    (Preparing, ReadyForPickup, For::Only(Fulfilment::Pickup)),
    (Preparing, OutForDelivery, For::Only(Fulfilment::Delivery)),
    (ReadyForPickup, Delivered, For::Any),
    (OutForDelivery, Delivered, For::Any),
    (Pending, Cancelled, For::Any),
    (Confirmed, Cancelled, For::Any),
    (Preparing, Cancelled, For::Any),
    (ReadyForPickup, Cancelled, For::Any),
    (OutForDelivery, Cancelled, For::Any),
];

/// Where an order may go from here, for those who work in the shop.
#[must_use]
pub fn legal_moves(from: OrderStatus, how: Fulfilment) -> Vec<OrderStatus> {
    MOVES
        .iter()
        .filter(|(start, _, whom)| *start == from && (*whom == For::Any || *whom == For::Only(how)))
        .map(|(_, end, _)| *end)
        .collect()
}

/// A move that is not in the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IllegalMove {
    pub from: OrderStatus,
    pub to: OrderStatus,
    pub legal: Vec<OrderStatus>,
}

/// Passes if the table has the move.
///
/// # Errors
/// [`IllegalMove`] with what is legal instead.
pub fn check_move(from: OrderStatus, to: OrderStatus, how: Fulfilment) -> Result<(), IllegalMove> {
    let legal = legal_moves(from, how);
    if legal.contains(&to) { Ok(()) } else { Err(IllegalMove { from, to, legal }) }
}

/// Who may cancel from where: staff until it is delivered, customers while nobody has begun to bake.
///
/// # Errors
/// [`IllegalMove`].
pub fn may_cancel(from: OrderStatus, how: Fulfilment, role: Option<Role>) -> Result<(), IllegalMove> {
    let is_staff = role.is_some_and(Role::is_staff);
    if !is_staff && !matches!(from, Pending | Confirmed) {
        return Err(IllegalMove { from, to: Cancelled, legal: Vec::new() });
    }
    check_move(from, Cancelled, how)
}

/// Whether a cancelled order's pieces go back to the shelf, if nobody says: not once somebody has begun to bake.
#[must_use]
pub const fn restocks_by_default(from: OrderStatus) -> bool {
    matches!(from, Pending | Confirmed)
}

/// The tax in or on a line, rounded half-up once a line. `rate_bp` in hundredths of a per cent.
#[must_use]
pub fn line_tax(line_total: i64, rate_bp: i64, tax_included: bool) -> i64 {
    let divisor = if tax_included { 10_000 + i128::from(rate_bp) } else { 10_000 };
    let doubled = i128::from(line_total) * i128::from(rate_bp) * 2 + divisor;
    i64::try_from(doubled / (2 * divisor)).unwrap_or(i64::MAX)
}

/// The sums of an order from its lines' totals and taxes; `None` past the range of an amount.
#[must_use]
pub fn totals(lines: &[(i64, i64)], delivery_fee: i64, tax_included: bool) -> Option<Totals> {
    let mut sums = Totals { delivery_fee, tax_included, ..Totals::default() };
    for (line_total, tax) in lines {
        sums.subtotal = sums.subtotal.checked_add(*line_total)?;
        sums.tax = sums.tax.checked_add(*tax)?;
    }
    let on_top = if tax_included { 0 } else { sums.tax };
    sums.total = (sums.subtotal - sums.discount).checked_add(delivery_fee)?.checked_add(on_top)?;
    Some(sums)
}

/// When an order is asked for: a day and a wall time, or just a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    pub day: ShopDay,
    pub time: Option<jiff::civil::Time>,
}

/// Why a time cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTime {
    InThePast,
    TooEarly { earliest: UtcMs },
    TooFarAhead,
}

/// When the order is ready: as asked, or as soon as its longest lead time allows. A day without a time is its first moment that
/// can be had. `lenient`: for staff a lead time is a warning, which is answered beside the moment.
///
/// # Errors
/// [`NoTime`].
pub fn due_at(
    asked: Option<Asked>,
    now: UtcMs,
    lead_hours: i64,
    zone: &ShopZone,
    lenient: bool,
) -> Result<(UtcMs, Option<NoTime>), NoTime> {
    let earliest = now.plus_ms(lead_hours * HOUR_MS);
    let Some(asked) = asked else { return Ok((earliest, None)) };
    let moment = match asked.time {
        Some(time) => zone.moment(asked.day.date().to_datetime(time)),
        None if zone.day_of(earliest) == asked.day => Some(earliest),
        None => zone.start_of(asked.day),
    };
    let Some(moment) = moment else { return Err(NoTime::TooFarAhead) };
    let past = match asked.time {
        // A wall time has minutes only: the minute that runs is not yet past.
        Some(_) => moment.plus_ms(60_000) <= now,
        None => asked.day < zone.day_of(now),
    };
    if past {
        return Err(NoTime::InThePast);
    }
    if moment > now.plus_ms(FARTHEST_MS) {
        return Err(NoTime::TooFarAhead);
    }
    if moment < earliest && !(lead_hours == 0 && moment.plus_ms(60_000) > now) {
        let early = NoTime::TooEarly { earliest };
        return if lenient { Ok((moment.max(now), Some(early))) } else { Err(early) };
    }
    Ok((moment.max(now), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_status() -> impl Strategy<Value = OrderStatus> {
        proptest::sample::select(OrderStatus::ALL)
    }

    fn any_fulfilment() -> impl Strategy<Value = Fulfilment> {
        proptest::sample::select(Fulfilment::ALL)
    }

    proptest! {
        #[test]
        fn nothing_leaves_an_end_and_every_refusal_lists_what_is_legal(from in any_status(), to in any_status(), how in any_fulfilment()) {
            match check_move(from, to, how) {
                Ok(()) => prop_assert!(!from.is_final() && from != to),
                Err(refusal) => {
                    prop_assert!(!refusal.legal.contains(&to));
                    for other in refusal.legal {
                        prop_assert!(check_move(from, other, how).is_ok());
                    }
                }
            }
        }

        #[test]
        fn any_walk_of_legal_moves_ends_in_delivered_or_cancelled(choices in proptest::collection::vec(0_usize..8, 12), how in any_fulfilment()) {
            let mut status = OrderStatus::Pending;
            for choice in choices {
                let legal = legal_moves(status, how);
                if legal.is_empty() {
                    break;
                }
                status = legal[choice % legal.len()];
            }
            prop_assert!(status.is_final());
        }

        #[test]
        fn the_parts_add_up_and_the_tax_is_within_half_a_unit(
            lines in proptest::collection::vec((0_i64..1_000_000_000, 1_i64..1_000, 0_i64..=10_000), 1..100),
            fee in 0_i64..1_000_000,
            included in any::<bool>(),
        ) {
            let priced: Vec<(i64, i64)> = lines
                .iter()
                .map(|(price, quantity, rate)| (price * quantity, line_tax(price * quantity, *rate, included)))
                .collect();
            let sums = totals(&priced, fee, included).expect("in range");
            let added = if included { 0 } else { sums.tax };
            prop_assert_eq!(sums.total, sums.subtotal - sums.discount + sums.delivery_fee + added);
            for ((total, tax), (_, _, rate)) in priced.iter().zip(&lines) {
                let divisor = if included { 10_000 + i128::from(*rate) } else { 10_000 };
                let error = (i128::from(*tax) * divisor - i128::from(*total) * i128::from(*rate)) * 2;
                prop_assert!(error <= divisor && error > -divisor, "half-up: {tax} of {total}");
            }
        }
    }

    #[test]
    fn customers_cancel_until_somebody_bakes_and_staff_until_it_is_delivered() {
        let may = |from, role| may_cancel(from, Fulfilment::Pickup, role).is_ok();
        assert!(may(Confirmed, None) && may(Pending, Some(Role::Customer)));
        assert!(!may(Preparing, None) && !may(Preparing, Some(Role::Customer)) && may(Preparing, Some(Role::Staff)));
        assert!(!may(Delivered, Some(Role::Admin)) && !may(Cancelled, Some(Role::Admin)));
    }

    #[test]
    fn an_order_is_ready_when_its_slowest_line_is() {
        let zone = ShopZone::named("Asia/Amman").expect("known");
        let now = UtcMs::parse("2026-11-25T08:00:00Z").expect("a moment");
        let asked = |day: &str, time: Option<(i8, i8)>| {
            Some(Asked {
                day: ShopDay::parse(day).expect("a day"),
                time: time.map(|(hour, minute)| jiff::civil::time(hour, minute, 0, 0)),
            })
        };
        let due = |asked, lead| due_at(asked, now, lead, &zone, false).map(|(due, _)| due.to_string());
        assert_eq!(due(None, 12).as_deref(), Ok("2026-11-25T20:00:00.000Z"));
        assert_eq!(due(asked("2026-11-26", Some((9, 30))), 12).as_deref(), Ok("2026-11-26T06:30:00.000Z"));
        let earliest = now.plus_ms(12 * HOUR_MS);
        assert_eq!(due(asked("2026-11-25", Some((12, 0))), 12), Err(NoTime::TooEarly { earliest }));
        assert_eq!(due(asked("2026-11-24", Some((12, 0))), 0), Err(NoTime::InThePast));
        assert_eq!(due(asked("2027-02-25", None), 0), Err(NoTime::TooFarAhead));
        assert_eq!(
            due_at(asked("2026-11-25", Some((12, 0))), now, 12, &zone, true).map(|(_, warning)| warning),
            Ok(Some(NoTime::TooEarly { earliest }))
        );
    }
}
