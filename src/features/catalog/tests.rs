//! Products and categories over a real database.

use std::sync::Arc;

use serde_json::{Value, json};

use super::bodies::{CategoryInput, ChangedProduct, NewProduct};
use super::categories::{CreateCategory, DeleteCategory, ReplaceCategory};
use super::list::{ProductFilter, ProductQuery, Sort};
use super::products::{CreateProduct, HideProduct, ReplaceProduct};
use super::shapes::{View, category_json, product_json};
use super::{ForSale, Import, Product, for_sale, on_sale, parse, sql};
use crate::clock::Clock;
use crate::db::{Command, DataFolder, Db, DbOptions, Reactions, WriteTx};
use crate::features::media::{Links, Week};
use crate::http::Input;
use crate::http::input::read_input;
use crate::http::page::List;
use crate::kernel::{
    Actor, Currency, DomainEvent, Error, Fault, JobDue, Locale, ProductId, Result, SeenVersion, ShopFormat, ShopZone,
};
use crate::security::Keys;

struct Nothing;
impl Reactions for Nothing {
    fn inside(&self, _: &mut WriteTx<'_>, _: &DomainEvent) -> Result<()> {
        Ok(())
    }
    fn after(&self, _: &[DomainEvent], _: &[JobDue]) {}
}

fn shop() -> ShopFormat {
    let zone = ShopZone::named("Asia/Amman").expect("known");
    ShopFormat { currency: Currency::JOD, zone, calling_code: Some("962"), locale: Locale::Ar, gateways: [].into() }
}

struct Kitchen {
    db: Db,
    _folder: tempfile::TempDir,
}

impl Kitchen {
    fn open() -> Kitchen {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::own(&folder.path().join("data")).expect("own");
        let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
        Kitchen { db: Db::open(data, options).expect("open"), _folder: folder }
    }

    async fn with_category() -> Kitchen {
        let kitchen = Kitchen::open();
        let input = read::<CategoryInput>(json!({ "name": "خبز", "slug": "bread", "taxRate": "16" }));
        kitchen.db.write(CreateCategory { input }).await.expect("made");
        kitchen
    }

    async fn make(&self, body: Value) -> Result<Product> {
        self.db.write(CreateProduct { new: read(body), by: Actor::System }).await
    }

    async fn page(&self, query: Value, locale: Locale, staff: bool) -> List<Product> {
        let ProductQuery { filter, sort, paging, .. } = read(query);
        let sort = sort.unwrap_or(Sort::Menu);
        let filter = ProductFilter { shown_only: !staff, ..filter };
        let asked = paging.clone();
        let (rows, total) =
            self.db.read(move |reader| sql::products(reader, &filter, sort, locale, &asked)).await.expect("a page");
        List::page(&paging, total, rows, sort.name(locale), |product| sort.keyset(product, locale))
    }
}

fn read<T: Input>(body: Value) -> T {
    read_input(body.as_object().expect("an object"), &shop(), crate::kernel::Actor::System)
        .unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn faults<T: Input>(body: Value) -> Vec<(String, &'static str)> {
    let read = read_input::<T>(body.as_object().expect("an object"), &shop(), crate::kernel::Actor::System);
    read.err().expect("faults").into_iter().map(|fault| (fault.field, fault.code)).collect()
}

fn code(outcome: Result<impl Sized>) -> Option<&'static str> {
    outcome.err().as_ref().and_then(Error::code)
}

