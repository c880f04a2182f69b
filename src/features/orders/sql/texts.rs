//! Every statement on `order_texts_upto`, and the orders that the index of words (`db/order_words.rs`) finds.
//!
//! A row of the index is the order's number as one integer, so it grows as ids do, and an order is found by it and it by an order.

use crate::args;
use crate::db::order_words;
use crate::db::query::Query;
use crate::db::{Reader, Row, WriteTx};
use crate::kernel::{OrderId, Result, UserId};

/// What is searched of an order.
pub(in crate::features::orders) struct Told {
    pub id: OrderId,
    pub number_day: i64,
    pub number: i64,
    pub name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
}

fn told(row: &Row<'_>) -> Result<Told> {
    let mut columns = row.columns();
    Ok(Told {
        id: columns.next()?,
        number_day: columns.next()?,
        number: columns.next()?,
        name: columns.next()?,
        phone: columns.next()?,
        email: columns.next()?,
    })
}

macro_rules! select_told {
    () => {
        "select o.id, o.number_day, o.number, o.customer_name, o.customer_phone, o.customer_email from orders o"
    };
}

/// Orders up to this one are in the index.
pub(in crate::features::orders) fn upto(reader: &Reader<'_>) -> Result<OrderId> {
    reader.one("select order_id from order_texts_upto where one = 1", &[], |row| row.get(0))
}

pub(in crate::features::orders) fn set_upto(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    tx.exec_one("update order_texts_upto set order_id = ?1 where one = 1", args![order])
}

/// By which version of the folding the index is filled.
pub(in crate::features::orders) fn folding(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select folding from order_texts_upto where one = 1", &[], |row| row.get(0))
}

/// No order is in the index; those that come are of this folding.
pub(in crate::features::orders) fn begin_anew(tx: &mut WriteTx<'_>, folding: i64) -> Result<()> {
    tx.exec_one("update order_texts_upto set order_id = zeroblob(16), folding = ?1 where one = 1", args![folding])
}

/// The oldest orders that are not in the index, in order of their ids.
pub(in crate::features::orders) fn after(reader: &Reader<'_>, order: OrderId, most: i64) -> Result<Vec<Told>> {
    reader.all(concat!(select_told!(), " where o.id > ?1 order by o.id limit ?2"), args![order, most], told)
}

/// A customer's orders that are in the index.
pub(in crate::features::orders) fn indexed_of(reader: &Reader<'_>, customer: UserId, upto: OrderId) -> Result<Vec<Told>> {
    reader.all(concat!(select_told!(), " where o.customer_id = ?1 and o.id <= ?2"), args![customer, upto], told)
}

/// An order that is in the index.
pub(in crate::features::orders) fn indexed(reader: &Reader<'_>, order: OrderId, upto: OrderId) -> Result<Option<Told>> {
    reader.opt(concat!(select_told!(), " where o.id = ?1 and o.id <= ?2"), args![order, upto], told)
}

/// The row of an order in the index, whether it is there or not.
pub(in crate::features::orders) fn row_of(reader: &Reader<'_>, order: OrderId) -> Result<Option<i64>> {
    reader.opt("select number_day * 10000000 + number from orders where id = ?1", args![order], |row| row.get(0))
}

/// What is searched of the orders of a query, newest first.
pub(in crate::features::orders) fn of(reader: &Reader<'_>, query: &Query) -> Result<Vec<Told>> {
    reader.all(&of_sql(query), &query.values(&[]), told)
}

/// The statement of [`of`].
pub(in crate::features::orders) fn of_sql(query: &Query) -> String {
    query.sql(select_told!(), "order by o.id desc")
}

/// Orders that the index finds, newest first. The query's first condition is the match.
pub(in crate::features::orders) fn found(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<OrderId>> {
    let sql = query.sql(concat!("select o.id", crate::orders_by_words!()), order_words::NEWEST);
    reader.all(&sql, &query.values(args![limit, offset]), |row| row.get(0))
}

/// How many orders the index finds; `alone`: the query has no condition but the match, so that no order is read.
pub(in crate::features::orders) fn found_count(reader: &Reader<'_>, query: &Query, alone: bool) -> Result<i64> {
    let head = if alone { order_words::COUNT } else { concat!("select count(*)", crate::orders_by_words!()) };
    reader.one(&query.sql(head, ""), &query.values(&[]), |row| row.get(0))
}
