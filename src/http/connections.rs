//! Who is connected, and who has to go when too many are.
//!
//! Nobody is kept out by those who only hold a connection open: a new one is let in, and the one that has waited longest is ended,
//! first among those that have never sent a whole request, then among those that rest between two. Only while everybody's request
//! is being answered, which takes milliseconds, is a newcomer turned away.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::rate_limit::network_of;
use crate::config::Network;

/// A request is being answered.
const BUSY: u64 = u64::MAX;
/// Told to go.
const ENDED: u64 = u64::MAX - 1;
/// Marks who has had an answer already: they go after all others.
const HAS_ASKED: u64 = 1 << 62;
/// Of so many, one part goes at once, so that looking for the oldest is paid for by many newcomers.
const PART: usize = 16;

/// Everybody who is connected.
pub(super) struct Connections {
    most: usize,
    most_of_one: usize,
    /// Proxies speak for many people.
    proxies: Arc<[Network]>,
    tick: AtomicU64,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: HashMap<u64, Arc<Place>>,
    by_network: HashMap<u128, usize>,
}

/// One connection's place.
struct Place {
    id: u64,
    network: Option<u128>,
    /// Since when it waits (the smaller, the longer), or [`BUSY`] or [`ENDED`].
    state: AtomicU64,
    ended: Notify,
}

/// A connection among all, until it is dropped.
pub(super) struct Seat {
    connections: Arc<Connections>,
    place: Arc<Place>,
}

impl Connections {
    pub(super) fn new(most: usize, most_of_one: usize, proxies: Arc<[Network]>) -> Arc<Connections> {
        Arc::new(Connections { most, most_of_one, proxies, tick: AtomicU64::new(0), open: Mutex::default() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // The counts stay with the places they count; nothing that can panic stands between the two.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a newcomer; `None` if everybody is busy.
    pub(super) fn admit(self: &Arc<Connections>, peer: IpAddr) -> Option<Seat> {
        let from_proxy = self.proxies.iter().any(|proxy| proxy.contains(peer));
        let network = (!from_proxy).then(|| network_of(peer));
        let mut open = self.open();
        if let Some(network) = network
            && open.of(network) >= self.most_of_one
        {
            open.end_oldest(self.most_of_one, |place| place.network == Some(network));
            if open.of(network) >= self.most_of_one {
                return None;
            }
        }
        if open.all.len() >= self.most {
            open.end_oldest(self.most, |_| true);
            if open.all.len() >= self.most {
                return None;
            }
        }
        let id = self.tick.fetch_add(1, Ordering::Relaxed);
        let place = Arc::new(Place { id, network, state: AtomicU64::new(id), ended: Notify::new() });
        open.add(Arc::clone(&place));
        Some(Seat { connections: Arc::clone(self), place })
    }
}

impl Open {
    fn of(&self, network: u128) -> usize {
        self.by_network.get(&network).copied().unwrap_or(0)
    }

    fn add(&mut self, place: Arc<Place>) {
        if let Some(network) = place.network {
            *self.by_network.entry(network).or_insert(0) += 1;
        }
        self.all.insert(place.id, place);
    }

    fn remove(&mut self, id: u64) {
        let Some(place) = self.all.remove(&id) else { return };
        if let Some(network) = place.network
            && let Some(count) = self.by_network.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.by_network.remove(&network);
            }
        }
    }

    /// Ends a part of those that wait, the oldest first.
    fn end_oldest(&mut self, limit: usize, concerns: impl Fn(&Place) -> bool) {
        let waiting = self.all.values().filter(|place| concerns(place));
        let since = waiting.map(|place| (place.state.load(Ordering::Relaxed), place.id));
        let mut waiting: Vec<(u64, u64)> = since.filter(|(since, _)| *since < ENDED).collect();
        if waiting.is_empty() {
            return;
        }
        let part = (limit / PART).clamp(1, waiting.len());
        waiting.select_nth_unstable(part - 1);
        for (since, id) in &waiting[..part] {
            let Some(place) = self.all.get(id) else { continue };
            // One whose request has arrived meanwhile stays.
            if place.state.compare_exchange(*since, ENDED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                place.ended.notify_one();
                self.remove(*id);
            }
        }
    }
}

impl Seat {
    /// Waits until this connection has to go.
    pub(super) async fn ended(&self) {
        self.place.ended.notified().await;
    }

