//! Cakes.

use super::canvas::{Colour, Path};
use super::easel::{
    BAKED, BAKED_DARK, BROWN, BROWN_DARK, CHOCOLATE, CHOCOLATE_DARK, CLAY, CREAM, CREAM_DARK, DOUGH, DOUGH_DARK, Easel, GOLD,
    GOLD_DARK, INK, PAPER, PISTACHIO, ROSE, ROSE_DARK, SUMAC, TILE, TILE_LIGHT, TOMATO, WHEAT,
};

const RED: Colour = Colour::hex(0x00B3_2B36);
const RED_DARK: Colour = Colour::hex(0x008C_1D29);
const CARAMEL: Colour = Colour::hex(0x00C9_7B33);
const CARAMEL_DARK: Colour = Colour::hex(0x00A3_5C22);

#[inline(never)]
fn stand(on: &mut Easel, y: f32) {
    on.body(
        &Path::polygon(&[(45.0, y), (55.0, y), (57.0, y + 9.0), (66.0, y + 12.0), (34.0, y + 12.0), (43.0, y + 9.0)]),
        PAPER,
        TILE_LIGHT,
    );
    on.body(&Path::ellipse(50.0, y, 38.0, 5.5), PAPER, TILE_LIGHT);
}

/// A whole cake seen from a little above.
#[inline(never)]
fn tier(on: &mut Easel, y: f32, rx: f32, height: f32, light: Colour, dark: Colour) {
    let ry = rx * 0.26;
    let side = Path::block(50.0, y + height / 2.0, rx * 2.0, height, 0.0).and(Path::ellipse(50.0, y + height, rx, ry));
    on.shadow(&side);
    on.fill(&side, dark);
    on.fill_in(&Path::block(50.0 - rx * 0.35, y + height / 2.0, rx * 1.5, height * 2.0, 0.0), &side, light);
    on.fill(&Path::ellipse(50.0, y, rx, ry), light);
    on.fill(&Path::arc(50.0, y, rx, ry, 0.0, 1.0, 0.5), dark);
}

/// What runs down from the top.
#[inline(never)]
fn drip(on: &mut Easel, y: f32, rx: f32, light: Colour, dark: Colour) {
    let ry = rx * 0.26;
    let mut drops = Path::ellipse(50.0, y, rx + 0.4, ry + 0.3);
    for index in 0..9 {
        let turn = 0.02 + index as f32 * 0.0575;
        let (sin, cos) = (turn * std::f32::consts::TAU).sin_cos();
        let (x, from) = (50.0 + rx * 0.97 * cos, y + ry * 0.9 * sin);
        let long = on.between(5.0, 12.0);
        drops = drops.and(Path::line(&[(x, from), (x, from + long)], 4.4));
    }
    on.fill(&drops.clone().moved(0.6, 1.0), dark);
    on.fill(&drops, light);
}

pub fn chocolate(on: &mut Easel) {
    stand(on, 75.0);
    tier(on, 42.0, 30.0, 29.0, CHOCOLATE, CHOCOLATE_DARK);
    for y in [52.0, 62.0] {
        on.fill(&Path::arc(50.0, y, 29.4, 7.6, 0.02, 0.48, 1.6), BROWN);
    }
    drip(on, 42.0, 30.0, CHOCOLATE_DARK, INK);
    for index in 0..8 {
        let (sin, cos) = (index as f32 / 8.0 * std::f32::consts::TAU).sin_cos();
        let (x, y) = (50.0 + 22.0 * cos, 40.0 + 5.0 * sin);
        on.lit(
            &Path::blob(&[(x - 4.0, y + 1.5), (x - 2.0, y - 2.5), (x, y - 5.0), (x + 2.0, y - 2.5), (x + 4.0, y + 1.5)]),
            BROWN,
            CHOCOLATE,
        );
    }
    on.lit(&Path::circle(50.0, 37.5, 3.4), SUMAC, RED_DARK);
    on.fill(&Path::curve(&[(50.0, 35.0), (51.0, 30.0), (54.0, 27.0)], 0.8), BROWN_DARK);
}

