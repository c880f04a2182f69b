//! Bread.

use super::canvas::{Colour, Path};
use super::easel::{
    BAKED, BAKED_DARK, BROWN, BROWN_DARK, CREAM, CREAM_DARK, CRUST, DOUGH, DOUGH_DARK, Easel, GOLD, GOLD_DARK, INK, TILE,
    TILE_LIGHT,
};

/// A flat round of dough with what the oven leaves on it.
#[inline(never)]
fn flat(on: &mut Easel, x: f32, y: f32, rx: f32, ry: f32, spots: usize) {
    on.body(&Path::ellipse(x, y, rx, ry), DOUGH, DOUGH_DARK);
    let points = on.strewn(spots, x, y, rx * 0.8, ry * 0.75, rx * 0.22);
    on.dots(&points, rx * 0.075, BAKED.thin(150));
    let points = on.strewn(spots / 2, x, y, rx * 0.7, ry * 0.7, rx * 0.3);
    on.dots(&points, rx * 0.04, CRUST.thin(130));
}

pub fn flatbread(on: &mut Easel) {
    for (index, y) in [66.0, 59.0, 52.0, 45.0].into_iter().enumerate() {
        let x = if index % 2 == 0 { 51.5 } else { 48.5 };
        flat(on, x, y, 32.0, 17.0, 16);
    }
}

pub fn taboon(on: &mut Easel) {
    let round = Path::blob(&[
        (19.0, 48.0),
        (28.0, 27.0),
        (52.0, 20.0),
        (76.0, 29.0),
        (82.0, 53.0),
        (70.0, 75.0),
        (45.0, 80.0),
        (25.0, 70.0),
    ]);
    on.body(&round, GOLD, GOLD_DARK);
    for (x, y) in on.strewn(34, 50.0, 50.0, 26.0, 25.0, 7.4) {
        let r = on.between(2.4, 3.6);
        on.fill(&Path::ellipse(x, y, r, r * 0.8), BAKED_DARK.thin(190));
        on.fill(&Path::ellipse(x + 0.5, y + 0.8, r * 0.75, r * 0.55), DOUGH);
    }
}

pub fn shrak(on: &mut Easel) {
    let sheet = Path::blob(&[(12.0, 52.0), (24.0, 26.0), (54.0, 17.0), (84.0, 33.0), (88.0, 58.0), (68.0, 81.0), (36.0, 80.0)]);
    on.body(&sheet, CREAM, CREAM_DARK);
    let points = on.strewn(40, 50.0, 50.0, 33.0, 28.0, 5.0);
    on.dots(&points, 1.3, BAKED.thin(150));
    let fold = Path::blob(&[(50.0, 49.0), (70.0, 24.0), (86.0, 36.0), (88.0, 57.0), (72.0, 79.0), (58.0, 66.0)]);
    on.body(&fold, DOUGH, DOUGH_DARK);
    let points = on.strewn(14, 73.0, 51.0, 11.0, 22.0, 5.0);
    on.dots(&points, 1.3, BAKED.thin(170));
}

pub fn kaak(on: &mut Easel) {
    let ring =
        Path::block(50.0, 50.0, 44.0, 68.0, 22.0).without(Path::block(50.0, 52.0, 21.0, 42.0, 10.5)).turned(50.0, 50.0, 0.06);
    on.body(&ring, BAKED, BAKED_DARK);
    let mut seeds = on.strewn(230, 50.0, 50.0, 36.0, 40.0, 2.3);
    seeds.retain(|(x, y)| {
        // Back to where the ring stands straight, to see what lies on it.
        let (sin, cos) = (-0.06 * std::f32::consts::TAU).sin_cos();
        let (dx, dy) = (x - 50.0, y - 50.0);
        let (dx, dy) = (dx * cos - dy * sin, dx * sin + dy * cos);
        let far = |half: f32, dy: f32| dx.hypot((dy.abs() - half).max(0.0));
        far(12.0, dy) < 20.0 && far(10.5, dy - 2.0) > 12.5
    });
    on.seeds(&seeds, 1.15, CREAM);
}

