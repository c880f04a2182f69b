//! What is typed and what must be found on the sample menu, as a table. A product stands as its sku.

/// A search and what is wanted of its hits.
pub struct Case {
    pub typed: &'static str,
    /// The first hits, in this order.
    pub first: &'static [&'static str],
    /// Among the first so many.
    pub among: (usize, &'static [&'static str]),
    pub never: &'static [&'static str],
    /// Nothing else than `first` and `among`.
    pub alone: bool,
}

const fn case(typed: &'static str) -> Case {
    Case { typed, first: &[], among: (0, &[]), never: &[], alone: false }
}

impl Case {
    const fn first(self, first: &'static [&'static str]) -> Case {
        Case { first, ..self }
    }

    const fn among(self, most: usize, skus: &'static [&'static str]) -> Case {
        Case { among: (most, skus), ..self }
    }

    const fn never(self, never: &'static [&'static str]) -> Case {
        Case { never, ..self }
    }

    const fn alone(self) -> Case {
        Case { alone: true, ..self }
    }
}

const CROISSANTS: &[&str] = &["PAS-001", "PAS-002", "PAS-003", "PAS-004"];
const KUNAFA: &[&str] = &["SWT-003", "SWT-004"];
const BAKLAVA: &[&str] = &["SWT-001", "SWT-002"];
const COFFEE: &[&str] = &["DRK-001", "DRK-002"];
const MAAMOUL: &[&str] = &["SWT-006", "SWT-007"];
const BAKED_BREADS: &[&str] = &["BRD-002", "BRD-003"];

