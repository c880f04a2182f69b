//! Reading the menu from a file: every cell that cannot be taken is named by line and column.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{DEFAULT_UNIT, OptionGroup, Words};
use super::sheet::COLUMNS;
use super::{bodies, rules};
use crate::kernel::pieces::MAX_STOCK;
use crate::kernel::text::{Lines, TextFault, bounded, fold_digits};
use crate::kernel::{At, Faults, Name, Note, Pieces, Result, ShopFormat};

/// The columns that must be there.
const NEEDED: [&str; 3] = ["sku", "name_en", "price"];
/// Where a product without a category goes.
pub(super) const NO_CATEGORY: &str = "other";
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
    pub(super) rows: Vec<ParsedRow>,
    pub(super) shop: ShopFormat,
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
pub(super) struct ParsedRow {
    pub(super) sku: String,
    pub(super) category: Option<String>,
    pub(super) category_name: Words,
    pub(super) name_en: Option<String>,
    pub(super) name_ar: Option<Option<String>>,
    pub(super) description_en: Option<Option<String>>,
    pub(super) description_ar: Option<Option<String>>,
    pub(super) price_minor: i64,
    pub(super) unit: Option<String>,
    pub(super) stock: Option<Pieces>,
    pub(super) stock_threshold: Option<Pieces>,
    pub(super) lead_time_hours: Option<i64>,
    pub(super) allergens: Option<Vec<String>>,
    pub(super) option_groups: Option<Vec<OptionGroup>>,
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
        let sku = self.text("sku", |text| bounded(text, Lines::One, 1, bodies::LONGEST_SKU)).unwrap_or_default();
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
            lead_time_hours: self.number("lead_time_hours", bodies::LONGEST_LEAD_HOURS),
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
        let read: Vec<_> = cell.split(';').map(str::trim).filter(|word| !word.is_empty()).map(bodies::read_allergen).collect();
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
        let groups = bodies::read_groups(&value, &At::Root, &mut found);
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
