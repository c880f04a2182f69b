//! A certificate that an authority gives by itself (RFC 8555): ordered when there is none that fits, renewed when two thirds of its
//! life are over, asked for again with patience when something went wrong.
//!
//! What always holds: the shop never waits for it; what is tried again keeps to the authority's limits, whatever the clock and
//! however often the process starts; account and certificate lie in `keys/acme/`, for their owner alone.

mod authority;
mod fault;
mod order;
mod store;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::signal::unix::{SignalKind, signal};

use self::authority::Authority;
use self::fault::OrderFault;
use self::store::{Kept, Refusal, Store};
use super::look::Look;
use super::pair::PairFault;
use super::shown::Shown;
use super::{Tls, pair};
use crate::clock::Clock;
use crate::kernel::UtcMs;
use crate::kernel::time::span::DAY_MS;
use crate::outbound::{Outbound, Patience};

/// An authority signs, and looks at the shop from several places, before it answers.
const PATIENCE: Patience = Patience { connect: Duration::from_secs(10), call: Duration::from_secs(30) };
/// One try, from the directory to the certificate. It is far longer than one takes, so that nothing hangs for ever.
const TRY_TIME: Duration = Duration::from_secs(5 * 60);
/// However wrong the clock is: no second certificate within a day of the first. Let's Encrypt gives five for the same names a week.
const BETWEEN_ORDERS_MS: i64 = DAY_MS;

/// What is asked for, and of whom.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub domains: Vec<String>,
    pub email: String,
    pub directory_url: String,
    pub ca_file: Option<PathBuf>,
}

impl Asked {
    /// What is asked for, and of whom, as one text.
    fn key(&self) -> String {
        format!("{} {}", self.directory_url, self.domains.join(" "))
    }
}

/// Why an authority cannot even be asked.
#[derive(Debug, thiserror::Error)]
pub enum AcmeFault {
    #[error("the folder {folder} for the certificate cannot be made or read: {reason}. Look at its rights")]
    Folder { folder: PathBuf, reason: std::io::Error },
    #[error(transparent)]
    CaFile(PairFault),
    #[error("the authority of `tls.directory_url` cannot be spoken to: {0}. Look at `tls.ca_file`")]
    Client(String),
}

/// The certificate of an authority.
pub(super) struct Acme {
    asked: Asked,
    store: Store,
    shown: Arc<Shown>,
    clock: Clock,
    outbound: Outbound,
}

impl Acme {
    /// Shows the certificate that is kept, if there is one that fits; asks nobody yet.
    pub fn open(asked: Asked, folder: &Path, shown: &Arc<Shown>, clock: &Clock) -> Result<Acme, AcmeFault> {
        let store = Store::in_folder(folder);
        store.make().map_err(|reason| AcmeFault::Folder { folder: store.folder().to_owned(), reason })?;
        let outbound = Outbound::trusting("the certificate authority", clock.clone(), PATIENCE, &roots(&asked)?)
            .map_err(|error| AcmeFault::Client(error.to_string()))?;
        if let Some(kept) = store.certificate().filter(|kept| kept.directory_url == asked.directory_url) {
            // One for fewer names is better than none until the new one is there.
            if !kept.pair.is_over(clock.now()) {
                shown.show(kept.pair);
            }
        }
        Ok(Acme { asked, store, shown: Arc::clone(shown), clock: clock.clone(), outbound })
    }

