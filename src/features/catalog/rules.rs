//! Decisions of the catalog, pure: which choices a line may make, what names become slugs.

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::model::{Choice, ForSale, OptionGroup, TextLimit};
use crate::kernel::text::{Lines, bounded};
use crate::kernel::{At, Faults, Locale};

/// What was chosen, checked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Chosen {
    /// What the choices add to the price of one piece; may be below zero.
    pub delta_minor: i64,
    /// Normalised, so that equal choices are equal JSON; `None` if nothing was chosen.
    pub options: Option<Map<String, Value>>,
    /// As in `Size: Large; Message: Happy birthday`; empty if nothing was chosen.
    pub text_en: String,
    pub text_ar: String,
}

/// Checks a line's chosen options against its product's groups. `at` is the place of the options themselves, as
/// `items[0].options`. `None` after a fault. The caller checks that the unit price does not fall below zero.
pub fn choose(groups: &[OptionGroup], chosen: Option<&Value>, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Chosen> {
    let before = faults.len();
    let nothing = Map::new();
    let picked = match chosen {
        None | Some(Value::Null) => &nothing,
        Some(Value::Object(picked)) => picked,
        Some(_) => {
            faults.add(at, "invalid_type", "must be an object such as {\"size\": \"large\"}");
            return None;
        }
    };
    for code in picked.keys().filter(|code| !groups.iter().any(|group| group.code == **code)) {
        let shown: String = code.chars().take(100).collect();
        let known: Vec<&str> = groups.iter().map(|group| group.code.as_str()).collect();
        let message = match known.as_slice() {
            [] => "is no option of this product; it has none".to_owned(),
            known => format!("is no option of this product; it has {}", known.join(", ")),
        };
        faults.add(&at.field(&shown), "unknown_group", message);
    }
    let mut options = Map::new();
    let mut delta_minor = 0_i64;
    let mut parts_en = Vec::new();
    let mut parts_ar = Vec::new();
    for group in groups {
        let untouched = faults.len();
        let place = at.field(&group.code);
        let value = picked.get(&group.code).filter(|value| !value.is_null());
        let taken = match group.text {
            Some(limit) => value.and_then(|value| written(value, limit, &place, faults)).map(Taken::Text),
            None => value.and_then(|value| chosen_of(group, value, &place, faults)).map(Taken::Choices),
        };
        match taken.filter(|taken| !taken.is_empty()) {
            Some(taken) => {
                delta_minor = delta_minor.saturating_add(taken.delta_minor());
                parts_en.push(taken.told(group, Locale::En));
                parts_ar.push(taken.told(group, Locale::Ar));
                options.insert(group.code.clone(), taken.into_json(group));
            }
            None if group.required && faults.len() == untouched => faults.add(&place, "required", missing(group)),
            None => {}
        }
    }
    (faults.len() == before).then(|| Chosen {
        delta_minor,
        options: (!options.is_empty()).then_some(options),
        text_en: parts_en.join("; "),
        text_ar: parts_ar.join("؛ "),
    })
}

/// A line as it costs now, in minor units.
#[derive(Clone, PartialEq, Debug)]
pub struct Priced {
    pub chosen: Chosen,
    /// One piece with its options.
    pub unit_price: i64,
    pub line_total: i64,
}

/// Prices so many pieces with their options. `at` is the place of the line, as `items[0]`; `None` after a fault.
pub fn price(
    product: &ForSale,
    options: Option<&Value>,
    quantity: i64,
    at: &At<'_>,
    faults: &mut Faults<'_>,
) -> Option<Priced> {
    let options_at = at.field("options");
    let chosen = choose(&product.option_groups, options, &options_at, faults)?;
    let unit_price = product.price_minor.checked_add(chosen.delta_minor).filter(|price| *price >= 0);
    let Some((unit_price, line_total)) = unit_price.and_then(|price| Some((price, price.checked_mul(quantity)?))) else {
        faults.add(&options_at, "invalid_price", "these options make a price that is below zero or too large");
        return None;
    };
    Some(Priced { chosen, unit_price, line_total })
}

/// What a required group wants that was given nothing.
fn missing(group: &OptionGroup) -> String {
    if group.text.is_some() {
        return "is required: a text".to_owned();
    }
    let codes: Vec<&str> = group.choices.iter().map(|choice| choice.code.as_str()).collect();
    format!("must be chosen: {} of {}", if group.max == 1 { "one" } else { "some" }, codes.join(", "))
}

/// What one group was given.
enum Taken<'g> {
    Text(String),
    Choices(Vec<&'g Choice>),
}

impl Taken<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Taken::Text(text) => text.is_empty(),
            Taken::Choices(choices) => choices.is_empty(),
        }
    }

    fn delta_minor(&self) -> i64 {
        match self {
            Taken::Text(_) => 0,
            Taken::Choices(choices) => choices.iter().fold(0, |sum, choice| sum.saturating_add(choice.delta_minor)),
        }
    }

    fn told(&self, group: &OptionGroup, locale: Locale) -> String {
        let comma = if locale == Locale::Ar { "، " } else { ", " };
        let what = match self {
            Taken::Text(text) => text.clone(),
            Taken::Choices(choices) => choices.iter().map(|choice| choice.name.shown(locale)).collect::<Vec<_>>().join(comma),
        };
        format!("{}: {what}", group.name.shown(locale))
    }

    fn into_json(self, group: &OptionGroup) -> Value {
        match self {
            Taken::Text(text) => Value::String(text),
            Taken::Choices(choices) => {
                let mut codes = choices.iter().map(|choice| Value::String(choice.code.clone()));
                if group.max == 1 { codes.next().unwrap_or_default() } else { Value::Array(codes.collect()) }
            }
        }
    }
}

