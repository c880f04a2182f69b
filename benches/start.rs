//! The program itself: from its start to its first answer, of a small shop and of a large one, its memory while idle, its size on disk.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;

use std::path::Path;

use common::large::{self, Size};
use common::program::{PROGRAM, Program};
use common::{median, verdict};

const LIMIT_MS: f64 = 60.0;
const LIMIT_MB: f64 = 25.0;
const MB: f64 = 1_000_000.0;

fn main() {
    let starts = if common::is_quick() { 5 } else { 21 };
    let folder = common::folder();
    let data = folder.path().join("data");
    common::runtime("setup").block_on(async { drop(common::open(&data).await) });

    let again: Vec<f64> = (0..starts).map(|_| first_answer(&data)).collect();
    let first: Vec<f64> = (0..starts).map(|number| first_answer(&folder.path().join(format!("new-{number}")))).collect();
    let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    println!(
        "start to first answer: {:.1} ms of a shop that is there (worst {:.1}), {:.1} ms in an empty folder (worst {:.1}); at most {LIMIT_MS} ms: {}",
        median(&again),
        worst(&again),
        median(&first),
        worst(&first),
        verdict(median(&again) <= LIMIT_MS)
    );

    // The shop that the bench `scale` makes and keeps.
    let size = if common::is_quick() {
        Size { products: 1_000, orders: 10_000, days: 30 }
    } else {
        Size { products: 10_000, orders: 1_000_000, days: 730 }
    };
    let large = common::runtime("setup").block_on(large::kept(size));
    let starts_of_large: Vec<f64> = (0..starts).map(|_| first_answer(&large)).collect();
    println!(
        "start to first answer with {} orders: {:.1} ms (worst {:.1}); at most {LIMIT_MS} ms: {}",
        size.orders,
        median(&starts_of_large),
        worst(&starts_of_large),
        verdict(median(&starts_of_large) <= LIMIT_MS)
    );

    let (program, _) = Program::start(&data);
    std::thread::sleep(common::time(5_000, 1_500));
    let memory = program.memory();
    println!(
        "idle memory: {:.1} MB resident ({:.1} MB its own, {:.1} MB of files); at most {LIMIT_MB} MB: {}",
        memory.resident_mb,
        memory.own_mb,
        memory.files_mb,
        verdict(memory.resident_mb <= LIMIT_MB)
    );

    let size = std::fs::metadata(PROGRAM).expect("the program").len() as f64 / MB;
    println!("stripped binary: {size:.1} MB; at most {LIMIT_MB} MB: {}", verdict(size <= LIMIT_MB));
}

/// Milliseconds from the start of the process to the end of its first answer.
fn first_answer(data: &Path) -> f64 {
    Program::start(data).1
}
