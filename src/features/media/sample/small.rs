//! Cookies, drinks and boxes.

use super::canvas::{Colour, Path};
use super::easel::{
    BAKED, BAKED_DARK, BROWN, BROWN_DARK, CHOCOLATE, CHOCOLATE_DARK, CREAM, CREAM_DARK, DOUGH, DOUGH_DARK, Easel, GOLD,
    GOLD_DARK, INK, PAPER, PISTACHIO, PISTACHIO_DARK, ROSE, ROSE_DARK, SUMAC, TILE, TILE_LIGHT, TOMATO, WHEAT, ZAATAR,
};

const COPPER: Colour = Colour::hex(0x00C8_7A45);
const COPPER_DARK: Colour = Colour::hex(0x009A_5529);
const BRASS: Colour = Colour::hex(0x00E0_B04C);
const BRASS_DARK: Colour = Colour::hex(0x00B4_842B);
const COFFEE: Colour = Colour::hex(0x005A_3A22);
const CARD: Colour = Colour::hex(0x00DC_B98A);
const CARD_DARK: Colour = Colour::hex(0x00BF_9662);

#[inline(never)]
fn cookie(on: &mut Easel, x: f32, y: f32, r: f32, light: Colour, dark: Colour) {
    let mut edge = Vec::new();
    for step in 0..11 {
        let (sin, cos) = (step as f32 / 11.0 * std::f32::consts::TAU).sin_cos();
        let r = r * on.between(0.96, 1.04);
        edge.push((x + r * cos, y + r * sin));
    }
    on.body(&Path::blob(&edge), light, dark);
}

pub fn chocolate_chip(on: &mut Easel) {
    for (x, y, r) in [(60.0, 38.0, 24.0), (41.0, 61.0, 25.0)] {
        cookie(on, x, y, r, GOLD, GOLD_DARK);
        let points = on.strewn(14, x, y, r * 0.85, r * 0.85, r * 0.2);
        on.dots(&points, 0.9, BAKED.thin(160));
        let points = on.strewn(13, x, y, r * 0.8, r * 0.8, r * 0.34);
        on.crumbs(&points, 3.0, CHOCOLATE, CHOCOLATE_DARK);
    }
}

pub fn oat_and_date(on: &mut Easel) {
    for (x, y, r) in [(40.0, 37.0, 22.0), (64.0, 52.0, 21.0), (39.0, 69.0, 20.0)] {
        cookie(on, x, y, r, BROWN, BROWN_DARK);
        for (px, py) in on.strewn(26, x, y, r * 0.82, r * 0.82, 3.6) {
            let turn = on.between(0.0, 1.0);
            on.fill(&Path::ellipse(px, py, 2.3, 1.2).turned(px, py, turn), CREAM);
            on.fill(&Path::line(&[(px - 1.4, py), (px + 1.4, py)], 0.35).turned(px, py, turn), BAKED);
        }
        let points = on.strewn(7, x, y, r * 0.75, r * 0.75, 7.0);
        on.crumbs(&points, 2.0, Colour::hex(0x0070_3E26), Colour::hex(0x004E_2818));
    }
}

