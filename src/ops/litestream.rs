//! Litestream beside the shop: what its replica holds, and how a database is taken out of it again
//! (docs/decisions/0020-point-in-time.md).
//!
//! Litestream is a program of its own (<https://litestream.io>, 0.5) that copies each change of the database to a folder or a bucket. The
//! shop only asks it: it is run for each question, and its own configuration says where the replica is. What always holds: nothing here
//! writes to the replica or to the shop's database, and a bucket's keys are passed on and never said.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::Deserialize;

use crate::kernel::UtcMs;

/// Where `install.sh` puts its configuration; [`Replica::find`] looks beside the shop's own first.
const CONFIGURATION: &str = "/etc/bayader/litestream.yml";
/// Keys of the bucket, as systemd reads them, beside the configuration.
const KEYS: &str = "litestream.env";
/// Versions before it have another configuration, and another replica.
const VERSION: &str = "0.5.";
/// A question is answered by then: a bucket lists some thousand files a second.
const ANSWER_TIME: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);
/// A file of the replica is of the second that it names, and was read a moment before it was named: everything acknowledged a second
/// before its second began is surely in it.
const SURELY_MS: i64 = 1_000;
/// And nothing of after the second's end.
const SECOND_MS: i64 = 999;
/// Litestream looks at the log so often: what was written so shortly before is not behind.
const LOOKS_MS: i64 = 4_000;
/// The level of whole copies. One is named by when it was made, and is of a moment before.
const WHOLE: u8 = 9;

/// Why the replica does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaFault {
    #[error(
        "litestream is not on this machine, or not on the PATH. Install it with: install.sh --with-litestream, or restore a backup instead: bayader restore FILE"
    )]
    NoProgram,
    #[error("litestream is of version {0}; this works with {VERSION}x. Install that one with: install.sh --with-litestream")]
    OtherVersion(String),
    #[error(
        "no configuration of Litestream is there ({0}). Name it with --replica FILE; without one nothing was replicated, and a backup is what there is: bayader restore FILE"
    )]
    NoConfiguration(String),
    #[error(
        "Litestream's configuration {config} does not name {database}. Add it there, or name the right one with --replica FILE"
    )]
    NotNamed { config: PathBuf, database: PathBuf },
    #[error("the replica of {database} is empty, or is not where {config} says")]
    Empty { config: PathBuf, database: PathBuf },
    #[error(
        "the replica begins at {from}, and nothing from before {wanted} is in it. Take a later time, or restore a backup: bayader restore FILE"
    )]
    TooEarly { wanted: UtcMs, from: UtcMs },
    #[error("litestream {0} cannot be run: {1}")]
    Run(&'static str, std::io::Error),
    #[error("litestream {0} failed: {1}")]
    Failed(&'static str, String),
    #[error("litestream {0} did not end within {secs} s. Look whether the replica can be reached", secs = ANSWER_TIME.as_secs())]
    TooLong(&'static str),
}

/// Litestream as it is set up on this machine.
#[derive(Debug)]
pub struct Replica {
    config: PathBuf,
    keys: BTreeMap<OsString, OsString>,
}

/// What a replica holds of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    /// The first moment that can be restored.
    pub from: UtcMs,
    /// Everything that was acknowledged before this is there.
    pub upto: UtcMs,
    /// The seconds at which it knows the database, in order.
    seconds: Vec<UtcMs>,
}

impl Holds {
    /// What a restore to a moment brings back: everything acknowledged before the answer is in it, and nothing from after the moment.
    #[must_use]
    pub fn known_at(&self, moment: UtcMs) -> Option<UtcMs> {
        let known = self.seconds.iter().rev().find(|second| second.plus_ms(SECOND_MS) <= moment)?;
        Some(known.plus_ms(-SURELY_MS))
    }
}

/// How far the replica is behind the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Everything before this is in the replica.
    pub upto: UtcMs,
    /// When the database was last written.
    pub written: UtcMs,
}

impl Reading {
    /// What could be lost now, were this machine gone, in ms; 0 if everything is there.
    #[must_use]
    pub fn could_be_lost_ms(&self, now: UtcMs) -> i64 {
        if self.written.ms() <= self.upto.ms() + LOOKS_MS { 0 } else { (now.ms() - self.upto.ms()).max(0) }
    }
}

impl Replica {
    /// Whether this machine has one: its configuration is there. `shops` is the shop's own configuration file, if it was named.
    #[must_use]
    pub fn is_set_up(shops: Option<&Path>) -> bool {
        places(shops).iter().any(|place| place.exists())
    }

