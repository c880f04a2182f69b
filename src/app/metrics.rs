//! What stands on the page of metrics: one part a room or feature, a line a number. A new number is a line here, and where it is
//! counted a reading of its own.
//!
//! No label holds what somebody has sent or whose it is: routes as the router writes them, kinds, states and codes of the program.
//! What must be asked of the books is read at once on one snapshot, and not more often than each [`COUNTED_FOR`].

mod happened;
mod machine;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use happened::Happened;

use crate::db::Reader;
use crate::features::messages::Channel;
use crate::features::{AppState, backup, inventory, messages, orders, restored};
use crate::http::Traffic;
use crate::http::traffic::CLASSES;
use crate::jobs::{self, Queue};
use crate::kernel::time::span::SECOND_MS;
use crate::kernel::{OrderStatus, Result, UtcMs};
use crate::ops::metrics::{Kind, Page, seconds};
use crate::{ops, outbound};

/// How old what was counted in the books may be: Prometheus asks each 15 s or seldomer, and others in between cost nothing.
const COUNTED_FOR: Duration = Duration::from_secs(5);
/// The books are waited for so long; a page without them is better than none.
const COUNTING_TIME: Duration = Duration::from_secs(5);

/// Where the numbers of a running shop are found.
pub struct Metrics {
    pub(super) shop: AppState,
    pub(super) traffic: Arc<Traffic>,
    pub(super) queue: Arc<Queue>,
    pub(super) happened: Arc<Happened>,
    started_at: UtcMs,
    counted: Mutex<Option<(Instant, Arc<Counted>)>>,
    uncounted: AtomicU64,
}

/// What was counted in the books.
struct Counted {
    orders: Vec<(OrderStatus, i64)>,
    low_stock: i64,
    dead_jobs: Vec<(String, i64)>,
    messages: Vec<messages::Numbers>,
    backups: backup::Standing,
    restored_waits: bool,
}

impl Counted {
    fn read(reader: &Reader<'_>, now: UtcMs) -> Result<Counted> {
        Ok(Counted {
            orders: orders::by_status(reader)?,
            low_stock: inventory::low(reader, 0)?.0,
            dead_jobs: jobs::dead(reader)?,
            messages: messages::numbers(reader, now)?,
            backups: backup::standing(reader)?,
            restored_waits: restored::line_for_doctor(reader)?.is_some(),
        })
    }
}

impl Metrics {
    pub(super) fn of(shop: &AppState, traffic: Arc<Traffic>, queue: Arc<Queue>, happened: Arc<Happened>) -> Metrics {
        Metrics {
            shop: Arc::clone(shop),
            traffic,
            queue,
            happened,
            started_at: shop.clock.now(),
            counted: Mutex::default(),
            uncounted: AtomicU64::new(0),
        }
    }

    /// The page as it is now.
    pub async fn page(&self) -> String {
        let counted = self.counted().await;
        let mut page = Page::default();
        self.tell_requests(&mut page);
        self.tell_database(&mut page);
        self.tell_jobs(&mut page);
        self.tell_shop(&mut page);
        if let Some(counted) = &counted {
            tell_counted(&mut page, counted, self.shop.clock.now());
        }
        self.tell_providers(&mut page);
        machine::tell(self, &mut page);
        ops::metrics::tell_process(&mut page);
        page.one(
            "process_start_time_seconds",
            Kind::Gauge,
            "When this process opened the shop, in seconds since 1970.",
            self.started_at.ms() / SECOND_MS,
        );
        let help = "Pages of metrics on which what the books count is missing, because they could not be read in time.";
        page.one("bayader_metrics_uncounted_total", Kind::Counter, help, self.uncounted.load(Ordering::Relaxed));
        page.text()
    }