pub fn petit_four(on: &mut Easel) {
    on.body(&Path::block(50.0, 50.0, 78.0, 66.0, 5.0), PAPER, CREAM_DARK);
    on.fill(&Path::block(50.0, 50.0, 72.0, 60.0, 3.0), TILE.thin(36));
    for row in 0..3 {
        for column in 0..4 {
            let (x, y) = (24.5 + column as f32 * 17.0, 32.0 + row as f32 * 18.0);
            match (row + column * 2) % 5 {
                0 => {
                    on.body(&Path::circle(x, y, 6.6), DOUGH, DOUGH_DARK);
                    on.lit(&Path::circle(x, y, 2.8), TOMATO, SUMAC);
                }
                1 => {
                    on.body(&Path::block(x, y, 12.0, 12.0, 2.0), CHOCOLATE, CHOCOLATE_DARK);
                    on.fill(
                        &Path::curve(&[(x - 4.0, y + 2.0), (x - 1.0, y - 3.0), (x + 1.0, y + 3.0), (x + 4.0, y - 2.0)], 0.8),
                        CREAM,
                    );
                }
                2 => {
                    on.body(&Path::ellipse(x, y, 6.8, 5.4), ROSE, ROSE_DARK);
                    on.crumbs(&[(x, y)], 1.6, PISTACHIO, PISTACHIO_DARK);
                }
                3 => {
                    for step in 0..6 {
                        let turn = step as f32 / 6.0;
                        on.lit(&Path::ellipse(x + 4.0, y, 2.9, 2.4).turned(x, y, turn), DOUGH, GOLD);
                    }
                    on.fill(&Path::circle(x, y, 2.0), CHOCOLATE);
                }
                _ => {
                    on.body(&Path::block(x, y, 12.5, 8.6, 3.6), GOLD, GOLD_DARK);
                    on.fill(&Path::block(x + 3.4, y, 5.6, 8.6, 3.4), CHOCOLATE);
                }
            }
        }
    }
}

pub fn rusk(on: &mut Easel) {
    for (index, (x, y, turn)) in
        [(50.0, 30.0, -0.03), (48.0, 46.0, 0.02), (52.0, 61.0, -0.02), (48.0, 76.0, 0.04)].into_iter().enumerate()
    {
        on.body(&Path::block(x, y, 66.0, 12.6, 5.0).turned(x, y, turn), GOLD, GOLD_DARK);
        on.fill(&Path::block(x, y + 0.8, 60.0, 7.6, 3.6).turned(x, y, turn), DOUGH);
        let points = on.strewn(26 + index, x, y + 0.6, 27.0, 3.4, 2.2);
        on.dots(&points, 0.7, BAKED.thin(170));
        let points = on.strewn(14, x, y, 28.0, 4.0, 3.6);
        on.seeds(&points, 0.9, ZAATAR);
    }
}

pub fn macarons(on: &mut Easel) {
    let colours = [(ROSE, ROSE_DARK), (PISTACHIO, PISTACHIO_DARK), (WHEAT, GOLD_DARK)];
    for row in 0..2 {
        for (column, (light, dark)) in colours.into_iter().enumerate() {
            let (x, y) = (24.0 + column as f32 * 26.0, 36.0 + row as f32 * 29.0);
            let (light, dark) = if row == 0 { (light, dark) } else { colours[(column + 1) % 3] };
            let shell = |dy: f32| Path::block(x, y + dy, 23.0, 8.6, 4.3);
            on.body(&shell(5.4), light, dark);
            on.fill(&Path::block(x, y, 20.0, 4.4, 2.0), CREAM);
            on.lit(&shell(-5.4), light, dark);
            for dy in [-2.0, 2.2] {
                for step in 0..8 {
                    on.fill(&Path::circle(x - 10.0 + step as f32 * 2.86, y + dy, 1.2), dark);
                }
            }
            on.fill(&Path::line(&[(x - 7.0, y - 7.6), (x - 1.0, y - 8.0)], 1.2), PAPER.thin(150));
        }
    }
}

#[inline(never)]
fn steam(on: &mut Easel, x: f32, y: f32) {
    for dx in [-6.0, 0.0, 6.0] {
        let wave =
            Path::curve(&[(x + dx, y), (x + dx + 2.4, y - 5.0), (x + dx - 1.6, y - 10.0), (x + dx + 1.4, y - 15.0)], 1.5);
        on.fill(&wave, PAPER.thin(220));
    }
}

