//! Croissants and other pastry.

use super::canvas::{Colour, Path};
use super::easel::{
    BAKED, BAKED_DARK, BROWN_DARK, CHOCOLATE, CHOCOLATE_DARK, CREAM, CREAM_DARK, DOUGH, DOUGH_DARK, Easel, GOLD, GOLD_DARK,
    INK, PAPER, PISTACHIO, ROSE, ROSE_DARK, TILE_LIGHT, WHEAT, ZAATAR_DARK,
};

/// The parts of a croissant from tip to tip: middle, size, turn.
const SEGMENTS: [(f32, f32, f32, f32, f32); 7] = [
    (17.0, 66.0, 8.0, 5.5, -0.13),
    (24.0, 53.0, 11.0, 9.0, -0.12),
    (35.0, 42.0, 13.0, 12.5, -0.07),
    (65.0, 42.0, 13.0, 12.5, 0.07),
    (76.0, 53.0, 11.0, 9.0, 0.12),
    (83.0, 66.0, 8.0, 5.5, 0.13),
    (50.0, 38.5, 13.5, 14.5, 0.0),
];

#[inline(never)]
fn croissant(on: &mut Easel, light: Colour, dark: Colour) {
    for (x, y, rx, ry, turn) in SEGMENTS {
        on.body(&Path::ellipse(x, y, rx, ry * 1.1).turned(x, y, turn), light, dark);
        for dx in [-0.35, 0.2] {
            let line = Path::curve(
                &[(x + rx * (dx - 0.15), y - ry * 0.75), (x + rx * dx, y), (x + rx * (dx + 0.1), y + ry * 0.8)],
                0.8,
            );
            on.fill(&line.turned(x, y, turn), dark);
        }
        on.fill(&Path::arc(x, y, rx * 0.6, ry * 0.75, 0.55, 0.72, 1.4).turned(x, y, turn), CREAM.thin(120));
    }
}

/// Points over the croissant's back.
#[inline(never)]
fn over(on: &mut Easel, count: usize) -> Vec<(f32, f32)> {
    let mut points = Vec::new();
    for (x, y, rx, ry, _) in SEGMENTS {
        points.extend(on.strewn(count, x, y, rx * 0.7, ry * 0.75, 2.6));
    }
    points
}

pub fn butter_croissant(on: &mut Easel) {
    croissant(on, GOLD, GOLD_DARK);
}

pub fn chocolate_croissant(on: &mut Easel) {
    croissant(on, BAKED, BAKED_DARK);
    for index in 0..9 {
        let x = 21.0 + index as f32 * 7.3;
        let lift = (x - 50.0).abs() * (x - 50.0).abs() / 42.0;
        on.fill(&Path::curve(&[(x - 2.5, 28.0 + lift), (x + 1.0, 38.0 + lift), (x - 1.5, 50.0 + lift)], 1.8), CHOCOLATE_DARK);
    }
}

pub fn zaatar_croissant(on: &mut Easel) {
    croissant(on, GOLD, GOLD_DARK);
    let points = over(on, 12);
    on.seeds(&points, 1.2, ZAATAR_DARK);
    let points = over(on, 6);
    on.seeds(&points, 0.9, PISTACHIO);
    let points = over(on, 6);
    on.seeds(&points, 0.8, CREAM);
}

pub fn almond_croissant(on: &mut Easel) {
    croissant(on, GOLD, GOLD_DARK);
    for (x, y) in over(on, 4) {
        let turn = on.between(0.0, 1.0);
        on.lit(&Path::ellipse(x, y, 3.0, 1.7).turned(x, y, turn), CREAM, CREAM_DARK);
        on.fill(&Path::ellipse(x, y, 1.6, 0.5).turned(x, y, turn), DOUGH_DARK);
    }
    let points = over(on, 14);
    on.dots(&points, 0.5, PAPER.thin(230));
}

