//! Manakish and what else is eaten warm.

use super::canvas::{Colour, Path};
use super::easel::{
    BAKED, BROWN, BROWN_DARK, CLAY, CREAM, CREAM_DARK, DOUGH, DOUGH_DARK, Easel, GOLD, GOLD_DARK, INK, PISTACHIO, SUMAC,
    TOMATO, TOMATO_DARK, WHEAT, ZAATAR, ZAATAR_DARK,
};

const EGG: Colour = Colour::hex(0x00FA_F7EE);

/// A round of dough with a topping; what is strewn on it comes after.
#[inline(never)]
fn round(on: &mut Easel, light: Colour, dark: Colour) -> Path {
    on.body(&Path::circle(50.0, 50.0, 35.0), DOUGH, GOLD);
    let points = on.strewn(60, 50.0, 50.0, 34.0, 34.0, 4.0);
    let rim: Vec<_> = points.into_iter().filter(|(x, y)| (x - 50.0).hypot(y - 50.0) > 31.5).collect();
    on.dots(&rim, 1.5, BAKED.thin(170));
    let top = Path::circle(50.0, 50.0, 29.5);
    on.lit(&top, light, dark);
    top
}

#[inline(never)]
fn herbs(on: &mut Easel, within: &Path, count: usize) {
    for (colour, length) in [(ZAATAR_DARK, 1.1), (PISTACHIO, 0.9), (CREAM, 0.8), (SUMAC, 0.6)] {
        for (x, y) in on.strewn(count, 50.0, 50.0, 29.0, 29.0, 3.2) {
            let turn = on.between(0.0, 1.0);
            on.fill_in(&Path::ellipse(x, y, length, length * 0.6).turned(x, y, turn), within, colour);
        }
    }
}

#[inline(never)]
fn melted(on: &mut Easel, within: &Path, count: usize) {
    for (x, y) in on.strewn(count, 50.0, 50.0, 25.0, 25.0, 8.0) {
        let (r, turn) = (on.between(3.6, 6.2), on.between(0.0, 1.0));
        on.fill_in(&Path::ellipse(x, y, r, r * 0.7).turned(x, y, turn), within, CREAM);
    }
    for (x, y) in on.strewn(count, 50.0, 50.0, 25.0, 25.0, 7.0) {
        let r = on.between(0.8, 1.9);
        on.fill_in(&Path::ellipse(x, y, r, r * 0.8), within, BAKED.thin(210));
    }
}

pub fn zaatar(on: &mut Easel) {
    let top = round(on, ZAATAR, Colour::hex(0x004B_6A27));
    herbs(on, &top, 90);
}

pub fn cheese(on: &mut Easel) {
    let top = round(on, Colour::hex(0x00F8_DE9A), Colour::hex(0x00EC_C873));
    melted(on, &top, 26);
}

pub fn half_and_half(on: &mut Easel) {
    let top = round(on, Colour::hex(0x00F8_DE9A), Colour::hex(0x00EC_C873));
    melted(on, &top, 26);
    let half = Path::block(70.0, 50.0, 40.0, 80.0, 0.0).turned(50.0, 50.0, 0.08);
    on.fill_in(&half, &top, ZAATAR);
    // Two outlines meet in neither: the herbs keep to a narrower round.
    let inner = Path::polygon(&[
        (50.5, 21.0),
        (60.0, 23.0),
        (72.0, 31.0),
        (78.5, 45.0),
        (78.0, 58.0),
        (70.0, 71.0),
        (59.0, 78.0),
        (50.5, 79.0),
    ])
    .turned(50.0, 50.0, 0.08);
    herbs(on, &inner, 90);
}

pub fn sfiha(on: &mut Easel) {
    for row in 0..2 {
        for column in 0..3 {
            let (x, y) = (25.5 + column as f32 * 24.5, 37.0 + row as f32 * 26.0);
            let turn = on.between(-0.02, 0.02);
            on.body(&Path::block(x, y, 21.0, 21.0, 4.0).turned(x, y, turn), DOUGH, GOLD);
            for (dx, dy) in [(-9.0, -9.0), (9.0, -9.0), (9.0, 9.0), (-9.0, 9.0)] {
                on.lit(&Path::circle(x + dx, y + dy, 2.6).turned(x, y, turn), GOLD, GOLD_DARK);
            }
            on.lit(&Path::block(x, y, 14.5, 14.5, 4.0).turned(x, y, turn), CLAY, TOMATO_DARK);
            let points = on.strewn(9, x, y, 6.0, 6.0, 2.6);
            on.crumbs(&points, 1.0, BROWN, BROWN_DARK);
            let points = on.strewn(4, x, y, 5.5, 5.5, 3.0);
            on.dots(&points, 0.8, SUMAC);
            let points = on.strewn(3, x, y, 5.5, 5.5, 3.0);
            on.seeds(&points, 1.2, CREAM);
        }
    }
}

