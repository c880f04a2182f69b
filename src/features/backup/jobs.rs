//! The shop's own work on its backups: one each night, and each night the proof that the newest can be restored (SPEC 13).
//!
//! What always holds: after a night there is a young backup that was proven, or the admins are told why not. What a job found is written
//! in the transaction that ends it. The work itself runs on a thread of its own, which is told to stop when the shop ends.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use serde_json::json;
use tokio::sync::oneshot;

use super::create::{Pace, Target, create, newest_is_younger};
use super::list::{Listed, list_in_zone};
use super::sealing::Witness;
use super::sql::{self, Known};
use super::verify::{Balances, verify};
use super::{BackupFault, Desk, Unlock, digest, open, prune};
use crate::clock::Clock;
use crate::db::{Command, Reader, WriteTx};
use crate::features::{Shop, notifications, settings};
use crate::jobs::{self, Claimed, Daily, Handler, NewJob, Schedule};
use crate::kernel::time::span::HOUR_MS;
use crate::kernel::{Change, Fault, JobId, Result, ShopZone, TimeOfDay, UtcMs};

pub const CREATE_JOB: &str = "backup.create";
pub const VERIFY_JOB: &str = "backup.verify";
pub const DRILL_JOB: &str = "backup.drill";

/// Before the ovens of most bakeries are lit, and before the nightly upkeep.
const CREATE_AT: TimeOfDay = TimeOfDay::from_minutes(2 * 60 + 30);
/// The backup of the night is there by then.
const DRILL_AT: TimeOfDay = TimeOfDay::from_minutes(3 * 60 + 10);
/// A backup so young makes another one needless: more than half a day, less than from one night to the next.
pub const DUE_AFTER_MS: i64 = 20 * HOUR_MS;
/// The night makes none beside one that was made just now, as when both of its jobs come late.
const JUST_MADE_MS: i64 = HOUR_MS;
/// The key of what staff ask for; what comes of the schedule has the engine's.
const BY_STAFF: &str = "by_staff";
/// Staff see that it failed and ask again.
const STAFF_ATTEMPTS: i64 = 1;

fn zone_of(reader: &Reader<'_>) -> Result<ShopZone> {
    Ok(settings::read(reader)?.format.zone.clone())
}

fn create_when(reader: &Reader<'_>) -> Result<Option<Daily>> {
    Ok(Some(Daily { at: CREATE_AT, zone: zone_of(reader)? }))
}

fn drill_when(reader: &Reader<'_>) -> Result<Option<Daily>> {
    Ok(Some(Daily { at: DRILL_AT, zone: zone_of(reader)? }))
}

/// What the work needs, wherever it runs.
#[derive(Clone)]
struct Work {
    desk: Arc<Desk>,
    clock: Clock,
    zone: ShopZone,
    balances: Balances,
    pace: Pace,
    /// What is known of each file.
    known: Vec<Known>,
}

/// What became of it.
#[derive(Default)]
struct Found {
    known: Vec<Known>,
    /// Files that are gone.
    gone: Vec<String>,
    /// Why the shop is not safe tonight.
    alarm: Option<String>,
}

/// Ends the work when nobody waits for it any more.
struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs work that takes minutes on a thread of its own, which never keeps the process from ending.
async fn aside<T: Send + 'static>(shop: &Shop, balances: Balances, work: impl FnOnce(Work) -> T + Send + 'static) -> Result<T> {
    let stopped = Arc::new(AtomicBool::new(false));
    let _stop = StopWhenDropped(Arc::clone(&stopped));
    let set = Work {
        desk: Arc::clone(&shop.backups),
        clock: shop.clock.clone(),
        zone: shop.settings.format().zone.clone(),
        balances,
        pace: Pace::gentle().stopped_by(stopped),
        known: shop.db.read(sql::all).await?,
    };
    let (tell, told) = oneshot::channel();
    let run = move || {
        let desk = Arc::clone(&set.desk);
        let _turn = desk.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Who asked may have gone.
        let _ = tell.send(work(set));
    };
    std::thread::Builder::new().name("backup".to_owned()).spawn(run).map_err(Fault::new)?;
    told.await.map_err(|_| Fault::because("work on a backup panicked").into())
}

