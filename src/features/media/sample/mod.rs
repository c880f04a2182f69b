//! Pictures of the sample's products, drawn by the program itself: no photographs, no licence, a few kilobytes of code.
//!
//! [`draw`] is pure, and a product's picture is the same each time. What is drawn goes the way of every upload.
//!
//! What the drawings call is not inlined: they run once, and so the binary is some 100 KB smaller.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "drawing is arithmetic of fractions of pixels; no money comes near"
)]

mod bread;
mod cakes;
mod canvas;
mod easel;
mod pastry;
mod savoury;
mod small;
mod sweets;

use canvas::Colour;
use easel::Easel;

/// Pixels of a side. The largest rendition is larger, but a drawing of flat shapes gains nothing by it.
pub const SIZE: usize = 1_000;

/// A category's ground and how many petals its mould has.
struct Ground(u32, u8);

const BREAD: Ground = Ground(0x00F8_E6BC, 12);
const SAVOURY: Ground = Ground(0x00DC_EAD1, 9);
const PASTRY: Ground = Ground(0x00F7_DFCE, 10);
const SWEETS: Ground = Ground(0x00D2_E5EA, 16);
const CAKES: Ground = Ground(0x00F6_DADA, 8);
const COOKIES: Ground = Ground(0x00E4_E0D2, 7);
const DRINKS: Ground = Ground(0x00F3_D9A6, 6);
const BOXES: Ground = Ground(0x00E3_DCEB, 11);

/// Draws a product in the middle of its ground.
type Drawing = fn(&mut Easel);

/// What draws each product of `assets/sample/menu.csv`.
const DRAWINGS: &[(&str, Ground, Drawing)] = &[
    ("BRD-001", BREAD, bread::flatbread),
    ("BRD-002", BREAD, bread::taboon),
    ("BRD-003", BREAD, bread::shrak),
    ("BRD-004", BREAD, bread::kaak),
    ("BRD-005", BREAD, bread::wheat_loaf),
    ("BRD-006", BREAD, bread::barley_loaf),
    ("BRD-007", BREAD, bread::sourdough),
    ("BRD-008", BREAD, bread::baguette),
    ("BRD-009", BREAD, bread::burger_buns),
    ("BRD-010", BREAD, bread::gluten_free),
    ("BRD-011", BREAD, bread::toast),
    ("BRD-012", BREAD, bread::maarouk),
    ("MAN-001", SAVOURY, savoury::zaatar),
    ("MAN-002", SAVOURY, savoury::cheese),
    ("MAN-003", SAVOURY, savoury::half_and_half),
    ("MAN-004", SAVOURY, savoury::sfiha),
    ("MAN-005", SAVOURY, savoury::fatayer),
    ("MAN-006", SAVOURY, savoury::labneh),
    ("MAN-007", SAVOURY, savoury::muhammara),
    ("MAN-008", SAVOURY, savoury::egg_and_sausage),
    ("MAN-009", SAVOURY, savoury::cheese_rolls),
    ("MAN-010", SAVOURY, savoury::mini_pizza),
    ("PAS-001", PASTRY, pastry::butter_croissant),
    ("PAS-002", PASTRY, pastry::chocolate_croissant),
    ("PAS-003", PASTRY, pastry::zaatar_croissant),
    ("PAS-004", PASTRY, pastry::almond_croissant),
    ("PAS-005", PASTRY, pastry::cinnamon_roll),
    ("PAS-006", PASTRY, pastry::danish),
    ("PAS-007", PASTRY, pastry::pain_au_raisin),
    ("PAS-008", PASTRY, pastry::doughnut),
    ("PAS-009", PASTRY, pastry::muffin),
    ("PAS-010", PASTRY, pastry::scone),
    ("SWT-001", SWEETS, sweets::baklava_pistachio),
    ("SWT-002", SWEETS, sweets::baklava_cashew),
    ("SWT-003", SWEETS, sweets::kunafa_soft),
    ("SWT-004", SWEETS, sweets::kunafa_crunchy),
    ("SWT-005", SWEETS, sweets::basbousa),
    ("SWT-006", SWEETS, sweets::maamoul_dates),
    ("SWT-007", SWEETS, sweets::maamoul_pistachio),
    ("SWT-008", SWEETS, sweets::ghraybeh),
    ("SWT-009", SWEETS, sweets::barazek),
    ("SWT-010", SWEETS, sweets::qatayef),
    ("SWT-011", SWEETS, sweets::awameh),
    ("SWT-012", SWEETS, sweets::warbat),
    ("SWT-013", SWEETS, sweets::halawet),
    ("CAK-001", CAKES, cakes::chocolate),
    ("CAK-002", CAKES, cakes::red_velvet),
    ("CAK-003", CAKES, cakes::honey),
    ("CAK-004", CAKES, cakes::birthday),
    ("CAK-005", CAKES, cakes::wedding),
    ("CAK-006", CAKES, cakes::lotus_cheesecake),
    ("CAK-007", CAKES, cakes::tiramisu),
    ("CAK-008", CAKES, cakes::carrot),
    ("CAK-009", CAKES, cakes::basque),
    ("CAK-010", CAKES, cakes::cupcakes),
    ("CKI-001", COOKIES, small::chocolate_chip),
    ("CKI-002", COOKIES, small::oat_and_date),
    ("CKI-003", COOKIES, small::petit_four),
    ("CKI-004", COOKIES, small::rusk),
    ("CKI-005", COOKIES, small::macarons),
    ("DRK-001", DRINKS, small::arabic_coffee),
    ("DRK-002", DRINKS, small::turkish_coffee),
    ("DRK-003", DRINKS, small::mint_lemonade),
    ("DRK-004", DRINKS, small::sahlab),
    ("BOX-001", BOXES, small::breakfast_box),
    ("BOX-002", BOXES, small::office_tray),
    ("BOX-003", BOXES, small::eid_box),
    ("BOX-004", BOXES, small::surprise_bag),
];

