//! Telling admins each evening how the shop's day went.
//!
//! What always holds: a day is told of once, whatever restarts, retries, clock changes and settings do, because the day is written down
//! in the transaction that queues its messages. A summary that was missed is made good while the next one is not due, and less than a
//! day late; older days are on the dashboard. The numbers are the dashboard's own, taken on one snapshot beside the writer.

mod sql;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};

use super::to_admins;
use crate::db::{Command, Reader, WriteTx};
use crate::features::admin::{self, Day};
use crate::features::messages::Kind;
use crate::features::{Shop, settings};
use crate::jobs::{Claimed, Daily, Handler, Schedule, finish_recurring};
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{Currency, Locale, Money, OrderStatus, Result, ShopDay, ShopZone, TimeOfDay, UtcMs};

const SCHEDULE: Schedule = Schedule::Daily(when);
/// A summary that comes in the morning tells of the day before; from here on of its own.
const NOON: TimeOfDay = TimeOfDay::from_minutes(12 * 60);
/// Who reads of a day later than this has had the next one.
const LATEST_MS: i64 = DAY_MS;
/// So many products that run low are named.
const LOW_NAMED: i64 = 20;

/// When it runs, by the settings.
fn when(reader: &Reader<'_>) -> Result<Option<Daily>> {
    let settings = settings::read(reader)?;
    Ok(settings.messages.daily_summary_at.map(|at| Daily { at, zone: settings.format.zone.clone() }))
}

/// The day that is told of at `now`, if the last summary that was due is not too late.
fn day_to_tell(at: TimeOfDay, now: UtcMs, zone: &ShopZone) -> Option<ShopDay> {
    let (day, due) = zone.last(at, now)?;
    if now.ms() - due.ms() >= LATEST_MS {
        return None;
    }
    if at < NOON { day.plus_days(-1) } else { Some(day) }
}

/// The worker that tells them.
pub struct TellDailySummary {
    shop: Arc<Shop>,
}

impl TellDailySummary {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> TellDailySummary {
        TellDailySummary { shop }
    }

    async fn tell(&self, job: Claimed) -> Result<()> {
        let settings = self.shop.settings.get();
        let (zone, currency) = (settings.format.zone.clone(), settings.currency());
        let now = self.shop.clock.now();
        let day = settings.messages.daily_summary_at.and_then(|at| day_to_tell(at, now, &zone));
        let numbers = match day {
            Some(day) => {
                self.shop
                    .db
                    .read(move |reader| {
                        if sql::is_told(reader, day)? {
                            Ok(None)
                        } else {
                            Numbers::read(reader, day, now, &zone, currency).map(Some)
                        }
                    })
                    .await?
            }
            None => None,
        };
        self.shop.db.write_in_background(Tell { job, numbers }).await
    }
}

impl Handler for TellDailySummary {
    fn kind(&self) -> &'static str {
        "notifications.daily_summary"
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(SCHEDULE)
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.tell(job))
    }
}

struct Tell {
    job: Claimed,
    /// `None`: there is nothing to tell.
    numbers: Option<Numbers>,
}

impl Command for Tell {
    const NAME: &'static str = "notifications.tell_daily_summary";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !finish_recurring(tx, &self.job, SCHEDULE)? {
            return Ok(());
        }
        match self.numbers {
            Some(numbers) if sql::tell(tx, numbers.day.day)? => {
                to_admins(tx, Kind::DailySummary, |locale| numbers.payload(locale))
            }
            _ => Ok(()),
        }
    }
}

/// A day in numbers.
struct Numbers {
    day: Day,
    currency: Currency,
    open_orders: i64,
    failed_messages: i64,
    dead_jobs: i64,
    /// Orders of the day after, and their pieces.
    tomorrow: (i64, i64),
}

impl Numbers {
    fn read(reader: &Reader<'_>, day: ShopDay, now: UtcMs, zone: &ShopZone, currency: Currency) -> Result<Numbers> {
        let tomorrow = day.plus_days(1).map_or(Ok((0, 0)), |tomorrow| sql::to_bake(reader, tomorrow))?;
        Ok(Numbers {
            day: admin::day(reader, day, now, zone, LOW_NAMED)?,
            currency,
            open_orders: sql::open_orders(reader)?,
            failed_messages: zone.start_of(day).map_or(Ok(0), |from| sql::failed_messages(reader, from))?,
            dead_jobs: sql::dead_jobs(reader)?,
            tomorrow,
        })
    }

    fn payload(&self, locale: Locale) -> Value {
        let day = &self.day;
        let amount = |minor| Money::from_minor(minor, self.currency).to_string();
        let gross: i64 = day.money.iter().map(|moved| moved.taken).sum();
        let refunds: i64 = day.money.iter().map(|moved| moved.given_back.minor).sum();
        let takings: Vec<Value> = day
            .money
            .iter()
            .filter(|moved| moved.taken != 0)
            .map(|moved| json!({ "method": moved.method.code(), "amount": amount(moved.taken) }))
            .collect();
        let low: Vec<Value> = day
            .low
            .iter()
            .map(|row| {
                let (own, other) =
                    if locale == Locale::En { (&row.name_en, &row.name_ar) } else { (&row.name_ar, &row.name_en) };
                json!({ "name": own.as_ref().or(other.as_ref()), "available": row.stock - row.reserved })
            })
            .collect();
        let in_state = |wanted| day.states.iter().filter(|(status, _)| *status == wanted).map(|(_, count)| count).sum::<i64>();
        json!({
            "day": day.day.to_string(),
            "orders": day.states.iter().map(|(_, count)| count).sum::<i64>(),
            "cancelled": in_state(OrderStatus::Cancelled),
            "gross": amount(gross),
            "refunds": amount(refunds),
            "net": amount(gross - refunds),
            "currency": self.currency.code(),
            "takings": takings,
            "toCollect": amount(day.to_collect.minor),
            "openOrders": self.open_orders,
            "lowStock": low,
            "failedMessages": self.failed_messages,
            "deadJobs": self.dead_jobs,
            "tomorrow": { "orders": self.tomorrow.0, "pieces": self.tomorrow.1 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evening_tells_of_its_own_day_a_morning_of_the_day_before_and_nobody_of_an_old_one() {
        let amman = ShopZone::named("Asia/Amman").expect("known");
        let told = |at, now| {
            let (at, now) = (TimeOfDay::parse(at).expect("a time"), UtcMs::parse(now).expect("a moment"));
            day_to_tell(at, now, &amman).map(|day| day.to_string())
        };
        let day = |text: &str| Some(text.to_owned());
        assert_eq!(told("21:30", "2026-11-25T18:30:00Z"), day("2026-11-25"));
        assert_eq!(told("21:30", "2026-11-26T18:29:59Z"), day("2026-11-25"), "late, and not too late");
        assert_eq!(told("01:15", "2026-11-25T22:15:00Z"), day("2026-11-25"));
        assert_eq!(told("12:00", "2026-11-25T09:00:00Z"), day("2026-11-25"));
        // The day on which Berlin's clocks go back has 25 hours.
        let berlin = ShopZone::named("Europe/Berlin").expect("known");
        let at = TimeOfDay::parse("02:30").expect("a time");
        let late = UtcMs::parse("2026-10-26T01:29:00Z").expect("a moment");
        assert_eq!(day_to_tell(at, late, &berlin), None, "24 hours and 59 minutes late");
    }
}
