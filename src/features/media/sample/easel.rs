//! What all drawings of the sample's products have in common: colours, light from the left, the mould of the category behind.

use super::canvas::{Canvas, Colour, Path, Point};

pub const INK: Colour = Colour::hex(0x0021_1D16);
pub const PAPER: Colour = Colour::hex(0x00FB_FAF6);
pub const CREAM: Colour = Colour::hex(0x00FC_F1DA);
pub const CREAM_DARK: Colour = Colour::hex(0x00EA_D9B6);
pub const DOUGH: Colour = Colour::hex(0x00F3_DBA8);
pub const DOUGH_DARK: Colour = Colour::hex(0x00E2_BF80);
pub const GOLD: Colour = Colour::hex(0x00E8_AE55);
pub const GOLD_DARK: Colour = Colour::hex(0x00CF_8C35);
pub const WHEAT: Colour = Colour::hex(0x00F2_B53A);
pub const BAKED: Colour = Colour::hex(0x00C4_8A2E);
pub const BAKED_DARK: Colour = Colour::hex(0x00A1_6A20);
pub const CRUST: Colour = Colour::hex(0x007D_5110);
pub const BROWN: Colour = Colour::hex(0x009C_6B3C);
pub const BROWN_DARK: Colour = Colour::hex(0x007C_5029);
pub const CHOCOLATE: Colour = Colour::hex(0x0062_3C22);
pub const CHOCOLATE_DARK: Colour = Colour::hex(0x0047_2A17);
pub const ZAATAR: Colour = Colour::hex(0x005F_7F33);
pub const ZAATAR_DARK: Colour = Colour::hex(0x0033_601D);
pub const PISTACHIO: Colour = Colour::hex(0x009C_BB55);
pub const PISTACHIO_DARK: Colour = Colour::hex(0x0074_9338);
pub const TOMATO: Colour = Colour::hex(0x00CC_4E30);
pub const TOMATO_DARK: Colour = Colour::hex(0x00A9_3A22);
pub const SUMAC: Colour = Colour::hex(0x009B_1C28);
pub const ROSE: Colour = Colour::hex(0x00EC_A9A6);
pub const ROSE_DARK: Colour = Colour::hex(0x00D4_8583);
pub const CLAY: Colour = Colour::hex(0x00B9_5C22);
pub const TILE: Colour = Colour::hex(0x000C_566B);
pub const TILE_LIGHT: Colour = Colour::hex(0x0086_CBDB);

/// A drawing under way.
pub struct Easel {
    canvas: Canvas,
    chance: u32,
}

impl Easel {
    /// The ground of a category: its tint, and its mould pressed into it.
    #[inline(never)]
    pub fn new(size: usize, ground: Colour, petals: u8, chance: u32) -> Easel {
        let mut easel = Easel { canvas: Canvas::new(size, ground), chance: chance.wrapping_mul(2_654_435_761) | 1 };
        easel.mould(petals);
        easel
    }

    #[inline(never)]
    pub fn into_rgb(self) -> Vec<u8> {
        self.canvas.into_rgb()
    }

    /// A wooden mould for ma'amoul leaves rings and petals.
    fn mould(&mut self, petals: u8) {
        let line = INK.thin(15);
        self.fill(&Path::circle(50.0, 50.0, 45.0), PAPER.thin(96));
        for (r, width) in [(45.0, 0.9), (42.5, 0.5)] {
            self.fill(&Path::arc(50.0, 50.0, r, r, 0.0, 1.0, width), line);
        }
        let (count, mut turns) = (f32::from(petals), 0.0);
        for _ in 0..petals {
            let petal = Path::curve(&[(50.0, 41.0), (54.0 + 34.0 / count, 20.0), (50.0, 9.5)], 0.7);
            let mirrored = Path::curve(&[(50.0, 41.0), (46.0 - 34.0 / count, 20.0), (50.0, 9.5)], 0.7);
            self.fill(&petal.and(mirrored).turned(50.0, 50.0, turns), line);
            self.fill(&Path::circle(50.0, 12.5, 0.9).turned(50.0, 50.0, turns + 0.5 / count), line);
            turns += 1.0 / count;
        }
    }

