//! Every statement on `carts` and `cart_lines`.

use serde_json::Value;

use super::model::{Head, Line};
use crate::args;
use crate::db::{Reader, Row, WriteTx};
use crate::kernel::{CartId, CartItemId, Fault, Pieces, Result, UserId, UtcMs};
use crate::security::token::TokenHash;

fn head(row: &Row<'_>) -> Result<Head> {
    let mut columns = row.columns();
    Ok(Head { id: columns.next()?, user: columns.next()?, token_hash: TokenHash::from_bytes(columns.next()?) })
}

/// The cart of a token; a guest's that has ended is none.
pub(super) fn by_token(reader: &Reader<'_>, token: TokenHash, ended_before: UtcMs) -> Result<Option<Head>> {
    reader.opt(BY_TOKEN, args![token.as_bytes(), ended_before], head)
}

const BY_TOKEN: &str =
    "select id, user_id, token_hash from carts where token_hash = ?1 and (user_id is not null or changed_at > ?2)";

pub(super) fn by_user(reader: &Reader<'_>, user: UserId) -> Result<Option<Head>> {
    reader.opt(BY_USER, args![user], head)
}

const BY_USER: &str = "select id, user_id, token_hash from carts where user_id = ?1";

pub(super) fn insert(tx: &mut WriteTx<'_>, cart: &Head) -> Result<()> {
    tx.exec_one(
        "insert into carts (id, token_hash, user_id, created_at, changed_at) values (?1, ?2, ?3, ?4, ?4)",
        args![cart.id, cart.token_hash.as_bytes(), cart.user, tx.now()],
    )
}

/// It was changed now; its token is that one from now on.
pub(super) fn touch(tx: &mut WriteTx<'_>, cart: CartId, token: TokenHash) -> Result<()> {
    tx.exec_one("update carts set changed_at = ?2, token_hash = ?3 where id = ?1", args![cart, tx.now(), token.as_bytes()])
}

/// It was changed now.
pub(super) fn note_change(tx: &mut WriteTx<'_>, cart: CartId) -> Result<()> {
    tx.exec_one("update carts set changed_at = ?2 where id = ?1", args![cart, tx.now()])
}

/// In the order in which they were put in.
pub(super) fn lines(reader: &Reader<'_>, cart: CartId) -> Result<Vec<Line>> {
    reader.all(
        "select id, product_id, quantity, options, seen_price_minor from cart_lines where cart_id = ?1 order by id",
        args![cart],
        |row| {
            let mut columns = row.columns();
            Ok(Line {
                id: columns.next()?,
                product: columns.next()?,
                quantity: columns.next()?,
                options: columns.json()?,
                seen_minor: columns.next()?,
            })
        },
    )
}

fn options_text(options: Option<&Value>) -> Result<Option<String>> {
    Ok(options.map(serde_json::to_string).transpose().map_err(Fault::new)?)
}

pub(super) fn insert_line(tx: &mut WriteTx<'_>, cart: CartId, line: &Line) -> Result<()> {
    tx.exec_one(
        "insert into cart_lines (cart_id, id, product_id, quantity, options, seen_price_minor) values (?1, ?2, ?3, ?4, ?5, ?6)",
        args![cart, line.id, line.product, line.quantity, options_text(line.options.as_ref())?, line.seen_minor],
    )
}

pub(super) fn update_line(tx: &mut WriteTx<'_>, cart: CartId, line: &Line) -> Result<()> {
    tx.exec_one(
        "update cart_lines set quantity = ?3, options = ?4, seen_price_minor = ?5 where cart_id = ?1 and id = ?2",
        args![cart, line.id, line.quantity, options_text(line.options.as_ref())?, line.seen_minor],
    )
}

pub(super) fn set_quantity(tx: &mut WriteTx<'_>, cart: CartId, line: CartItemId, quantity: Pieces) -> Result<()> {
    tx.exec_one("update cart_lines set quantity = ?3 where cart_id = ?1 and id = ?2", args![cart, line, quantity])
}

