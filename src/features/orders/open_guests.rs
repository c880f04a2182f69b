//! How many unconfirmed orders of guests are open, by phone and by network (SPEC 4): a stranger cannot promise away a shelf.
//!
//! The counts lie in the writer's memory, because an index for them would cost every order two B-tree writes. What always holds:
//! they are those of the Pending orders that guests have placed, also when a write is undone; every change of an order's status
//! goes through [`set_status`].

use std::collections::HashMap;
use std::hash::Hash;

use super::model::{Guest, Network};
use super::{problems, sql};
use crate::db::{Reader, WriteTx, WriterMemory};
use crate::kernel::{OrderId, OrderStatus, Problem, Result, UtcMs};

/// Most unconfirmed orders of a phone.
const MOST_BY_PHONE: usize = 3;
/// Most unconfirmed orders of a network: the people of an office or a dormitory share one.
const MOST_BY_NETWORK: usize = 30;

/// Where a guest's order comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct GuestOrigin {
    pub network: Network,
    /// Whether the shop counts (`[rate_limit] enabled`).
    pub limited: bool,
}

/// Passes if a guest may leave one more order unconfirmed.
///
/// # Errors
/// 409 `too_many_open_orders`.
pub(super) fn check(tx: &mut WriteTx<'_>, origin: &GuestOrigin, phone: Option<&str>) -> Result<()> {
    if !origin.limited {
        return Ok(());
    }
    let open = tx.memory(OpenGuests::read)?;
    let by_phone = phone.and_then(|phone| open.phones.get(phone)).copied().unwrap_or(0);
    if by_phone >= MOST_BY_PHONE {
        let detail = format!(
            "{by_phone} orders with this phone number wait for the shop's yes. Call the shop to have them confirmed, or cancel one; then order again."
        );
        return Err(too_many(detail, MOST_BY_PHONE));
    }
    let by_network = open.networks.get(&origin.network).copied().unwrap_or(0);
    if by_network >= MOST_BY_NETWORK {
        let detail = format!(
            "{by_network} orders from your network wait for the shop's yes. Call the shop to order, or sign in; then there is no such limit."
        );
        return Err(too_many(detail, MOST_BY_NETWORK));
    }
    Ok(())
}

fn too_many(detail: String, limit: usize) -> crate::kernel::Error {
    Problem::of(&problems::TOO_MANY_OPEN_ORDERS).detail(detail).fact("limit", limit).into()
}

/// Counts a Pending order that a guest is about to place.
pub(super) fn placing(tx: &mut WriteTx<'_>, phone: Option<&str>, network: Network) -> Result<()> {
    let guest = Guest { phone: phone.map(str::to_owned), network: Some(network) };
    tx.memory(OpenGuests::read)?.add(guest);
    Ok(())
}

/// Moves an order; a hold that would end by itself does not any more, unless `hold_expires_at` says so.
pub(super) fn set_status(
    tx: &mut WriteTx<'_>,
    order: OrderId,
    (from, to): (OrderStatus, OrderStatus),
    hold_expires_at: Option<UtcMs>,
) -> Result<()> {
    // Before the statement: were the memory read anew after it, an undo would leave there what it has undone.
    let (was_open, is_open) = (from == OrderStatus::Pending, to == OrderStatus::Pending);
    if was_open != is_open
        && let Some(guest) = sql::guest(tx, order)?
    {
        let open = tx.memory(OpenGuests::read)?;
        if is_open { open.add(guest) } else { open.remove(guest) }
    }
    sql::set_status(tx, order, to, hold_expires_at)
}

/// The counts, and what the write under way has done to them. Whose an order is, its row says: a day's orders are not held here.
#[derive(Default)]
struct OpenGuests {
    phones: HashMap<String, usize>,
    networks: HashMap<Network, usize>,
    steps: Vec<Step>,
}

enum Step {
    Added(Guest),
    Removed(Guest),
}

impl OpenGuests {
    fn read(reader: &Reader<'_>) -> Result<OpenGuests> {
        let mut open = OpenGuests::default();
        sql::open_guests(reader, |guest| open.put(guest))?;
        Ok(open)
    }

    fn add(&mut self, guest: Guest) {
        self.put(&guest);
        self.steps.push(Step::Added(guest));
    }

    fn remove(&mut self, guest: Guest) {
        self.take(&guest);
        self.steps.push(Step::Removed(guest));
    }