    /// Orders and renews, for ever. SIGHUP makes it try at once.
    pub async fn keep(&self, tls: &Tls) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut failures = 0;
        let mut next = self.begins();
        if next > self.clock.now() && self.due() <= self.clock.now() {
            tracing::info!("the certificate authority said no lately and is asked again on {next}, or at once at SIGHUP");
        }
        loop {
            let told = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Told while nothing is due and nothing has failed, it has nothing to do.
                _ = told => if failures == 0 && self.due() > self.clock.now() { continue },
                () = self.clock.sleep_until(next) => {}
            }
            match self.order().await {
                Ok(()) => {
                    failures = 0;
                    next = self.due();
                    tls.went_well();
                    tracing::info!(
                        names = self.asked.domains.join(", "),
                        "a certificate was issued; the next is asked for on {next}"
                    );
                }
                Err(fault) => {
                    failures += 1;
                    next = self.clock.now().plus_ms(fault.wait_ms(failures));
                    let words = fault.words(&self.asked);
                    tracing::info!("the certificate authority is asked again on {next}");
                    let refused = fault.wait_after_refusal_ms().map(|wait_ms| Refusal { asked: self.asked.key(), wait_ms });
                    self.store.tell(self.clock.now(), &words, refused.as_ref());
                    tls.went_wrong(words);
                }
            }
        }
    }

    /// When the next certificate is to be ordered.
    fn due(&self) -> UtcMs {
        match self.store.certificate() {
            Some(kept) if kept.fits(&self.asked.domains, &self.asked.directory_url) => kept.due(self.clock.now()),
            _ => self.clock.now(),
        }
    }

    /// When the first try of this process is: a refusal is not forgotten by starting again.
    fn begins(&self) -> UtcMs {
        let now = self.clock.now();
        self.store.refused_until(&self.asked.key(), now).map_or_else(|| self.due(), |until| self.due().max(until))
    }

    async fn order(&self) -> Result<(), OrderFault> {
        self.store.try_room().map_err(OrderFault::Disk)?;
        let authority = Authority::new(self.outbound.clone());
        let trying = order::certificate(&self.asked, &self.store, &self.shown, &authority);
        let (chain, key) = match tokio::time::timeout(TRY_TIME, trying).await {
            Ok(tried) => tried.map_err(|fault| fault.wishing(authority.wish_s()))?,
            Err(_) => return Err(OrderFault::Silent("it did not come to an end".to_owned())),
        };
        let kept = Kept::write(&chain, &key, &self.asked.directory_url, self.clock.now());
        let pair = store::read(kept.as_bytes(), self.store.folder()).ok_or_else(|| OrderFault::Refused {
            kind: String::new(),
            words: "what it gave is no certificate of this key".to_owned(),
            wish_s: None,
        })?;
        self.shown.show(pair.pair);
        self.store.keep_certificate(kept.as_bytes()).map_err(OrderFault::Disk)?;
        self.store.forget_trouble();
        Ok(())
    }
}

impl Kept {
    fn fits(&self, domains: &[String], directory_url: &str) -> bool {
        let mut wanted: Vec<String> = domains.iter().map(|domain| domain.to_ascii_lowercase()).collect();
        let mut names = self.pair.names.clone();
        wanted.sort();
        wanted.dedup();
        names.sort();
        names.dedup();
        wanted == names && self.directory_url == directory_url
    }

    fn due(&self, now: UtcMs) -> UtcMs {
        // By a clock that was set back since, the day it was got lies ahead and says nothing.
        let not_before = if self.got_at > now { now } else { self.got_at.plus_ms(BETWEEN_ORDERS_MS) };
        self.pair.spent(2, 3).max(not_before)
    }
}

fn roots(asked: &Asked) -> Result<Vec<Vec<u8>>, AcmeFault> {
    let Some(path) = &asked.ca_file else { return Ok(Vec::new()) };
    let bytes = pair::read("the file of certificates `tls.ca_file`", path).map_err(AcmeFault::CaFile)?;
    let roots: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(&bytes).flatten().map(|root| root.as_ref().to_vec()).collect();
    if roots.is_empty() { Err(AcmeFault::CaFile(PairFault::NoCertificate { path: path.clone() })) } else { Ok(roots) }
}

