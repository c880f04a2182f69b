//! Oriental sweets.

use super::canvas::{Colour, Path};
use super::easel::{
    BAKED, BAKED_DARK, CLAY, CREAM, CREAM_DARK, DOUGH, DOUGH_DARK, Easel, GOLD, GOLD_DARK, PAPER, PISTACHIO, PISTACHIO_DARK,
    WHEAT,
};

const SYRUP: Colour = Colour::hex(0x00E3_8A2C);
const SYRUP_DARK: Colour = Colour::hex(0x00BE_651B);
const CASHEW: Colour = Colour::hex(0x00F4_E3BE);

/// A piece of baklava: layers at its front, something on top.
#[inline(never)]
fn diamond(on: &mut Easel, x: f32, y: f32, nut: Colour, nut_dark: Colour) {
    let top =
        |lift: f32| Path::polygon(&[(x - 15.0, y - lift), (x, y - 9.0 - lift), (x + 15.0, y - lift), (x, y + 9.0 - lift)]);
    let side = Path::polygon(&[
        (x - 15.0, y - 4.0),
        (x, y + 5.0),
        (x + 15.0, y - 4.0),
        (x + 15.0, y + 4.0),
        (x, y + 13.0),
        (x - 15.0, y + 4.0),
    ]);
    on.body(&side, BAKED, BAKED_DARK);
    for lift in [-4.0, -1.8, 0.4] {
        on.fill_in(
            &Path::line(&[(x - 15.0, y - lift - 1.0), (x, y + 8.0 - lift), (x + 15.0, y - lift - 1.0)], 0.8),
            &side,
            DOUGH,
        );
    }
    on.lit(&top(4.0), WHEAT, GOLD);
    let points = on.strewn(10, x, y - 4.0, 7.0, 4.0, 2.2);
    on.crumbs(&points, 1.3, nut, nut_dark);
}

#[inline(never)]
fn baklava(on: &mut Easel, nut: Colour, nut_dark: Colour) {
    for (x, y) in [
        (50.0, 30.0),
        (33.0, 42.0),
        (67.0, 42.0),
        (50.0, 54.0),
        (33.0, 66.0),
        (67.0, 66.0),
        (16.5, 54.0),
        (83.5, 54.0),
        (50.0, 78.0),
    ] {
        diamond(on, x, y, nut, nut_dark);
    }
}

pub fn baklava_pistachio(on: &mut Easel) {
    baklava(on, PISTACHIO, PISTACHIO_DARK);
}

/// Fingers instead of diamonds.
pub fn baklava_cashew(on: &mut Easel) {
    for row in 0..5 {
        for column in 0..2 {
            let (x, y) = (31.0 + column as f32 * 38.0, 26.0 + row as f32 * 12.4);
            on.body(&Path::block(x, y, 34.0, 9.8, 4.6), GOLD, GOLD_DARK);
            for dx in [-11.0, -5.5, 0.0, 5.5, 11.0] {
                on.fill(&Path::curve(&[(x + dx - 1.8, y + 4.2), (x + dx, y), (x + dx + 2.4, y - 4.2)], 0.8), BAKED);
            }
            for side in [-15.0, 15.0] {
                on.lit(&Path::ellipse(x + side, y, 2.2, 3.9), CASHEW, DOUGH_DARK);
            }
        }
    }
    for (x, y, turn) in [(22.0, 88.0, 0.02), (50.0, 89.0, 0.4), (76.0, 88.0, 0.1)] {
        on.body(&Path::arc(x, y, 3.6, 3.0, 0.0, 0.55, 3.0).turned(x, y, turn), CASHEW, DOUGH_DARK);
    }
}

/// A round tray of kunafa.
#[inline(never)]
fn tray(on: &mut Easel) -> Path {
    on.body(&Path::circle(50.0, 50.0, 40.0), Colour::hex(0x00C9_C4B6), Colour::hex(0x00A5_9F8F));
    let top = Path::circle(50.0, 50.0, 35.5);
    on.lit(&top, SYRUP, SYRUP_DARK);
    top
}

