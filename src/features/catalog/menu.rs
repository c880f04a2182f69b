//! Public answers of the catalog, ready to send.
//!
//! Each carries the generation that was current before its snapshot was opened; a change raises the generation after its commit
//! and before its author is answered. So a slow reader cannot put old bytes back: what it puts is of a generation that is over.
//! What an order takes off a shelf changes the answers of its products and the lists; other products' stay.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::Mutex;

use crate::features::media::Week;
use crate::kernel::{Locale, ProductId, Result};

/// The most memory that answers take.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// Doors at which those who miss wait for the one who reads; a power of two.
const DOORS: usize = 64;
/// Places of products.
const PLACES: usize = 256;

/// What an answer depends on. The texts are the request's own and shared with it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub path: Arc<str>,
    pub query: Option<Arc<str>>,
    pub locale: Locale,
    /// Links to pictures are those of a week: its number is part of what is asked, so that a new one finds nothing of the last.
    pub week: Week,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub body: Bytes,
    pub tag: Arc<str>,
    /// The one product it shows; `None` for lists.
    pub product: Option<ProductId>,
}

#[derive(Clone)]
struct Kept {
    generation: u64,
    ready: Ready,
}

/// Serialized answers for the public.
pub struct Menu {
    /// Counts changes of all kinds.
    generation: AtomicU64,
    /// The generation in which all answers were dropped last.
    all: AtomicU64,
    /// In which a product's were; some products share a place, and are dropped together.
    products: [AtomicU64; PLACES],
    answers: moka::sync::Cache<Key, Kept>,
    doors: [Mutex<()>; DOORS],
    hasher: RandomState,
    found: AtomicU64,
    made: AtomicU64,
}

impl Default for Menu {
    fn default() -> Menu {
        Menu::new()
    }
}

impl Menu {
    #[must_use]
    pub fn new() -> Menu {
        let weigh = |key: &Key, kept: &Kept| {
            let bytes = kept.ready.body.len() + key.path.len() + key.query.as_ref().map_or(0, |query| query.len()) + 256;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Menu {
            generation: AtomicU64::new(0),
            all: AtomicU64::new(0),
            products: std::array::from_fn(|_| AtomicU64::new(0)),
            answers: moka::sync::Cache::builder().max_capacity(MOST_BYTES).weigher(weigh).build(),
            doors: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
            found: AtomicU64::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// How many answers were found here, and how many were made.
    #[must_use]
    pub fn found_and_made(&self) -> (u64, u64) {
        (self.found.load(Ordering::Relaxed), self.made.load(Ordering::Relaxed))
    }

    /// Forgets every answer: something they show has changed. Old ones are passed over at once and replaced one by one.
    pub fn drop_all(&self) {
        let begun = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        self.all.fetch_max(begun, Ordering::SeqCst);
    }

    /// Forgets every list and the answers of some products: only how many there are of them has changed. An order pays a few
    /// additions.
    pub fn drop_products(&self, products: impl IntoIterator<Item = ProductId>) {
        let begun = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        for product in products {
            self.place_of(product).fetch_max(begun, Ordering::SeqCst);
        }
    }

    fn place_of(&self, product: ProductId) -> &AtomicU64 {
        &self.products[usize::from(product.uuid().as_bytes()[15]) % PLACES]
    }

    /// The answer, if it still holds.
    pub(super) fn get(&self, key: &Key) -> Option<Ready> {
        let kept = self.answers.get(key)?;
        let begun = match kept.ready.product {
            Some(product) => self.all.load(Ordering::SeqCst).max(self.place_of(product).load(Ordering::SeqCst)),
            None => self.generation.load(Ordering::SeqCst),
        };
        (kept.generation >= begun).then(|| self.found(kept.ready))
    }

    fn found(&self, ready: Ready) -> Ready {
        self.found.fetch_add(1, Ordering::Relaxed);
        ready
    }

    /// The answer, if it was read when this generation had begun.
    fn get_since(&self, key: &Key, generation: u64) -> Option<Ready> {
        let kept = self.answers.get(key)?;
        (kept.generation >= generation).then_some(kept.ready)
    }

    /// The answer, or what `make` reads. Of those who miss together one reads, the others wait for it; what was read after they
    /// came is new enough for them, even if the menu has changed again since. `make` also says whether its answer may be kept.
    pub(super) async fn get_or_make<F: Future<Output = Result<(Ready, bool)>>>(
        &self,
        key: Key,
        make: impl FnOnce() -> F,
    ) -> Result<Ready> {
        let arrived = self.generation.load(Ordering::SeqCst);
        let door = usize::try_from(self.hasher.hash_one(&key)).unwrap_or(0) % DOORS;
        let _inside = self.doors[door].lock().await;
        if let Some(ready) = self.get_since(&key, arrived) {
            return Ok(self.found(ready));
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        let generation = self.generation.load(Ordering::SeqCst);
        let (ready, keep) = make().await?;
        if keep {
            self.answers.insert(key, Kept { generation, ready: ready.clone() });
        }
        Ok(ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { path: "/api/v1/products".into(), query: None, locale: Locale::En, week: Week::from_number(2_970) }
    }

    fn ready(text: &'static str) -> Ready {
        Ready { body: Bytes::from_static(text.as_bytes()), tag: "\"0.1\"".into(), product: None }
    }

    #[tokio::test]
    async fn what_an_order_takes_leaves_the_answers_of_other_products() {
        let menu = Menu::new();
        let [mine, other] = [1, 2].map(|n| ProductId::from_uuid(uuid::Uuid::from_u128(n)));
        let put = || async {
            for (path, product) in [("/list", None), ("/mine", Some(mine)), ("/other", Some(other))] {
                let key = Key { path: path.into(), ..key() };
                menu.get_or_make(key, || async { Ok((Ready { product, ..ready("x") }, true)) }).await.expect("read");
            }
        };
        let held = || ["/list", "/mine", "/other"].map(|path| menu.get(&Key { path: path.into(), ..key() }).is_some());
        put().await;
        assert_eq!(held(), [true, true, true]);
        menu.drop_products([mine]);
        assert_eq!(held(), [false, false, true]);
        put().await;
        assert_eq!(held(), [true, true, true]);
        menu.drop_all();
        assert_eq!(held(), [false, false, false]);
    }

    #[tokio::test]
    async fn a_slow_reader_cannot_put_old_bytes_back() {
        let menu = Menu::new();
        let slow = menu.get_or_make(key(), || async {
            menu.drop_all();
            Ok((ready("old"), true))
        });
        assert_eq!(slow.await.expect("read").body, "old");
        assert!(menu.get(&key()).is_none());
        let made = menu.get_or_make(key(), || async { Ok((ready("new"), true)) }).await;
        assert_eq!(made.expect("read").body, "new");
        assert_eq!(menu.get(&key()).expect("kept").body, "new");
        menu.drop_all();
        assert!(menu.get(&key()).is_none());
        menu.get_or_make(key(), || async { Ok((ready("of a shop that was"), false)) }).await.expect("read");
        assert!(menu.get(&key()).is_none());
    }
}
