//! What a buyer notices of mail servers and SMS providers: nothing. The latency of orders at a fixed rate while every provider is down,
//! once as nobody can be reached and once as everybody hangs, beside the same with providers that take what comes, and beside the `log`
//! carrier, which writes files. Beside it how many commits an order cost with all its messages.
//!
//! Each round has all four, in another order, each over a folder of its own; ratios are of one round, and their median counts. Every
//! order has somebody to tell: half of them by e-mail, half by SMS. A latency counts from the moment at which the question was due.

#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "latencies and their ratios; no money is counted here"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bayader::app::Extras;
use bayader::features::messages::carrier::Boxed;
use bayader::features::messages::{Carrier, Channel, Outcome, Outgoing};
use common::{Baskets, Load, Serving, median, verdict};
use http::StatusCode;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A hundred people, and more orders a second than a bakery has in a minute.
const PEOPLE: usize = 100;
const PER_SECOND: f64 = 200.0;
/// Of p50 and of p99, providers down beside providers up.
const LIMIT: f64 = 1.2;
/// What a provider takes that is up.
const ANSWERS_AFTER: Duration = Duration::from_millis(20);

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let rounds = if common::is_quick() { 1 } else { 5 };
    let time = common::time(8_000, 1_500);
    let mut all: [Vec<(f64, f64)>; 4] = Default::default();
    let mut commits: [Vec<f64>; 4] = Default::default();
    for round in 0..rounds {
        for step in 0..Providers::ALL.len() {
            let at = (round + step) % Providers::ALL.len();
            let (load, commits_an_order) = run(&server, &clients, Providers::ALL[at], time);
            all[at].push((load.percentile(50), load.percentile(99)));
            commits[at].push(commits_an_order);
            println!(
                "  providers {}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms, {commits_an_order:.2} commits an order",
                Providers::ALL[at].told(),
                load.rate(),
                load.percentile(50),
                load.percentile(99),
                load.percentile(100)
            );
        }
    }
    let [up, unreachable, hanging, log] = &all;
    println!("orders at {PER_SECOND:.0}/s, {} rounds; medians:", up.len());
    for ((providers, latencies), commits) in Providers::ALL.iter().zip(&all).zip(&commits) {
        let of = |part: fn(&(f64, f64)) -> f64| median(&latencies.iter().map(part).collect::<Vec<_>>());
        println!(
            "  providers {}: p50 {:.2} ms, p99 {:.2} ms, {:.2} commits an order",
            providers.told(),
            of(|ms| ms.0),
            of(|ms| ms.1),
            median(commits)
        );
    }
    for (down, name) in [(unreachable, "unreachable"), (hanging, "hanging")] {
        for (normal, beside, limit) in [(up, "up", Some(LIMIT)), (log, "log", None)] {
            let ratio = |part: fn(&(f64, f64)) -> f64| {
                median(&down.iter().zip(normal).map(|(down, normal)| part(down) / part(normal)).collect::<Vec<_>>())
            };
            let (p50, p99) = (ratio(|ms| ms.0), ratio(|ms| ms.1));
            let held = limit.map_or_else(String::new, |limit| {
                format!("; at most {limit} times: {}", verdict(p50 <= limit && p99 <= limit))
            });
            println!("all providers {name} beside {beside}: p50 {p50:.2} times, p99 {p99:.2} times{held}");
        }
    }
}

/// How providers fare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Providers {
    Up,
    Unreachable,
    Hanging,
    /// There are none: messages are files.
    Log,
}

impl Providers {
    const ALL: [Providers; 4] = [Providers::Up, Providers::Unreachable, Providers::Hanging, Providers::Log];

    const fn told(self) -> &'static str {
        match self {
            Providers::Up => "up",
            Providers::Unreachable => "unreachable",
            Providers::Hanging => "hanging",
            Providers::Log => "none, messages are files",
        }
    }
}

/// A provider of one channel.
struct Provider {
    channel: Channel,
    fares: Providers,
    /// Who hangs is let go at the end, so that the shop can close.
    over: watch::Receiver<bool>,
}

impl Carrier for Provider {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn channel(&self) -> Channel {
        self.channel
    }

    fn send<'a>(&'a self, _message: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(async move {
            let unreachable = || Outcome::Unreachable { why: "nobody answers".to_owned() };
            match self.fares {
                Providers::Up | Providers::Log => {
                    tokio::time::sleep(ANSWERS_AFTER).await;
                    Outcome::Sent { provider_id: None }
                }
                Providers::Unreachable => unreachable(),
                Providers::Hanging => {
                    // It fails only when its sender is gone, which is the end as well.
                    let _ = self.over.clone().wait_for(|over| *over).await;
                    unreachable()
                }
            }
        })
    }
}

/// The latencies of orders, and the commits of the shop an order while they were placed.
fn run(server: &Runtime, clients: &Runtime, fares: Providers, time: Duration) -> (Load, f64) {
    let folder = common::folder();
    let (end, over) = watch::channel(false);
    let carriers = match fares {
        Providers::Log => Vec::new(),
        fares => {
            Channel::ALL.map(|channel| Arc::new(Provider { channel, fares, over: over.clone() }) as Arc<dyn Carrier>).into()
        }
    };
    let app = server.block_on(common::open_with(&folder.path().join("data"), Extras { carriers, ..Extras::default() }));
    let shop = Arc::clone(app.shop());
    let serving = server.block_on(Serving::shop(app));
    let address = serving.address;
    let commits_before = shop.db.stats().group_size.count();
    let load = clients.block_on(async {
        let baskets = Baskets::of(address, 0).await;
        let make = move |client, asked| baskets.told(client, asked);
        common::open_loop(address, PEOPLE, PER_SECOND, time, (StatusCode::CREATED, 0), make).await
    });
    let commits = shop.db.stats().group_size.count() - commits_before;
    let count = |sql: &'static str| {
        server.block_on(shop.db.read(move |reader| reader.one(sql, &[], |row| row.get::<i64>(0)))).expect("a count")
    };
    let orders = count("select count(*) from orders");
    assert_eq!(
        count("select count(*) from jobs where kind = 'notifications.order'"),
        orders,
        "each order has its cause to tell"
    );
    drop(shop);
    end.send_replace(true);
    server.block_on(serving.end());
    (load, commits as f64 / orders as f64)
}