pub fn kunafa_soft(on: &mut Easel) {
    let top = tray(on);
    let points = on.strewn(190, 50.0, 50.0, 33.0, 33.0, 3.2);
    on.dots(&points, 0.7, WHEAT.thin(150));
    let ring: Vec<_> =
        on.strewn(190, 50.0, 50.0, 34.0, 34.0, 2.5).into_iter().filter(|(x, y)| (x - 50.0).hypot(y - 50.0) > 26.5).collect();
    on.crumbs(&ring, 1.3, PISTACHIO, PISTACHIO_DARK);
    let middle = on.strewn(26, 50.0, 50.0, 8.0, 8.0, 2.2);
    on.crumbs(&middle, 1.3, PISTACHIO, PISTACHIO_DARK);
    // A piece is cut and drawn out, and the cheese follows.
    let cut = Path::polygon(&[(50.0, 50.0), (66.0, 92.0), (40.0, 94.0)]);
    on.fill_in(&cut, &top, CREAM);
    for x in [47.0, 51.0, 55.0] {
        on.fill_in(&Path::line(&[(x, 62.0), (x + 1.0, 90.0)], 1.2), &top, CREAM_DARK);
    }
}

pub fn kunafa_crunchy(on: &mut Easel) {
    let top = tray(on);
    for index in 0..70 {
        let (x, y, turn) = (on.between(18.0, 82.0), on.between(18.0, 82.0), on.between(0.0, 1.0));
        let (bend, length) = (on.between(-3.0, 3.0), on.between(7.0, 12.0));
        let thread = Path::curve(&[(x - length, y), (x, y + bend), (x + length, y - bend * 0.5)], 0.9).turned(x, y, turn);
        on.fill_in(&thread, &top, [WHEAT, GOLD, SYRUP_DARK][index % 3]);
    }
    let points = on.strewn(34, 50.0, 50.0, 13.0, 13.0, 3.0);
    on.crumbs(&points, 1.5, PISTACHIO, PISTACHIO_DARK);
}

pub fn basbousa(on: &mut Easel) {
    for row in 0..3 {
        for column in 0..3 {
            let (x, y) = (27.0 + column as f32 * 23.0, 27.0 + row as f32 * 23.0);
            on.body(&Path::block(x, y, 21.0, 21.0, 2.5), WHEAT, SYRUP);
            let points = on.strewn(30, x, y, 12.0, 12.0, 2.0);
            let points: Vec<_> = points.into_iter().filter(|(px, py)| (px - x).abs() < 9.5 && (py - y).abs() < 9.5).collect();
            on.dots(&points, 0.6, CREAM.thin(190));
            on.lit(
                &Path::blob(&[(x - 5.0, y), (x - 1.0, y - 3.0), (x + 5.5, y), (x - 1.0, y + 3.0)]).turned(x, y, 0.125),
                CREAM,
                DOUGH_DARK,
            );
        }
    }
}

/// Dough from a mould, with a rosette of so many petals.
#[inline(never)]
fn moulded(on: &mut Easel, x: f32, y: f32, r: f32, petals: u8) {
    let count = f32::from(petals);
    let mut edge = Vec::new();
    for step in 0..petals * 2 {
        let (sin, cos) = (f32::from(step) / count / 2.0 * std::f32::consts::TAU).sin_cos();
        let r = if step % 2 == 0 { r } else { r * 0.93 };
        edge.push((x + r * cos, y + r * sin));
    }
    on.body(&Path::blob(&edge), DOUGH, DOUGH_DARK);
    for step in 0..petals {
        let turn = f32::from(step) / count;
        let petal = Path::ellipse(x + r * 0.56, y, r * 0.25, r * 1.35 / count).turned(x, y, turn);
        on.fill(&petal.clone().moved(0.4, 0.6), GOLD_DARK.thin(170));
        on.fill(&petal, CREAM);
    }
    on.fill(&Path::arc(x, y, r * 0.24, r * 0.24, 0.0, 1.0, r * 0.05), GOLD_DARK.thin(200));
    on.fill(&Path::circle(x, y, r * 0.11), GOLD_DARK.thin(220));
}