pub const CASES: &[Case] = &[
    // As it stands on the menu, in any case.
    case("croissant").first(CROISSANTS).alone(),
    case("CROISSANT").first(CROISSANTS).alone(),
    case("Croissant!").first(CROISSANTS).alone(),
    case("crôissánt").first(CROISSANTS).alone(),
    case("كرواسون").first(CROISSANTS).alone(),
    case("baguette").first(&["BRD-008"]).alone(),
    case("tiramisu").first(&["CAK-007"]).alone(),
    case("سحلب").first(&["DRK-004"]).alone(),
    case("scone").first(&["PAS-010"]).alone(),
    // Arabic letter forms.
    case("كنافه").first(KUNAFA).alone(),
    case("كنافة").first(KUNAFA).alone(),
    case("كُنَافَة").first(KUNAFA).alone(),
    case("كنـــافة").first(KUNAFA).alone(),
    case("ڪنافہ").first(KUNAFA).alone(),
    case("ﻛﻨﺎﻓﺔ").first(KUNAFA).alone(),
    case("قهوه").first(COFFEE).alone(),
    case("قهوة").first(COFFEE).alone(),
    case("القهوة").first(COFFEE).alone(),
    case("والقهوة").first(COFFEE).alone(),
    case("بقلاوه").first(BAKLAVA).alone(),
    case("البقلاوة").first(BAKLAVA).alone(),
    case("پیتزا").first(&["MAN-010"]).alone(),
    case("محمرة").first(&["MAN-007"]).alone(),
    case("محمّره").first(&["MAN-007"]).alone(),
    case("غريبه").first(&["SWT-008"]).among(2, &["BOX-003"]).alone(),
    case("هديه").first(&["BOX-003"]),
    case("هدية العيد").first(&["BOX-003"]),
    case("جبن").first(&["SWT-013", "MAN-002"]).among(8, &["MAN-009"]),
    case("الجبن").first(&["SWT-013"]),
    // What is attached to a word on the menu, or to what is typed.
    case("زبدة").first(&["PAS-001"]),
    case("يانسون").first(&["CKI-004"]).alone(),
    case("سمسم").first(&["BRD-004"]),
    case("نعنع").first(&["MAN-006", "DRK-003"]).alone(),
    case("قشطة").first(&["SWT-012"]),
    case("بالقشطه").first(&["SWT-012"]),
    // Beginnings.
    case("croi").first(CROISSANTS).alone(),
    case("brea").first(BAKED_BREADS).among(4, &["BRD-002", "BRD-003", "BOX-001"]),
    case("كنا").first(KUNAFA),
    case("معم").first(MAAMOUL),
    case("مناق").among(12, &["MAN-001", "MAN-002"]),
    case("b").among(20, &["BRD-006", "BRD-008", "SWT-001", "SWT-005", "SWT-009"]),
    case("ك").among(40, &["SWT-003", "PAS-001", "CAK-001"]),
    case("cinna").first(&["PAS-005"]),
    // Typing errors.
    case("cinamon").first(&["PAS-005"]).among(2, &["CAK-008"]).alone(),
    case("cinnamom").first(&["PAS-005"]).among(2, &["CAK-008"]).alone(),
    case("baklawa").first(BAKLAVA).alone(),
    case("baklava").first(BAKLAVA).alone(),
    case("croisant").first(CROISSANTS).alone(),
    case("crossant").first(CROISSANTS).alone(),
    case("كروسون").first(CROISSANTS).alone(),
    case("كرواصون").first(CROISSANTS).alone(),
    case("بقلاةه").first(BAKLAVA).alone(),
    case("برازك").first(&["SWT-009"]).among(2, &["BOX-003"]).alone(),
    case("bagette").first(&["BRD-008"]).alone(),
    case("tiramisou").first(&["CAK-007"]).alone(),
    case("choclate").first(&["PAS-002", "CAK-001", "CKI-001"]),
    case("شكولاتة").first(&["PAS-002", "CAK-001", "CKI-001"]),
    case("sourdoh").first(&["BRD-007"]).alone(),
    case("brownei").never(&["BRD-001", "CAK-001"]),
    case("qatayf").first(&["SWT-010"]).alone(),
    case("kunafeh").first(KUNAFA).alone(),
    case("hummos").never(&["MAN-007"]),
    // Several words, in any order.
    case("معمول تمر").first(&["SWT-006"]).alone(),
    case("تمر معمول").first(&["SWT-006"]).alone(),
    case("chocolate croissant").first(&["PAS-002"]).alone(),
    case("croissant chocolate").first(&["PAS-002"]).alone(),
    case("cake chocolate").first(&["CAK-001"]),
    case("قهوة عربية").first(&["DRK-001"]).alone(),
    case("قهوه تركيه").first(&["DRK-002"]).alone(),
    case("turkish coffe").first(&["DRK-002"]).alone(),
    case("arabic قهوة").first(&["DRK-001"]).alone(),
    case("red velvet").first(&["CAK-002"]).alone(),
    case("zaatar croissant").first(&["PAS-003"]).alone(),
    case("croissant please").first(CROISSANTS).alone(),
    case("kunafa zzzzqqq").first(KUNAFA).alone(),
    case("baklava coffee").among(4, &["SWT-001", "SWT-002", "DRK-001", "DRK-002"]).alone(),
    // With and without marks and in both kinds of digits.
    case("za'atar").first(&["MAN-001"]).among(3, &["MAN-003", "PAS-003"]),
    case("zaatar").first(&["MAN-001"]).among(3, &["MAN-003", "PAS-003"]),
    case("ma’amoul").first(MAAMOUL),
    case("maamoul").first(MAAMOUL),
    case("١٠").first(&["BRD-001"]),
    case("10").first(&["BRD-001"]),
    case("fatayer ٦").first(&["MAN-005"]).alone(),
    case("فطاير 6").first(&["MAN-005"]).alone(),
    case("gluten-free").first(&["BRD-010"]).alone(),
    // Categories: after names, before descriptions.
    case("drinks").first(&["DRK-001", "DRK-002", "DRK-003", "DRK-004"]).alone(),
    case("مشروبات").first(&["DRK-001", "DRK-002", "DRK-003", "DRK-004"]).alone(),
    case("oriental sweets").first(&["SWT-001", "SWT-002", "SWT-003"]).never(&["BRD-012"]),
    case("حلويات").first(&["SWT-001", "SWT-002", "SWT-003"]),
    case("boxes").first(&["BOX-001", "BOX-003", "BOX-002", "BOX-004"]),
    case("كيك").first(&["CAK-001", "CAK-003"]).among(10, &["CAK-002"]),
    case("cakes").first(&["CAK-001", "CAK-003", "CAK-004"]).among(10, &["CAK-002", "CAK-005"]),
    case("bread").first(BAKED_BREADS).among(14, &["BRD-001", "BRD-008", "BRD-012"]),
    // Descriptions.
    case("cardamom").first(&["DRK-001"]).alone(),
    case("الهيل").first(&["DRK-001"]).alone(),
    case("هيل").first(&["DRK-001"]).alone(),
    case("vegan").first(&["CKI-002"]).alone(),
    case("رمضان").first(&["SWT-010"]).alone(),
    case("pomgranate").first(&["MAN-004"]).alone(),
    case("sugar").first(&["BRD-005"]).alone(),
    // Nothing of the kind.
    case("qwerty").alone(),
    case("xyzzy").alone(),
    case("zzz").alone(),
    case("ضظغث").alone(),
    case("sushi").alone(),
    case("99999").alone(),
    case("motor oil").first(&["MAN-001"]).alone(),
];