/// A customer's own text; empty counts as none.
fn written(value: &Value, limit: TextLimit, at: &At<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let Value::String(text) = value else {
        faults.add(at, "invalid_type", "must be a text");
        return None;
    };
    let longest = usize::try_from(limit.max_length).unwrap_or(0);
    bounded(text, Lines::One, 0, longest).map_err(|fault| faults.add(at, fault.code, fault.message)).ok()
}

/// The choices of a group, in the group's order.
fn chosen_of<'g>(group: &'g OptionGroup, value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Vec<&'g Choice>> {
    let before = faults.len();
    let codes = match value {
        Value::String(_) if group.max == 1 => std::slice::from_ref(value),
        Value::Array(codes) if group.max > 1 => codes.as_slice(),
        _ if group.max == 1 => {
            faults.add(at, "invalid_type", "must be the code of one choice");
            return None;
        }
        _ => {
            faults.add(at, "invalid_type", "must be a list of choices' codes");
            return None;
        }
    };
    let mut picked = vec![false; group.choices.len()];
    for (index, code) in codes.iter().enumerate() {
        let place = if group.max == 1 { *at } else { at.index(index) };
        match code.as_str().and_then(|code| group.choices.iter().position(|choice| choice.code == code)) {
            None => {
                let known: Vec<_> = group.choices.iter().map(|choice| choice.code.as_str()).collect();
                faults.add(&place, "unknown_choice", format!("must be one of {}", known.join(", ")));
            }
            Some(position) if picked[position] => faults.add(&place, "duplicate", "is chosen twice"),
            Some(position) => picked[position] = true,
        }
    }
    let count = i64::try_from(codes.len()).unwrap_or(i64::MAX);
    if count > group.max {
        faults.add(at, "too_many", format!("takes at most {}", group.max));
    } else if count > 0 && count < group.min {
        faults.add(at, "too_few", format!("takes at least {}", group.min));
    }
    let chosen = group.choices.iter().zip(&picked).filter(|(_, picked)| **picked).map(|(choice, _)| choice).collect();
    (faults.len() == before).then_some(chosen)
}