pub fn maamoul_dates(on: &mut Easel) {
    moulded(on, 36.0, 37.0, 20.0, 12);
    moulded(on, 67.0, 50.0, 19.0, 10);
    moulded(on, 38.0, 71.0, 18.0, 14);
    for (x, y, turn) in [(67.0, 79.0, 0.06), (79.0, 73.0, -0.1)] {
        on.body(&Path::ellipse(x, y, 7.4, 3.9).turned(x, y, turn), Colour::hex(0x007A_4526), Colour::hex(0x0054_2C17));
        on.fill(&Path::curve(&[(x - 4.0, y - 1.0), (x, y - 2.0), (x + 4.0, y - 1.2)], 0.8).turned(x, y, turn), CLAY);
    }
}

pub fn maamoul_pistachio(on: &mut Easel) {
    for (x, y, turn) in [(35.0, 38.0, -0.06), (67.0, 40.0, 0.07), (50.0, 68.0, 0.01)] {
        let shell = Path::blob(&[
            (x, y - 21.0),
            (x + 9.0, y - 14.0),
            (x + 15.0, y),
            (x + 9.0, y + 14.0),
            (x, y + 21.0),
            (x - 9.0, y + 14.0),
            (x - 15.0, y),
            (x - 9.0, y - 14.0),
        ]);
        on.body(&shell.turned(x, y, turn), DOUGH, DOUGH_DARK);
        for dy in [-11.0, -5.5, 0.0, 5.5, 11.0] {
            let half = 11.5 - dy * dy / 18.0;
            for side in [-half, half] {
                let groove = Path::curve(&[(x, y + dy - 2.0), (x + side * 0.6, y + dy), (x + side, y + dy + 4.0)], 1.3);
                on.fill(&groove.turned(x, y, turn), GOLD_DARK.thin(170));
            }
        }
        on.fill(&Path::line(&[(x, y - 16.0), (x, y + 16.0)], 1.3).turned(x, y, turn), GOLD_DARK.thin(190));
    }
    let points = on.strewn(12, 77.0, 75.0, 8.0, 8.0, 4.0);
    on.crumbs(&points, 1.8, PISTACHIO, PISTACHIO_DARK);
    let points = on.strewn(8, 22.0, 74.0, 7.0, 6.0, 4.0);
    on.crumbs(&points, 1.8, PISTACHIO, PISTACHIO_DARK);
}

pub fn ghraybeh(on: &mut Easel) {
    for (x, y) in [(31.0, 32.0), (66.0, 30.0), (49.0, 54.0), (27.0, 74.0), (72.0, 72.0)] {
        let turn = on.between(0.0, 1.0);
        let ring = Path::arc(x, y, 8.8, 8.8, 0.02, 0.98, 8.0).turned(x, y, turn);
        on.body(&ring, CREAM, CREAM_DARK);
        on.fill(&Path::arc(x, y, 9.6, 9.6, 0.55, 0.7, 1.3), PAPER);
        let nut = Path::ellipse(x + 8.8, y, 2.6, 1.6).turned(x, y, turn);
        on.lit(&nut, PISTACHIO, PISTACHIO_DARK);
    }
}

pub fn barazek(on: &mut Easel) {
    for (x, y, r) in [(35.0, 36.0, 19.0), (67.0, 44.0, 18.0), (43.0, 70.0, 18.5)] {
        on.body(&Path::circle(x, y, r), BAKED, BAKED_DARK);
        let points = on.strewn(120, x, y, r * 0.92, r * 0.92, 2.1);
        on.seeds(&points, 1.15, CREAM);
        for _ in 0..9 {
            let turn = on.between(0.2, 0.5);
            let (px, py) =
                (x + r * 0.95 * (turn * std::f32::consts::TAU).cos(), y + r * 0.95 * (turn * std::f32::consts::TAU).sin());
            on.crumbs(&[(px, py)], 1.2, PISTACHIO, PISTACHIO_DARK);
        }
    }
}