pub fn fatayer(on: &mut Easel) {
    for (index, (x, y)) in
        [(24.0, 36.0), (50.0, 33.0), (76.0, 36.0), (24.0, 66.0), (50.0, 69.0), (76.0, 66.0)].into_iter().enumerate()
    {
        let turn = if index % 2 == 0 { 0.02 } else { 0.5 };
        let shell = Path::blob(&[
            (x, y - 14.0),
            (x + 3.0, y - 10.0),
            (x + 13.0, y + 7.0),
            (x + 11.0, y + 10.0),
            (x, y + 10.5),
            (x - 11.0, y + 10.0),
            (x - 13.0, y + 7.0),
            (x - 3.0, y - 10.0),
        ]);
        on.body(&shell.turned(x, y, turn), GOLD, GOLD_DARK);
        for (to_x, to_y) in [(x, y - 10.0), (x + 9.0, y + 7.0), (x - 9.0, y + 7.0)] {
            on.fill(&Path::line(&[(x, y + 1.0), (to_x, to_y)], 2.6).turned(x, y, turn), DOUGH);
            on.fill(&Path::line(&[(x, y + 1.0), (to_x, to_y)], 0.7).turned(x, y, turn), BAKED);
        }
        on.fill(&Path::circle(x, y + 1.0, 2.4).turned(x, y, turn), ZAATAR_DARK);
        on.fill(&Path::circle(x - 0.5, y + 0.6, 1.1).turned(x, y, turn), PISTACHIO);
    }
}

pub fn labneh(on: &mut Easel) {
    let half = |scale: f32| {
        Path::blob(&[
            (14.0, 54.0),
            (22.0, 34.0),
            (50.0, 25.0),
            (78.0, 34.0),
            (86.0, 54.0),
            (80.0, 60.0),
            (50.0, 63.0),
            (20.0, 60.0),
        ])
        .scaled(50.0, 58.0, scale)
    };
    on.body(&half(1.0).moved(0.0, 9.0), DOUGH, GOLD);
    on.lit(
        &Path::blob(&[
            (17.0, 63.0),
            (34.0, 57.0),
            (50.0, 60.0),
            (66.0, 57.0),
            (83.0, 63.0),
            (66.0, 70.0),
            (50.0, 69.0),
            (34.0, 70.0),
        ]),
        EGG,
        CREAM_DARK,
    );
    for (x, y, turn) in [(27.0, 63.0, 0.04), (42.0, 65.0, -0.06), (58.0, 63.0, 0.08), (73.0, 64.0, -0.03)] {
        on.leaf(x, y, 11.0, turn);
    }
    on.body(&half(0.98), DOUGH, GOLD);
    let points = on.strewn(24, 50.0, 46.0, 28.0, 14.0, 6.0);
    on.dots(&points, 1.5, BAKED.thin(170));
    on.leaf(50.0, 83.0, 13.0, -0.08);
    on.leaf(60.0, 81.0, 11.0, -0.36);
}

pub fn muhammara(on: &mut Easel) {
    let top = round(on, TOMATO, TOMATO_DARK);
    for (x, y) in on.strewn(60, 50.0, 50.0, 27.0, 27.0, 4.0) {
        let r = on.between(0.6, 1.3);
        on.fill_in(&Path::circle(x, y, r), &top, SUMAC.thin(200));
    }
    let points = on.strewn(17, 50.0, 50.0, 24.0, 24.0, 8.0);
    on.crumbs(&points, 2.4, Colour::hex(0x00D9_B07A), BROWN);
    for (x, y) in on.strewn(5, 50.0, 50.0, 22.0, 22.0, 14.0) {
        let turn = on.between(0.0, 1.0);
        on.leaf(x, y, 6.5, turn);
    }
}

