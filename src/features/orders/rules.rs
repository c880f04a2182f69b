//! Decisions about orders, pure: which moves are legal, what a line costs, when an order is ready.

use super::model::{Head, Totals};
use crate::features::settings::OpeningHours;
use crate::kernel::time::span::{DAY_MS, HOUR_MS, MINUTE_MS};
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

/// Why an online order does not move on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotPaid {
    /// Something of it is owed.
    Nothing,
    /// It was paid, and all of that was given back.
    GivenBack,
}

/// An online order is confirmed by its payment and handed over once it is paid (SPEC 4). One of which a part was given back counts
/// as paid.
///
/// # Errors
/// [`NotPaid`]; an admin may go on all the same.
pub fn check_paid(head: &Head, to: OrderStatus) -> Result<(), NotPaid> {
    if head.payment_method.is_offline() || !matches!(to, Confirmed | Delivered) {
        return Ok(());
    }
    match head.captured {
        captured if captured < head.total => Err(NotPaid::Nothing),
        captured if to == Delivered && captured > 0 && head.refunded >= captured => Err(NotPaid::GivenBack),
        _ => Ok(()),
    }
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

/// Why a time cannot be had. `earliest` is the nearest moment that can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTime {
    InThePast,
    TooEarly {
        earliest: UtcMs,
    },
    OutsideHours {
        earliest: UtcMs,
    },
    TooFarAhead,
    /// No opening hour in sight.
    Closed,
}

/// When the shop is open, by its own clock.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    pub hours: &'a OpeningHours,
    pub zone: &'a ShopZone,
}

impl Open<'_> {
    fn at(self, moment: UtcMs) -> bool {
        self.hours.is_open(moment, self.zone)
    }

    fn first_from(self, moment: UtcMs) -> Result<UtcMs, NoTime> {
        self.hours.first_open(moment, self.zone).ok_or(NoTime::Closed)
    }
}

/// When the order is ready: as asked, or as soon as its longest lead time allows, in opening hours. A day without a time is its
/// first moment that can be had. `lenient`: for staff a lead time and the hours are a warning, which is answered beside the
/// moment; and without a wish the hours move nothing, for what is sold over the counter after closing is handed over then.
///
/// # Errors
/// [`NoTime`].
pub fn due_at(
    asked: Option<Asked>,
    now: UtcMs,
    lead_hours: i64,
    open: Open<'_>,
    lenient: bool,
) -> Result<(UtcMs, Option<NoTime>), NoTime> {
    let baked = now.plus_ms(lead_hours * HOUR_MS);
    let or_warn = |why: NoTime, moment: UtcMs| if lenient { Ok((moment, Some(why))) } else { Err(why) };
    let Some(asked) = asked else {
        return match lenient {
            true if !open.at(baked) => Ok((baked, Some(outside(open, baked)))),
            true => Ok((baked, None)),
            false => open.first_from(baked).map(|moment| (moment, None)),
        };
    };
    // What a lead time and the hours make of now can always be asked for.
    let farthest = open.first_from(baked).unwrap_or(baked).max(now.plus_ms(FARTHEST_MS));
    match asked.time {
        Some(time) => {
            let moment = asked_moment(asked.day, time, now, open.zone)?;
            if moment > farthest {
                return Err(NoTime::TooFarAhead);
            }
            let due = moment.max(now);
            if moment < baked && lead_hours > 0 {
                return or_warn(open.first_from(baked).map_or_else(|why| why, |earliest| NoTime::TooEarly { earliest }), due);
            }
            if !open.at(due) {
                return or_warn(outside(open, due), due);
            }
            Ok((due, None))
        }
        None => {
            if asked.day < open.zone.day_of(now) {
                return Err(NoTime::InThePast);
            }
            let start = open.zone.start_of(asked.day).filter(|start| *start <= farthest).ok_or(NoTime::TooFarAhead)?;
            if open.zone.day_of(baked) > asked.day {
                let why = open.first_from(baked).map_or_else(|why| why, |earliest| NoTime::TooEarly { earliest });
                return or_warn(why, start.max(now));
            }
            let from = start.max(baked);
            match open.first_from(from) {
                Ok(moment) if open.zone.day_of(moment) == asked.day => Ok((moment, None)),
                Ok(_) | Err(_) => or_warn(outside(open, from), from),
            }
        }
    }
}

fn outside(open: Open<'_>, moment: UtcMs) -> NoTime {
    open.first_from(moment).map_or_else(|why| why, |earliest| NoTime::OutsideHours { earliest })
}