pub fn qatayef(on: &mut Easel) {
    for row in 0..4 {
        for column in 0..3 {
            let (x, y) = (26.0 + column as f32 * 24.0 + if row % 2 == 0 { -2.0 } else { 3.0 }, 25.0 + row as f32 * 17.0);
            let moon = Path::blob(&[
                (x - 11.5, y + 4.0),
                (x - 8.0, y - 4.5),
                (x, y - 8.0),
                (x + 8.0, y - 4.5),
                (x + 11.5, y + 4.0),
                (x, y + 6.5),
            ]);
            on.body(&moon, GOLD, GOLD_DARK);
            let holes = on.strewn(14, x, y - 0.8, 7.5, 4.5, 2.0);
            on.dots(&holes, 0.6, BAKED_DARK.thin(170));
            on.fill(&Path::curve(&[(x - 10.5, y + 4.2), (x, y + 6.2), (x + 10.5, y + 4.2)], 1.5), DOUGH);
        }
    }
}

pub fn awameh(on: &mut Easel) {
    on.plate(41.0, 22.0, 68.0);
    let rows: [(f32, usize, f32); 4] = [(66.0, 5, 12.0), (55.0, 4, 12.5), (44.0, 3, 13.0), (34.0, 2, 12.0)];
    for (y, count, gap) in rows {
        for index in 0..count {
            let x = 50.0 + (index as f32 - (count as f32 - 1.0) / 2.0) * gap;
            on.body(&Path::circle(x, y, 7.4), SYRUP, SYRUP_DARK);
            on.fill(&Path::ellipse(x - 2.4, y - 2.8, 2.2, 1.4), CREAM.thin(210));
        }
    }
    let points = on.strewn(26, 50.0, 50.0, 22.0, 18.0, 4.0);
    on.dots(&points, 0.6, PISTACHIO);
}

pub fn warbat(on: &mut Easel) {
    for (x, y, turn) in [(34.0, 38.0, 0.0), (66.0, 38.0, 0.5), (34.0, 69.0, 0.5), (66.0, 69.0, 0.0)] {
        let triangle = |r: f32| {
            Path::polygon(&[(x - 16.0 * r, y + 10.0 * r), (x, y - 16.0 * r), (x + 16.0 * r, y + 10.0 * r)]).turned(x, y, turn)
        };
        on.body(&triangle(1.0), GOLD, GOLD_DARK);
        for r in [0.84, 0.68] {
            on.fill(&triangle(r).without(triangle(r - 0.06)), BAKED);
        }
        on.lit(&Path::circle(x, y + if turn > 0.2 { -1.5 } else { 1.5 }, 5.2), PAPER, CREAM_DARK);
        let points = on.strewn(7, x, y + if turn > 0.2 { -1.5 } else { 1.5 }, 3.6, 3.6, 2.0);
        on.crumbs(&points, 1.0, PISTACHIO, PISTACHIO_DARK);
    }
}

pub fn halawet(on: &mut Easel) {
    on.plate(42.0, 36.0, 52.0);
    for row in 0..3 {
        for column in 0..2 {
            let (x, y) = (35.0 + column as f32 * 30.0, 36.0 + row as f32 * 16.5);
            on.body(&Path::block(x, y, 27.0, 12.6, 6.3), PAPER, CREAM_DARK);
            for dx in [-8.0, 8.0] {
                on.fill(
                    &Path::curve(&[(x + dx - 1.2, y + 5.0), (x + dx + 0.6, y), (x + dx + 0.2, y - 5.0)], 0.6),
                    DOUGH_DARK.thin(170),
                );
            }
            on.lit(
                &Path::blob(&[(x - 5.0, y - 4.5), (x, y - 7.4), (x + 5.0, y - 4.5), (x + 3.6, y + 0.6), (x - 3.6, y + 0.6)]),
                CREAM,
                DOUGH,
            );
            let points = on.strewn(9, x, y - 3.6, 3.8, 2.4, 1.5);
            on.crumbs(&points, 1.2, PISTACHIO, PISTACHIO_DARK);
        }
    }
    let points = on.strewn(16, 50.0, 80.0, 22.0, 3.4, 3.0);
    on.dots(&points, 0.9, WHEAT);
}