/// What the doctor sees in `keys/acme/`.
pub(super) fn look(domains: &[String], directory_url: &str, folder: &Path, now: UtcMs) -> Look {
    let store = Store::in_folder(folder);
    let mut seen = match store.certificate() {
        Some(kept) if kept.fits(domains, directory_url) => Look::of(&kept.pair, &store.certificate_file(), now),
        _ => Look {
            faults: vec![format!(
                "there is no certificate for {} yet; the running server gets one from {directory_url}",
                domains.join(", ")
            )],
            ..Look::default()
        },
    };
    if let Some((at, words)) = store.trouble() {
        seen.warnings.push(format!("{words} (tried last on {at})"));
    }
    seen
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    const DIRECTORY: &str = "https://authority.example/directory";

    /// A certificate of 90 days.
    fn kept(names: &[&str], got: &str) -> Kept {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names");
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 4, 1));
        let key = KeyPair::generate().expect("a key");
        let chain = params.self_signed(&key).expect("a certificate").pem();
        let text = Kept::write(&chain, &key.serialize_pem(), DIRECTORY, at(got));
        store::read(text.as_bytes(), Path::new("certificate.pem")).expect("it reads what it wrote")
    }

    fn asked(domain: &str) -> Asked {
        Asked {
            domains: vec![domain.to_owned()],
            email: "rania@example.com".to_owned(),
            // Nobody listens there.
            directory_url: "https://127.0.0.1:9/directory".to_owned(),
            ca_file: None,
        }
    }

    #[test]
    fn a_refusal_outlives_the_process_and_ends_with_its_wait_or_with_other_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(at("2026-01-01"));
        let open = |domain: &str| Acme::open(asked(domain), folder.path(), &Arc::default(), &clock).expect("it can be asked");
        let no = OrderFault::Refused { kind: "connection".to_owned(), words: String::new(), wish_s: None };
        let wait_ms = no.wait_after_refusal_ms().expect("it is one");
        let refused = Refusal { asked: asked("shop.example").key(), wait_ms };
        open("shop.example").store.tell(clock.now(), "no", Some(&refused));
        assert_eq!(open("shop.example").begins(), at("2026-01-01").plus_ms(15 * 60_000));
        assert_eq!(open("other.example").begins(), clock.now(), "nobody has said no to that");
        clock.advance_ms(16 * 60_000);
        assert!(open("shop.example").begins() <= clock.now());
        assert_eq!(OrderFault::Silent(String::new()).wait_after_refusal_ms(), None, "who is away has refused nothing");
    }

    #[tokio::test]
    async fn nothing_is_asked_for_that_could_not_be_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let acme = Acme::open(asked("shop.example"), folder.path(), &Arc::default(), &Clock::manual(at("2026-01-01")));
        let acme = acme.expect("it can be asked");
        assert!(matches!(acme.order().await, Err(OrderFault::Silent(_))), "with room the authority is asked");
        assert_eq!(std::fs::read_dir(acme.store.folder()).expect("a folder").count(), 0, "the look leaves nothing");
        std::fs::remove_dir(acme.store.folder()).expect("it was empty");
        std::fs::write(acme.store.folder(), "in the way").expect("written");
        assert!(matches!(acme.order().await, Err(OrderFault::Disk(_))));
    }

    fn at(day: &str) -> UtcMs {
        UtcMs::parse(&format!("{day}T00:00:00Z")).expect("a day")
    }

    #[test]
    fn it_is_renewed_when_two_thirds_are_over_and_never_twice_a_day() {
        let due = |got: &str, now: &str| kept(&["shop.example"], got).due(at(now));
        assert_eq!(due("2026-01-01", "2026-01-02"), at("2026-03-02"));
        assert_eq!(due("2026-01-01", "2026-12-01"), at("2026-03-02"), "it is due since then");
        // By a clock that is years ahead every certificate is over at once.
        assert_eq!(due("2030-05-05", "2030-05-05"), at("2030-05-06"));
        // Set right again, the clock does not wait for the year that it dreamt of.
        assert_eq!(due("2030-05-05", "2026-01-02"), at("2026-03-02"));
    }

    #[test]
    fn it_fits_the_same_names_in_any_order_at_the_same_authority() {
        let kept = kept(&["shop.example", "www.shop.example"], "2026-01-01");
        let fits = |names: &[&str], directory: &str| {
            kept.fits(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), directory)
        };
        assert!(fits(&["www.shop.example", "Shop.example", "shop.example"], DIRECTORY));
        assert!(!fits(&["shop.example"], DIRECTORY) && !fits(&["shop.example", "b.example"], DIRECTORY));
        assert!(!fits(&["shop.example", "www.shop.example"], "https://other.example"));
    }
}
