//! What systemd is told, and the sockets it hands over. Without systemd all of this is nothing: the variables are not there, nobody
//! is told, and the server binds its doors itself.
//!
//! Sockets stay open with systemd while the program is away, so that nobody is refused during an upgrade or after a crash: who comes
//! meanwhile waits until the next process accepts.
//!
//! A child would inherit the variables; the shop starts none, the sockets are closed on exec, and of `LISTEN_PID`, `WATCHDOG_PID` and
//! `NotifyAccess=main` each names this process alone.

use std::future::Future;
use std::net::TcpListener;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use sd_notify::NotifyState;

/// While the start takes long, systemd is asked so often for more time.
const EXTEND_EVERY: Duration = Duration::from_secs(1);
/// And for so much, from then on.
const EXTEND_BY: Duration = Duration::from_secs(30);
/// Longest that a start is excused. A migration of the largest shop takes minutes (docs/performance.md); what takes longer hangs.
const LONGEST_START: Duration = Duration::from_secs(60 * 60);
/// Between two looks at a shop that is not well.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What a socket is for is told by `FileDescriptorName=` in its unit.
const NAMES: [&str; 3] = ["http", "https", "metrics"];

/// The sockets that systemd has handed over, by name; a socket unit with several addresses gives several of one name. None of them
/// blocks, as tokio wants it.
#[derive(Debug, Default)]
pub struct Sockets {
    pub http: Vec<TcpListener>,
    pub https: Vec<TcpListener>,
    pub metrics: Vec<TcpListener>,
}

/// Why the sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketFault {
    #[error(
        "the sockets that systemd hands over cannot be read: {0}. Look at LISTEN_FDS and LISTEN_FDNAMES, which systemd sets"
    )]
    Unreadable(std::io::Error),
    #[error(
        "systemd hands over a socket named `{0}`, and nothing would answer there. Write FileDescriptorName=http, https or metrics in its unit"
    )]
    Unknown(String),
    #[error(
        "the socket `{name}` that systemd hands over cannot be listened on: {reason}. Its unit needs ListenStream= with a port"
    )]
    Unfit { name: String, reason: std::io::Error },
}

impl Sockets {
    /// Takes what is handed over to this process; a second call finds nothing. To be called before any thread is started, because
    /// it ends the variables.
    ///
    /// # Errors
    /// [`SocketFault`]: a socket that nobody answers would let callers wait for ever.
    pub fn take() -> Result<Sockets, SocketFault> {
        // First those without names: the names of what is another process's would be compared with none.
        if sd_notify::listen_fds().map_err(SocketFault::Unreadable)?.len() == 0 {
            return Ok(Sockets::default());
        }
        let named: Vec<String> =
            sd_notify::listen_fds_with_names().map_err(SocketFault::Unreadable)?.map(|(_, name)| name).collect();
        let mut handed = ListenFd::from_env();
        let mut sockets = Sockets::default();
        for (index, name) in named.into_iter().enumerate() {
            let of_name = match name.as_str() {
                "http" => &mut sockets.http,
                "https" => &mut sockets.https,
                "metrics" => &mut sockets.metrics,
                _ => return Err(SocketFault::Unknown(name)),
            };
            let listener = handed.take_tcp_listener(index).and_then(|listener| {
                let listener = listener.ok_or(std::io::ErrorKind::NotFound)?;
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            of_name.push(listener.map_err(|reason| SocketFault::Unfit { name, reason })?);
        }
        Ok(sockets)
    }

    /// What has been handed over, for the log: a name and an address each.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let all = NAMES.iter().zip([&self.http, &self.https, &self.metrics]);
        all.flat_map(|(name, sockets)| sockets.iter().map(move |socket| (name, socket.local_addr())))
            .map(|(name, address)| address.map_or_else(|_| (*name).to_owned(), |address| format!("{name} on {address}")))
            .collect()
    }
}

/// Who does not hear is not missed: the shop runs without systemd, too.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = %error, "systemd could not be told");
    }
}