pub fn egg_and_sausage(on: &mut Easel) {
    let boat = Path::blob(&[
        (6.0, 50.0),
        (24.0, 31.0),
        (50.0, 26.0),
        (76.0, 31.0),
        (94.0, 50.0),
        (76.0, 69.0),
        (50.0, 74.0),
        (24.0, 69.0),
    ]);
    on.body(&boat, GOLD, GOLD_DARK);
    let inside = Path::blob(&[
        (18.0, 50.0),
        (30.0, 37.0),
        (50.0, 33.0),
        (70.0, 37.0),
        (82.0, 50.0),
        (70.0, 63.0),
        (50.0, 67.0),
        (30.0, 63.0),
    ]);
    on.lit(&inside, Colour::hex(0x00F8_DE9A), Colour::hex(0x00EC_C873));
    for (x, y) in [(37.0, 48.0), (63.0, 51.0)] {
        on.lit(
            &Path::blob(&[
                (x - 11.0, y),
                (x - 5.0, y - 9.0),
                (x + 6.0, y - 8.0),
                (x + 11.0, y + 1.0),
                (x + 5.0, y + 9.0),
                (x - 6.0, y + 8.0),
            ]),
            EGG,
            CREAM_DARK,
        );
        on.lit(&Path::circle(x, y, 5.2), WHEAT, Colour::hex(0x00E0_922A));
        on.fill(&Path::ellipse(x - 1.6, y - 1.8, 1.5, 1.0), CREAM.thin(220));
    }
    for (x, y) in [(50.0, 39.5), (27.0, 53.0), (50.0, 60.5), (73.0, 44.0), (50.0, 50.0)] {
        on.lit(&Path::circle(x, y, 3.7), Colour::hex(0x00C9_6A55), Colour::hex(0x00A2_4A3A));
        on.fill(&Path::arc(x, y, 2.2, 2.2, 0.5, 0.9, 0.6), ROSY);
    }
    let points = on.strewn(26, 50.0, 50.0, 28.0, 14.0, 4.0);
    on.dots(&points, 0.5, INK.thin(170));
}

const ROSY: Colour = Colour(236, 169, 166, 220);

pub fn cheese_rolls(on: &mut Easel) {
    for row in 0..4 {
        for column in 0..3 {
            let (x, y) = (27.0 + column as f32 * 23.0, 27.0 + row as f32 * 15.6);
            let roll = Path::block(x, y, 20.0, 10.6, 5.2).and(Path::ellipse(x, y, 11.4, 4.6));
            on.body(&roll, GOLD, GOLD_DARK);
            for dx in [-4.5, 0.0, 4.5] {
                on.fill(&Path::curve(&[(x + dx - 1.5, y + 4.0), (x + dx, y), (x + dx + 2.0, y - 4.2)], 0.8), BAKED);
            }
            for side in [-9.4, 9.4] {
                on.fill(&Path::ellipse(x + side, y, 1.4, 3.6), CREAM);
            }
            let points = on.strewn(5, x, y, 6.5, 3.2, 2.5);
            on.seeds(&points, 0.7, INK.thin(190));
        }
    }
}

pub fn mini_pizza(on: &mut Easel) {
    for row in 0..2 {
        for column in 0..3 {
            let (x, y) = (25.0 + column as f32 * 25.0, 37.0 + row as f32 * 26.5);
            on.body(&Path::circle(x, y, 12.0), DOUGH, DOUGH_DARK);
            on.lit(&Path::circle(x, y, 9.6), TOMATO, TOMATO_DARK);
            for (px, py) in on.strewn(7, x, y, 7.0, 7.0, 4.0) {
                let (r, turn) = (on.between(1.7, 2.7), on.between(0.0, 1.0));
                on.fill(&Path::ellipse(px, py, r, r * 0.75).turned(px, py, turn), CREAM);
            }
            for (px, py) in on.strewn(3, x, y, 6.0, 6.0, 5.5) {
                on.fill(&Path::circle(px, py, 1.9).without(Path::circle(px, py, 0.8)), INK);
            }
            let (px, py, turn) = (x + on.between(-3.0, 3.0), y + on.between(-3.0, 3.0), on.between(0.0, 1.0));
            on.leaf(px, py, 5.0, turn);
        }
    }
}
