//! The menu from a file: all of it or nothing, and first, if asked, only what would change.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::menu_file::{NO_CATEGORY, Parsed, ParsedRow};
use super::model::{CategoryDraft, DEFAULT_UNIT, Draft, Product, Words};
use super::sheet::{COLUMNS, cell};
use super::{categories, products, sql};
use crate::db::{Command, Reader, WriteTx};
use crate::features::inventory;
use crate::kernel::problem::FieldFault;
use crate::kernel::{Actor, CategoryId, Change, Pieces, Problem, ProductId, Result, ShopFormat, UtcMs};

/// Brings a file into the books, or tells what it would bring.
pub struct Import {
    pub parsed: Parsed,
    /// Stock counts for known products too.
    pub set_stock: bool,
    /// Change nothing.
    pub dry_run: bool,
    pub by: Actor,
}

/// What an import did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ImportReport {
    pub made: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub diff: Vec<DiffLine>,
}

/// What happens to one product.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DiffLine {
    pub sku: String,
    pub what: What,
    /// Column, before, after.
    pub fields: Vec<(String, String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Made,
    Changed,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            What::Made => "made",
            What::Changed => "changed",
        })
    }
}

impl Command for Import {
    const NAME: &'static str = "catalog.import";
    type Output = ImportReport;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<ImportReport> {
        let plan = plan(tx, &self.parsed, self.set_stock)?;
        if !self.dry_run {
            carry_out(tx, &plan, self.by)?;
            tell(tx, &plan.report, self.set_stock);
        }
        Ok(plan.report)
    }
}

/// One row of the audit log for the whole file; the ledger of stock has each count.
fn tell(tx: &mut WriteTx<'_>, report: &ImportReport, set_stock: bool) {
    if report.made + report.changed > 0 {
        let after = serde_json::json!({
            "made": report.made,
            "changed": report.changed,
            "unchanged": report.unchanged,
            "setStock": set_stock,
        });
        tx.changed(Change { action: "menu.import", subject: "menu".to_owned(), before: None, after: Some(after) });
    }
}

struct Plan {
    categories: Vec<CategoryDraft>,
    products: Vec<Step>,
    report: ImportReport,
}

/// One product to write: as it is in the books, if it is there, and as it is to be.
struct Step {
    before: Option<Product>,
    after: Product,
}

fn plan(reader: &Reader<'_>, parsed: &Parsed, set_stock: bool) -> Result<Plan> {
    let mut known: HashMap<String, Product> =
        sql::all_products(reader)?.into_iter().map(|product| (product.draft.sku.clone(), product)).collect();
    let mut slugs: HashSet<String> = sql::all_categories(reader)?.into_iter().map(|category| category.draft.slug).collect();
    let first_place = sql::next_category_place(reader)?;
    let mut plan = Plan { categories: Vec::new(), products: Vec::new(), report: ImportReport::default() };
    let mut below = Vec::new();
    for row in &parsed.rows {
        let before = known.remove(&row.sku);
        let after = overlaid(before.as_ref(), row, set_stock);
        if slugs.insert(after.draft.category.clone()) {
            let place = first_place + i64::try_from(plan.categories.len()).unwrap_or(0);
            plan.categories.push(new_category(&after.draft.category, row, place));
        }
        if after.stock < after.reserved {
            let message = format!("counts {}, but {} are promised to open orders", after.stock, after.reserved);
            below.push(FieldFault { field: format!("{}.stock", row.sku), code: "below_reserved", message });
        }
        let fields = differences(before.as_ref(), &after, &parsed.shop);
        let what = match &before {
            None => What::Made,
            Some(_) if fields.is_empty() => {
                plan.report.unchanged += 1;
                continue;
            }
            Some(_) => What::Changed,
        };
        match what {
            What::Made => plan.report.made += 1,
            What::Changed => plan.report.changed += 1,
        }
        plan.report.diff.push(DiffLine { sku: row.sku.clone(), what, fields });
        plan.products.push(Step { before, after });
    }
    if below.is_empty() { Ok(plan) } else { Err(Problem::fields(below).into()) }
}