    /// Litestream with the configuration that is named, else the one beside the shop's own, else the one that `install.sh` wrote. Root
    /// calls it before it becomes the folder's owner, who may not be allowed to read the bucket's keys.
    ///
    /// # Errors
    /// [`ReplicaFault`].
    pub fn find(named: Option<&Path>, shops: Option<&Path>) -> Result<Replica, ReplicaFault> {
        let places = named.map_or_else(|| places(shops), |named| vec![named.to_owned()]);
        let Some(config) = places.iter().find(|place| place.exists()) else {
            let looked: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
            return Err(ReplicaFault::NoConfiguration(looked.join(", ")));
        };
        let keys = fs::read_to_string(config.with_file_name(KEYS)).map(|text| keys_in(&text)).unwrap_or_default();
        let replica = Replica { config: config.clone(), keys };
        let version = replica.run("version", &[], Some(ANSWER_TIME))?;
        let version = version.trim().trim_start_matches('v');
        if version.starts_with(VERSION) { Ok(replica) } else { Err(ReplicaFault::OtherVersion(version.to_owned())) }
    }

    /// What it holds of a database.
    ///
    /// # Errors
    /// [`ReplicaFault`].
    pub fn holds(&self, database: &Path) -> Result<Holds, ReplicaFault> {
        let named = self.named(database)?;
        let config = self.config.as_os_str();
        let args = ["-config".as_ref(), config, "-level".as_ref(), "all".as_ref(), "-json".as_ref(), named.as_os_str()];
        let listed: Option<Vec<File>> = parse("ltx", &self.run("ltx", &args, Some(ANSWER_TIME))?)?;
        let empty = || ReplicaFault::Empty { config: self.config.clone(), database: database.to_owned() };
        let files = listed.unwrap_or_default();
        // A state is put together from a whole copy, which begins with the first transaction, and what follows it.
        let whole = files.iter().filter(|file| file.min_txid.trim_start_matches('0') == "1");
        let from = whole.filter_map(File::moment).min().ok_or_else(empty)?;
        let seconds_of = |is_wanted: &dyn Fn(&File) -> bool| {
            let mut seconds: Vec<UtcMs> = files.iter().filter(|file| is_wanted(file)).filter_map(File::moment).collect();
            seconds.retain(|second| *second >= from);
            seconds.sort_unstable();
            seconds.dedup();
            seconds
        };
        let mut seconds = seconds_of(&|file| file.level < WHOLE);
        if seconds.is_empty() {
            seconds = seconds_of(&|_| true);
        }
        let upto = seconds.last().ok_or_else(empty)?.plus_ms(-SURELY_MS);
        Ok(Holds { from, upto, seconds })
    }

    /// Takes the database as it was at a moment out of the replica, into a file that is not there yet. Which state that is, of those that
    /// the replica knows, is answered.
    ///
    /// # Errors
    /// [`ReplicaFault`]; what lies in the file then is good for nothing.
    pub fn restore(&self, database: &Path, moment: UtcMs, into: &Path) -> Result<UtcMs, ReplicaFault> {
        let (named, holds) = (self.named(database)?, self.holds(database)?);
        let known = holds.known_at(moment).ok_or(ReplicaFault::TooEarly { wanted: moment, from: holds.from })?;
        let at = moment.to_string();
        let (config, timestamp) = (self.config.as_os_str(), at.as_ref());
        let args =
            ["-config".as_ref(), config, "-timestamp".as_ref(), timestamp, "-o".as_ref(), into.as_os_str(), named.as_os_str()];
        // However large it is: who restores waits.
        self.run("restore", &args, None)?;
        Ok(known)
    }

    /// How far it is behind now. It asks the replica, so a bucket is asked over the network: not for each page that somebody looks at.
    ///
    /// # Errors
    /// [`ReplicaFault`].
    pub fn reading(&self, database: &Path) -> Result<Reading, ReplicaFault> {
        let written = written_at(database).map_err(|error| ReplicaFault::Run("ltx", error))?;
        Ok(Reading { upto: self.holds(database)?.upto, written })
    }

    /// The database as the configuration spells it, which is how Litestream wants to be asked.
    fn named(&self, database: &Path) -> Result<PathBuf, ReplicaFault> {
        let args = ["-config".as_ref(), self.config.as_os_str(), "-json".as_ref()];
        let named: Option<Vec<Database>> = parse("databases", &self.run("databases", &args, Some(ANSWER_TIME))?)?;
        // The database itself may be gone, but not its folder.
        let real = |path: &Path| Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
        let same = |path: &Path| path == database || real(path).is_some_and(|path| Some(path) == real(database));
        let named = named.unwrap_or_default().into_iter().find(|one| same(&one.path));
        named
            .map(|one| one.path)
            .ok_or_else(|| ReplicaFault::NotNamed { config: self.config.clone(), database: database.to_owned() })
    }