/// The part of an address that a name becomes: `Crème brûlée` is `creme-brulee`. `None` if nothing of it is ASCII.
pub(super) fn slug_of(name: &str) -> Option<String> {
    let mut slug = String::new();
    for character in name.nfd().filter(|character| !is_combining_mark(*character)) {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if character != '\'' && character != '’' && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(LONGEST_MADE);
    let slug = slug.trim_matches('-');
    (!slug.is_empty() && is_slug(slug)).then(|| slug.to_owned())
}

/// How long a slug or sku that is made may get; a suffix fits after it.
const LONGEST_MADE: usize = 60;
/// The most characters of a slug.
pub(super) const LONGEST_SLUG: usize = 100;

/// Whether a text can be a slug. What looks like an id cannot, since addresses take either.
pub(super) fn is_slug(text: &str) -> bool {
    (1..=LONGEST_SLUG).contains(&text.len())
        && text.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        && crate::kernel::ProductId::parse(text).is_none()
}

/// Whether a text can be the code of a group or a choice.
pub(super) fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Reads a rate in per cent, as `16` or `7.25`, into hundredths of a per cent.
pub(super) fn parse_rate(text: &str) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || fraction.len() > 2 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let rate = format!("{whole}{fraction:0<2}").parse().ok()?;
    (0..=10_000).contains(&rate).then_some(rate)
}

