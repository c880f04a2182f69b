//! The daily comparison with the gateways' own books.
//!
//! After a day of the shop has ended, what each gateway has captured and refunded is held against the ledger, object by object. Where a
//! gateway opens no books, each payment of the day is asked about by itself. What is missing here is asked for and booked before it is
//! called a difference; so a message that never came costs a day at most.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::differences::{Difference, DifferenceFilter, Differs, Found};
use super::gateway::{BookKind, BookLine, Gateway};
use super::settle::settle;
use super::sql::compare::{self as sql, Entry};
use super::{ask, attempts};
use crate::db::query::Query;
use crate::db::{Command, Reader, WriteTx};
use crate::features::AppState;
use crate::http::page::{From, List, bad_cursor};
use crate::jobs::{Claimed, Handler, Schedule};
use crate::kernel::time::span::HOUR_MS;
use crate::kernel::{Actor, Currency, Fault, PaymentId, PaymentMethod, RefundStatus, Result, ShopDay, UtcMs};

/// How often it is looked whether a day waits to be compared.
const EVERY_MS: i64 = HOUR_MS;
/// A day is compared so long after its end: providers and their messages are late sometimes.
const AFTER_MS: i64 = 2 * HOUR_MS;
/// What one side dates just before midnight the other dates just after: so much more is read on both sides of a day.
const MARGIN_MS: i64 = 6 * HOUR_MS;
/// Days that were missed while the shop was off are made good, up to so many.
const MOST_MISSED: usize = 14;
/// Of a gateway that opens no books, refunds since a backup are found by asking about what it took on so many days before.
const LOOKED_BACK: i32 = 7;
/// Days that are read after a restore, up to so many.
const MOST_RESTORED: usize = 92;
/// Earlier days on which something is different still are looked at again, up to so many.
const MOST_OPEN: i64 = 14;
/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

/// The worker of this job.
pub struct CompareBooks {
    shop: AppState,
}

impl CompareBooks {
    #[must_use]
    pub fn new(shop: AppState) -> CompareBooks {
        CompareBooks { shop }
    }
}

impl Handler for CompareBooks {
    fn kind(&self) -> &'static str {
        "payments.compare"
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Every { ms: EVERY_MS })
    }

    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            // One gateway that does not answer keeps no other from its comparison; its days are made good by a later run.
            for gateway in self.shop.gateways.iter() {
                if let Err(error) = self.compare(gateway.as_ref()).await {
                    tracing::warn!(gateway = gateway.method().code(), error = %error, "the books could not be compared");
                }
            }
            Ok(())
        })
    }
}

impl CompareBooks {
    async fn compare(&self, gateway: &dyn Gateway) -> Result<()> {
        let method = gateway.method();
        let zone = self.shop.settings.format().zone.clone();
        let yesterday = zone.day_of(self.shop.clock.now().plus_ms(-AFTER_MS)).plus_days(-1);
        let yesterday = yesterday.ok_or_else(|| Fault::because("a day has one before it"))?;
        let now = self.shop.clock.now();
        let today = zone.day_of(now);
        let restored = self.shop.db.read(move |reader| catches_up(reader, method)).await?;
        let mut days = self.shop.db.read(move |reader| days(reader, method, yesterday)).await?;
        if let Some((_, backup_of)) = restored {
            let from = zone.day_of(backup_of);
            days.extend(days_since(from.plus_days(-LOOKED_BACK).unwrap_or(from), today));
        }
        for day in days {
            let span = zone.start_of(day).zip(day.plus_days(1).and_then(|next| zone.start_of(next)));
            let (from, until) = span.ok_or_else(|| Fault::because("a day has a beginning and an end"))?;
            self.ask_for_fees(method, from, until).await?;
            let found = match gateway.books(from.plus_ms(-MARGIN_MS), until.plus_ms(MARGIN_MS)).await.map_err(unread)? {
                Some(lines) => self.with_books(method, &lines, from, until).await?,
                None => self.by_asking(gateway, from, until).await?,
            };
            // A day that is not over is compared again when it is.
            self.shop.db.write_in_background(Keep { gateway: method, day, found, is_over: day <= yesterday }).await?;
        }
        if let Some((restoration, _)) = restored {
            self.shop.db.write_in_background(CaughtUp { gateway: method, restoration }).await?;
        }
        Ok(())
    }

    /// A fee that was not told with its capture is known a day later.
    async fn ask_for_fees(&self, method: PaymentMethod, from: UtcMs, until: UtcMs) -> Result<()> {
        let payments = self.shop.db.read(move |reader| sql::without_fee(reader, method, from, until)).await?;
        for payment in payments {
            if let Err(error) = ask::ask_by_job(&self.shop, payment).await {
                tracing::warn!(payment = %payment, error = %error, "a payment's fee could not be asked for");
            }
        }
        Ok(())
    }

