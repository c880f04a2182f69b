//! A certificate that the keeper looks after: two files, read anew when they change.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use tokio::signal::unix::{SignalKind, signal};

use super::Tls;
use super::look;
use super::pair::{self, Pair, PairFault};
use super::shown::Shown;
use crate::kernel::UtcMs;
use crate::kernel::time::span::{DAY_MS, MINUTE_MS};

/// The two files, and what is shown of them.
pub(super) struct Files {
    cert_file: PathBuf,
    key_file: PathBuf,
    shown: Arc<Shown>,
    /// The hash of what was read last, good or bad.
    seen: Mutex<Vec<u8>>,
}

impl Files {
    /// Reads them for the first time. One that is over is shown all the same: the shop is not to be gone for that, and who comes by
    /// plain HTTP in the house does not see it.
    pub fn open(cert_file: &Path, key_file: &Path, shown: &Arc<Shown>, now: UtcMs) -> Result<Files, PairFault> {
        let (cert, key) = both(cert_file, key_file)?;
        let pair = Pair::of(&cert, cert_file, &key, key_file)?;
        if let Some(words) = look::end_of(&pair, cert_file, now) {
            tracing::warn!("{words}");
        }
        if is_open_to_others(key_file) {
            tracing::warn!("{}", look::open_key(key_file));
        }
        shown.show(pair);
        let seen = Mutex::new(hash(&cert, &key));
        Ok(Files { cert_file: cert_file.to_owned(), key_file: key_file.to_owned(), shown: Arc::clone(shown), seen })
    }

    /// Looks every minute, and at SIGHUP, whether they have changed.
    pub async fn keep(&self, tls: &Tls) {
        // Without the signal it takes a minute longer.
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut warned_at = tls.clock.now();
        loop {
            let told = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = told => {}
                () = tls.clock.sleep_until(tls.clock.now().plus_ms(MINUTE_MS)) => {}
            }
            self.look_again(tls);
            let now = tls.clock.now();
            if now.ms() - warned_at.ms() >= DAY_MS {
                warned_at = now;
                if let Some(words) = self.shown.pair().and_then(|pair| look::end_of(&pair, &self.cert_file, now)) {
                    tracing::warn!("{words}");
                }
            }
        }
    }

    /// Shows the pair in the files, if it is a new one and a good one.
    fn look_again(&self, tls: &Tls) {
        let read = both(&self.cert_file, &self.key_file);
        let (cert, key) = match read {
            Ok(read) => read,
            Err(fault) => return tls.went_wrong(kept(&fault.to_string())),
        };
        let hash = hash(&cert, &key);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == hash && tls.trouble().is_none() {
                return;
            }
            *seen = hash;
        }
        let now = tls.clock.now();
        match Pair::of(&cert, &self.cert_file, &key, &self.key_file) {
            Err(fault) => tls.went_wrong(kept(&fault.to_string())),
            Ok(pair) if pair.is_over(now) && self.shown.pair().is_some_and(|shown| !shown.is_over(now)) => {
                tls.went_wrong(kept(&format!(
                    "the new certificate in {} has ended already. Put a valid one there",
                    self.cert_file.display()
                )));
            }
            Ok(pair) => {
                if self.shown.pair().is_none_or(|shown| shown.key.cert != pair.key.cert) {
                    tracing::info!(names = pair.names.join(", "), ends = %pair.not_after, "a new certificate is shown");
                }
                self.shown.show(pair);
                tls.went_well();
            }
        }
    }
}

/// What the keeper reads of a pair that is not used.
fn kept(fault: &str) -> String {
    format!("the certificate that was good before goes on being used, for {fault}")
}

fn both(cert_file: &Path, key_file: &Path) -> Result<(Vec<u8>, Vec<u8>), PairFault> {
    Ok((pair::read("the certificate", cert_file)?, pair::read("the private key", key_file)?))
}

fn hash(cert: &[u8], key: &[u8]) -> Vec<u8> {
    [digest(&SHA256, cert).as_ref(), digest(&SHA256, key).as_ref()].concat()
}

/// Whether everybody on the machine may read a file.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
