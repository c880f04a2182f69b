//! What the shop has been asked and how it answered: by route, by status, by time (RED: rate, errors, duration).
//!
//! A request costs one look-up and a handful of additions without a lock. A route is named as the router writes it, and a refusal by
//! its code, so that there are only so many of each, whatever people send.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use http::{Method, StatusCode};

use crate::db::{BUCKETS, Histogram, micros};
use crate::kernel::ProblemKind;

/// Upper bounds in microseconds: around the shop's own promises (10, 20, 40 and 200 ms, SPEC 12).
const BOUNDS_US: [u64; BUCKETS] =
    [1_000, 2_500, 5_000, 10_000, 20_000, 40_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000];
/// Classes of statuses, as they are told; the last is that of requests whose caller went away first.
pub const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "gone"];
const SERVER_ERROR: usize = 4;
const GONE: usize = 5;

/// How one route was asked.
#[derive(Debug)]
pub struct OfRoute {
    pub method: Method,
    /// As the router writes it; empty for what is no route.
    pub path: &'static str,
    by_class: [AtomicU64; CLASSES.len()],
    /// In microseconds, from the gate to the answer's head.
    pub duration_us: Histogram,
}

impl OfRoute {
    fn new(method: Method, path: &'static str) -> OfRoute {
        OfRoute { method, path, by_class: Default::default(), duration_us: Histogram::of(&BOUNDS_US) }
    }

    /// How many were answered with each of [`CLASSES`].
    #[must_use]
    pub fn by_class(&self) -> [u64; CLASSES.len()] {
        std::array::from_fn(|class| self.by_class[class].load(Ordering::Relaxed))
    }

    fn count(&self, class: usize, started: Instant) {
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        self.duration_us.record(micros(started.elapsed()));
    }
}

/// Counts what goes through the front, the gate and the server.
#[derive(Debug)]
pub struct Traffic {
    routes: HashMap<&'static str, Vec<OfRoute>>,
    /// What is no route: an unknown path or a wrong method.
    pub elsewhere: OfRoute,
    in_flight: AtomicI64,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    open: AtomicI64,
    turned_away: AtomicU64,
    pushed_out: AtomicU64,
}

impl Traffic {
    /// Of these routes.
    pub fn new(routes: impl Iterator<Item = (Method, &'static str)>) -> Traffic {
        let mut by_path = HashMap::<&'static str, Vec<OfRoute>>::new();
        for (method, path) in routes {
            by_path.entry(path).or_default().push(OfRoute::new(method, path));
        }
        Traffic {
            routes: by_path,
            elsewhere: OfRoute::new(Method::GET, ""),
            in_flight: AtomicI64::new(0),
            refusals: Mutex::default(),
            open: AtomicI64::new(0),
            turned_away: AtomicU64::new(0),
            pushed_out: AtomicU64::new(0),
        }
    }

    /// Every route, in no order.
    pub fn routes(&self) -> impl Iterator<Item = &OfRoute> {
        self.routes.values().flatten()
    }

    /// Requests that are being answered now.
    #[must_use]
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Connections that are open now.
    #[must_use]
    pub fn open_connections(&self) -> i64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections that were turned away because everybody was busy, and those that made room for another.
    #[must_use]
    pub fn refused_connections(&self) -> (u64, u64) {
        (self.turned_away.load(Ordering::Relaxed), self.pushed_out.load(Ordering::Relaxed))
    }

    /// Refusals by the code of their problem.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A request begins to be answered; it is under way until this is dropped.
    pub(super) fn begin(&self) -> InFlight<'_> {
        InFlight::on(&self.in_flight)
    }

    /// A connection is open until this is dropped.
    pub(super) fn connected(&self) -> InFlight<'_> {
        InFlight::on(&self.open)
    }

    /// A route begins its work. What is dropped without an end was given up by its caller, or panicked.
    pub(super) fn measure(&self, method: &Method, path: &str) -> Measured<'_> {
        // HEAD is answered by the routes of GET.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let known = self.routes.get(path).and_then(|routes| routes.iter().find(|route| route.method == *method));
        Measured { route: known.unwrap_or(&self.elsewhere), started: Instant::now(), class: None }
    }

    /// A request came for what is no route.
    pub fn stray(&self, refused: &ProblemKind) {
        Measured { route: &self.elsewhere, started: Instant::now(), class: None }.class_of(refused.status);
        self.count_refusal(refused.code);
    }

    pub(super) fn count_refusal(&self, code: &'static str) {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    pub(super) fn count_turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_pushed_out(&self) {
        self.pushed_out.fetch_add(1, Ordering::Relaxed);
    }
}

/// See [`Traffic::begin`] and [`Traffic::connected`].
pub(super) struct InFlight<'a>(&'a AtomicI64);

impl<'a> InFlight<'a> {
    fn on(count: &'a AtomicI64) -> InFlight<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        InFlight(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See [`Traffic::measure`].
pub(super) struct Measured<'a> {
    route: &'a OfRoute,
    started: Instant,
    class: Option<usize>,
}

impl Measured<'_> {
    /// It was answered with this.
    pub(super) fn answered(self, status: StatusCode) {
        self.class_of(status.as_u16());
    }

    fn class_of(mut self, status: u16) {
        self.class = Some((usize::from(status) / 100).clamp(1, 5) - 1);
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        // The front makes a 500 of a panic.
        let unanswered = if std::thread::panicking() { SERVER_ERROR } else { GONE };
        self.route.count(self.class.unwrap_or(unanswered), self.started);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic() -> Traffic {
        Traffic::new([(Method::GET, "/a"), (Method::POST, "/a"), (Method::GET, "/b/{id}")].into_iter())
    }

    fn counts(traffic: &Traffic, method: Method, path: &str) -> [u64; 6] {
        traffic.routes().find(|route| route.method == method && route.path == path).expect("a route").by_class()
    }

    #[test]
    fn a_request_is_counted_once_at_its_route_and_class() {
        let traffic = traffic();
        traffic.measure(&Method::GET, "/a").answered(StatusCode::OK);
        traffic.measure(&Method::HEAD, "/a").answered(StatusCode::NOT_MODIFIED);
        traffic.measure(&Method::POST, "/a").answered(StatusCode::SERVICE_UNAVAILABLE);
        traffic.measure(&Method::PUT, "/nowhere/1").answered(StatusCode::NOT_FOUND);
        drop(traffic.measure(&Method::GET, "/b/{id}"));
        assert_eq!(counts(&traffic, Method::GET, "/a"), [0, 1, 1, 0, 0, 0]);
        assert_eq!(counts(&traffic, Method::POST, "/a"), [0, 0, 0, 0, 1, 0]);
        assert_eq!(counts(&traffic, Method::GET, "/b/{id}"), [0, 0, 0, 0, 0, 1], "its caller went away");
        assert_eq!(traffic.elsewhere.by_class(), [0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_panic_is_an_error_of_its_route() {
        let traffic = traffic();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _measured = traffic.measure(&Method::GET, "/a");
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(counts(&traffic, Method::GET, "/a")[SERVER_ERROR], 1);
    }

    #[test]
    fn what_is_under_way_is_counted_until_it_ends() {
        let traffic = traffic();
        let (first, second) = (traffic.begin(), traffic.begin());
        assert_eq!(traffic.in_flight(), 2);
        drop((first, second));
        assert_eq!((traffic.in_flight(), traffic.open_connections()), (0, 0));
    }
}
