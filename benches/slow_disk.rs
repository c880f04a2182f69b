//! Orders on a disk that takes five milliseconds a sync.
//!
//! The program runs under strace, which lets each sync wait so long before it is done and leaves every other call alone
//! (`--seccomp-bpf`). Where strace is not there or may not trace, nothing is measured, and that is said.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;

use std::process::{Command, Stdio};

use common::program::Program;
use common::{Baskets, closed_loop, median, verdict};
use http::StatusCode;

const CLIENTS: usize = 100;
const LIMIT: f64 = 3_500.0;
const STRACE: &[&str] = &[
    "strace",
    "--follow-forks",
    "--seccomp-bpf",
    "--quiet=all",
    "--output=/dev/null",
    "--trace=fsync,fdatasync",
    "--inject=fsync,fdatasync:delay_enter=5000",
    // The program ends with strace, however that ends.
    "setpriv",
    "--pdeathsig",
    "KILL",
];

fn main() {
    let works = Command::new(STRACE[0]).args(&STRACE[1..]).arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        println!(
            "SKIPPED: orders on a slow disk, because strace is not there or may not trace. Install it: apt-get install strace"
        );
        return;
    }
    let clients = common::runtime("clients");
    let time = common::time(8_000, 1_500);
    let mut rates = Vec::new();
    for round in 0..if common::is_quick() { 1 } else { 3 } {
        let folder = common::folder();
        let data = folder.path().join("data");
        common::runtime("setup").block_on(async { drop(common::open(&data).await) });
        let (program, _) = Program::start_under(STRACE, &data);
        let address = program.address;
        let load = clients.block_on(async {
            let baskets = Baskets::of(address, round).await;
            let make = move |client, asked| baskets.request(client, asked);
            closed_loop(address, CLIENTS, time, (StatusCode::CREATED, 0), make).await
        });
        println!("  {:.0} orders/s, p50 {:.1} ms, p99 {:.1} ms", load.rate(), load.percentile(50), load.percentile(99));
        rates.push(load.rate());
    }
    println!(
        "{:.0} orders/s by {CLIENTS} clients at 5 ms a sync; at least {LIMIT:.0}: {}",
        median(&rates),
        verdict(median(&rates) >= LIMIT)
    );
}
