//! The menu from a file: all of it or nothing, and first, if asked, only what would change.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{CategoryDraft, DEFAULT_UNIT, Draft, OptionGroup, Product, Words};
use super::sheet::{COLUMNS, cell};
use super::{categories, products, rules, shapes, sql};
use crate::db::{Command, Reader, WriteTx};
use crate::features::inventory;
use crate::kernel::pieces::MAX_STOCK;
use crate::kernel::problem::FieldFault;
use crate::kernel::text::{Lines, TextFault, bounded, fold_digits};
use crate::kernel::{Actor, At, CategoryId, Faults, Name, Note, Pieces, Problem, ProductId, Result, ShopFormat, UtcMs};

/// The columns that must be there.
const NEEDED: [&str; 3] = ["sku", "name_en", "price"];
/// Where a product without a category goes.
const NO_CATEGORY: &str = "other";
/// The most faults told of one file.
const MOST_FAULTS: usize = 1_000;

/// A cell that cannot be taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RowFault {
    /// Line of the file, from 1.
    pub line: u64,
    /// Empty where the whole line is at fault.
    pub column: String,
    pub message: String,
}

impl std::fmt::Display for RowFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.column.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.message),
            column => write!(f, "line {}, {column}: {}", self.line, self.message),
        }
    }
}

/// A file that can be imported.
#[derive(Clone, Debug)]
pub struct Parsed {
    rows: Vec<ParsedRow>,
    shop: ShopFormat,
}

impl Parsed {
    /// How many products the file names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// One product of a file. `None`: the file lacks the column, and what is there stays.
#[derive(Clone, Default, Debug)]
struct ParsedRow {
    sku: String,
    category: Option<String>,
    category_name: Words,
    name_en: Option<String>,
    name_ar: Option<Option<String>>,
    description_en: Option<Option<String>>,
    description_ar: Option<Option<String>>,
    price_minor: i64,
    unit: Option<String>,
    stock: Option<Pieces>,
    stock_threshold: Option<Pieces>,
    lead_time_hours: Option<i64>,
    allergens: Option<Vec<String>>,
    option_groups: Option<Vec<OptionGroup>>,
}

/// Reads a file of the menu.
///
/// # Errors
/// Every cell that cannot be taken, with its line and column.
pub fn parse(csv: &[u8], shop: &ShopFormat) -> Result<Parsed, Vec<RowFault>> {
    let text = csv.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let mut faults = Vec::new();
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => return Err(vec![line_fault(1, format!("cannot be read: {error}"))]),
    };
    check_header(&header, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut rows = Vec::new();
    let mut lines_of: HashMap<String, u64> = HashMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let message = match error.kind() {
                    csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save the file as CSV UTF-8".to_owned(),
                    _ => format!("cannot be read: {error}"),
                };
                faults.push(line_fault(line, message));
                if faults.len() >= MOST_FAULTS || !matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) {
                    break;
                }
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if record.len() != header.len() {
            faults.push(line_fault(line, format!("has {} cells where the first line has {}", record.len(), header.len())));
            continue;
        }
        let cells = header.iter().map(String::as_str).zip(record.iter().map(str::trim)).collect();
        let mut row = RowReader { line, cells, faults: &mut faults, shop };
        let read = row.read();
        if let Some(earlier) = lines_of.insert(read.sku.clone(), line).filter(|_| !read.sku.is_empty()) {
            faults.push(RowFault { line, column: "sku".to_owned(), message: format!("stands in line {earlier} already") });
        }
        rows.push(read);
        if faults.len() >= MOST_FAULTS {
            break;
        }
    }
    if faults.is_empty() { Ok(Parsed { rows, shop: shop.clone() }) } else { Err(faults) }
}

fn line_fault(line: u64, message: String) -> RowFault {
    RowFault { line, column: String::new(), message }
}

fn check_header(header: &[String], faults: &mut Vec<RowFault>) {
    for (index, name) in header.iter().enumerate() {
        let fault = if !COLUMNS.contains(&name.as_str()) {
            format!("is no column of a menu; it has {}", COLUMNS.join(", "))
        } else if header[..index].contains(name) {
            "is there twice".to_owned()
        } else {
            continue;
        };
        faults.push(RowFault { line: 1, column: name.clone(), message: fault });
    }
    for name in NEEDED.iter().filter(|name| !header.iter().any(|there| there == *name)) {
        faults.push(RowFault { line: 1, column: (*name).to_owned(), message: "is needed".to_owned() });
    }
}

struct RowReader<'r> {
    line: u64,
    cells: Vec<(&'r str, &'r str)>,
    faults: &'r mut Vec<RowFault>,
    shop: &'r ShopFormat,
}