/// A slice from the side, its layers from the top: colour, height.
#[inline(never)]
fn slice(on: &mut Easel, layers: &[(Colour, f32)], top: Colour, top_dark: Colour) -> f32 {
    on.plate(42.0, 20.0, 72.0);
    let whole: f32 = layers.iter().map(|(_, height)| height).sum();
    let above = 74.0 - whole;
    let side = Path::polygon(&[(18.0, above), (82.0, above - 2.0), (82.0, 72.0), (18.0, 76.0)]);
    on.shadow(&side);
    let mut y = above;
    for (colour, height) in layers {
        let band = Path::polygon(&[(16.0, y), (84.0, y - 2.4), (84.0, y + height - 2.2), (16.0, y + height + 0.3)]);
        on.fill_in(&band, &side, *colour);
        y += height;
    }
    on.fill(&Path::polygon(&[(18.0, 75.0), (82.0, 71.0), (82.0, 73.0), (18.0, 77.0)]), INK.thin(50));
    let lid = Path::polygon(&[(18.0, above), (82.0, above - 2.0), (66.0, above - 16.0)]);
    on.lit(&lid, top, top_dark);
    above
}

pub fn red_velvet(on: &mut Easel) {
    let layers = [(CREAM, 4.0), (RED, 9.0), (CREAM, 3.0), (RED, 9.0), (CREAM, 3.0), (RED_DARK, 9.0)];
    let above = slice(on, &layers, PAPER, CREAM_DARK);
    let points = on.strewn(22, 58.0, above - 5.5, 15.0, 4.0, 2.6);
    on.crumbs(&points, 1.0, RED, RED_DARK);
}

pub fn honey(on: &mut Easel) {
    let mut layers = Vec::new();
    for _ in 0..9 {
        layers.extend([(CARAMEL, 3.0), (CREAM, 1.6)]);
    }
    let above = slice(on, &layers, GOLD, GOLD_DARK);
    let points = on.strewn(40, 57.0, above - 5.0, 18.0, 4.0, 1.8);
    on.crumbs(&points, 0.9, CARAMEL, CARAMEL_DARK);
    for (x, long) in [(26.0, 14.0), (41.0, 9.0), (60.0, 17.0), (73.0, 11.0)] {
        on.fill(&Path::line(&[(x, above), (x, above + long)], 3.0), WHEAT.thin(235));
    }
}

pub fn birthday(on: &mut Easel) {
    stand(on, 77.0);
    tier(on, 48.0, 31.0, 26.0, ROSE, ROSE_DARK);
    drip(on, 48.0, 31.0, PAPER, CREAM_DARK);
    let colours = [WHEAT, TILE, TOMATO, PISTACHIO, TILE_LIGHT];
    for (index, (x, y)) in on.strewn(38, 49.0, 66.0, 28.0, 9.0, 3.6).into_iter().enumerate() {
        on.fill(&Path::circle(x, y, 0.9), colours[index % 5]);
    }
    for (index, (x, y)) in [(32.0, 47.0), (41.0, 50.0), (50.0, 45.0), (59.0, 50.0), (68.0, 47.0)].into_iter().enumerate() {
        on.fill(&Path::block(x, y - 8.0, 2.6, 16.0, 1.0), colours[index]);
        for dy in [-12.0, -8.0, -4.0] {
            on.fill(&Path::line(&[(x - 1.0, y + dy + 1.0), (x + 1.0, y + dy - 0.5)], 0.8), PAPER);
        }
        on.fill(&Path::blob(&[(x, y - 24.0), (x + 1.9, y - 19.0), (x, y - 16.5), (x - 1.9, y - 19.0)]), WHEAT);
        on.fill(&Path::blob(&[(x, y - 21.0), (x + 0.9, y - 18.6), (x, y - 17.2), (x - 0.9, y - 18.6)]), TOMATO);
    }
}