/// A rate as it is shown: `16`, `7.5`, `7.25`.
pub(super) fn show_rate(rate_bp: i64) -> String {
    let (whole, fraction) = (rate_bp / 100, rate_bp % 100);
    match fraction {
        0 => whole.to_string(),
        _ if fraction % 10 == 0 => format!("{whole}.{}", fraction / 10),
        _ => format!("{whole}.{fraction:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::catalog::model::Words;
    use crate::kernel::{Currency, ShopFormat, ShopZone};
    use proptest::prelude::*;
    use serde_json::json;

    fn shop() -> ShopFormat {
        let zone = ShopZone::named("Asia/Amman").expect("known");
        ShopFormat { currency: Currency::JOD, zone, calling_code: Some("962"), locale: Locale::En, gateways: [].into() }
    }

    fn words(en: &str, ar: &str) -> Words {
        Words { en: Some(en.to_owned()), ar: Some(ar.to_owned()) }
    }

    fn choice(code: &str, delta_minor: i64) -> Choice {
        Choice { code: code.to_owned(), name: words(&code.to_uppercase(), code), delta_minor }
    }

    fn cake() -> Vec<OptionGroup> {
        let group = |code: &str, required, min, max, choices| OptionGroup {
            code: code.to_owned(),
            name: words(code, code),
            required,
            min,
            max,
            text: None,
            choices,
        };
        let message = OptionGroup { text: Some(TextLimit { max_length: 10 }), ..group("message", false, 0, 1, vec![]) };
        vec![
            group("size", true, 1, 1, vec![choice("six", 0), choice("eight", 4_000)]),
            group("flavors", true, 1, 2, vec![choice("vanilla", 0), choice("lotus", 750), choice("oreo", -100)]),
            message,
        ]
    }

    fn told(chosen: &Value) -> Result<Chosen, Vec<(String, &'static str)>> {
        let shop = shop();
        let mut faults = Faults::new(&shop);
        let items = At::Field(&At::Root, "items");
        let line = items.index(0);
        let at = line.field("options");
        match choose(&cake(), Some(chosen), &at, &mut faults) {
            Some(chosen) if faults.is_empty() => Ok(chosen),
            _ => Err(faults.into_vec().into_iter().map(|fault| (fault.field, fault.code)).collect()),
        }
    }

    #[test]
    fn a_whole_choice_adds_its_deltas_and_reads_as_people_write() {
        let chosen = told(&json!({ "size": "eight", "flavors": ["lotus", "vanilla"], "message": "  Happy " })).expect("fits");
        assert_eq!(chosen.delta_minor, 4_750);
        assert_eq!(chosen.text_en, "size: EIGHT; flavors: VANILLA, LOTUS; message: Happy");
        assert_eq!(chosen.text_ar, "size: eight؛ flavors: vanilla، lotus؛ message: Happy");
        let options = json!({ "size": "eight", "flavors": ["vanilla", "lotus"], "message": "Happy" });
        assert_eq!(chosen.options.map(Value::Object), Some(options));
    }

    #[test]
    fn a_fault_says_what_may_be_chosen() {
        let shop = shop();
        let mut faults = Faults::new(&shop);
        choose(&cake(), Some(&json!({ "colour": "red" })), &At::Root, &mut faults);
        let messages: Vec<String> = faults.into_vec().into_iter().map(|fault| fault.message).collect();
        assert_eq!(
            messages,
            [
                "is no option of this product; it has size, flavors, message",
                "must be chosen: one of six, eight",
                "must be chosen: some of vanilla, lotus, oreo",
            ]
        );
    }

    #[test]
    fn every_fault_is_told_with_its_path() {
        let faults = told(&json!({ "colour": "red", "flavors": ["x", "lotus", "lotus"], "message": "far too long a text" }));
        let expected = [
            ("items[0].options.colour", "unknown_group"),
            ("items[0].options.size", "required"),
            ("items[0].options.flavors[0]", "unknown_choice"),
            ("items[0].options.flavors[2]", "duplicate"),
            ("items[0].options.flavors", "too_many"),
            ("items[0].options.message", "too_long"),
        ];
        assert_eq!(faults.expect_err("faults"), expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn one_is_a_text_and_several_are_a_list() {
        for (size, flavors) in [(json!(["six"]), json!(["lotus"])), (json!("six"), json!("lotus")), (json!(6), json!({}))] {
            assert!(told(&json!({ "size": size, "flavors": flavors })).is_err());
        }
        assert!(told(&json!("large")).is_err() && told(&Value::Null).is_err());
        let shop = shop();
        let nothing = choose(&[], None, &At::Root, &mut Faults::new(&shop)).expect("nothing to choose");
        assert_eq!(nothing, Chosen::default());
    }

    fn any_options() -> impl Strategy<Value = Value> {
        let code = proptest::sample::select(vec!["six", "eight", "vanilla", "lotus", "oreo", "", "x"]);
        let value = prop_oneof![
            Just(Value::Null),
            code.clone().prop_map(|code| json!(code)),
            proptest::collection::vec(code, 0..5).prop_map(|codes| json!(codes)),
            any::<i64>().prop_map(|number| json!(number)),
        ];
        let key = proptest::sample::select(vec!["size", "flavors", "message", "colour"]);
        proptest::collection::btree_map(key, value, 0..5).prop_map(|map| json!(map))
    }

    proptest! {
        /// What passes is complete, within its bounds, and passes again unchanged.
        #[test]
        fn what_passes_is_normal(options in any_options()) {
            if let Ok(chosen) = told(&options) {
                let normal = Value::Object(chosen.options.clone().unwrap_or_default());
                let size = normal["size"].as_str().expect("it is required");
                let flavors = normal["flavors"].as_array().expect("it is required");
                prop_assert!((1..=2).contains(&flavors.len()));
                let of = |code: &str| match code { "eight" => 4_000, "lotus" => 750, "oreo" => -100, _ => 0 };
                let sum: i64 = flavors.iter().filter_map(Value::as_str).map(of).sum();
                prop_assert_eq!(chosen.delta_minor, of(size) + sum);
                prop_assert_eq!(told(&normal).expect("normal"), chosen);
            }
        }

        #[test]
        fn a_made_slug_is_a_slug(name in "\\PC{0,80}") {
            if let Some(slug) = slug_of(&name) {
                prop_assert!(is_slug(&slug), "{}", slug);
            }
        }

        #[test]
        fn a_rate_reads_back(rate in 0_i64..=10_000) {
            prop_assert_eq!(parse_rate(&show_rate(rate)), Some(rate));
        }
    }

    #[test]
    fn names_become_addresses() {
        assert_eq!(slug_of("Crème brûlée (2 pcs)").as_deref(), Some("creme-brulee-2-pcs"));
        assert_eq!(slug_of("Sesame ka'ak").as_deref(), Some("sesame-kaak"));
        assert_eq!(slug_of("خبز"), None);
        for text in ["16.", ".5", "100.01", "-1", "1.234", "x", ""] {
            assert_eq!(parse_rate(text), None, "{text}");
        }
    }
}