/// A rolled slice.
#[inline(never)]
fn rolled(on: &mut Easel, light: Colour, dark: Colour, between: Colour) {
    on.body(&Path::circle(50.0, 50.0, 34.0), light, dark);
    let mut points = Vec::new();
    for step in 0..=64 {
        let turns = step as f32 / 64.0 * 3.1;
        let (sin, cos) = (turns * std::f32::consts::TAU).sin_cos();
        let r = 3.0 + turns * 9.3;
        points.push((50.0 + r * cos, 50.0 + r * sin));
    }
    on.fill(&Path::line(&points, 2.6), between);
    on.fill(&Path::arc(50.0, 50.0, 25.0, 25.0, 0.55, 0.7, 1.6), CREAM.thin(120));
}

pub fn cinnamon_roll(on: &mut Easel) {
    rolled(on, GOLD, GOLD_DARK, BROWN_DARK);
    let glaze =
        Path::curve(&[(26.0, 38.0), (38.0, 58.0), (45.0, 34.0), (54.0, 66.0), (61.0, 36.0), (70.0, 60.0), (76.0, 46.0)], 4.4);
    on.fill(&glaze.clone().moved(0.5, 0.9), INK.thin(60));
    on.fill(&glaze, PAPER);
}

pub fn danish(on: &mut Easel) {
    let square = Path::block(50.0, 50.0, 62.0, 62.0, 7.0).turned(50.0, 50.0, 0.125).scaled(50.0, 50.0, 0.84);
    on.body(&square, GOLD, GOLD_DARK);
    for turn in [0.0, 0.25, 0.5, 0.75] {
        let fold = Path::blob(&[(50.0, 14.0), (60.0, 26.0), (56.0, 36.0), (44.0, 36.0), (40.0, 26.0)]);
        on.lit(&fold.turned(50.0, 50.0, turn), DOUGH, DOUGH_DARK);
    }
    on.lit(&Path::circle(50.0, 50.0, 20.0), CREAM, WHEAT);
    for index in 0..7 {
        let turn = index as f32 / 7.0;
        let slice = Path::blob(&[(44.0, 40.0), (50.0, 34.0), (57.0, 40.0), (53.5, 47.5), (47.5, 47.5)]);
        on.lit(&slice.turned(50.0, 50.0, turn), Colour::hex(0x00F3_EFB6), Colour::hex(0x00D9_D483));
        on.fill(&Path::curve(&[(44.0, 40.0), (50.0, 34.4), (57.0, 40.0)], 1.2).turned(50.0, 50.0, turn), PISTACHIO);
    }
}

pub fn pain_au_raisin(on: &mut Easel) {
    rolled(on, GOLD, GOLD_DARK, CREAM);
    for (x, y) in on.strewn(22, 50.0, 50.0, 28.0, 28.0, 8.0) {
        let turn = on.between(0.0, 1.0);
        on.lit(&Path::ellipse(x, y, 2.8, 1.9).turned(x, y, turn), Colour::hex(0x006B_3A3A), Colour::hex(0x0044_2226));
    }
}

pub fn doughnut(on: &mut Easel) {
    let ring = |r: f32, hole: f32| Path::circle(50.0, 50.0, r).without(Path::circle(50.0, 50.0, hole));
    on.body(&ring(35.0, 11.0), GOLD, GOLD_DARK);
    let mut wave = Vec::new();
    for step in 0..22 {
        let (sin, cos) = (step as f32 / 22.0 * std::f32::consts::TAU).sin_cos();
        let r = if step % 2 == 0 { 32.2 } else { 29.0 };
        wave.push((50.0 + r * cos, 50.0 + r * sin));
    }
    on.lit(&Path::blob(&wave).without(Path::circle(50.0, 50.0, 13.5)), ROSE, ROSE_DARK);
    let mut points = on.strewn(90, 50.0, 50.0, 27.5, 27.5, 4.4);
    points.retain(|(x, y)| (x - 50.0).hypot(y - 50.0) > 16.0);
    for (index, (x, y)) in points.into_iter().enumerate() {
        let colour = [PAPER, WHEAT, TILE_LIGHT, PISTACHIO, CHOCOLATE][index % 5];
        let turn = on.between(0.0, 0.5);
        on.fill(&Path::line(&[(x - 1.3, y), (x + 1.3, y)], 1.1).turned(x, y, turn), colour);
    }
}