fn new_category(slug: &str, row: &ParsedRow, sort_order: i64) -> CategoryDraft {
    let mut name = row.category_name.clone();
    if name.en.is_none() && name.ar.is_none() {
        name.en = Some(slug.to_owned());
    }
    CategoryDraft { slug: slug.to_owned(), name, sort_order, tax_rate_bp: None, is_active: true }
}

/// The product with the row's cells over it. What no column tells stays, or has its default.
fn overlaid(before: Option<&Product>, row: &ParsedRow, set_stock: bool) -> Product {
    let mut after = before.cloned().unwrap_or_else(|| blank(&row.sku));
    let draft = &mut after.draft;
    draft.name.en.clone_from(&row.name_en);
    draft.price_minor = row.price_minor;
    over(&mut draft.category, row.category.as_ref());
    over(&mut draft.name.ar, row.name_ar.as_ref());
    over(&mut draft.description.en, row.description_en.as_ref());
    over(&mut draft.description.ar, row.description_ar.as_ref());
    over(&mut draft.unit, row.unit.as_ref());
    over(&mut draft.lead_time_hours, row.lead_time_hours.as_ref());
    over(&mut draft.allergens, row.allergens.as_ref());
    over(&mut draft.option_groups, row.option_groups.as_ref());
    over(&mut after.stock_threshold, row.stock_threshold.as_ref());
    if before.is_none() || set_stock {
        over(&mut after.stock, row.stock.as_ref());
    }
    after
}

fn over<T: Clone>(field: &mut T, cell: Option<&T>) {
    if let Some(cell) = cell {
        field.clone_from(cell);
    }
}

/// A product of which nothing is known yet.
fn blank(sku: &str) -> Product {
    let draft = Draft {
        sku: sku.to_owned(),
        slug: String::new(),
        category: NO_CATEGORY.to_owned(),
        name: Words::default(),
        description: Words::default(),
        price_minor: 0,
        unit: DEFAULT_UNIT.to_owned(),
        allergens: Vec::new(),
        attributes: serde_json::Map::new(),
        option_groups: Vec::new(),
        lead_time_hours: 0,
        max_per_order: None,
        track_stock: true,
        is_active: true,
    };
    let never = UtcMs::from_ms(0);
    Product {
        id: ProductId::from_uuid(uuid::Uuid::nil()),
        draft,
        category_id: CategoryId::from_uuid(uuid::Uuid::nil()),
        category_order: 0,
        stock: 0,
        reserved: 0,
        stock_threshold: 0,
        sold: 0,
        images: Vec::new(),
        version: 0,
        created_at: never,
        updated_at: never,
    }
}

/// The columns that show something else afterwards.
fn differences(before: Option<&Product>, after: &Product, shop: &ShopFormat) -> Vec<(String, String, String)> {
    let told = COLUMNS.iter().filter(|column| !matches!(**column, "sku" | "currency"));
    let shown = told.map(|column| {
        let was = before.map(|product| cell(product, column, shop)).unwrap_or_default();
        ((*column).to_owned(), was, cell(after, column, shop))
    });
    shown.filter(|(_, was, is)| was != is).collect()
}

fn carry_out(tx: &mut WriteTx<'_>, plan: &Plan, by: Actor) -> Result<()> {
    for draft in &plan.categories {
        let id = CategoryId::from_uuid(tx.new_id());
        categories::insert(tx, id, draft)?;
    }
    for Step { before, after } in &plan.products {
        match before {
            None => {
                let id = ProductId::from_uuid(tx.new_id());
                let name = after.draft.name.en.as_deref().or(after.draft.name.ar.as_deref());
                let slug = products::free_slug(tx, id, name)?;
                let draft = Draft { slug, ..after.draft.clone() };
                products::insert(tx, id, &draft, after.stock, after.stock_threshold, by)?;
            }
            Some(before) => {
                products::update(tx, before, &after.draft, after.stock_threshold)?;
                if before.stock != after.stock {
                    set_stock(tx, before.id, after.stock, by)?;
                }
            }
        }
    }
    Ok(())
}