    /// A request has arrived whole and is being answered, until what this returns is dropped.
    pub(super) fn busy(self: &Arc<Seat>) -> Busy {
        let state = &self.place.state;
        let _ = state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| (state != ENDED).then_some(BUSY));
        Busy { seat: Arc::clone(self) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.open().remove(self.place.id);
    }
}

/// See [`Seat::busy`].
pub(super) struct Busy {
    seat: Arc<Seat>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = self.seat.connections.tick.fetch_add(1, Ordering::Relaxed) | HAS_ASKED;
        let _ = self.seat.place.state.compare_exchange(BUSY, now, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOMEBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

    fn other(n: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, n])
    }

    fn connections(most: usize, most_of_one: usize) -> Arc<Connections> {
        let variables = [("BAYADER_SERVER__TRUSTED_PROXIES", "10.0.0.0/8")];
        let config = crate::config::load(&crate::config::Source::new().variables(variables)).expect("right");
        Connections::new(most, most_of_one, config.server.trusted_proxies.into())
    }

    fn is_ended(seat: &Seat) -> bool {
        seat.place.state.load(Ordering::Relaxed) == ENDED
    }

    #[test]
    fn the_longest_silent_goes_first_then_who_rests_and_never_who_is_answered() {
        let connections = connections(4, 4);
        let admit = |n| Arc::new(connections.admit(other(n)).expect("a place"));
        let answered = admit(0);
        let busy = answered.busy();
        let resting = admit(1);
        drop(resting.busy());
        let (silent, later) = (admit(2), admit(3));
        let _fifth = admit(4);
        assert!(is_ended(&silent) && !is_ended(&later) && !is_ended(&resting) && !is_ended(&answered));
        let _sixth = admit(5);
        assert!(is_ended(&later) && !is_ended(&resting));
        drop((silent, later));
        let _others = (admit(7), admit(8));
        assert!(!is_ended(&resting), "those that never asked have gone before");
        assert!(!is_ended(&answered));
        drop(busy);
    }

    #[test]
    fn where_all_are_answered_a_newcomer_is_turned_away_and_let_in_afterwards() {
        let connections = connections(2, 2);
        let seats: Vec<Arc<Seat>> = (0..2).map(|n| Arc::new(connections.admit(other(n)).expect("a place"))).collect();
        let busy: Vec<Busy> = seats.iter().map(Seat::busy).collect();
        assert!(connections.admit(other(3)).is_none());
        drop(busy);
        assert!(connections.admit(other(3)).is_some());
    }

    #[test]
    fn one_address_pushes_out_its_own_alone() {
        let connections = connections(100, 10);
        let guest = connections.admit(other(1)).expect("a place");
        let crowd: Vec<Seat> = (0..50).map(|_| connections.admit(SOMEBODY).expect("a place")).collect();
        assert!(!is_ended(&guest));
        assert_eq!(crowd.iter().filter(|seat| !is_ended(seat)).count(), 10);
        assert!(crowd[40..].iter().all(|seat| !is_ended(seat)), "the newest stay");
        drop(crowd);
        let open = connections.open();
        assert_eq!((open.all.len(), open.by_network.len()), (1, 1));
    }

    #[test]
    fn a_proxy_speaks_for_many() {
        let connections = connections(100, 2);
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let seats: Vec<Seat> = (0..50).map(|_| connections.admit(proxy).expect("a place")).collect();
        assert!(seats.iter().all(|seat| !is_ended(seat)));
    }
}