impl RowReader<'_> {
    fn read(&mut self) -> ParsedRow {
        let sku = self.text("sku", |text| bounded(text, Lines::One, 1, shapes::LONGEST_SKU)).unwrap_or_default();
        let name_ar = self.optional("name_ar", name);
        let arabic = name_ar.as_ref().is_some_and(Option::is_some);
        // An Arabic-only product leaves the English name empty.
        let name_en = if arabic && self.cell("name_en") == Some("") { None } else { self.text("name_en", name) };
        let price_minor = self.price();
        self.currency();
        ParsedRow {
            sku,
            category: self.category(),
            category_name: Words {
                en: self.optional("category_name_en", name).flatten(),
                ar: self.optional("category_name_ar", name).flatten(),
            },
            name_en,
            name_ar,
            description_en: self.optional("description_en", note),
            description_ar: self.optional("description_ar", note),
            price_minor,
            unit: self
                .optional("unit", |text| bounded(text, Lines::One, 1, 40))
                .map(|unit| unit.unwrap_or_else(|| DEFAULT_UNIT.to_owned())),
            stock: self.number("stock", MAX_STOCK),
            stock_threshold: self.number("stock_threshold", MAX_STOCK),
            lead_time_hours: self.number("lead_time_hours", shapes::LONGEST_LEAD_HOURS),
            allergens: self.allergens(),
            option_groups: self.options(),
        }
    }

    /// The cell of a column; `None` if the file lacks the column.
    fn cell(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(name, _)| *name == column).map(|(_, cell)| *cell)
    }

    fn fault(&mut self, column: &str, message: impl Into<String>) {
        self.faults.push(RowFault { line: self.line, column: column.to_owned(), message: message.into() });
    }

    fn text(&mut self, column: &str, read: impl Fn(&str) -> Result<String, TextFault>) -> Option<String> {
        match read(self.cell(column)?) {
            Ok(text) => Some(text),
            Err(fault) => {
                self.fault(column, fault.message);
                None
            }
        }
    }

    fn optional(&mut self, column: &str, read: impl Fn(&str) -> Result<String, TextFault>) -> Option<Option<String>> {
        if self.cell(column)?.is_empty() { Some(None) } else { self.text(column, read).map(Some) }
    }

    fn price(&mut self) -> i64 {
        let read = self.shop.currency.parse(&fold_digits(self.cell("price").unwrap_or("")));
        match read {
            Ok(price) => price.minor(),
            Err(fault) => {
                self.fault("price", fault.to_string());
                0
            }
        }
    }

    fn currency(&mut self) {
        let own = self.shop.currency;
        if self.cell("currency").is_some_and(|cell| !cell.is_empty() && cell != own.code()) {
            self.fault("currency", format!("must be the shop's currency, {}", own.code()));
        }
    }

    fn category(&mut self) -> Option<String> {
        let slug = match self.cell("category")? {
            "" => NO_CATEGORY,
            slug => slug,
        };
        if rules::is_slug(slug) {
            return Some(slug.to_owned());
        }
        self.fault("category", "must be words of a-z and 0-9 joined by -");
        None
    }

    fn number(&mut self, column: &str, most: i64) -> Option<i64> {
        let cell = self.cell(column)?;
        if cell.is_empty() {
            return Some(0);
        }
        let folded = fold_digits(cell);
        let number = Some(folded).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = number.and_then(|text| text.parse().ok()).filter(|number| (0..=most).contains(number));
        if number.is_none() {
            self.fault(column, format!("must be a whole number from 0 to {most}"));
        }
        number
    }

    fn allergens(&mut self) -> Option<Vec<String>> {
        let cell = self.cell("allergens")?;
        let read: Vec<_> = cell.split(';').map(str::trim).filter(|word| !word.is_empty()).map(shapes::read_allergen).collect();
        let mut words = Vec::new();
        for word in read {
            match word {
                Ok(word) if !words.contains(&word) => words.push(word),
                Ok(_) => {}
                Err(message) => self.fault("allergens", message),
            }
        }
        Some(words)
    }

    fn options(&mut self) -> Option<Vec<OptionGroup>> {
        let cell = self.cell("options")?;
        if cell.is_empty() {
            return Some(Vec::new());
        }
        let value: Value = match serde_json::from_str(cell) {
            Ok(value) => value,
            Err(error) => {
                self.fault("options", format!("must be the JSON of option groups: {error}"));
                return None;
            }
        };
        let mut found = Faults::new(self.shop);
        let groups = shapes::read_groups(&value, &At::Root, &mut found);
        for fault in found.into_vec() {
            self.fault("options", format!("{}: {}", fault.field, fault.message).trim_start_matches(": ").to_owned());
        }
        groups
    }
}

fn name(text: &str) -> Result<String, TextFault> {
    Name::parse(text).map(Name::into_string)
}

fn note(text: &str) -> Result<String, TextFault> {
    Note::parse(text).map(Note::into_string)
}

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
        }
        Ok(plan.report)
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
    use crate::features::catalog::{export, for_sale};
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
        ShopFormat { currency: Currency::JOD, zone, calling_code: Some("962"), locale: Locale::Ar }
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