pub fn arabic_coffee(on: &mut Easel) {
    let pot = Path::blob(&[
        (26.0, 80.0),
        (23.0, 68.0),
        (33.0, 50.0),
        (36.0, 38.0),
        (46.0, 38.0),
        (49.0, 50.0),
        (59.0, 68.0),
        (56.0, 80.0),
        (41.0, 83.0),
    ]);
    let spout = Path::blob(&[(30.0, 58.0), (17.0, 47.0), (9.0, 33.0), (16.0, 34.0), (25.0, 42.0), (36.0, 50.0)]);
    on.body(&spout, BRASS, BRASS_DARK);
    on.body(&Path::arc(56.0, 52.0, 12.0, 15.0, 0.62, 1.12, 3.6), BRASS, BRASS_DARK);
    on.body(&pot, BRASS, BRASS_DARK);
    let lid = Path::blob(&[
        (34.0, 39.0),
        (37.0, 30.0),
        (40.0, 22.0),
        (41.0, 16.0),
        (42.0, 22.0),
        (45.0, 30.0),
        (48.0, 39.0),
        (41.0, 41.0),
    ]);
    on.body(&lid, BRASS, BRASS_DARK);
    for y in [47.0, 66.0] {
        on.fill_in(&Path::block(41.0, y, 50.0, 1.4, 0.0), &pot, BRASS_DARK);
    }
    for x in [29.0, 37.0, 45.0, 53.0] {
        on.fill_in(&Path::ellipse(x, 72.0, 2.4, 4.0), &pot, BRASS_DARK.thin(180));
    }
    let cup = Path::polygon(&[(66.0, 60.0), (88.0, 60.0), (83.5, 79.0), (70.5, 79.0)]);
    on.body(&cup, PAPER, CREAM_DARK);
    on.fill_in(&Path::block(77.0, 68.0, 30.0, 4.0, 0.0), &cup, TILE);
    on.fill(&Path::ellipse(77.0, 60.0, 11.0, 3.4), PAPER);
    on.fill(&Path::ellipse(77.0, 60.4, 9.2, 2.6), Colour::hex(0x00B0_7A33));
    steam(on, 77.0, 54.0);
    for (x, y, turn) in [(66.0, 88.0, 0.1), (73.0, 90.0, -0.05), (80.0, 87.0, 0.3)] {
        on.lit(&Path::ellipse(x, y, 2.8, 1.6).turned(x, y, turn), PISTACHIO, PISTACHIO_DARK);
    }
}

pub fn turkish_coffee(on: &mut Easel) {
    on.body(&Path::line(&[(64.0, 40.0), (90.0, 22.0)], 3.6), BROWN, BROWN_DARK);
    let pot = Path::blob(&[
        (38.0, 40.0),
        (66.0, 40.0),
        (62.0, 48.0),
        (70.0, 62.0),
        (66.0, 72.0),
        (38.0, 72.0),
        (34.0, 62.0),
        (42.0, 48.0),
    ])
    .scaled(50.0, 56.0, 0.92);
    on.body(&pot, COPPER, COPPER_DARK);
    on.fill(&Path::ellipse(52.0, 41.6, 13.0, 3.8), COPPER_DARK);
    on.fill(&Path::ellipse(52.0, 42.0, 11.4, 3.0), COFFEE);
    on.fill(&Path::arc(52.0, 42.0, 7.0, 1.6, 0.0, 1.0, 0.9), Colour::hex(0x00A8_7B4A));
    on.fill(&Path::arc(50.0, 60.0, 10.0, 9.0, 0.45, 0.6, 1.6), CREAM.thin(150));
    on.body(&Path::ellipse(32.0, 80.0, 21.0, 6.6), PAPER, TILE_LIGHT);
    let cup = Path::blob(&[(20.0, 62.0), (44.0, 62.0), (43.0, 72.0), (38.0, 79.0), (26.0, 79.0), (21.0, 72.0)]);
    on.body(&Path::arc(45.0, 68.0, 5.0, 4.6, 0.6, 1.3, 2.2), PAPER, TILE_LIGHT);
    on.body(&cup, PAPER, TILE_LIGHT);
    on.fill(&Path::ellipse(32.0, 63.0, 12.0, 3.6), PAPER);
    on.fill(&Path::ellipse(32.0, 63.3, 10.0, 2.7), COFFEE);
    on.fill_in(&Path::block(32.0, 71.0, 40.0, 1.6, 0.0), &cup, TILE);
    steam(on, 32.0, 56.0);
    let points = on.strewn(9, 72.0, 84.0, 13.0, 4.0, 5.0);
    for (x, y) in points {
        let turn = on.between(0.0, 1.0);
        on.lit(&Path::ellipse(x, y, 2.6, 1.8).turned(x, y, turn), CHOCOLATE, CHOCOLATE_DARK);
        on.fill(&Path::line(&[(x - 1.8, y), (x + 1.8, y)], 0.5).turned(x, y, turn), BROWN);
    }
}