    async fn with_books(&self, method: PaymentMethod, lines: &[BookLine], from: UtcMs, until: UtcMs) -> Result<Vec<Found>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for line in lines.iter().filter(|line| line.at >= from && line.at < until) {
            if self.missing_here(method, line).await?.is_some() {
                missing.push(line);
            }
        }
        self.ask_for_missing(method, &missing, from, until).await?;
        for line in missing {
            found.extend(self.missing_here(method, line).await?);
        }
        let theirs: BTreeSet<(&str, &str)> = lines.iter().map(|line| (line.kind.code(), line.object.as_str())).collect();
        let ours = self.shop.db.read(move |reader| sql::entries(reader, method, from, until)).await?;
        for entry in ours.into_iter().filter(|entry| !theirs.contains(&(entry.kind.code(), entry.object.as_str()))) {
            // It may be of another day there.
            let told = self.told_of(method, entry.payment).await?;
            found.extend(compared(&entry, told.get(&(entry.kind.code(), entry.object.clone())).copied()));
        }
        Ok(found)
    }

    /// What is missing here may be asked for: then it is booked, and nothing is different. A name that was told before leads to its
    /// payment, and so do the names that the line itself tells of it; one without any, as a refund's made outside, may belong to any
    /// payment of that day.
    async fn ask_for_missing(&self, method: PaymentMethod, lines: &[&BookLine], from: UtcMs, until: UtcMs) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = lines.iter().flat_map(|line| line.of.iter().chain([&line.object]).cloned()).collect();
        let payments = self
            .shop
            .db
            .read(move |reader| {
                let mut payments = BTreeSet::new();
                for name in names {
                    payments.extend(attempts::find_by_objects(reader, method, &[name])?);
                }
                payments.extend(sql::entries(reader, method, from, until)?.into_iter().map(|entry| entry.payment));
                Ok(payments)
            })
            .await?;
        for payment in payments {
            if let Err(error) = ask::ask_by_job(&self.shop, payment).await {
                tracing::warn!(payment = %payment, error = %error, "a payment could not be asked about what is missing");
            }
        }
        Ok(())
    }

    /// How a line of a gateway's books differs from the ledger.
    async fn missing_here(&self, method: PaymentMethod, line: &BookLine) -> Result<Option<Found>> {
        let line = line.clone();
        self.shop
            .db
            .read(move |reader| {
                let theirs = Some(line.amount.minor());
                let currency = line.amount.currency().code().to_owned();
                let found = |what, payment, ours_minor| Found {
                    kind: line.kind,
                    object: line.object.clone(),
                    what,
                    payment,
                    ours_minor,
                    theirs_minor: theirs,
                    currency: currency.clone(),
                };
                Ok(match sql::entry_of(reader, method, line.kind, &line.object)? {
                    Some(entry) if entry.amount_minor == line.amount.minor() && entry.currency == currency => None,
                    Some(entry) => Some(found(Differs::Amount, Some(entry.payment), Some(entry.amount_minor))),
                    None if sql::is_parked(reader, method, line.kind, &line.object)? => None,
                    None => Some(found(Differs::MissingHere, None, None)),
                })
            })
            .await
    }

    /// Every payment of the day is asked about; what its gateway tells is booked, and held against the ledger.
    async fn by_asking(&self, gateway: &dyn Gateway, from: UtcMs, until: UtcMs) -> Result<Vec<Found>> {
        let method = gateway.method();
        let entries = self.shop.db.read(move |reader| sql::entries(reader, method, from, until)).await?;
        let payments: BTreeSet<PaymentId> = entries.iter().map(|entry| entry.payment).collect();
        let mut told: BTreeMap<PaymentId, Told> = BTreeMap::new();
        for payment in payments {
            told.insert(payment, self.told_of(method, payment).await?);
        }
        let mut found = Vec::new();
        for entry in entries {
            let Some(told) = told.get(&entry.payment) else { continue };
            let theirs = told.get(&(entry.kind.code(), entry.object.clone()));
            // A refund that is told as a part of a sum alone has no line of its own.
            let tells_refunds = told.keys().any(|(kind, _)| *kind == BookKind::Refunded.code());
            if entry.kind == BookKind::Refunded && theirs.is_none() && !tells_refunds {
                continue;
            }
            found.extend(compared(&entry, theirs.copied()));
        }
        Ok(found)
    }

    /// What a gateway says now of a payment, which is booked too.
    async fn told_of(&self, method: PaymentMethod, payment: PaymentId) -> Result<Told> {
        let kept = self.shop.db.read(move |reader| attempts::kept(reader, payment)).await?;
        let (Some(kept), Some(gateway)) = (kept, self.shop.gateways.get(method)) else { return Ok(Told::new()) };
        let report = gateway.ask(&kept.as_told()).await.map_err(unread)?;
        let captures =
            report.captures.iter().map(|capture| ((BookKind::Captured.code(), capture.object.clone()), capture.amount));
        let done = report.refunds.iter().filter(|refund| refund.status == RefundStatus::Succeeded);
        let refunds = done.map(|refund| ((BookKind::Refunded.code(), refund.object.clone()), refund.amount));
        let told = captures.chain(refunds).map(|(key, amount)| (key, (amount.minor(), amount.currency()))).collect();
        self.shop.db.write_in_background(Settle { payment, report }).await?;
        Ok(told)
    }
}