impl Work {
    /// Makes a backup, and proves it at once if that cannot be done later: what is sealed to another's key is opened once more by a key
    /// that is forgotten then.
    fn make(&self) -> std::result::Result<Known, BackupFault> {
        let witness = self.desk.is_sealing().then(Witness::new);
        let made = create(&self.desk, &self.clock, &Target::Folder, witness.as_ref(), self.pace.clone(), &mut |_| ())?;
        let mut known = Known {
            file: name_of(&made.packed.path),
            bytes: i64::try_from(made.packed.bytes).unwrap_or(i64::MAX),
            sha256: made.packed.sha256,
            made_at: made.manifest.made_at,
            is_sealed: made.is_sealed,
            orders: made.manifest.orders(),
            looked_at: None,
            proven_at: None,
            problem: None,
        };
        for warning in &made.manifest.warnings {
            tracing::warn!(file = known.file, warning, "a backup was made, and something was not as it should be");
        }
        if let Some(witness) = witness {
            let proof = self.restore(&made.packed.path, &witness.unlock());
            self.judge(&mut known, proof);
        }
        Ok(known)
    }

    /// Restores a backup into a scratch folder; what was found.
    fn restore(&self, path: &std::path::Path, unlock: &Unlock) -> std::result::Result<Vec<String>, BackupFault> {
        Ok(verify(open(path, unlock)?, &self.desk.folder, self.balances, &mut |_| ())?.findings)
    }

    /// Writes down what a try found.
    fn judge(&self, known: &mut Known, outcome: std::result::Result<Vec<String>, BackupFault>) {
        let now = self.clock.now();
        known.looked_at = Some(now);
        known.problem = match outcome {
            Ok(findings) if findings.is_empty() => None,
            Ok(findings) => Some(findings.join("; ")),
            Err(fault) => Some(fault.to_string()),
        };
        known.proven_at = known.problem.is_none().then_some(now);
    }

    /// Proves a file, or says why it cannot be.
    fn prove(&self, one: &Listed) -> std::result::Result<Known, BackupFault> {
        let path = self.desk.folder.join(&one.name);
        let (bytes, sha256) = digest::of_file(&path, |_| Ok(())).map_err(BackupFault::read(&path))?;
        let before = self.known.iter().find(|known| known.file == one.name && known.sha256 == sha256);
        let mut known = before.cloned().unwrap_or_else(|| Known {
            file: one.name.clone(),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            sha256,
            made_at: one.made_at,
            is_sealed: one.is_sealed(),
            orders: one.manifest().map_or(0, super::Manifest::orders),
            looked_at: None,
            proven_at: None,
            problem: None,
        });
        if one.is_sealed() {
            // The file is, byte for byte, the one that was opened and restored right after it was made.
            let outcome = if known.proven_at.is_some() { Ok(Vec::new()) } else { Err(BackupFault::Sealed(path)) };
            self.judge(&mut known, outcome);
        } else {
            let proof = self.restore(&path, &Unlock::nothing());
            self.judge(&mut known, proof);
        }
        Ok(known)
    }

    fn listed(&self) -> std::result::Result<Vec<Listed>, BackupFault> {
        list_in_zone(&self.desk, Some(&self.zone))
    }

    /// Removes what is not needed any more. The newest proven one stays, and what is known of files that are gone goes.
    fn tidy(&self, found: &mut Found) -> std::result::Result<(), BackupFault> {
        let listed = self.listed()?;
        let all = || found.known.iter().chain(&self.known);
        let proven = all().filter(|known| known.proven_at.is_some()).max_by_key(|known| known.made_at);
        let never: BTreeSet<&str> = proven.into_iter().chain(&found.known).map(|known| known.file.as_str()).collect();
        let pruned = prune::prune(&self.desk, &listed, &never)?;
        let there: BTreeSet<&str> =
            listed.iter().map(|one| one.name.as_str()).filter(|name| !pruned.iter().any(|gone| gone == name)).collect();
        found.gone = self.known.iter().map(|known| known.file.clone()).filter(|file| !there.contains(file.as_str())).collect();
        Ok(())
    }