pub fn mint_lemonade(on: &mut Easel) {
    on.body(&Path::line(&[(56.0, 40.0), (66.0, 8.0)], 2.6), SUMAC, TOMATO);
    let glass = Path::polygon(&[(30.0, 22.0), (70.0, 22.0), (64.0, 86.0), (36.0, 86.0)]);
    on.body(&glass, Colour::hex(0x00E9_F3F2), TILE_LIGHT);
    let drink = Path::polygon(&[(32.4, 34.0), (67.6, 34.0), (63.0, 83.0), (37.0, 83.0)]);
    on.fill(&drink, Colour::hex(0x00C9_DB7C));
    on.fill_in(&Path::block(62.0, 60.0, 16.0, 60.0, 0.0), &drink, PISTACHIO);
    for (x, y, turn) in [(42.0, 42.0, 0.05), (55.0, 46.0, 0.11), (45.0, 56.0, 0.02)] {
        on.fill(&Path::block(x, y, 9.0, 9.0, 2.0).turned(x, y, turn), PAPER.thin(150));
    }
    for (x, y, turn) in [(41.0, 68.0, 0.1), (55.0, 72.0, 0.4), (57.0, 60.0, 0.7), (46.0, 77.0, 0.9)] {
        on.leaf(x, y, 8.0, turn);
    }
    let (x, y) = (32.0, 24.0);
    on.body(&Path::circle(x, y, 12.0), WHEAT, GOLD_DARK);
    on.fill(&Path::circle(x, y, 10.2), CREAM);
    for step in 0..8 {
        let turn = step as f32 / 8.0;
        on.fill(&Path::blob(&[(x + 1.6, y), (x + 8.6, y - 2.6), (x + 9.2, y), (x + 8.6, y + 2.6)]).turned(x, y, turn), WHEAT);
    }
    on.leaf(50.0, 18.0, 14.0, -0.32);
    on.leaf(60.0, 20.0, 13.0, -0.1);
    on.fill(&Path::line(&[(36.0, 30.0), (39.4, 78.0)], 1.4), PAPER.thin(190));
}

pub fn sahlab(on: &mut Easel) {
    on.body(&Path::ellipse(48.0, 83.0, 34.0, 6.4), PAPER, TILE_LIGHT);
    on.body(&Path::arc(74.0, 58.0, 9.5, 11.0, 0.7, 1.3, 4.6), TILE_LIGHT, TILE);
    let mug = Path::blob(&[(22.0, 42.0), (74.0, 42.0), (73.0, 66.0), (67.0, 81.0), (29.0, 81.0), (23.0, 66.0)]);
    on.body(&mug, TILE_LIGHT, TILE);
    for step in 0..7 {
        let x = 26.0 + step as f32 * 7.4;
        on.fill_in(&Path::polygon(&[(x, 60.0), (x + 3.2, 55.0), (x + 6.4, 60.0), (x + 3.2, 65.0)]), &mug, PAPER);
    }
    on.fill(&Path::ellipse(48.0, 43.0, 26.4, 7.4), PAPER);
    on.fill(&Path::ellipse(48.0, 43.6, 23.4, 5.8), CREAM);
    let points = on.strewn(60, 47.0, 43.6, 15.0, 3.6, 1.4);
    on.dots(&points, 0.55, BROWN);
    let points = on.strewn(12, 52.0, 43.0, 10.0, 2.6, 2.6);
    on.crumbs(&points, 1.1, PISTACHIO, PISTACHIO_DARK);
    let stick = Path::block(64.0, 34.0, 4.4, 26.0, 2.0).turned(64.0, 34.0, 0.09);
    on.body(&stick, BROWN, BROWN_DARK);
    steam(on, 42.0, 33.0);
}