/// Whether somebody listens at all.
fn is_heard() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// What `systemctl status` shows beside the state: one line, without anybody's data.
pub fn status(words: &str) {
    tell(&[NotifyState::Status(words)]);
}

/// The shop answers.
pub fn ready(words: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(words)]);
}

/// The shop ends what is under way, then stops.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Ending what is under way, then stopping")]);
}

/// A start that may take long; until it is dropped systemd is told that it goes on, so that a migration is not cut in its middle.
#[must_use]
pub struct Starting {
    telling: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some((ended, thread)) = self.telling.take() {
            drop(ended);
            // Waited for, so that no late word of it follows that the shop is ready.
            let _ = thread.join();
        }
    }
}

/// Begins to tell, with these words and how long it has taken.
pub fn starting(words: String) -> Starting {
    if !is_heard() {
        return Starting { telling: None };
    }
    let (ended, end) = mpsc::channel::<()>();
    // A thread of its own: opening a database blocks, and where there is one core there is no other of tokio's.
    let telling = std::thread::Builder::new().name("starting".to_owned()).spawn(move || {
        let began = Instant::now();
        status(&words);
        while end.recv_timeout(EXTEND_EVERY) == Err(RecvTimeoutError::Timeout) && began.elapsed() < LONGEST_START {
            let so_far = format!("{words} ({} s so far)", began.elapsed().as_secs());
            let by = u32::try_from(EXTEND_BY.as_micros()).unwrap_or(u32::MAX);
            tell(&[NotifyState::ExtendTimeoutUsec(by), NotifyState::Status(&so_far)]);
        }
    });
    match telling {
        Ok(thread) => Starting { telling: Some((ended, thread)) },
        Err(error) => {
            tracing::warn!(error = %error, "systemd cannot be asked for more time; a start longer than TimeoutStartSec is cut");
            Starting { telling: None }
        }
    }
}

/// How a shop is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulse {
    Well,
    /// Something is wrong that a restart does not mend, as a full disk: it is told, and the shop goes on with what it can do.
    Ailing(String),
    /// As many wait as may wait, and none of them was seen to be served.
    Unknown,
}

/// Tells systemd that the shop lives, twice in each time of its watchdog, for as long as `pulse` answers; a pulse that does not come
/// is a hung shop, which systemd then ends and starts again. Without a watchdog it does nothing, for ever.
pub async fn watchdog<F: Future<Output = Pulse>>(mut pulse: impl FnMut() -> F, well: &str) {
    let Some(time) = sd_notify::watchdog_enabled().filter(|time| !time.is_zero() && is_heard()) else {
        return std::future::pending().await;
    };
    let mut last = Pulse::Well;
    loop {
        let found = felt(&mut pulse, time / 4).await;
        tell(&[NotifyState::Watchdog]);
        if found != last {
            match &found {
                Pulse::Ailing(why) => status(&format!("Running, but {why}")),
                Pulse::Well | Pulse::Unknown => status(well),
            }
            last = found;
        }
        tokio::time::sleep(time / 2).await;
    }
}

/// Waits for a pulse as long as it takes, and says so once it takes long: the log then shows why systemd ended the shop.
async fn felt<F: Future<Output = Pulse>>(pulse: &mut impl FnMut() -> F, patience: Duration) -> Pulse {
    let began = Instant::now();
    let mut told = false;
    loop {
        let asked = pulse();
        tokio::pin!(asked);
        let found = loop {
            match tokio::time::timeout(patience, asked.as_mut()).await {
                Ok(found) => break found,
                Err(_) if told => {}
                Err(_) => {
                    tracing::error!(
                        seconds = began.elapsed().as_secs(),
                        "neither writer nor reader of the database answer; if it stays so, systemd starts the shop again"
                    );
                    status("The database does not answer");
                    told = true;
                }
            }
        };
        if found != Pulse::Unknown {
            if told {
                tracing::warn!(seconds = began.elapsed().as_secs(), "the database answers again");
            }
            return found;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