pub fn wedding(on: &mut Easel) {
    stand(on, 80.0);
    tier(on, 62.0, 31.0, 15.0, PAPER, CREAM_DARK);
    tier(on, 44.0, 22.0, 15.0, PAPER, CREAM_DARK);
    tier(on, 28.0, 13.5, 13.0, PAPER, CREAM_DARK);
    for (y, rx) in [(77.0, 31.0), (59.0, 22.0), (41.0, 13.5)] {
        for index in 0..13 {
            let (sin, cos) = (index as f32 / 24.0 * std::f32::consts::TAU).sin_cos();
            on.lit(&Path::circle(50.0 + rx * cos, y + rx * 0.26 * sin, 1.5), CREAM, GOLD);
        }
    }
    for (x, y, r) in
        [(44.0, 26.0, 4.2), (53.0, 24.0, 4.8), (66.0, 43.0, 4.0), (33.0, 60.0, 4.4), (26.0, 61.0, 3.2), (60.0, 28.5, 3.0)]
    {
        on.leaf(x + r, y + r * 0.6, r * 1.5, 0.06);
        on.lit(&Path::circle(x, y, r), ROSE, ROSE_DARK);
        on.fill(&Path::arc(x, y, r * 0.5, r * 0.5, 0.1, 0.8, 0.7), PAPER);
    }
}

pub fn lotus_cheesecake(on: &mut Easel) {
    let layers = [(CARAMEL, 6.0), (CREAM, 20.0), (BROWN, 8.0)];
    let above = slice(on, &layers, CARAMEL, CARAMEL_DARK);
    let points = on.strewn(20, 56.0, above - 5.0, 16.0, 4.0, 2.4);
    on.crumbs(&points, 0.9, BROWN, BROWN_DARK);
    let biscuit = Path::block(63.0, above - 12.0, 24.0, 9.0, 2.5).turned(63.0, above - 12.0, -0.06);
    on.body(&biscuit, CARAMEL, CARAMEL_DARK);
    on.fill(&Path::arc(63.0, above - 12.0, 8.0, 2.4, 0.0, 1.0, 0.7).turned(63.0, above - 12.0, -0.06), BROWN_DARK);
}

pub fn tiramisu(on: &mut Easel) {
    let layers = [(CREAM, 9.0), (BAKED, 7.0), (CREAM, 9.0), (BROWN, 8.0), (CREAM_DARK, 3.0)];
    let above = slice(on, &layers, CHOCOLATE, CHOCOLATE_DARK);
    on.fill(&Path::polygon(&[(18.0, above), (82.0, above - 2.0), (82.0, above), (18.0, above + 2.2)]), CHOCOLATE);
    let points = on.strewn(60, 56.0, above - 5.5, 22.0, 6.0, 1.6);
    on.dots(&points, 0.5, BROWN);
    for (x, y) in [(70.0, above - 8.0), (63.0, above - 5.0)] {
        on.lit(&Path::ellipse(x, y, 3.4, 2.3), CHOCOLATE_DARK, INK);
        on.fill(&Path::curve(&[(x - 2.4, y - 0.4), (x, y + 0.4), (x + 2.4, y - 0.2)], 0.6), BROWN);
    }
}

pub fn carrot(on: &mut Easel) {
    let crumb = Colour::hex(0x00B5_793F);
    let layers = [(CREAM, 4.5), (crumb, 13.0), (CREAM, 4.0), (crumb, 13.0)];
    let above = slice(on, &layers, PAPER, CREAM_DARK);
    let points: Vec<_> = on.strewn(46, 50.0, 60.0, 30.0, 15.0, 4.0);
    on.crumbs(&points, 0.9, Colour::hex(0x00DE_8A3A), CLAY);
    let (x, y) = (64.0, above - 8.0);
    for turn in [-0.05, 0.03, 0.11] {
        on.leaf(x + 12.0, y - 1.0, 10.0, turn - 0.05);
    }
    let root =
        Path::blob(&[(x - 13.0, y + 2.0), (x + 2.0, y - 4.5), (x + 9.0, y - 2.0), (x + 8.0, y + 4.0), (x - 2.0, y + 5.0)]);
    on.body(&root, Colour::hex(0x00E8_8530), CLAY);
    for dx in [-4.0, 1.0, 5.0] {
        on.fill(&Path::line(&[(x + dx, y - 2.0), (x + dx + 0.6, y + 0.8)], 0.7), CLAY);
    }
}