    /// Runs one of its commands to its end, or for so long; what it said.
    fn run(&self, command: &'static str, args: &[&std::ffi::OsStr], limit: Option<Duration>) -> Result<String, ReplicaFault> {
        let mut process = Command::new("litestream");
        process.arg(command).args(args).envs(&self.keys);
        // A bundle of other roots makes every call to a bucket fail.
        process.env_remove("AWS_CA_BUNDLE").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReplicaFault::NoProgram,
            _ => ReplicaFault::Run(command, error),
        })?;
        let (said, complained) = (read_aside(child.stdout.take()), read_aside(child.stderr.take()));
        let started = Instant::now();
        let status = loop {
            match child.try_wait().map_err(|error| ReplicaFault::Run(command, error))? {
                Some(status) => break status,
                None if limit.is_some_and(|limit| started.elapsed() > limit) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(ReplicaFault::TooLong(command));
                }
                None => std::thread::sleep(LOOK),
            }
        };
        let (said, complained) = (said.join().unwrap_or_default(), complained.join().unwrap_or_default());
        if status.success() {
            return Ok(said);
        }
        let last = complained.lines().chain(said.lines()).rfind(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
        Err(ReplicaFault::Failed(command, last.trim().to_owned()))
    }
}

/// The process that has a database open, as `litestream (1234)`, if another one than this has: a database under somebody's hands is not
/// to be put elsewhere.
#[must_use]
pub fn held_by(database: &Path) -> Option<String> {
    let database = database.parent()?.canonicalize().ok()?.join(database.file_name()?);
    // A file that was deleted is still theirs.
    let deleted = PathBuf::from(format!("{} (deleted)", database.display()));
    let own = std::process::id().to_string();
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|process| {
        let number = process
            .file_name()
            .into_string()
            .ok()
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && *name != own)?;
        let mut files = fs::read_dir(process.path().join("fd")).ok()?.filter_map(Result::ok);
        files.find(|file| fs::read_link(file.path()).is_ok_and(|path| path == database || path == deleted))?;
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        Some(format!("{} ({number})", name.trim()))
    })
}

/// When a database was last written: its log, or itself.
fn written_at(database: &Path) -> std::io::Result<UtcMs> {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let newest = modified(database)?.max(modified(Path::new(&log)).unwrap_or(UNIX_EPOCH));
    let since = newest.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(UtcMs::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

fn places(shops: Option<&Path>) -> Vec<PathBuf> {
    let installed = PathBuf::from(CONFIGURATION);
    let mut places: Vec<PathBuf> = shops.map(|shops| shops.with_file_name("litestream.yml")).into_iter().collect();
    if !places.contains(&installed) {
        places.push(installed);
    }
    places
}

/// `NAME=value` lines; others are not ours to understand. Only what Litestream reads is passed on.
fn keys_in(text: &str) -> BTreeMap<OsString, OsString> {
    let lines = text.lines().filter_map(|line| line.trim().split_once('='));
    let ours = lines.filter(|(name, _)| name.starts_with("LITESTREAM_") || name.starts_with("AWS_"));
    ours.map(|(name, value)| (name.into(), value.trim_matches(['"', '\'']).into())).collect()
}

#[derive(Deserialize)]
struct Database {
    path: PathBuf,
}

/// One file of a replica; others of its members are not asked for.
#[derive(Deserialize)]
struct File {
    level: u8,
    min_txid: String,
    timestamp: String,
}

impl File {
    fn moment(&self) -> Option<UtcMs> {
        UtcMs::parse(&self.timestamp)
    }
}

fn parse<T: serde::de::DeserializeOwned>(command: &'static str, said: &str) -> Result<T, ReplicaFault> {
    serde_json::from_str(said)
        .map_err(|error| ReplicaFault::Failed(command, format!("it said what is not understood ({error})")))
}

/// Reads a pipe on a thread of its own, so that a full one stops nobody.
fn read_aside(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> UtcMs {
        UtcMs::from_ms(1_795_593_600_000 + second * 1_000)
    }

    #[test]
    fn the_last_state_before_a_moment_is_taken() {
        let holds = Holds { from: at(0), upto: at(59), seconds: vec![at(0), at(30), at(60)] };
        let known = |second: i64| holds.known_at(at(second));
        // What is of second 30 may hold what came at its end.
        assert_eq!(
            [0, 1, 30, 31, 60, 3_600].map(known),
            [None, Some(at(-1)), Some(at(-1)), Some(at(29)), Some(at(29)), Some(at(59))]
        );
    }

    #[test]
    fn what_was_written_after_the_replica_stood_still_could_be_lost() {
        let reading = |upto: i64, written: i64| Reading { upto: at(upto), written: at(written) };
        assert_eq!(reading(100, 101).could_be_lost_ms(at(5_000)), 0, "nothing was written since");
        assert_eq!(reading(100, 400).could_be_lost_ms(at(460)), 360_000);
    }

    #[test]
    fn only_litestreams_own_keys_are_passed_on() {
        let keys = keys_in("# keys\nLITESTREAM_ACCESS_KEY_ID=id\nAWS_REGION=\"us-east-1\"\nPATH=/evil\nnonsense\n");
        let keys: Vec<_> = keys.iter().map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap())).collect();
        assert_eq!(keys, [("AWS_REGION", "us-east-1"), ("LITESTREAM_ACCESS_KEY_ID", "id")]);
    }
}