/// Links of some week.
fn links() -> Links {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = Arc::new(Keys::load_or_make(folder.path()).expect("keys"));
    Links::new(&keys, "https://bakery.example", Week::from_number(2_970))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_pages_by_cursor_as_it_does_by_number() {
    let kitchen = Kitchen::open();
    let parsed = parse(include_bytes!("../../../assets/sample/menu.csv"), &shop()).expect("a menu");
    kitchen.db.write(Import { parsed, set_stock: false, dry_run: false, by: Actor::System }).await.expect("imported");
    for locale in Locale::ALL {
        for sort in [
            None,
            Some("name"),
            Some("-name"),
            Some("price"),
            Some("-price"),
            Some("newest"),
            Some("-newest"),
            Some("popular"),
            Some("-popular"),
        ] {
            let whole = kitchen.page(json!({ "sort": sort, "per_page": "100" }), locale, false).await;
            let whole: Vec<_> = whole.data.into_iter().map(|product| product.id).collect();
            let (mut by_cursor, mut by_number, mut cursor, mut number) = (Vec::new(), Vec::new(), None::<String>, 1);
            loop {
                let numbered = kitchen.page(json!({ "sort": sort, "per_page": 7, "page": number }), locale, false).await;
                assert_eq!(numbered.meta.total, Some(68));
                by_number.extend(numbered.data.into_iter().map(|product| product.id));
                let query = json!({ "sort": sort, "per_page": 7, "cursor": cursor });
                let page = kitchen.page(query, locale, false).await;
                by_cursor.extend(page.data.into_iter().map(|product| product.id));
                number += 1;
                cursor = page.meta.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!((whole.len(), &by_cursor, &by_number), (68, &whole, &whole), "{sort:?}");
        }
    }
    let first = kitchen.page(json!({}), Locale::En, false).await;
    assert_eq!((first.data.len(), first.data[0].draft.category.as_str()), (20, "bread"));
    let count = async |query| kitchen.page(query, Locale::En, false).await.meta.total;
    assert_eq!(count(json!({ "category": "drinks" })).await, Some(4));
    assert_eq!(count(json!({ "category": "nowhere" })).await, Some(0));
    let (with, without) = (count(json!({ "in_stock": "true" })).await, count(json!({ "in_stock": "false" })).await);
    assert_eq!(with.zip(without).map(|(with, without)| with + without), Some(68));
    assert!(count(json!({ "allergen_free": "gluten, nuts" })).await < Some(68));
    assert!(count(json!({ "price_min": "1", "price_max": "2.5" })).await < Some(68));
}

#[test]
fn what_cannot_be_listed_by_is_told() {
    assert_eq!(faults::<ProductQuery>(json!({ "q": "x".repeat(201) })), [("q".to_owned(), "too_long")]);
    assert_eq!(faults::<ProductQuery>(json!({ "q": "x\u{0}" })), [("q".to_owned(), "control_character")]);
    for sort in ["relevance", "rating", "Name", ""] {
        assert_eq!(faults::<ProductQuery>(json!({ "sort": sort })), [("sort".to_owned(), "unknown_value")]);
    }
    assert_eq!(faults::<ProductQuery>(json!({ "price_min": "-1" })), [("price_min".to_owned(), "invalid_amount")]);
    assert_eq!(Sort::Menu.name(Locale::Ar), "menu.ar");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_made_with_defaults_and_shown_to_each_in_their_language() {
    let kitchen = Kitchen::with_category().await;
    let body = json!({ "name": "خبز الشعير", "price": "0.750", "category": "bread", "stock": 12,
        "translations": { "en": { "name": "Barley bread" } } });
    let product = kitchen.make(body.clone()).await.expect("made");
    let shop = shop();
    let staff = product_json(&product, View { shop: &shop, locale: Locale::Ar, staff: true }, &links());
    assert_eq!(staff["name"], "خبز الشعير");
    assert_eq!(staff["translations"], json!({ "en": { "name": "Barley bread" } }));
    assert_eq!((&staff["sku"], &staff["slug"]), (&json!("BARLEY-BREAD"), &json!("barley-bread")));
    assert_eq!((&staff["stock"], &staff["reserved"], &staff["available"]), (&json!(12), &json!(0), &json!(12)));
    assert_eq!((&staff["unit"], &staff["price"], &staff["version"]), (&json!("piece"), &json!("0.750"), &json!(1)));
    let public = product_json(&product, View { shop: &shop, locale: Locale::En, staff: false }, &links());
    assert_eq!(public["name"], "Barley bread");
    assert!(public.get("stock").is_none() && public["description"].is_null());

    let again = kitchen.make(body).await.expect("made");
    assert_eq!((again.draft.sku.as_str(), again.draft.slug.as_str()), ("BARLEY-BREAD-2", "barley-bread-2"));
    let taken = json!({ "name": "x", "price": 1, "category": "bread", "sku": "BARLEY-BREAD" });
    assert_eq!(code(kitchen.make(taken).await), Some("sku_taken"));
    let taken = json!({ "name": "x", "price": 1, "category": "bread", "slug": "barley-bread" });
    assert_eq!(code(kitchen.make(taken).await), Some("slug_taken"));
    let nowhere = json!({ "name": "x", "price": 1, "category": "cakes" });
    assert_eq!(code(kitchen.make(nowhere).await), Some("validation_failed"));
    let arabic =
        kitchen.make(json!({ "name": "كعك", "price": "1", "category": "bread", "trackStock": false })).await.expect("made");
    assert!(arabic.draft.slug.starts_with("product-"));
    let json = product_json(&arabic, View { shop: &shop, locale: Locale::En, staff: false }, &links());
    assert_eq!((&json["name"], &json["available"], &json["inStock"]), (&json!("كعك"), &Value::Null, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_replaces_and_a_delete_hides() {
    let kitchen = Kitchen::with_category().await;
    let body = json!({ "name": "خبز", "price": "1", "category": "bread", "unit": "bag", "allergens": ["Gluten", "gluten"],
        "stockThreshold": 3, "optionGroups": [{ "code": "size", "name": { "en": "Size" }, "required": true,
            "choices": [{ "code": "large", "name": { "ar": "كبير" }, "priceDelta": "-0.250" }] }] });
    let product = kitchen.make(body.clone()).await.expect("made");
    let id = product.id();
    assert_eq!((product.draft.allergens.as_slice(), product.stock_threshold), (["gluten".to_owned()].as_slice(), 3));
    let put = async |body: Value, seen| {
        let ChangedProduct(input) = read(body);
        kitchen.db.write(ReplaceProduct { id, input, seen }).await
    };
    let same = put(body, SeenVersion::default()).await.expect("unchanged");
    assert_eq!((same.version, same.updated_at), (1, product.updated_at));
    let short = json!({ "name": "رغيف", "price": "2", "category": "bread" });
    let stale = SeenVersion { if_match: Some(7), in_body: None };
    assert_eq!(code(put(short.clone(), stale).await), Some("stale"));
    let stale = SeenVersion { if_match: None, in_body: Some(7) };
    assert_eq!(code(put(short.clone(), stale).await), Some("version_conflict"));
    let changed = put(short, SeenVersion { if_match: Some(1), in_body: Some(1) }).await.expect("changed");
    assert_eq!((changed.version, changed.draft.unit.as_str(), changed.stock_threshold), (2, "piece", 0));
    assert_eq!((&changed.draft.sku, &changed.draft.slug), (&product.draft.sku, &product.draft.slug));
    assert!(changed.draft.option_groups.is_empty());
    let told = faults::<ChangedProduct>(json!({ "name": "x", "price": "1", "category": "bread", "stock": 4 }));
    assert_eq!(told, [("stock".to_owned(), "not_changed_here")]);

    kitchen.db.write(HideProduct { id, seen: SeenVersion::default() }).await.expect("hidden");
    assert_eq!(kitchen.page(json!({}), Locale::En, false).await.meta.total, Some(0));
    assert_eq!(kitchen.page(json!({}), Locale::En, true).await.meta.total, Some(1));
    let sold = kitchen.db.read(move |reader| for_sale(reader, id)).await.expect("read").expect("there");
    assert_eq!((sold.is_active, sold.tax_rate_bp, sold.option_groups.len()), (false, 1_600, 0));
    let category = kitchen.db.read(|reader| sql::category_by_slug(reader, "bread")).await.expect("read").expect("there");
    let removed = kitchen.db.write(DeleteCategory { id: category, seen: SeenVersion::default() }).await;
    assert_eq!(code(removed), Some("category_in_use"));
}

/// What an order would be told of a product now, beside what the tables say.
struct Sold(ProductId);

impl Command for Sold {
    const NAME: &'static str = "test.sold";
    type Output = ForSale;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<ForSale> {
        let told = on_sale(tx, self.0)?.expect("there");
        assert_eq!(Some(told.as_ref()), for_sale(tx, self.0)?.as_ref());
        Ok(ForSale::clone(&told))
    }
}

/// A change of which a part is undone, or all of it, and an order's look at the product in the middle of it.
struct HideAndFail {
    id: ProductId,
    fails: bool,
}

impl Command for HideAndFail {
    const NAME: &'static str = "test.hide_and_fail";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let undone: Result<()> = tx.attempt(|tx| {
            sql::hide_product(tx, self.id)?;
            assert!(!on_sale(tx, self.id)?.expect("there").is_active);
            Err(Fault::because("on purpose").into())
        })?;
        assert!(undone.is_err() && on_sale(tx, self.id)?.expect("there").is_active);
        if self.fails {
            sql::hide_product(tx, self.id)?;
            assert!(!on_sale(tx, self.id)?.expect("there").is_active);
            return Err(Fault::because("on purpose").into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_orders_are_told_of_a_product_is_what_the_tables_say() {
    let kitchen = Kitchen::with_category().await;
    let id = kitchen.make(json!({ "name": "رغيف", "price": "1", "category": "bread" })).await.expect("made").id;
    assert_eq!(kitchen.db.write(Sold(id)).await.expect("told").price_minor, 1_000);
    let input: ChangedProduct = read(json!({ "name": "رغيف", "price": "2", "category": "bread" }));
    let seen = SeenVersion::default();
    kitchen.db.write(ReplaceProduct { id, input: input.0, seen }).await.expect("changed");
    assert_eq!(kitchen.db.write(Sold(id)).await.expect("told").price_minor, 2_000);
    for fails in [false, true] {
        assert_eq!(kitchen.db.write(HideAndFail { id, fails }).await.is_err(), fails);
        assert!(kitchen.db.write(Sold(id)).await.expect("told").is_active);
    }
    let category = kitchen.db.read(|reader| sql::category_by_slug(reader, "bread")).await.expect("read").expect("there");
    let input: CategoryInput = read(json!({ "name": "خبز", "slug": "bread", "taxRate": "4" }));
    kitchen.db.write(ReplaceCategory { id: category, input, seen }).await.expect("changed");
    assert_eq!(kitchen.db.write(Sold(id)).await.expect("told").tax_rate_bp, 400);
    kitchen.db.write(HideProduct { id, seen }).await.expect("hidden");
    assert!(!kitchen.db.write(Sold(id)).await.expect("told").is_active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_is_made_changed_and_removed() {
    let kitchen = Kitchen::with_category().await;
    let input: CategoryInput = read(json!({ "name": "كعك", "translations": { "en": { "name": "Cakes" } } }));
    let made = kitchen.db.write(CreateCategory { input: input.clone() }).await.expect("made");
    assert_eq!((made.draft.slug.as_str(), made.draft.sort_order, made.version), ("cakes", 2, 1));
    let shop = shop();
    let json = category_json(&made, View { shop: &shop, locale: Locale::En, staff: false });
    assert_eq!((&json["name"], &json["taxRate"], &json["productCount"]), (&json!("Cakes"), &Value::Null, &json!(0)));
    let taken = CategoryInput { slug: Some("bread".to_owned()), ..input };
    assert_eq!(code(kitchen.db.write(CreateCategory { input: taken }).await), Some("slug_taken"));
    let input: CategoryInput = read(json!({ "name": "كعك", "taxRate": "7.5", "isActive": false }));
    let change = ReplaceCategory { id: made.id, input, seen: SeenVersion { if_match: Some(1), in_body: None } };
    let changed = kitchen.db.write(change).await.expect("changed");
    assert_eq!((changed.version, changed.draft.tax_rate_bp, changed.draft.sort_order), (2, Some(750), 2));
    kitchen.db.write(DeleteCategory { id: made.id, seen: SeenVersion::default() }).await.expect("removed");
    assert_eq!(code(kitchen.db.write(DeleteCategory { id: made.id, seen: SeenVersion::default() }).await), Some("not_found"));
}

#[test]
fn option_groups_are_checked_to_their_depth() {
    let group = |group: Value| json!({ "name": "x", "price": "1", "category": "bread", "optionGroups": [group] });
    let choice = || json!({ "code": "a", "name": { "en": "A" } });
    let told = |value| faults::<NewProduct>(group(value));
    let at = |field: &str, code| (format!("optionGroups[0]{field}"), code);
    assert_eq!(
        told(json!({ "code": "Big", "name": {}, "choices": [choice(), choice()] })),
        [at(".code", "invalid_code"), at(".name.en", "required"), at(".choices[1].code", "duplicate")]
    );
    assert_eq!(told(json!({ "code": "a", "name": { "ar": "ا" } })), [at(".choices", "required")]);
    assert_eq!(
        told(json!({ "code": "a", "name": { "ar": "ا" }, "min": 3, "max": 2, "choices": [choice()] })),
        [at(".min", "out_of_range"), at(".max", "out_of_range")]
    );
    assert_eq!(
        told(json!({ "code": "a", "name": { "ar": "ا" }, "text": { "maxLength": 0 }, "choices": [choice()] })),
        [at(".text.maxLength", "out_of_range"), at(".choices", "not_with_text")]
    );
    let message = json!({ "code": "message", "name": { "en": "Message" }, "text": { "maxLength": 40 }, "choices": [] });
    let new: NewProduct = read(group(message.clone()));
    assert_eq!(new.product.option_groups[0].text.map(|text| text.max_length), Some(40));
    let twice = json!({ "name": "x", "price": "1", "category": "bread", "optionGroups": [message.clone(), message],
        "translations": { "ar": { "name": "x" }, "fr": {} }, "currency": "USD", "images": [] });
    let expected = [
        ("translations.ar", "main_language"),
        ("translations.fr", "unknown_field"),
        ("currency", "wrong_currency"),
        ("optionGroups[1].code", "duplicate"),
        ("images", "unknown_field"),
    ];
    assert_eq!(faults::<NewProduct>(twice), expected.map(|(field, code)| (field.to_owned(), code)));
}