pub fn basque(on: &mut Easel) {
    on.body(&Path::block(50.0, 52.0, 80.0, 74.0, 12.0).turned(50.0, 52.0, 0.03), Colour::hex(0x00F1_EBDC), CREAM_DARK);
    for (x, y) in [(16.0, 24.0), (82.0, 28.0), (20.0, 82.0), (84.0, 78.0)] {
        on.fill(&Path::line(&[(x, y), (50.0 + (x - 50.0) * 0.8, 52.0 + (y - 52.0) * 0.8)], 0.8), CREAM_DARK);
    }
    let side = Path::circle(50.0, 51.0, 31.0);
    on.body(&side, WHEAT, GOLD_DARK);
    let top = Path::circle(50.0, 50.0, 29.0);
    on.lit(&top, BROWN_DARK, CHOCOLATE);
    for (x, y) in on.strewn(12, 50.0, 50.0, 20.0, 20.0, 10.0) {
        let r = on.between(3.0, 6.0);
        on.fill_in(&Path::ellipse(x, y, r, r * 0.7), &top, CHOCOLATE_DARK.thin(110));
    }
    // A piece is gone: the soft heart shows.
    on.fill(&Path::polygon(&[(50.0, 50.0), (83.0, 62.0), (70.0, 84.0)]), Colour::hex(0x00F1_EBDC));
    on.fill(&Path::polygon(&[(50.0, 50.0), (50.0, 56.0), (69.0, 82.0), (70.0, 76.0)]), CREAM);
    on.fill(&Path::polygon(&[(50.0, 50.0), (78.0, 60.2), (78.0, 62.8), (51.0, 53.0)]), CREAM_DARK);
}

pub fn cupcakes(on: &mut Easel) {
    let tops = [
        (ROSE, ROSE_DARK),
        (CREAM, CREAM_DARK),
        (CHOCOLATE, CHOCOLATE_DARK),
        (PISTACHIO, Colour::hex(0x007F_9E41)),
        (TILE_LIGHT, Colour::hex(0x0060_A9BA)),
        (WHEAT, GOLD_DARK),
    ];
    for (index, (light, dark)) in tops.into_iter().enumerate() {
        let (x, y) = (23.0 + (index % 3) as f32 * 27.0, 34.0 + (index / 3) as f32 * 34.0);
        let cup = Path::polygon(&[(x - 10.5, y + 1.0), (x + 10.5, y + 1.0), (x + 7.6, y + 15.0), (x - 7.6, y + 15.0)]);
        on.body(&cup, BAKED, BAKED_DARK);
        for dx in [-6.0, -2.0, 2.0, 6.0] {
            on.fill(&Path::line(&[(x + dx, y + 2.0), (x + dx * 0.75, y + 14.5)], 0.7), DOUGH);
        }
        for (dy, r) in [(0.0, 11.5), (-5.5, 8.6), (-10.0, 5.4)] {
            on.lit(&Path::block(x, y + dy, r * 2.0, 7.4, 3.7), light, dark);
        }
        on.lit(
            &Path::circle(x, y - 14.0, 2.4),
            if index == 0 { PAPER } else { SUMAC },
            if index == 0 { DOUGH_DARK } else { RED_DARK },
        );
        let points = on.strewn(7, x, y - 4.0, 7.0, 5.0, 3.0);
        on.dots(&points, 0.6, DOUGH);
    }
}