    /// The night's proof: a young backup is there, or is made now; the newest one is restored.
    fn drill(&self) -> Found {
        let mut found = Found::default();
        if let Err(fault) = self.drill_into(&mut found) {
            found.alarm = Some(fault.to_string());
        }
        if found.alarm.is_none() {
            found.alarm =
                found.known.iter().find_map(|known| known.problem.clone().map(|why| format!("{}: {why}", known.file)));
        }
        found
    }

    fn drill_into(&self, found: &mut Found) -> std::result::Result<(), BackupFault> {
        if !newest_is_younger(&self.desk, Some(&self.zone), self.clock.now(), DUE_AFTER_MS)? {
            let made = self.make()?;
            if made.is_sealed {
                found.known.push(made);
                return self.tidy(found);
            }
        }
        let listed = self.listed()?;
        let newest = listed.iter().find(|one| one.made_at <= self.clock.now()).or(listed.first());
        let newest = newest.ok_or_else(|| BackupFault::Refused("there is no backup of this shop".to_owned()))?;
        found.known.push(self.prove(newest)?);
        self.tidy(found)
    }
}

fn name_of(path: &std::path::Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Ends a job with what it found.
struct End {
    job: Claimed,
    schedule: Option<Schedule>,
    found: Found,
}

impl Command for End {
    const NAME: &'static str = "backup.end";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let was_running = match self.schedule.filter(|_| self.job.key != BY_STAFF) {
            Some(schedule) => jobs::finish_recurring(tx, &self.job, schedule)?,
            None => jobs::finish(tx, self.job.id)?,
        };
        if !was_running {
            return Ok(());
        }
        for known in &self.found.known {
            sql::put(tx, known)?;
        }
        for file in &self.found.gone {
            sql::forget(tx, file)?;
        }
        match self.found.alarm {
            Some(why) => notifications::alerts::backup_not_proven(tx, &why),
            None => Ok(()),
        }
    }
}

/// Makes backups: each night, and when staff ask.
pub struct MakeBackups {
    shop: Arc<Shop>,
    balances: Balances,
}

impl MakeBackups {
    #[must_use]
    pub fn new(shop: Arc<Shop>, balances: Balances) -> MakeBackups {
        MakeBackups { shop, balances }
    }

    async fn make(&self, job: Claimed) -> Result<()> {
        let is_nightly = job.key != BY_STAFF;
        let found = aside(&self.shop, self.balances, move |work| {
            let mut found = Found::default();
            if is_nightly && newest_is_younger(&work.desk, Some(&work.zone), work.clock.now(), JUST_MADE_MS)? {
                return Ok(found);
            }
            found.known.push(work.make()?);
            work.tidy(&mut found)?;
            Ok(found)
        });
        // The engine tries again; the night's proof tells of it if no try does it.
        let found = found.await?.map_err(|fault: BackupFault| Fault::new(fault))?;
        self.shop.db.write_in_background(End { job, schedule: self.schedule(), found }).await
    }
}

impl Handler for MakeBackups {
    fn kind(&self) -> &'static str {
        CREATE_JOB
    }

    fn at_once(&self) -> usize {
        1
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Daily(create_when))
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.make(job))
    }
}

/// Proves each night that the newest backup can be restored.
pub struct DrillBackups {
    shop: Arc<Shop>,
    balances: Balances,
}

impl DrillBackups {
    #[must_use]
    pub fn new(shop: Arc<Shop>, balances: Balances) -> DrillBackups {
        DrillBackups { shop, balances }
    }

    async fn drill(&self, job: Claimed) -> Result<()> {
        let found = aside(&self.shop, self.balances, |work| work.drill()).await?;
        self.shop.db.write_in_background(End { job, schedule: self.schedule(), found }).await
    }
}

impl Handler for DrillBackups {
    fn kind(&self) -> &'static str {
        DRILL_JOB
    }

    fn at_once(&self) -> usize {
        1
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Daily(drill_when))
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.drill(job))
    }
}

/// Proves a backup that staff name; the key is its file.
pub struct VerifyBackups {
    shop: Arc<Shop>,
    balances: Balances,
}