/// An open box with its lid behind.
#[inline(never)]
fn open_box(on: &mut Easel, light: Colour, dark: Colour) {
    on.body(&Path::polygon(&[(16.0, 36.0), (24.0, 12.0), (76.0, 12.0), (84.0, 36.0)]), light, dark);
    on.body(&Path::polygon(&[(10.0, 36.0), (90.0, 36.0), (84.0, 84.0), (16.0, 84.0)]), light, dark);
    on.fill(&Path::polygon(&[(15.0, 39.0), (85.0, 39.0), (81.0, 72.0), (19.0, 72.0)]), INK.thin(70));
}

pub fn breakfast_box(on: &mut Easel) {
    open_box(on, CARD, CARD_DARK);
    on.body(&Path::circle(33.0, 52.0, 13.0), DOUGH, GOLD);
    on.lit(&Path::circle(33.0, 52.0, 10.6), ZAATAR, Colour::hex(0x004B_6A27));
    let points = on.strewn(30, 33.0, 52.0, 9.0, 9.0, 2.0);
    on.seeds(&points, 0.7, CREAM);
    let ring = Path::block(56.0, 54.0, 17.0, 27.0, 8.5).without(Path::block(56.0, 55.0, 6.6, 15.0, 3.3));
    on.body(&ring, BAKED, BAKED_DARK);
    let mut points = on.strewn(44, 56.0, 54.0, 8.0, 13.0, 1.8);
    points.retain(|(x, _)| (x - 56.0).abs() > 4.6);
    on.seeds(&points, 0.7, CREAM);
    on.body(&Path::block(74.0, 48.0, 13.0, 12.0, 2.0), PAPER, CREAM_DARK);
    for (x, y) in [(71.0, 62.0), (76.5, 65.0), (72.0, 69.0)] {
        on.lit(&Path::ellipse(x, y, 3.0, 2.3), PISTACHIO, PISTACHIO_DARK);
    }
    for (x, y) in [(45.0, 43.0), (43.0, 67.0)] {
        on.lit(&Path::circle(x, y, 3.2), TOMATO, SUMAC);
    }
    on.fill(&Path::block(50.0, 78.0, 24.0, 3.0, 1.5), TILE);
}

pub fn office_tray(on: &mut Easel) {
    on.body(&Path::ellipse(50.0, 54.0, 45.0, 34.0), Colour::hex(0x00D3_CFC3), Colour::hex(0x00AB_A698));
    on.fill(&Path::ellipse(49.6, 53.4, 41.0, 30.4), Colour::hex(0x00E6_E3D9));
    for (ring, count) in [(34.0, 14_usize), (22.0, 9), (9.5, 4)] {
        for step in 0..count {
            let (sin, cos) = (step as f32 / count as f32 * std::f32::consts::TAU).sin_cos();
            let (x, y) = (50.0 + ring * cos, 53.0 + ring * 0.73 * sin);
            match (step + count) % 4 {
                0 => {
                    on.body(&Path::circle(x, y, 5.2), DOUGH, GOLD);
                    on.fill(&Path::circle(x, y, 3.6), ZAATAR);
                }
                1 => {
                    on.body(&Path::block(x, y, 9.6, 8.0, 2.0), GOLD, GOLD_DARK);
                    on.fill(&Path::circle(x, y, 2.0), TOMATO);
                }
                2 => {
                    on.body(&Path::polygon(&[(x - 5.4, y + 4.0), (x, y - 5.4), (x + 5.4, y + 4.0)]), GOLD, GOLD_DARK);
                    on.fill(&Path::circle(x, y + 0.6, 1.4), ZAATAR);
                }
                _ => {
                    on.body(&Path::circle(x, y, 5.0), DOUGH, GOLD);
                    on.fill(&Path::circle(x, y, 3.4), CREAM);
                    on.fill(&Path::circle(x + 0.8, y + 0.4, 0.9), BAKED);
                }
            }
        }
    }
}