pub fn muffin(on: &mut Easel) {
    let cup = Path::polygon(&[(28.0, 54.0), (72.0, 54.0), (66.0, 84.0), (34.0, 84.0)]);
    on.body(&cup, TILE_LIGHT, Colour::hex(0x0060_A9BA));
    for x in [33.0, 40.0, 47.0, 54.0, 61.0, 68.0] {
        on.fill_in(&Path::line(&[(x, 53.0), (50.0 + (x - 50.0) * 0.72, 85.0)], 1.4), &cup, PAPER.thin(150));
    }
    let top = Path::blob(&[
        (20.0, 54.0),
        (22.0, 41.0),
        (33.0, 30.0),
        (50.0, 24.0),
        (67.0, 30.0),
        (78.0, 41.0),
        (80.0, 54.0),
        (66.0, 60.0),
        (50.0, 58.0),
        (34.0, 60.0),
    ]);
    on.body(&top, GOLD, GOLD_DARK);
    let points = on.strewn(24, 50.0, 38.0, 22.0, 10.0, 4.6);
    on.crumbs(&points, 1.6, DOUGH, DOUGH_DARK);
    for (x, y) in [(33.0, 46.0), (44.0, 36.0), (56.0, 47.0), (66.0, 40.0), (47.0, 51.0), (59.0, 33.0)] {
        on.lit(&Path::circle(x, y, 3.6), Colour::hex(0x004E_5D99), Colour::hex(0x0033_3F73));
        on.fill(&Path::circle(x - 1.1, y - 1.2, 0.8), TILE_LIGHT);
    }
}

pub fn scone(on: &mut Easel) {
    on.plate(43.0, 24.0, 66.0);
    for (x, y, turn) in [(35.0, 52.0, -0.03), (60.0, 46.0, 0.04)] {
        // Cut in wedges, as of one round.
        let wedge = Path::blob(&[
            (x - 19.0, y + 14.0),
            (x - 15.0, y - 4.0),
            (x - 3.0, y - 19.0),
            (x + 4.0, y - 19.0),
            (x + 15.0, y - 3.0),
            (x + 18.0, y + 14.0),
            (x, y + 18.0),
        ]);
        on.body(&wedge.turned(x, y, turn), GOLD, GOLD_DARK);
        let crack = Path::curve(&[(x - 16.0, y + 6.0), (x - 6.0, y + 9.0), (x + 4.0, y + 7.0), (x + 16.0, y + 8.0)], 2.2);
        on.fill(&crack.turned(x, y, turn), DOUGH);
        let points = on.strewn(9, x, y - 3.0, 9.0, 10.0, 4.6);
        on.dots(&points, 1.1, BAKED);
        let points = on.strewn(16, x, y - 4.0, 10.0, 11.0, 3.0);
        on.dots(&points, 0.5, PAPER);
    }
    let dab = Path::blob(&[(58.0, 74.0), (61.0, 66.0), (70.0, 60.0), (78.0, 66.0), (80.0, 74.0), (69.0, 79.0)]);
    on.body(&dab, PAPER, CREAM_DARK);
    on.fill(&Path::curve(&[(63.0, 73.0), (69.0, 66.0), (74.0, 72.0)], 1.1), CREAM_DARK);
    let jam = Path::blob(&[(30.0, 78.0), (34.0, 72.0), (43.0, 72.0), (47.0, 78.0), (39.0, 82.0)]);
    on.lit(&jam, Colour::hex(0x00C2_3B4A), Colour::hex(0x0095_2433));
    on.fill(&Path::ellipse(36.5, 75.0, 2.0, 1.1), ROSE);
}