/// Whether it was there.
pub(super) fn delete_line(tx: &mut WriteTx<'_>, cart: CartId, line: CartItemId) -> Result<bool> {
    Ok(tx.exec("delete from cart_lines where cart_id = ?1 and id = ?2", args![cart, line])? == 1)
}

pub(super) fn delete_lines(tx: &mut WriteTx<'_>, cart: CartId) -> Result<()> {
    tx.exec("delete from cart_lines where cart_id = ?1", args![cart])?;
    Ok(())
}

pub(super) fn delete(tx: &mut WriteTx<'_>, cart: CartId) -> Result<()> {
    delete_lines(tx, cart)?;
    tx.exec_one("delete from carts where id = ?1", args![cart])
}

/// Guests' carts that have ended, the oldest first. By the index `carts_guests`.
pub(super) fn ended(reader: &Reader<'_>, ended_before: UtcMs, most: i64) -> Result<Vec<CartId>> {
    reader.all(ENDED, args![ended_before, most], |row| row.get(0))
}

const ENDED: &str = "select id from carts where user_id is null and changed_at <= ?1 order by changed_at limit ?2";

/// Each invariant with the carts that break it.
pub(super) const BOOKS: &[(&str, &str)] = &[
    (
        "a cart has the same line twice",
        "select hex(cart_id) from cart_lines group by cart_id, product_id, coalesce(options, '') having count(*) > 1",
    ),
    ("a cart has more lines than an order takes", "select hex(cart_id) from cart_lines group by cart_id having count(*) > 100"),
];

pub(super) fn breaches(reader: &Reader<'_>, sql: &'static str) -> Result<Vec<String>> {
    reader.all(sql, &[], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::db::{Command, DataFolder, Db, DbOptions, Reactions};
    use crate::features::accounts::CreateOwner;
    use crate::features::cart::{hold, remove};
    use crate::kernel::{DomainEvent, Email, JobDue, Name};
    use crate::security::Keys;

    struct Nothing;

    impl Reactions for Nothing {
        fn inside(&self, _tx: &mut WriteTx<'_>, _event: &DomainEvent) -> Result<()> {
            Ok(())
        }

        fn after(&self, _events: &[DomainEvent], _jobs: &[JobDue]) {}
    }

    fn open(folder: &tempfile::TempDir) -> Db {
        let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
        let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
        Db::open(own, options).expect("the database opens")
    }

    /// Makes an account's cart, then forgets the account.
    struct MakeAndForget(UserId, Keys);

    impl Command for MakeAndForget {
        const NAME: &'static str = "test.make_and_forget";
        type Output = (bool, bool);

        fn apply(self, tx: &mut WriteTx<'_>) -> Result<(bool, bool)> {
            hold::make(tx, Some(self.0), &self.1)?;
            let there = by_user(tx, self.0)?.is_some();
            remove::forget(tx, self.0)?;
            remove::forget(tx, self.0)?;
            Ok((there, by_user(tx, self.0)?.is_some()))
        }
    }

    #[tokio::test]
    async fn a_forgotten_account_leaves_no_cart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = open(&folder);
        let owner = CreateOwner {
            name: Name::parse("Rania").expect("a name"),
            email: Email::parse("rania@example.com").expect("an address"),
            phone: None,
            password_hash: "a hash".to_owned(),
        };
        let owner = db.write(owner).await.expect("an account");
        let keys = Keys::load_or_make(folder.path()).expect("keys");
        assert_eq!(db.write(MakeAndForget(owner.id, keys)).await.expect("written"), (true, false));
    }

    #[tokio::test]
    async fn no_cart_is_looked_for_among_all() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = open(&folder);
        for (sql, index) in [(BY_TOKEN, "carts_token"), (BY_USER, "carts_user"), (ENDED, "carts_guests")] {
            let plan = db.read(move |reader| reader.all(&format!("explain query plan {sql}"), &[], |row| row.get::<String>(3)));
            let plan = plan.await.expect("a plan").join("; ");
            assert!(plan.starts_with("SEARCH") && plan.contains(index) && !plan.contains("TEMP"), "{sql}: {plan}");
        }
    }
}