pub fn eid_box(on: &mut Easel) {
    let lid = Path::block(50.0, 53.0, 70.0, 60.0, 5.0);
    on.body(&lid, TILE, Colour::hex(0x0008_3F4F));
    for (x, y) in [(27.0, 36.0), (73.0, 36.0), (27.0, 70.0), (73.0, 70.0)] {
        for step in 0..8 {
            let turn = step as f32 / 8.0;
            on.fill(&Path::ellipse(x + 5.4, y, 3.0, 1.5).turned(x, y, turn), BRASS);
        }
        on.fill(&Path::circle(x, y, 1.6), BRASS);
    }
    on.fill_in(&Path::block(50.0, 53.0, 8.0, 90.0, 0.0), &lid, WHEAT);
    on.fill_in(&Path::block(50.0, 53.0, 90.0, 8.0, 0.0), &lid, WHEAT);
    for (turn, mirror) in [(0.0, -1.0), (0.0, 1.0)] {
        let bow = Path::blob(&[
            (50.0, 52.0),
            (50.0 + 8.0 * mirror, 38.0),
            (50.0 + 20.0 * mirror, 34.0),
            (50.0 + 21.0 * mirror, 46.0),
            (50.0 + 10.0 * mirror, 53.0),
        ]);
        on.body(&bow.turned(50.0, 53.0, turn), WHEAT, GOLD_DARK);
        on.fill(
            &Path::blob(&[
                (50.0 + 6.0 * mirror, 49.0),
                (50.0 + 12.0 * mirror, 41.0),
                (50.0 + 17.0 * mirror, 40.0),
                (50.0 + 15.0 * mirror, 46.0),
            ]),
            GOLD_DARK,
        );
        on.body(&Path::polygon(&[(50.0, 54.0), (50.0 + 14.0 * mirror, 66.0), (50.0 + 7.0 * mirror, 70.0)]), WHEAT, GOLD_DARK);
    }
    on.body(&Path::circle(50.0, 53.0, 5.0), WHEAT, GOLD_DARK);
    // A crescent.
    on.fill(&Path::circle(50.0, 16.0, 8.0).without(Path::circle(53.4, 14.4, 6.8)), BRASS_DARK);
}

pub fn surprise_bag(on: &mut Easel) {
    for (x, turn) in [(40.0, -0.03), (52.0, 0.02)] {
        on.body(&Path::block(x, 30.0, 9.0, 40.0, 4.4).turned(x, 40.0, turn), GOLD, GOLD_DARK);
        for y in [18.0, 25.0] {
            on.fill(&Path::curve(&[(x - 2.5, y + 2.0), (x, y), (x + 3.0, y - 1.5)], 1.6).turned(x, 40.0, turn), CREAM);
        }
    }
    on.body(&Path::blob(&[(54.0, 38.0), (58.0, 26.0), (68.0, 24.0), (74.0, 36.0), (66.0, 44.0)]), BAKED, BAKED_DARK);
    let mut edge = vec![(24.0, 88.0), (26.0, 38.0)];
    for step in 0..8 {
        edge.push((29.0 + step as f32 * 6.0, if step % 2 == 0 { 35.0 } else { 39.0 }));
    }
    edge.extend([(74.0, 38.0), (76.0, 88.0)]);
    let bag = Path::polygon(&edge);
    on.body(&bag, CARD, CARD_DARK);
    on.fill_in(&Path::polygon(&[(62.0, 30.0), (80.0, 30.0), (80.0, 90.0), (66.0, 90.0)]), &bag, CARD_DARK.thin(140));
    on.fill(&Path::circle(48.0, 64.0, 12.5), PAPER);
    on.fill(&Path::arc(48.0, 64.0, 10.8, 10.8, 0.0, 1.0, 0.6), SUMAC);
    on.fill(
        &Path::curve(&[(44.0, 60.6), (45.4, 57.4), (49.6, 56.8), (52.0, 59.6), (50.6, 62.6), (48.2, 64.4), (48.0, 67.0)], 2.3),
        SUMAC,
    );
    on.fill(&Path::circle(48.0, 71.0, 1.5), SUMAC);
}
