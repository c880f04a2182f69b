//! Every statement on `order_texts` and `order_texts_upto`: orders found by a part of a name, a phone, an address or a number.
//!
//! A row of the index is the order's number as one integer, so it grows as ids do, and an order is found by it and it by an order.

use crate::args;
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

/// The oldest orders that are not in the index, in order of their ids.
pub(in crate::features::orders) fn after(reader: &Reader<'_>, order: OrderId, most: i64) -> Result<Vec<Told>> {
    reader.all(concat!(select_told!(), " where o.id > ?1 order by o.id limit ?2"), args![order, most], told)
}

/// A customer's orders that are in the index.
pub(in crate::features::orders) fn indexed_of(reader: &Reader<'_>, customer: UserId, upto: OrderId) -> Result<Vec<Told>> {
    reader.all(concat!(select_told!(), " where o.customer_id = ?1 and o.id <= ?2"), args![customer, upto], told)
}

pub(in crate::features::orders) fn insert(tx: &mut WriteTx<'_>, row: i64, text: &str) -> Result<()> {
    tx.exec_one("insert into order_texts (rowid, text) values (?1, ?2)", args![row, text])
}

pub(in crate::features::orders) fn delete(tx: &mut WriteTx<'_>, row: i64) -> Result<()> {
    tx.exec("delete from order_texts where rowid = ?1", args![row])?;
    Ok(())
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

macro_rules! indexed_orders {
    () => {
        " from order_texts s cross join orders o on o.number_day = s.rowid / 10000000 and o.number = s.rowid % 10000000"
    };
}

/// Orders that the index finds, newest first. The query's first condition is the match.
pub(in crate::features::orders) fn found(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<OrderId>> {
    let sql = query.sql(concat!("select o.id", indexed_orders!()), "order by s.rowid desc limit ? offset ?");
    reader.all(&sql, &query.values(args![limit, offset]), |row| row.get(0))
}

/// How many orders the index finds; `alone`: the query has no condition but the match, so that no order is read.
pub(in crate::features::orders) fn found_count(reader: &Reader<'_>, query: &Query, alone: bool) -> Result<i64> {
    let head = if alone { "select count(*) from order_texts s" } else { concat!("select count(*)", indexed_orders!()) };
    reader.one(&query.sql(head, ""), &query.values(&[]), |row| row.get(0))
}
