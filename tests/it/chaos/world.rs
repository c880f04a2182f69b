//! What everybody in a run shares: the gateway, the line to the shop as long as there is one, and what was done that explains the
//! books afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bayader::clock::Clock;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use crate::doubles::stripe::{Fault, StripeDouble};
use crate::harness::{Client, Order, Product, Reply, Request, Wire};

/// Who lost the line looks again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(3);

pub struct World {
    pub seed: u64,
    pub double: StripeDouble,
    pub clock: Clock,
    pub products: Vec<Product>,
    pub owner: Client,
    pub customers: Vec<Client>,
    /// `None` while the shop is dead.
    line: watch::Sender<Option<Arc<Wire>>>,
    told: Mutex<Told>,
    /// Requests so far that were answered or lost.
    acts: watch::Sender<usize>,
    /// Nobody buys any more.
    quiet: watch::Sender<bool>,
}

/// What was done that explains the books.
#[derive(Default)]
pub struct Told {
    pub orders: Vec<Order>,
    /// By the note in the order.
    pub placed: BTreeMap<String, Placed>,
    /// Orders that an admin has confirmed or handed over by force.
    pub forced: BTreeSet<String>,
    /// Orders that staff have cancelled without giving back what was taken.
    pub kept: BTreeSet<String>,
    /// Charges of which the gateway told another amount than was asked for.
    pub lied: BTreeSet<String>,
    /// Sessions and intents that the shop has sent a buyer to.
    pub links: Vec<String>,
    /// Those that their buyer pays some other day.
    pub later: Vec<String>,
    /// Sessions whose money is on its way.
    pub promised: Vec<String>,
    /// Answers by what was asked.
    pub answers: BTreeMap<String, usize>,
}

/// An order that somebody wanted.
#[derive(Clone, Default)]
pub struct Placed {
    pub has_key: bool,
    pub sent: usize,
    /// Orders that were answered with.
    pub ids: BTreeSet<String>,
}

impl World {
    pub fn new(
        seed: u64,
        double: StripeDouble,
        clock: Clock,
        products: Vec<Product>,
        owner: Client,
        customers: Vec<Client>,
    ) -> World {
        World {
            seed,
            double,
            clock,
            products,
            owner,
            customers,
            line: watch::channel(None).0,
            told: Mutex::default(),
            acts: watch::channel(0).0,
            quiet: watch::channel(false).0,
        }
    }

    /// Another chance for each who draws lots.
    pub fn lots(&self, who: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(who))
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("nobody panics with it")
    }

    /// The shop is there, or it is not.
    pub fn opened(&self, wire: Option<&Arc<Wire>>) {
        self.line.send_replace(wire.cloned());
    }

    pub async fn wire(&self) -> Arc<Wire> {
        let mut line = self.line.subscribe();
        let there = line.wait_for(Option::is_some).await.expect("the world outlives who asks");
        Arc::clone(there.as_ref().expect("it is there"))
    }

    /// Waits until there were so many requests, or until it is quiet.
    pub async fn reach(&self, acts: usize) {
        let (mut acted, mut quiet) = (self.acts.subscribe(), self.quiet.subscribe());
        tokio::select! {
            _ = acted.wait_for(|so_far| *so_far >= acts) => {}
            _ = quiet.wait_for(|is_quiet| *is_quiet) => {}
        }
    }

    pub fn acts(&self) -> usize {
        *self.acts.borrow()
    }

    pub fn be_quiet(&self) {
        self.quiet.send_replace(true);
    }

    pub fn is_quiet(&self) -> bool {
        *self.quiet.borrow()
    }

    /// Asks the shop. Without an answer, and it may have been done all the same, it is asked once more and once more until there is
    /// one, or not `again`.
    pub async fn ask(&self, again: bool, request: impl Fn(&Arc<Wire>) -> Request) -> Option<Reply> {
        loop {
            let wire = self.wire().await;
            let answer = request(&wire).try_send().await;
            self.acts.send_modify(|acts| *acts += 1);
            match answer {
                // The clock was moved while a bearer was under way.
                Ok(reply) if reply.status == 401 => {}
                Ok(reply) => {
                    assert!(reply.status < 500 || reply.status == 503, "seed {}: {reply:?}", self.seed);
                    let what = reply.asked.split('/').next_back().filter(|last| last.len() < 20).unwrap_or("one");
                    let answer = format!("{what} {} {}", reply.status, reply["code"].as_str().unwrap_or_default());
                    *self.told().answers.entry(answer).or_default() += 1;
                    return Some(reply);
                }
                Err(_) if again => {}
                Err(_) => return None,
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The gateway has its moods: some requests go wrong, and at times nearly all of them.
    pub fn upset(&self, longest_ms: u64, hangs: bool) {
        let mut lots = self.lots(1_000);
        let mut outage = 0;
        self.double.fail(move |_| {
            if lots.random_ratio(1, 60) {
                outage = lots.random_range(5..25);
            }
            outage = i32::max(outage - 1, 0);
            let goes_wrong = if outage > 0 { lots.random_ratio(4, 5) } else { lots.random_ratio(1, 4) };
            if !goes_wrong {
                return None;
            }
            Some(match lots.random_range(0..20) {
                0..=3 => Fault::ErrorBefore,
                4..=8 => Fault::ErrorAfter,
                9..=10 => Fault::CutBefore,
                11..=13 => Fault::CutAfter,
                14 => Fault::Throttled,
                15 if hangs => Fault::Hang,
                _ => Fault::Slow(lots.random_range(1..longest_ms)),
            })
        });
    }
}