    async fn counted(&self) -> Option<Arc<Counted>> {
        if let Some((at, counted)) = &*self.counted.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < COUNTED_FOR
        {
            return Some(Arc::clone(counted));
        }
        let now = self.shop.clock.now();
        let read = self.shop.db.read(move |reader| Counted::read(reader, now));
        match tokio::time::timeout(COUNTING_TIME, read).await {
            Ok(Ok(counted)) => {
                let counted = Arc::new(counted);
                let mut kept = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some((Instant::now(), Arc::clone(&counted)));
                Some(counted)
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "the books could not be counted for the metrics");
                self.uncounted.fetch_add(1, Ordering::Relaxed);
                None
            }
            Err(_) => {
                self.uncounted.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    fn tell_requests(&self, page: &mut Page) {
        let mut routes: Vec<_> = self.traffic.routes().chain([&self.traffic.elsewhere]).collect();
        routes.retain(|route| route.by_class().iter().any(|count| *count > 0));
        routes.sort_by_key(|route| (route.path, route.method.as_str()));
        let labels = |route: &crate::http::traffic::OfRoute| match route.path {
            "" => ("any".to_owned(), "none"),
            path => (route.method.to_string(), path),
        };
        let help = "Requests answered, by route and class of status; `gone` had a caller that did not wait.";
        let mut family = page.family("bayader_http_requests_total", Kind::Counter, help);
        for route in &routes {
            let (method, path) = labels(route);
            for (class, count) in CLASSES.into_iter().zip(route.by_class()).filter(|(_, count)| *count > 0) {
                family.value(&[("method", &method), ("route", path), ("status", class)], count);
            }
        }
        let help = "Time from a whole request to the head of its answer, by route.";
        let mut family = page.family("bayader_http_request_duration_seconds", Kind::Histogram, help);
        for route in &routes {
            let (method, path) = labels(route);
            family.seconds(&[("method", &method), ("route", path)], &route.duration_us);
        }
        let help = "Requests refused, by the code of the problem told.";
        let mut family = page.family("bayader_http_refusals_total", Kind::Counter, help);
        for (code, count) in self.traffic.refusals() {
            family.value(&[("code", code)], count);
        }
        let (turned_away, pushed_out) = self.traffic.refused_connections();
        page.one("bayader_http_in_flight", Kind::Gauge, "Requests being read or answered now.", self.traffic.in_flight());
        page.one("bayader_http_connections", Kind::Gauge, "Connections open now.", self.traffic.open_connections());
        let help = "Connections that were refused, because all were busy, or ended while silent, to make room.";
        let mut family = page.family("bayader_http_connections_refused_total", Kind::Counter, help);
        family.value(&[("why", "busy")], turned_away);
        family.value(&[("why", "silent")], pushed_out);
        let help = "Messages of gateways and carriers that were not signed as they should be.";
        page.one("bayader_forged_messages_total", Kind::Counter, help, self.shop.forgeries.all());
    }

    fn tell_database(&self, page: &mut Page) {
        let (db, stats) = (&self.shop.db, self.shop.db.stats());
        let (readers, connections) = db.readers();
        page.one("bayader_db_readers", Kind::Gauge, "Reads that may run at once.", readers);
        page.one("bayader_db_reader_connections", Kind::Gauge, "Connections of readers that are open.", connections);
        page.one("bayader_db_reads_waiting", Kind::Gauge, "Reads that wait or run now.", db.reads_waiting());
        let (people, background) = db.writes_waiting();
        let mut family = page.family("bayader_db_writes_waiting", Kind::Gauge, "Writes in the writer's lanes now.");
        family.value(&[("lane", "people")], people);
        family.value(&[("lane", "background")], background);
        let help = "Time a write waited before it was applied.";
        page.family("bayader_db_write_wait_seconds", Kind::Histogram, help).seconds(&[], &stats.queue_wait_us);
        let help = "Writes waiting when a group began.";
        page.family("bayader_db_queue_depth", Kind::Histogram, help).things(&[], &stats.queue_depth);
        page.family("bayader_db_group_size", Kind::Histogram, "Writes in one commit.").things(&[], &stats.group_size);
        let help = "Time of a commit, its sync to the disk included.";
        page.family("bayader_db_commit_seconds", Kind::Histogram, help).seconds(&[], &stats.commit_us);
        let help = "Time of one statement and its rows.";
        page.family("bayader_db_statement_seconds", Kind::Histogram, help).seconds(&[], &stats.statement_us);
        for (name, help, count) in [
            ("bayader_db_failed_commits_total", "Commits that failed; their outcome was unknown.", &stats.failed_commits),
            ("bayader_db_panicked_writes_total", "Writes that panicked and were undone.", &stats.panicked_writes),
            ("bayader_db_turned_away_total", "Reads and writes refused because too many waited.", &stats.turned_away),
        ] {
            page.one(name, Kind::Counter, help, count.load(Ordering::Relaxed));
        }
        let help = "Pages in the write-ahead log after the last commit.";
        page.one("bayader_db_log_pages", Kind::Gauge, help, stats.log_pages.load(Ordering::Relaxed));
    }

    fn tell_jobs(&self, page: &mut Page) {
        let standing = self.queue.standing();
        let mut family = page.family("bayader_jobs_waiting", Kind::Gauge, "Jobs that wait for their time or a place.");
        for line in &standing {
            family.value(&[("kind", &line.kind)], line.waiting);
        }
        let mut family = page.family("bayader_jobs_running", Kind::Gauge, "Jobs that run now.");
        for line in &standing {
            family.value(&[("kind", &line.kind)], line.running);
        }
        let now = self.shop.clock.now().ms();
        let help = "How long the oldest due job of a kind has waited for its turn.";
        let mut family = page.family("bayader_jobs_lag_seconds", Kind::Gauge, help);
        for line in &standing {
            let late_ms = line.first_due_ms.map_or(0, |due| (now - due).max(0));
            family.value(&[("kind", &line.kind)], seconds(u64::try_from(late_ms).unwrap_or(0) * 1_000));
        }
        let ended = self.queue.ended();
        let help = "Runs of jobs that ended, by kind and outcome; most that failed are tried again.";
        let mut family = page.family("bayader_jobs_runs_total", Kind::Counter, help);
        for (kind, ended) in &ended {
            family.value(&[("kind", kind), ("outcome", "done")], ended.done);
            family.value(&[("kind", kind), ("outcome", "failed")], ended.failed);
        }
        let mut family = page.family("bayader_jobs_run_seconds", Kind::Histogram, "Time of a job's run.");
        for (kind, ended) in &ended {
            family.seconds(&[("kind", kind)], &ended.duration_us);
        }
    }

    fn tell_shop(&self, page: &mut Page) {
        let caches = [("menu", self.shop.menu.found_and_made()), ("sessions", self.shop.accounts.found_and_read())];
        let mut family = page.family("bayader_cache_hits_total", Kind::Counter, "Answers that were found in memory.");
        for (cache, (hits, _)) in caches {
            family.value(&[("cache", cache)], hits);
        }
        let mut family = page.family("bayader_cache_misses_total", Kind::Counter, "Answers that had to be read.");
        for (cache, (_, misses)) in caches {
            family.value(&[("cache", cache)], misses);
        }
        self.happened.tell(page);
    }

    fn tell_providers(&self, page: &mut Page) {
        let calls = outbound::calls();
        let help = "Calls to providers by outcome; what became of an `unclear` one is not known.";
        let mut family = page.family("bayader_provider_calls_total", Kind::Counter, help);
        for (provider, calls) in &calls {
            for (outcome, count) in [("answered", &calls.answered), ("unsent", &calls.unsent), ("unclear", &calls.unclear)] {
                family.value(&[("provider", provider), ("outcome", outcome)], count.load(Ordering::Relaxed));
            }
        }
        let help = "Time that calls to a provider were waited for.";
        let mut family = page.family("bayader_provider_call_seconds_total", Kind::Counter, help);
        for (provider, calls) in &calls {
            family.value(&[("provider", provider)], seconds(calls.micros.load(Ordering::Relaxed)));
        }
        let help = "1 if a payment gateway did not answer within the last half minute.";
        let mut family = page.family("bayader_gateway_silent", Kind::Gauge, help);
        for gateway in self.shop.gateways.iter() {
            let method = gateway.method();
            family.value(&[("gateway", method.code())], u8::from(self.shop.silence.is_silent(method)));
        }
        let help = "1 while messages of a channel are held, because its carrier cannot be asked.";
        let mut family = page.family("bayader_messages_held", Kind::Gauge, help);
        for channel in Channel::ALL {
            family.value(&[("channel", channel.code())], u8::from(self.shop.messages.is_shut(channel)));
        }
    }
}

fn tell_counted(page: &mut Page, counted: &Counted, now: UtcMs) {
    let mut family = page.family("bayader_orders", Kind::Gauge, "Orders in the books, by status.");
    for (status, count) in &counted.orders {
        family.value(&[("status", status.code())], count);
    }
    page.one("bayader_low_stock_products", Kind::Gauge, "Products at or below their threshold.", counted.low_stock);
    let mut family = page.family("bayader_jobs_dead", Kind::Gauge, "Jobs given up, which wait for somebody.");
    family.value(&[("kind", "all")], counted.dead_jobs.iter().map(|(_, count)| count).sum::<i64>());
    for (kind, count) in &counted.dead_jobs {
        family.value(&[("kind", kind)], count);
    }
    let mut family = page.family("bayader_messages_waiting", Kind::Gauge, "Messages that wait or are on their way.");
    for numbers in &counted.messages {
        family.value(&[("channel", numbers.channel.code())], numbers.waiting);
    }
    let help = "Messages of the last day that failed for good.";
    let mut family = page.family("bayader_messages_failed_last_day", Kind::Gauge, help);
    for numbers in &counted.messages {
        family.value(&[("channel", numbers.channel.code())], numbers.failed);
    }
    // Of what is not there nothing is told: an age of nothing would look young.
    if let Some(old_ms) = counted.backups.could_lose_ms(now) {
        let help = "How old the newest backup is that nothing is known to be wrong with.";
        page.one("bayader_backup_age_seconds", Kind::Gauge, help, old_ms / SECOND_MS);
    }
    if let Some(old_ms) = counted.backups.proven_age_ms(now) {
        let help = "How long ago a backup was last shown to be restorable.";
        page.one("bayader_backup_proven_age_seconds", Kind::Gauge, help, old_ms / SECOND_MS);
    }
    let help = "1 while a restored shop waits for its owner's word about what the past would have sent.";
    page.one("bayader_restored_waits", Kind::Gauge, help, u8::from(counted.restored_waits));
}