    /// A number from one to another.
    #[inline(never)]
    pub fn between(&mut self, from: f32, to: f32) -> f32 {
        // Marsaglia's xorshift: the same picture each time.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        from + (to - from) * (self.chance >> 8) as f32 / 16_777_216.0
    }

    #[inline(never)]
    pub fn fill(&mut self, path: &Path, colour: Colour) {
        self.canvas.fill(path, colour);
    }

    #[inline(never)]
    pub fn fill_in(&mut self, path: &Path, within: &Path, colour: Colour) {
        self.canvas.fill_in(path, within, colour);
    }

    /// What a thing on the table darkens.
    #[inline(never)]
    pub fn shadow(&mut self, path: &Path) {
        self.fill(&path.clone().moved(1.3, 2.2), INK.thin(38));
    }

    /// A thing on the table.
    #[inline(never)]
    pub fn body(&mut self, path: &Path, light: Colour, dark: Colour) {
        self.shadow(path);
        self.lit(path, light, dark);
    }

    /// A thing on another: darker at its lower right.
    #[inline(never)]
    pub fn lit(&mut self, path: &Path, light: Colour, dark: Colour) {
        self.fill(path, dark);
        self.fill_in(&path.clone().moved(-1.4, -2.0), path, light);
    }

    /// Points over an ellipse, none too near to another.
    #[inline(never)]
    pub fn strewn(&mut self, count: usize, x: f32, y: f32, rx: f32, ry: f32, gap: f32) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::with_capacity(count);
        for _ in 0..count * 30 {
            let (dx, dy) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let point = (x + dx * rx, y + dy * ry);
            let is_free = dx.hypot(dy) <= 1.0 && points.iter().all(|other| (other.0 - point.0).hypot(other.1 - point.1) >= gap);
            if is_free {
                points.push(point);
            }
            if points.len() == count {
                break;
            }
        }
        points
    }

    /// Small dots.
    #[inline(never)]
    pub fn dots(&mut self, points: &[Point], r: f32, colour: Colour) {
        for (x, y) in points {
            let r = r * self.between(0.75, 1.25);
            self.fill(&Path::circle(*x, *y, r), colour);
        }
    }

    /// Seeds, each turned another way.
    #[inline(never)]
    pub fn seeds(&mut self, points: &[Point], length: f32, colour: Colour) {
        for (x, y) in points {
            let turn = self.between(0.0, 1.0);
            self.fill(&Path::ellipse(*x, *y, length, length * 0.55).turned(*x, *y, turn), colour);
        }
    }

    /// Crumbs with corners, such as of nuts.
    #[inline(never)]
    pub fn crumbs(&mut self, points: &[Point], r: f32, colour: Colour, dark: Colour) {
        for (x, y) in points {
            let (turn, r) = (self.between(0.0, 1.0), r * self.between(0.7, 1.3));
            let crumb = Path::polygon(&[
                (x - r, y - r * 0.5),
                (x + r * 0.2, y - r),
                (x + r, y + r * 0.1),
                (x + r * 0.3, y + r),
                (x - r * 0.8, y + r * 0.6),
            ])
            .turned(*x, *y, turn);
            self.lit(&crumb, colour, dark);
        }
    }

    /// Leaves of mint and the like.
    #[inline(never)]
    pub fn leaf(&mut self, x: f32, y: f32, length: f32, turn: f32) {
        let half = length / 2.0;
        let leaf =
            Path::blob(&[(x - half, y), (x - half * 0.2, y - half * 0.55), (x + half, y), (x - half * 0.2, y + half * 0.55)])
                .turned(x, y, turn);
        self.lit(&leaf, ZAATAR, ZAATAR_DARK);
        self.fill(&Path::line(&[(x - half * 0.8, y), (x + half * 0.7, y)], length * 0.06).turned(x, y, turn), PISTACHIO);
    }

    /// A plate in the middle.
    #[inline(never)]
    pub fn plate(&mut self, rx: f32, ry: f32, y: f32) {
        let plate = Path::ellipse(50.0, y, rx, ry);
        self.body(&plate, PAPER, Colour::hex(0x00DD_D9CD));
        self.fill(&Path::arc(50.0, y, rx * 0.86, ry * 0.84, 0.0, 1.0, 0.5), TILE.thin(90));
    }
}
