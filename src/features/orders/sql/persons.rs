//! Orders whose person has not ordered for long.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{OrderId, Result, UtcMs};

/// Those who ordered lately, or have an order that is open, are read once; then each old order is held against them. It reads the
/// orders' table, which is why it runs at night beside the writer.
const LONG_GONE: &str = "with lately as materialized ( \
     select customer_id, customer_phone, customer_email from orders where id >= ?1 \
     union all select customer_id, customer_phone, customer_email from orders \
     where id < ?1 and status not in ('Delivered', 'Cancelled')) \
     select o.id from orders o where o.id < ?1 and o.anonymised_at is null and o.status in ('Delivered', 'Cancelled') \
     and (o.customer_id is null or o.customer_id not in (select customer_id from lately where customer_id is not null)) \
     and (o.customer_phone is null or o.customer_phone not in (select customer_phone from lately where customer_phone is not null)) \
     and (o.customer_email is null or o.customer_email not in (select customer_email from lately where customer_email is not null)) \
     order by o.id limit ?2";

/// The oldest orders whose person is to be forgotten, and the newest order there is.
pub(in crate::features::orders) fn long_gone(reader: &Reader<'_>, before: UtcMs, most: i64) -> Result<(Vec<OrderId>, OrderId)> {
    let before = first_id_of(before);
    // Most shops have none that old; then nothing is read.
    let has_old = "select exists (select 1 from orders where id < ?1 and anonymised_at is null)";
    if !reader.one(has_old, args![before], |row| row.get::<bool>(0))? {
        return Ok((Vec::new(), before));
    }
    let newest = reader.one("select max(id) from orders", &[], |row| row.get(0))?;
    Ok((reader.all(LONG_GONE, args![before, most], |row| row.get(0))?, newest))
}

/// Takes the person out of an order that is over, unless they have ordered since `newest`; whether it was done.
pub(in crate::features::orders) fn strike(tx: &mut WriteTx<'_>, order: OrderId, newest: OrderId, name: &str) -> Result<bool> {
    let rows = tx.exec(
        "update orders set customer_id = null, customer_name = ?3, customer_email = null, customer_phone = null, \
         placed_by_id = case when placed_by = 'customer' then null else placed_by_id end, guest_network = null, \
         delivery = json_remove(delivery, '$.address', '$.notes'), notes = null, \
         anonymised_at = ?4, version = version + 1, updated_at = ?4 \
         where id = ?1 and status in ('Delivered', 'Cancelled') and anonymised_at is null and not exists \
         (select 1 from orders n where n.id > ?2 and (n.customer_id = orders.customer_id \
         or n.customer_phone = orders.customer_phone or n.customer_email = orders.customer_email))",
        args![order, newest, name, tx.now()],
    )?;
    Ok(rows == 1)
}

/// What the customer has said in an order's history goes, and who they were.
pub(in crate::features::orders) fn strike_history(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    tx.exec(
        "update order_history set note = null, actor_id = null where order_id = ?1 and actor in ('guest', 'customer')",
        args![order],
    )?;
    Ok(())
}

/// The least id of an order placed at a moment.
fn first_id_of(moment: UtcMs) -> OrderId {
    let ms = u64::try_from(moment.ms().max(0)).unwrap_or(0);
    OrderId::from_uuid(uuid::Uuid::from_u64_pair(ms << 16, 0))
}