impl VerifyBackups {
    #[must_use]
    pub fn new(shop: Arc<Shop>, balances: Balances) -> VerifyBackups {
        VerifyBackups { shop, balances }
    }

    async fn verify(&self, job: Claimed) -> Result<()> {
        let file = job.key.clone();
        let found = aside(&self.shop, self.balances, move |work| {
            let mut found = Found::default();
            // One that is gone by now is not there to be proven; the list says so.
            if let Ok(listed) = work.listed()
                && let Some(one) = listed.iter().find(|one| one.name == file)
                && let Ok(known) = work.prove(one)
            {
                found.known.push(known);
            }
            found
        });
        let found = found.await?;
        self.shop.db.write_in_background(End { job, schedule: None, found }).await
    }
}

impl Handler for VerifyBackups {
    fn kind(&self) -> &'static str {
        VERIFY_JOB
    }

    fn at_once(&self) -> usize {
        1
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.verify(job))
    }
}

/// Staff want a backup made, or one proven; the job that does it.
pub(super) struct Ask {
    /// The file to be proven; `None`: a new one is to be made.
    pub verify: Option<String>,
}

impl Command for Ask {
    const NAME: &'static str = "backup.ask";
    type Output = JobId;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<JobId> {
        let (kind, key, action) = match &self.verify {
            Some(file) => (VERIFY_JOB, file.as_str(), "backup.verify"),
            None => (CREATE_JOB, BY_STAFF, "backup.create"),
        };
        jobs::enqueue(tx, &NewJob { kind, key, run_at: tx.now(), max_attempts: STAFF_ATTEMPTS })?;
        tx.changed(Change { action, subject: format!("backup:{key}"), before: None, after: Some(json!({ "asked": true })) });
        sql::open_job(tx, kind, key)
    }
}

/// How the shop's backups stand, by what is known of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The newest that nothing is known to be wrong with.
    pub newest: Option<Known>,
    /// The newest of those that were proven.
    pub proven: Option<Known>,
    /// Of the newest, why it is not proven.
    pub problem: Option<String>,
}

impl Standing {
    /// How old the newest backup is: so much would be lost with this machine.
    #[must_use]
    pub fn could_lose_ms(&self, now: UtcMs) -> Option<i64> {
        self.newest.as_ref().map(|known| (now.ms() - known.made_at.ms()).max(0))
    }

    /// How long ago a backup was last proven.
    #[must_use]
    pub fn proven_age_ms(&self, now: UtcMs) -> Option<i64> {
        self.proven.as_ref().and_then(|known| known.proven_at).map(|at| (now.ms() - at.ms()).max(0))
    }
}

/// Reads how the shop's backups stand.
///
/// # Errors
/// A fault.
pub fn standing(reader: &Reader<'_>) -> Result<Standing> {
    let all = sql::all(reader)?;
    Ok(Standing {
        problem: all.first().and_then(|known| known.problem.clone()),
        newest: all.iter().find(|known| known.problem.is_none()).cloned(),
        proven: all.iter().find(|known| known.proven_at.is_some()).cloned(),
    })
}

/// A night and two hours: whoever has no younger backup has missed one.
const OLD_MS: i64 = 26 * HOUR_MS;

/// How a shop's backups are not as they should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The newest could not be restored, and why.
    NotProven(String),
    /// The newest is so many hours old.
    Old(i64),
    /// The shop has sold for longer than a night, and no backup of it is known.
    None,
}

/// What is wrong with the shop's backups.
///
/// # Errors
/// A fault.
pub fn trouble(reader: &Reader<'_>, now: UtcMs) -> Result<Vec<Trouble>> {
    let standing = standing(reader)?;
    let mut found: Vec<Trouble> = standing.problem.clone().map(Trouble::NotProven).into_iter().collect();
    match standing.could_lose_ms(now) {
        Some(age) if age > OLD_MS => found.push(Trouble::Old(age / HOUR_MS)),
        None if sql::first_order_at(reader)?.is_some_and(|first| now.ms() - first.ms() > OLD_MS) => found.push(Trouble::None),
        _ => {}
    }
    Ok(found)
}