/// A loaf with cuts, seen from above and the side.
#[inline(never)]
fn loaf(on: &mut Easel, light: Colour, dark: Colour, cut: Colour, cuts: usize) {
    let loaf = Path::blob(&[
        (12.0, 56.0),
        (18.0, 38.0),
        (38.0, 30.0),
        (62.0, 30.0),
        (82.0, 38.0),
        (88.0, 56.0),
        (80.0, 70.0),
        (50.0, 74.0),
        (20.0, 70.0),
    ]);
    on.body(&loaf, light, dark);
    for index in 0..cuts {
        let x = 50.0 + (index as f32 - (cuts as f32 - 1.0) / 2.0) * (52.0 / cuts as f32);
        on.fill(&Path::curve(&[(x - 5.0, 58.0), (x, 47.0), (x + 7.0, 38.0)], 4.6), dark);
        on.fill(&Path::curve(&[(x - 4.6, 57.4), (x + 0.4, 46.4), (x + 7.0, 38.0)], 3.2), cut);
    }
}

pub fn wheat_loaf(on: &mut Easel) {
    loaf(on, BROWN, BROWN_DARK, DOUGH, 4);
    let points = on.strewn(46, 50.0, 51.0, 33.0, 17.0, 3.6);
    on.seeds(&points, 0.9, CREAM.thin(190));
}

/// A round loaf.
#[inline(never)]
fn boule(on: &mut Easel, light: Colour, dark: Colour) -> Path {
    let round = Path::blob(&[
        (16.0, 52.0),
        (24.0, 29.0),
        (50.0, 19.0),
        (76.0, 29.0),
        (84.0, 52.0),
        (75.0, 73.0),
        (50.0, 81.0),
        (25.0, 73.0),
    ]);
    on.body(&round, light, dark);
    round
}

pub fn barley_loaf(on: &mut Easel) {
    let round = boule(on, Colour::hex(0x00B0_8A5C), Colour::hex(0x008F_6B41));
    for turn in [0.12, 0.37] {
        on.fill_in(&Path::curve(&[(24.0, 50.0), (50.0, 47.5), (76.0, 50.0)], 6.4).turned(50.0, 50.0, turn), &round, BROWN_DARK);
        on.fill_in(&Path::curve(&[(25.0, 50.0), (50.0, 47.0), (75.0, 50.0)], 4.2).turned(50.0, 50.0, turn), &round, DOUGH);
    }
    let points = on.strewn(120, 50.0, 50.0, 31.0, 28.0, 3.0);
    on.dots(&points, 0.7, CREAM.thin(200));
}

pub fn sourdough(on: &mut Easel) {
    let round = boule(on, BROWN_DARK, Colour::hex(0x0060_3B1C));
    for r in [12.0, 18.5, 25.0, 31.0] {
        on.fill_in(&Path::arc(50.0, 50.0, r, r * 0.92, 0.0, 1.0, 1.1), &round, CREAM.thin(110));
    }
    // An ear of wheat, cut in before baking.
    on.fill(&Path::curve(&[(33.0, 70.0), (48.0, 52.0), (60.0, 30.0)], 2.6), DOUGH);
    for index in 0..5 {
        let (x, y) = (42.0 + index as f32 * 4.6, 60.0 - index as f32 * 7.0);
        for turn in [-0.22, 0.02] {
            on.fill(&Path::ellipse(x + 5.0, y, 5.6, 2.1).turned(x, y, turn), DOUGH);
        }
    }
}

pub fn baguette(on: &mut Easel) {
    for (dx, dy) in [(7.0, -11.0), (-5.0, 9.0)] {
        let stick = Path::block(50.0, 50.0, 86.0, 17.0, 8.5);
        on.body(&stick.turned(50.0, 50.0, -0.1).moved(dx * 0.5, dy), GOLD, GOLD_DARK);
        for index in 0..5 {
            let x = 20.0 + index as f32 * 14.5;
            for (width, colour) in [(4.8, BAKED_DARK), (3.0, CREAM)] {
                let cut = Path::curve(&[(x - 4.0, 53.5), (x + 1.5, 49.0), (x + 8.0, 46.5)], width);
                on.fill(&cut.turned(50.0, 50.0, -0.1).moved(dx * 0.5, dy), colour);
            }
        }
    }
}