/// The moment at which the shop's clock shows that time. A wall time has minutes only: the minute that runs is not yet past. Where
/// the time comes twice, it is the first until that is past.
fn asked_moment(day: ShopDay, time: jiff::civil::Time, now: UtcMs, zone: &ShopZone) -> Result<UtcMs, NoTime> {
    let local = day.date().to_datetime(time);
    let (first, both) = (zone.moment(local), zone.moments(local));
    let (Some(first), Some([_, second])) = (first, both) else { return Err(NoTime::TooFarAhead) };
    let is_past = |moment: UtcMs| moment.plus_ms(MINUTE_MS) <= now;
    [first, second].into_iter().find(|moment| !is_past(*moment)).ok_or(NoTime::InThePast)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::settings::{Minute, Window};
    use crate::kernel::Weekday;
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

    fn at(text: &str) -> UtcMs {
        UtcMs::parse(text).expect("a moment")
    }

    fn asked(day: &str, time: Option<(i8, i8)>) -> Asked {
        let time = time.map(|(hour, minute)| jiff::civil::time(hour, minute, 0, 0));
        Asked { day: ShopDay::parse(day).expect("a day"), time }
    }

    fn table(rows: &[(Weekday, &str, &str)]) -> OpeningHours {
        let minute = |text: &str| Minute::parse(text).expect("a time");
        let rows = rows.iter().map(|(weekday, opens, closes)| Window {
            weekday: *weekday,
            opens: minute(opens),
            closes: minute(closes),
        });
        OpeningHours::new(rows.collect()).expect("a table")
    }

    fn zone(name: &str) -> ShopZone {
        ShopZone::named(name).expect("known")
    }

    #[test]
    fn an_order_is_ready_when_its_slowest_line_is() {
        let (zone, hours) = (zone("Asia/Amman"), OpeningHours::default());
        let open = Open { hours: &hours, zone: &zone };
        let now = at("2026-11-25T08:00:00Z");
        let due = |asked, lead| due_at(asked, now, lead, open, false).map(|(due, _)| due.to_string());
        assert_eq!(due(None, 12).as_deref(), Ok("2026-11-25T20:00:00.000Z"));
        assert_eq!(due(Some(asked("2026-11-26", Some((9, 30)))), 12).as_deref(), Ok("2026-11-26T06:30:00.000Z"));
        let earliest = now.plus_ms(12 * HOUR_MS);
        assert_eq!(due(Some(asked("2026-11-25", Some((12, 0)))), 12), Err(NoTime::TooEarly { earliest }));
        assert_eq!(due(Some(asked("2026-11-24", Some((12, 0)))), 0), Err(NoTime::InThePast));
        assert_eq!(due(Some(asked("2027-02-25", None)), 0), Err(NoTime::TooFarAhead));
        assert_eq!(
            due_at(Some(asked("2026-11-25", Some((12, 0)))), now, 12, open, true).map(|(_, warning)| warning),
            Ok(Some(NoTime::TooEarly { earliest }))
        );
        // The minute that runs can be had, from now on.
        let running = at("2026-11-25T09:00:30Z");
        assert_eq!(due_at(Some(asked("2026-11-25", Some((12, 0)))), running, 0, open, false), Ok((running, None)));
    }

    #[test]
    fn an_order_is_ready_in_opening_hours() {
        use Weekday::{Saturday, Thursday, Wednesday};
        let (zone, hours) = (
            zone("Asia/Amman"),
            table(&[
                (Wednesday, "07:00", "13:00"),
                (Wednesday, "16:00", "20:00"),
                (Thursday, "08:00", "12:00"),
                (Saturday, "08:00", "12:00"),
            ]),
        );
        let open = Open { hours: &hours, zone: &zone };
        // A Wednesday, eleven in the morning.
        let now = at("2026-11-25T08:00:00Z");
        let due = |asked, lead| due_at(asked, now, lead, open, false).map(|(due, _)| due.to_string());
        assert_eq!(due(None, 0).as_deref(), Ok("2026-11-25T08:00:00.000Z"));
        // Two hours on the shop closes for noon, at that very moment.
        assert_eq!(due(None, 2).as_deref(), Ok("2026-11-25T13:00:00.000Z"));
        assert_eq!(due(None, 9).as_deref(), Ok("2026-11-26T05:00:00.000Z"));
        assert_eq!(due(Some(asked("2026-11-28", None)), 0).as_deref(), Ok("2026-11-28T05:00:00.000Z"));
        assert_eq!(due(Some(asked("2026-11-25", None)), 3).as_deref(), Ok("2026-11-25T13:00:00.000Z"));
        // A closed day, and a day whose hours are over: the next that can be had is told.
        let saturday = at("2026-11-28T05:00:00Z");
        assert_eq!(due(Some(asked("2026-11-27", None)), 0), Err(NoTime::OutsideHours { earliest: saturday }));
        assert_eq!(
            due(Some(asked("2026-11-25", None)), 12),
            Err(NoTime::OutsideHours { earliest: at("2026-11-26T05:00:00Z") })
        );
        assert_eq!(due(Some(asked("2026-11-26", Some((12, 0)))), 0), Err(NoTime::OutsideHours { earliest: saturday }));
        assert_eq!(due(Some(asked("2026-11-26", Some((11, 59)))), 0).as_deref(), Ok("2026-11-26T08:59:00.000Z"));
        // The earliest told for a lead time is one that is open.
        assert_eq!(
            due(Some(asked("2026-11-25", Some((12, 0)))), 3),
            Err(NoTime::TooEarly { earliest: at("2026-11-25T13:00:00Z") })
        );
        let staff = due_at(Some(asked("2026-11-27", Some((9, 0)))), now, 0, open, true);
        assert_eq!(staff, Ok((at("2026-11-27T06:00:00Z"), Some(NoTime::OutsideHours { earliest: saturday }))));
        // What staff sell a minute after closing is handed over now, on this day; the hours are a warning.
        let closed = at("2026-11-25T17:01:00Z");
        let warning = NoTime::OutsideHours { earliest: at("2026-11-26T05:00:00Z") };
        assert_eq!(due_at(None, closed, 0, open, true), Ok((closed, Some(warning))));
    }

    #[test]
    fn a_time_that_comes_twice_is_had_until_the_second_is_past() {
        let (zone, hours) = (zone("Europe/Berlin"), OpeningHours::default());
        let open = Open { hours: &hours, zone: &zone };
        let due = |now: &str, time| due_at(Some(asked("2026-10-25", Some(time))), at(now), 0, open, false).map(|(due, _)| due);
        assert_eq!(due("2026-10-25T00:00:00Z", (2, 30)), Ok(at("2026-10-25T00:30:00Z")));
        assert_eq!(due("2026-10-25T00:45:00Z", (2, 30)), Ok(at("2026-10-25T01:30:00Z")));
        assert_eq!(due("2026-10-25T01:31:00Z", (2, 30)), Err(NoTime::InThePast));
    }

    #[test]
    fn a_long_lead_time_may_reach_past_the_sixty_days() {
        let (zone, hours) = (zone("Asia/Amman"), table(&[(Weekday::Monday, "08:00", "12:00")]));
        let open = Open { hours: &hours, zone: &zone };
        let now = at("2026-11-25T08:00:00Z");
        let (due, _) = due_at(None, now, 1_440, open, false).expect("a moment");
        let day = zone.day_of(due);
        assert!(due > now.plus_ms(FARTHEST_MS));
        assert_eq!(due_at(Some(Asked { day, time: None }), now, 1_440, open, false), Ok((due, None)));
    }

    fn any_hours() -> impl Strategy<Value = OpeningHours> {
        let row = (proptest::sample::select(Weekday::ALL), 0_u16..24, 1_u16..25);
        proptest::collection::vec(row, 0..6).prop_map(|rows| {
            let minute = |hour: u16| Minute::parse(&format!("{hour:02}:00")).expect("a time");
            let mut kept: Vec<Window> = Vec::new();
            for (weekday, opens, closes) in rows {
                let row = Window { weekday, opens: minute(opens), closes: minute(closes) };
                let next: Vec<Window> = kept.iter().copied().chain([row]).collect();
                if OpeningHours::new(next.clone()).is_ok() {
                    kept = next;
                }
            }
            OpeningHours::new(kept).expect("checked row by row")
        })
    }

    proptest! {
        #[test]
        fn what_is_promised_is_open_and_baked_and_never_goes_back(
            hours in any_hours(),
            name in proptest::sample::select(vec!["Asia/Amman", "Europe/Berlin", "America/New_York", "Africa/Cairo"]),
            now in 1_790_000_000_000_i64..1_800_000_000_000,
            lead in 0_i64..100,
            ahead in 0_i32..70,
            time in proptest::option::of((0_i8..24, 0_i8..60)),
            later in 0_i64..DAY_MS,
        ) {
            let zone = zone(name);
            let open = Open { hours: &hours, zone: &zone };
            let now = UtcMs::from_ms(now);
            let baked = now.plus_ms(lead * HOUR_MS);
            let day = zone.day_of(now).plus_days(ahead).expect("a day");
            let asked = Asked { day, time: time.map(|(hour, minute)| jiff::civil::time(hour, minute, 0, 0)) };
            for asked in [None, Some(asked)] {
                match due_at(asked, now, lead, open, false) {
                    Ok((due, warning)) => {
                        prop_assert!(due >= baked && open.at(due) && warning.is_none());
                        prop_assert!(asked.is_none_or(|asked| asked.time.is_some() || zone.day_of(due) == asked.day));
                        let staff = due_at(asked, now, lead, open, true);
                        if asked.is_some() || open.at(baked) {
                            prop_assert_eq!(staff, Ok((due, None)), "staff get what others get");
                        } else {
                            prop_assert_eq!(staff, Ok((baked, Some(NoTime::OutsideHours { earliest: due }))));
                        }
                    }
                    Err(NoTime::TooEarly { earliest } | NoTime::OutsideHours { earliest }) => {
                        prop_assert!(earliest >= baked && open.at(earliest));
                        let (_, warning) = due_at(asked, now, lead, open, true).expect("staff are warned");
                        prop_assert!(warning.is_some());
                    }
                    Err(_) => {}
                }
            }
            let soonest = |now: UtcMs, lead| due_at(None, now, lead, open, false).map(|(due, _)| due);
            prop_assert!(soonest(now, lead).ok() <= soonest(now.plus_ms(later), lead).ok());
            prop_assert!(soonest(now, lead).ok() <= soonest(now, lead + 1).ok());
        }
    }
}