/// The products that have a drawing.
pub fn skus() -> impl Iterator<Item = &'static str> {
    DRAWINGS.iter().map(|(sku, _, _)| *sku)
}

/// Draws a product of the sample in `size` by `size` pixels: red, green, blue, row by row. `None` for a product that is not of it.
#[must_use]
pub fn draw(sku: &str, size: usize) -> Option<Vec<u8>> {
    let (index, (_, Ground(tint, petals), drawing)) = DRAWINGS.iter().enumerate().find(|(_, (known, _, _))| *known == sku)?;
    let mut easel = Easel::new(size, Colour::hex(*tint), *petals, index as u32 + 1);
    drawing(&mut easel);
    Some(easel.into_rgb())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the small pictures of the tests are wide.
    const SMALL: usize = 40;

    #[test]
    fn each_product_of_the_sample_has_a_picture_of_its_own() {
        let menu = include_str!("../../../../assets/sample/menu.csv");
        let on_menu: BTreeSet<&str> =
            menu.lines().skip(1).filter_map(|line| line.split(',').next()).filter(|sku| sku.len() == 7).collect();
        assert_eq!(skus().collect::<BTreeSet<_>>(), on_menu);
        let pictures: BTreeSet<Vec<u8>> = skus().map(|sku| draw(sku, SMALL).expect("a drawing")).collect();
        assert_eq!(pictures.len(), on_menu.len(), "two are alike");
        assert!(pictures.iter().all(|picture| picture.len() == SMALL * SMALL * 3));
        assert_eq!(draw("BRD-999", SMALL), None);
    }

    #[test]
    fn a_picture_is_the_same_each_time() {
        assert_eq!(draw("SWT-006", SMALL), draw("SWT-006", SMALL));
    }

    #[test]
    fn a_category_has_one_ground() {
        let corner = |sku: &str| draw(sku, SMALL).expect("a drawing")[..3].to_vec();
        for sku in skus() {
            let first = skus().find(|other| other[..3] == sku[..3]).expect("itself at least");
            assert_eq!(corner(sku), corner(first), "{sku}");
        }
    }
}
