//! The certificate as the doctor and `config check` see it: from the disk alone, whether a server runs or not.

use std::path::Path;

use super::acme;
use super::files::is_open_to_others;
use super::pair::Pair;
use crate::config;
use crate::kernel::UtcMs;
use crate::kernel::time::span::DAY_MS;

/// Whoever renews by hand or by a timer is told so long before the end, or in the last sixth of a shorter life.
const SOON_MS: i64 = 14 * DAY_MS;

/// What was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Look {
    pub names: Vec<String>,
    pub not_after: Option<UtcMs>,
    /// With these there is no HTTPS, or no browser takes it.
    pub faults: Vec<String>,
    /// These want a look before they become faults.
    pub warnings: Vec<String>,
}

/// Looks at what `[tls]` names and at what an authority has given. `folder` is the data folder.
#[must_use]
pub fn look(config: &config::Tls, folder: &Path, now: UtcMs) -> Look {
    match config {
        config::Tls::Off => Look::default(),
        config::Tls::Files { cert_file, key_file } => match Pair::read(cert_file, key_file) {
            Err(fault) => Look { faults: vec![fault.to_string()], ..Look::default() },
            Ok(pair) => {
                let mut seen = Look::of(&pair, cert_file, now);
                if is_open_to_others(key_file) {
                    seen.warnings.push(open_key(key_file));
                }
                seen
            }
        },
        config::Tls::Acme { domains, directory_url, .. } => acme::look(domains, directory_url.as_str(), folder, now),
    }
}

impl Look {
    pub(super) fn of(pair: &Pair, path: &Path, now: UtcMs) -> Look {
        let mut seen = Look { names: pair.names.clone(), not_after: Some(pair.not_after), ..Look::default() };
        if let Some(words) = end_of(pair, path, now) {
            let bad = pair.is_over(now) || now < pair.not_before;
            if bad { seen.faults.push(words) } else { seen.warnings.push(words) }
        }
        seen
    }
}

/// What is to be said of a certificate's end, if anything is.
pub(super) fn end_of(pair: &Pair, path: &Path, now: UtcMs) -> Option<String> {
    let path = path.display();
    if pair.is_over(now) {
        return Some(format!(
            "the certificate in {path} ended on {}, so every browser refuses it. Put a new one there",
            pair.not_after
        ));
    }
    if now < pair.not_before {
        return Some(format!(
            "the certificate in {path} counts only from {}. Look whether this machine's clock is right",
            pair.not_before
        ));
    }
    let soon = UtcMs::from_ms(pair.not_after.ms().saturating_sub(SOON_MS)).max(pair.spent(5, 6));
    (now >= soon).then(|| format!("the certificate in {path} ends on {}. Renew it before", pair.not_after))
}

pub(super) fn open_key(path: &Path) -> String {
    format!("the private key in {0} can be read by everybody on this machine. Run: chmod o-r {0}", path.display())
}
