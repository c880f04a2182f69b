//! Which certificate a handshake gets: the shop's, or for an authority that asks the answer to its question.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::ACME_TLS_1;
use super::pair::Pair;

/// What is shown now. Handshakes read it; it is changed a few times a year.
#[derive(Default)]
pub(super) struct Shown {
    now: RwLock<Now>,
}

#[derive(Default)]
struct Now {
    pair: Option<Pair>,
    /// Answers for an authority, by the name it asks about.
    challenges: HashMap<String, Arc<CertifiedKey>>,
}

impl Shown {
    fn read(&self) -> RwLockReadGuard<'_, Now> {
        // Each change is one assignment, so that nobody ever leaves it half done.
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.now.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn pair(&self) -> Option<Pair> {
        self.read().pair.clone()
    }

    pub fn names(&self) -> Vec<String> {
        self.read().pair.as_ref().map(|pair| pair.names.clone()).unwrap_or_default()
    }

    /// From now on this one.
    pub fn show(&self, pair: Pair) {
        self.write().pair = Some(pair);
    }

    /// Answers an authority that asks about `name`, until what this returns is dropped.
    pub fn answer(self: &Arc<Shown>, name: String, key: CertifiedKey) -> Answering {
        self.write().challenges.insert(name.clone(), Arc::new(key));
        Answering { shown: Arc::clone(self), name }
    }
}

/// See [`Shown::answer`].
pub(super) struct Answering {
    shown: Arc<Shown>,
    name: String,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.shown.write().challenges.remove(&self.name);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // RFC 8737 section 3: who asks so offers this protocol alone, and gets the answer alone.
        let asks = hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS_1));
        let now = self.read();
        if asks {
            return now.challenges.get(&hello.server_name()?.to_ascii_lowercase()).cloned();
        }
        now.pair.as_ref().map(|pair| Arc::clone(&pair.key))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("names", &self.names()).finish_non_exhaustive()
    }
}