pub fn burger_buns(on: &mut Easel) {
    for row in 0..2 {
        for column in 0..3 {
            let (x, y) = (25.0 + column as f32 * 25.0, 36.0 + row as f32 * 27.0);
            on.body(&Path::circle(x, y, 12.2), GOLD, GOLD_DARK);
            on.fill(&Path::arc(x, y, 8.6, 8.6, 0.53, 0.72, 1.6), CREAM.thin(150));
            let points = on.strewn(17, x + 0.6, y + 0.6, 8.6, 8.6, 2.9);
            on.seeds(&points, 1.0, CREAM);
        }
    }
}

pub fn gluten_free(on: &mut Easel) {
    on.body(&Path::block(50.0, 62.0, 62.0, 26.0, 4.0), TILE_LIGHT, TILE);
    let top = Path::blob(&[
        (17.0, 50.0),
        (22.0, 35.0),
        (42.0, 29.0),
        (62.0, 30.0),
        (79.0, 36.0),
        (83.0, 50.0),
        (70.0, 55.0),
        (30.0, 55.0),
    ]);
    on.body(&top, DOUGH, DOUGH_DARK);
    for (width, colour) in [(4.6, GOLD_DARK), (2.6, CREAM)] {
        on.fill(&Path::curve(&[(26.0, 44.0), (50.0, 40.5), (74.0, 44.0)], width), colour);
    }
    let points = on.strewn(26, 50.0, 42.0, 28.0, 8.0, 4.0);
    on.crumbs(&points, 0.9, BROWN, BROWN_DARK);
}

#[inline(never)]
fn slice(on: &mut Easel, x: f32, y: f32, turn: f32) {
    let shape = |scale: f32| {
        let outline = [
            (-21.0, -8.0),
            (-24.0, -16.0),
            (-17.0, -25.0),
            (0.0, -27.0),
            (17.0, -25.0),
            (24.0, -16.0),
            (21.0, -8.0),
            (21.0, 20.0),
            (16.0, 25.0),
            (-16.0, 25.0),
            (-21.0, 20.0),
        ];
        Path::blob(&outline.map(|(dx, dy)| (x + dx * scale, y + dy * scale))).turned(x, y, turn)
    };
    on.body(&shape(1.0), BAKED, BAKED_DARK);
    on.fill(&shape(0.87), CREAM);
    let points = on.strewn(30, x, y, 15.0, 17.0, 3.2);
    on.dots(&points, 0.7, DOUGH_DARK.thin(160));
}

pub fn toast(on: &mut Easel) {
    slice(on, 58.0, 44.0, 0.04);
    slice(on, 42.0, 56.0, -0.02);
}

pub fn maarouk(on: &mut Easel) {
    let count = 12;
    for index in 0..count {
        let turn = index as f32 / count as f32;
        let knot = Path::blob(&[(39.0, 27.0), (46.0, 15.0), (58.0, 17.0), (62.0, 29.0), (54.0, 37.0), (44.0, 36.0)]);
        let knot = knot.turned(50.0, 26.0, 0.09).turned(50.0, 50.0, turn);
        on.body(&knot, GOLD, GOLD_DARK);
        on.fill(
            &Path::curve(&[(43.0, 30.0), (49.0, 22.0), (57.0, 21.0)], 1.0).turned(50.0, 26.0, 0.09).turned(50.0, 50.0, turn),
            CREAM.thin(150),
        );
        for (x, y) in on.strewn(5, 51.0, 27.0, 8.0, 7.0, 3.0) {
            on.fill(&Path::ellipse(x, y, 1.1, 0.7).turned(50.0, 50.0, turn), INK.thin(150));
        }
    }
}