/// What a gateway says of a payment: by kind and name, minor units and their currency.
type Told = BTreeMap<(&'static str, String), (i64, Currency)>;

/// How a row of the ledger differs from what its gateway says.
fn compared(entry: &Entry, theirs: Option<(i64, Currency)>) -> Option<Found> {
    let what = match theirs {
        None => Differs::MissingThere,
        Some((minor, currency)) if minor == entry.amount_minor && entry.currency == currency.code() => return None,
        Some(_) => Differs::Amount,
    };
    Some(Found {
        kind: entry.kind,
        object: entry.object.clone(),
        what,
        payment: Some(entry.payment),
        ours_minor: Some(entry.amount_minor),
        theirs_minor: theirs.map(|(minor, _)| minor),
        currency: entry.currency.clone(),
    })
}

fn unread(fault: super::gateway::CallFault) -> Fault {
    Fault::because(format!("the gateway's books could not be read: {fault}"))
}

/// The days that wait to be compared: those since the last one, and those on which something was different.
fn days(reader: &Reader<'_>, gateway: PaymentMethod, yesterday: ShopDay) -> Result<BTreeSet<ShopDay>> {
    let last = sql::last_day(reader, gateway)?;
    // Nobody has paid through it yet.
    if !sql::was_used(reader, gateway)? {
        return Ok(BTreeSet::new());
    }
    if last.is_some_and(|last| last >= yesterday) {
        return Ok(BTreeSet::new());
    }
    let mut days = BTreeSet::from([yesterday]);
    if let Some(last) = last {
        let missed = std::iter::successors(yesterday.plus_days(-1), |day| day.plus_days(-1));
        days.extend(missed.take_while(|day| *day > last).take(MOST_MISSED));
    }
    days.extend(sql::open_days(reader, gateway, MOST_OPEN)?);
    Ok(days)
}

/// Books what a gateway said of a payment.
struct Settle {
    payment: PaymentId,
    report: super::gateway::Report,
}

impl Command for Settle {
    const NAME: &'static str = "payments.compare_settle";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        settle(tx, self.payment, &self.report, Actor::Gateway).map(|_| ())
    }
}

/// Keeps what was found of a day.
struct Keep {
    gateway: PaymentMethod,
    day: ShopDay,
    found: Vec<Found>,
    is_over: bool,
}

impl Command for Keep {
    const NAME: &'static str = "payments.compare_keep";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        sql::keep(tx, self.gateway, self.day, &self.found)?;
        if self.is_over { sql::set_last_day(tx, self.gateway, self.day) } else { Ok(()) }
    }
}

/// A gateway's books were read from the moment of a backup on.
struct CaughtUp {
    gateway: PaymentMethod,
    restoration: i64,
}

impl Command for CaughtUp {
    const NAME: &'static str = "payments.compare_caught_up";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        sql::caught_up(tx, self.gateway, self.restoration)
    }
}

/// The restore after which a gateway's books were not read yet, and the moment of its backup: what the gateway took since is not known
/// here, whether it was used before or not.
pub(super) fn catches_up(reader: &Reader<'_>, gateway: PaymentMethod) -> Result<Option<(i64, UtcMs)>> {
    sql::catch_up(reader, gateway)
}

/// The days from that of a backup to today. Of one that is older than any shop should restore, the newest.
fn days_since(backup: ShopDay, today: ShopDay) -> impl Iterator<Item = ShopDay> {
    let before = std::iter::successors(Some(today), |day| day.plus_days(-1));
    before.take_while(move |day| *day >= backup).take(MOST_RESTORED)
}

/// A page of differences, newest first.
///
/// # Errors
/// 422 for a cursor of another list or a page too deep, or a fault.
pub fn list(reader: &Reader<'_>, filter: &DifferenceFilter) -> Result<List<Difference>> {
    let mut query = Query::new();
    query.filter_opt("gateway = ?", filter.gateway);
    match filter.open {
        Some(true) => query.filter("closed_at is null", vec![]),
        Some(false) => query.filter("closed_at is not null", vec![]),
        None => {}
    }
    let total = if filter.paging.wants_total() { Some(sql::count(reader, &query)?) } else { None };
    if let From::After(cursor) = &filter.paging.from {
        let [Value::String(id)] = cursor.values_of::<1>(NEWEST)? else { return Err(bad_cursor().into()) };
        let id = uuid::Uuid::try_parse(&id).map_err(|_| bad_cursor())?;
        query.filter("id < ?", vec![Box::new(id.into_bytes().to_vec())]);
    }
    let rows = sql::list(reader, &query, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(List::page(&filter.paging, total, rows, NEWEST, |difference| vec![difference.id.to_string().into()]))
}