    fn put(&mut self, guest: &Guest) {
        if let Some(phone) = &guest.phone {
            match self.phones.get_mut(phone) {
                Some(count) => *count += 1,
                None => {
                    self.phones.insert(phone.clone(), 1);
                }
            }
        }
        if let Some(network) = guest.network {
            *self.networks.entry(network).or_insert(0) += 1;
        }
    }

    fn take(&mut self, guest: &Guest) {
        if let Some(phone) = &guest.phone {
            one_less(&mut self.phones, phone);
        }
        if let Some(network) = &guest.network {
            one_less(&mut self.networks, network);
        }
    }
}

fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl WriterMemory for OpenGuests {
    fn keep(&mut self) {
        self.steps.clear();
    }

    fn undo(&mut self) {
        for step in std::mem::take(&mut self.steps).into_iter().rev() {
            match step {
                Step::Added(guest) => self.take(&guest),
                Step::Removed(guest) => self.put(&guest),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::cancel::{Cancel, Cancelling, cancel};
    use super::super::change_status::ChangeStatus;
    use super::super::model::Customer;
    use super::super::place::{Item, PlaceOrder, Wanted};
    use super::super::undo::Undo;
    use super::*;
    use crate::clock::Clock;
    use crate::db::{Command, DataFolder, Db, DbOptions, Reactions};
    use crate::features::{catalog, settings};
    use crate::kernel::{
        Actor, DomainEvent, Fault, Fulfilment, JobDue, Locale, PaymentMethod, ProductId, Role, SeenVersion, UserId,
    };

    struct Nothing;
    impl Reactions for Nothing {
        fn inside(&self, _: &mut WriteTx<'_>, _: &DomainEvent) -> Result<()> {
            Ok(())
        }
        fn after(&self, _: &[DomainEvent], _: &[JobDue]) {}
    }

    struct House {
        db: Db,
        product: ProductId,
        settings: Arc<settings::Settings>,
        _folder: tempfile::TempDir,
    }

    const STAFF: Actor = Actor::Account { id: UserId::from_uuid(uuid::Uuid::nil()), role: Role::Staff };

    impl House {
        async fn open() -> House {
            let folder = tempfile::tempdir().expect("a folder");
            let clock = Clock::manual(UtcMs::parse("2026-11-25T08:00:00Z").expect("a moment"));
            let options = DbOptions { clock, accept_clock: true, reactions: Arc::new(Nothing) };
            let db = Db::open(DataFolder::own(&folder.path().join("data")).expect("own"), options).expect("the books");
            let settings = Arc::new(db.read(settings::read).await.expect("settings"));
            let parsed = catalog::parse(b"sku,name_en,price,stock\nA,Bread,1,100000\n", &settings.format).expect("a menu");
            let import = catalog::Import { parsed, set_stock: false, dry_run: false, by: Actor::System };
            db.write(import).await.expect("imported");
            let product =
                db.read(|reader| reader.one("select id from products", &[], |row| row.get(0))).await.expect("a product");
            House { db, product, settings, _folder: folder }
        }

        fn place(&self, phone: u8, network: u8, limited: bool) -> PlaceOrder {
            PlaceOrder {
                address_id: None,
                wanted: Wanted::Items(vec![Item { product: self.product, quantity: 1, options: None }]),
                customer: Some(Customer {
                    id: None,
                    name: "Huda".to_owned(),
                    email: None,
                    phone: Some(format!("+96279000000{phone}")),
                }),
                account: None,
                locale: Locale::En,
                fulfilment: Fulfilment::Pickup,
                delivery: None,
                asked: None,
                method: PaymentMethod::CASH,
                notes: None,
                metadata: None,
                expected_total: None,
                collected: false,
                by: Actor::Guest,
                guest: Some(GuestOrigin { network: [network; 16], limited }),
                settings: Arc::clone(&self.settings),
            }
        }
    }

    /// A write that fails or panics after it has done its work.
    struct Then<C> {
        command: C,
        end: u8,
    }

    impl<C: Command> Command for Then<C> {
        const NAME: &'static str = "test.then";
        type Output = C::Output;

        fn apply(self, tx: &mut WriteTx<'_>) -> Result<C::Output> {
            let output = self.command.apply(tx)?;
            match self.end {
                0 => Err(Fault::because("on purpose").into()),
                1 => panic!("on purpose"),
                _ => Ok(output),
            }
        }
    }

    /// A hold that ends by itself.
    struct Expire(OrderId);

    impl Command for Expire {
        const NAME: &'static str = "test.expire";
        type Output = ();

        fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
            let Some(head) = sql::head(tx, self.0)?.filter(|head| head.status == OrderStatus::Pending) else { return Ok(()) };
            cancel(tx, &head, &Cancelling { restock: true, refund: true, note: None, by: Actor::System })
        }
    }

    /// What is remembered, beside what the tables say.
    struct Recount;

    impl Command for Recount {
        const NAME: &'static str = "test.recount";
        type Output = ();

        fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
            let counted = OpenGuests::read(tx)?;
            let held = tx.memory(OpenGuests::read)?;
            assert_eq!(held.phones, counted.phones);
            assert_eq!(held.networks, counted.networks);
            assert!(held.steps.is_empty());
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_phone_and_a_network_leave_so_many_orders_unconfirmed_and_no_more() {
        let house = House::open().await;
        let refused = |outcome: Result<super::super::place::Placed>| outcome.err().and_then(|error| error.code());
        let mut placed = Vec::new();
        for _ in 0..MOST_BY_PHONE {
            placed.push(house.db.write(house.place(0, 0, true)).await.expect("one more").order.id);
        }
        assert_eq!(refused(house.db.write(house.place(0, 1, true)).await), Some("too_many_open_orders"));
        house.db.write(house.place(0, 1, false)).await.expect("turned off, nobody counts");
        assert_eq!(refused(house.db.write(house.place(0, 1, true)).await), Some("too_many_open_orders"));
        for n in MOST_BY_PHONE..MOST_BY_NETWORK {
            let phone = u8::try_from(n / MOST_BY_PHONE).expect("small") + 10;
            house.db.write(house.place(phone, 0, true)).await.expect("a network holds many");
        }
        assert_eq!(refused(house.db.write(house.place(99, 0, true)).await), Some("too_many_open_orders"));
        house.db.write(house.place(99, 2, true)).await.expect("another network");
        house.db.write(Expire(placed[0])).await.expect("it ends");
        house.db.write(house.place(99, 0, true)).await.expect("one has ended");
        house.db.write(Recount).await.expect("it agrees");
    }

    #[tokio::test]
    async fn of_many_at_once_no_more_than_allowed_get_in() {
        let house = House::open().await;
        let all = futures_util::future::join_all((0..40).map(|_| house.db.write(house.place(0, 0, true)))).await;
        assert_eq!(all.iter().filter(|outcome| outcome.is_ok()).count(), MOST_BY_PHONE);
        house.db.write(Recount).await.expect("it agrees");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Any walk of orders, writes undone among them, several in a group.
        #[test]
        fn what_is_remembered_is_what_a_recount_finds(
            steps in proptest::collection::vec((0_u8..6, 0_usize..64, 0_u8..6), 1..60),
            group in 1_usize..6,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let house = House::open().await;
                let mut orders: Vec<OrderId> = Vec::new();
                for steps in steps.chunks(group) {
                    let known = orders.clone();
                    let made = steps.iter().map(|(what, which, end)| {
                        let (house, order, end) = (&house, known.get(which % known.len().max(1)).copied(), *end);
                        async move {
                            let seen = SeenVersion::default();
                            let to = OrderStatus::Confirmed;
                            match (what, order) {
                                (1, Some(order)) => {
                                    let command = ChangeStatus { order, to, seen, note: None, restock: None, force: false, by: STAFF };
                                    let _ = house.db.write(Then { command, end }).await;
                                }
                                (2, Some(order)) => {
                                    let command = Undo { order, seen, settings: Arc::clone(&house.settings), by: STAFF };
                                    let _ = house.db.write(Then { command, end }).await;
                                }
                                (3, Some(order)) => {
                                    let by = Actor::Guest;
                                    let command = Cancel { order, seen, reason: None, restock: None, refund: None, by };
                                    let _ = house.db.write(Then { command, end }).await;
                                }
                                (4, Some(order)) => {
                                    let _ = house.db.write(Then { command: Expire(order), end }).await;
                                }
                                _ => {
                                    let network = u8::try_from(which % 2).unwrap_or(0);
                                    let command = house.place(u8::try_from(which % 4).unwrap_or(0), network, true);
                                    return house.db.write(Then { command, end }).await.ok().map(|placed| placed.order.id);
                                }
                            }
                            None
                        }
                    });
                    orders.extend(futures_util::future::join_all(made).await.into_iter().flatten());
                    house.db.write(Recount).await.expect("the memory agrees with the tables");
                }
            });
        }
    }
}