/// A known product's stock as the file counts it.
fn set_stock(tx: &mut WriteTx<'_>, product: ProductId, stock: Pieces, by: Actor) -> Result<()> {
    inventory::set_counted(tx, product, stock, by)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::db::{DataFolder, Db, DbOptions, Reactions};
    use crate::features::catalog::{export, for_sale, parse};
    use crate::kernel::{Currency, DomainEvent, JobDue, Locale, ShopZone};

    const MENU: &[u8] = include_bytes!("../../../assets/sample/menu.csv");

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

    fn open() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::own(&folder.path().join("data")).expect("own");
        let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
        let db = Db::open(data, options).expect("open");
        (folder, db)
    }

    async fn import(db: &Db, csv: &[u8], set_stock: bool, dry_run: bool) -> ImportReport {
        let parsed = parse(csv, &shop()).expect("a menu");
        db.write(Import { parsed, set_stock, dry_run, by: Actor::System }).await.expect("imported")
    }

    async fn exported(db: &Db) -> Vec<u8> {
        db.read(|reader| export(reader, &shop())).await.expect("exported")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_exported_changes_nothing_when_imported() {
        let (_folder, db) = open();
        let trial = import(&db, MENU, false, true).await;
        assert_eq!((trial.made, trial.changed, trial.unchanged, trial.diff.len()), (68, 0, 0, 68));
        assert_eq!(import(&db, MENU, false, false).await, trial);
        let first = exported(&db).await;
        for csv in [MENU, &first] {
            let again = import(&db, csv, true, false).await;
            assert_eq!((again.made, again.changed, again.unchanged), (0, 0, 68), "{:?}", again.diff);
        }
        assert_eq!(exported(&db).await, first);
        let (_other_folder, other) = open();
        import(&other, &first, false, false).await;
        assert_eq!(exported(&other).await, first);
        let cake = db.read(|reader| sql::product_by_sku(reader, "CAK-001")).await.expect("read").expect("there");
        let cake = db.read(move |reader| for_sale(reader, cake)).await.expect("read").expect("there");
        assert_eq!((cake.option_groups.len(), cake.option_groups[0].choices[1].delta_minor, cake.is_active), (3, 4_000, true));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_known_products_stock_stays_unless_asked_and_empty_cells_are_defaults() {
        let (_folder, db) = open();
        import(&db, MENU, false, false).await;
        let changes = "sku,name_en,price,stock,allergens\nBRD-001,Flatbread,٠٫٤٠٠,7,\nNEW-1,New,1,3,nuts\n".as_bytes();
        let report = import(&db, changes, false, false).await;
        assert_eq!((report.made, report.changed, report.unchanged), (1, 1, 0));
        let fields: Vec<_> =
            report.diff[0].fields.iter().map(|(field, was, is)| (field.as_str(), was.as_str(), is.as_str())).collect();
        let expected = [
            ("name_en", "Arabic flatbread (pack of 10)", "Flatbread"),
            ("price", "0.350", "0.400"),
            ("allergens", "gluten", ""),
        ];
        assert_eq!(fields, expected);
        let report = import(&db, changes, true, false).await;
        assert_eq!(report.diff[0].fields, [("stock".to_owned(), "240".to_owned(), "7".to_owned())]);
        assert!(
            String::from_utf8(exported(&db).await)
                .expect("text")
                .contains("NEW-1,other,other,,New,,,,1.000,JOD,piece,3,0,0,nuts,")
        );
    }

    #[test]
    fn every_bad_cell_is_named_by_line_and_column() {
        let csv = "sku,name_en,price,stock,currency,options,category\n\
                   A,Bread,1.0000,1,JOD,,bread\n\
                   ,Cake,x,-1,USD,[{}],Bad Slug\n\
                   A,Bun,1,1,,nonsense,bread\n\
                   B,Bun\n\
                   C,,1,1,,,\n";
        let faults = parse(csv.as_bytes(), &shop()).expect_err("faults");
        let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column.as_str())).collect();
        for expected in [
            (2, "price"),
            (3, "sku"),
            (3, "price"),
            (3, "stock"),
            (3, "currency"),
            (3, "options"),
            (3, "category"),
            (4, "sku"),
            (4, "options"),
            (5, ""),
            (6, "name_en"),
        ] {
            assert!(told.contains(&expected), "{expected:?} in {faults:?}");
        }
        let faults = parse(b"sku,name_en,colour\n", &shop()).expect_err("faults");
        let told: Vec<_> = faults.iter().map(|fault| fault.column.as_str()).collect();
        assert_eq!(told, ["colour", "price"]);
    }
}
