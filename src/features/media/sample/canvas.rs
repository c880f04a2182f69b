//! A small rasteriser: filled outlines with smooth edges, and nothing else.
//!
//! Coordinates run from 0 to 100 over the square, to the right and down. An outline's inside is where its contours wind around
//! (non-zero rule), so that pieces of one path that overlap are one shape.

/// Lines of samples in each row of pixels; along a line coverage is exact.
const LINES: usize = 5;
/// Corners of an ellipse: of the smallest and of the largest. A corner of a small one is nothing that could be seen.
const FEWEST_CORNERS: f32 = 12.0;
const MOST_CORNERS: f32 = 80.0;

/// Red, green, blue, and how much it covers of 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour(pub u8, pub u8, pub u8, pub u8);

impl Colour {
    /// `0xRRGGBB`, covering wholly.
    pub const fn hex(rgb: u32) -> Colour {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Colour(red, green, blue, 255)
    }

    pub const fn thin(self, cover: u8) -> Colour {
        Colour(self.0, self.1, self.2, cover)
    }
}

pub type Point = (f32, f32);

/// Closed contours, all wound the same way.
#[derive(Clone, Default, Debug)]
pub struct Path {
    contours: Vec<Vec<Point>>,
}

impl Path {
    #[inline(never)]
    pub fn polygon(points: &[Point]) -> Path {
        Path { contours: vec![points.to_vec()] }.wound()
    }

    #[inline(never)]
    pub fn ellipse(x: f32, y: f32, rx: f32, ry: f32) -> Path {
        let corners = (FEWEST_CORNERS + rx.max(ry) * 4.0).min(MOST_CORNERS) as usize;
        let corner = |step: usize| {
            let angle = step as f32 / corners as f32 * std::f32::consts::TAU;
            (x + rx * angle.cos(), y + ry * angle.sin())
        };
        Path { contours: vec![(0..corners).map(corner).collect()] }
    }

    #[inline(never)]
    pub fn circle(x: f32, y: f32, r: f32) -> Path {
        Path::ellipse(x, y, r, r)
    }

    /// A rectangle around a middle, its corners rounded by `r`.
    #[inline(never)]
    pub fn block(x: f32, y: f32, width: f32, height: f32, r: f32) -> Path {
        let (right, down, r) = (width / 2.0, height / 2.0, r.min(width / 2.0).min(height / 2.0));
        let corner = |cx: f32, cy: f32, from: f32| {
            (0..=10).map(move |step| {
                let angle = (from + step as f32 / 40.0) * std::f32::consts::TAU;
                (x + cx + r * angle.cos(), y + cy + r * angle.sin())
            })
        };
        let points = corner(right - r, down - r, 0.0)
            .chain(corner(r - right, down - r, 0.25))
            .chain(corner(r - right, r - down, 0.5))
            .chain(corner(right - r, r - down, 0.75));
        Path { contours: vec![points.collect()] }
    }

    /// A soft closed shape through these points (Catmull and Rom's spline).
    #[inline(never)]
    pub fn blob(points: &[Point]) -> Path {
        let count = points.len();
        let at = |index: usize| points[index % count];
        let mut contour = Vec::with_capacity(count * 12);
        for index in 0..count {
            let (before, from, to, after) = (at(index + count - 1), at(index), at(index + 1), at(index + 2));
            for step in 0..12 {
                contour.push(spline(before, from, to, after, step as f32 / 12.0));
            }
        }
        Path { contours: vec![contour] }.wound()
    }

    /// A line with round ends and corners along these points.
    #[inline(never)]
    pub fn line(points: &[Point], width: f32) -> Path {
        let half = width / 2.0;
        let mut path = Path::default();
        for pair in points.windows(2) {
            let &[(x, y), (to_x, to_y)] = pair else { continue };
            let length = (to_x - x).hypot(to_y - y).max(0.001);
            let (nx, ny) = ((y - to_y) / length * half, (to_x - x) / length * half);
            path =
                path.and(Path::polygon(&[(x + nx, y + ny), (to_x + nx, to_y + ny), (to_x - nx, to_y - ny), (x - nx, y - ny)]));
        }
        points.iter().fold(path, |path, (x, y)| path.and(Path::circle(*x, *y, half)))
    }

    /// As [`Path::line`], but soft through its points.
    #[inline(never)]
    pub fn curve(points: &[Point], width: f32) -> Path {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Path::default() };
        let mut soft = Vec::with_capacity(points.len() * 10);
        for index in 0..points.len().saturating_sub(1) {
            let before = if index == 0 { *first } else { points[index - 1] };
            let after = points.get(index + 2).unwrap_or(last);
            for step in 0..10 {
                soft.push(spline(before, points[index], points[index + 1], *after, step as f32 / 10.0));
            }
        }
        soft.push(*last);
        Path::line(&soft, width)
    }

    /// A part of an ellipse's edge as a line, from one angle to another in turns: 0 is right, 0.25 is down.
    #[inline(never)]
    pub fn arc(x: f32, y: f32, rx: f32, ry: f32, from: f32, to: f32, width: f32) -> Path {
        let steps = 8 + ((to - from).abs() * 56.0) as usize;
        let points: Vec<Point> = (0..=steps)
            .map(|step| {
                let angle = (from + (to - from) * step as f32 / steps as f32) * std::f32::consts::TAU;
                (x + rx * angle.cos(), y + ry * angle.sin())
            })
            .collect();
        Path::line(&points, width)
    }

    /// Both, as one shape.
    #[inline(never)]
    pub fn and(mut self, other: Path) -> Path {
        self.contours.extend(other.contours);
        self
    }

    /// With a hole: what of the other lies in this is open.
    #[inline(never)]
    pub fn without(mut self, hole: Path) -> Path {
        self.contours.extend(hole.contours.into_iter().map(|mut contour| {
            contour.reverse();
            contour
        }));
        self
    }

    fn map(mut self, change: impl Fn(Point) -> Point) -> Path {
        self.contours.iter_mut().flatten().for_each(|point| *point = change(*point));
        self
    }

    #[inline(never)]
    pub fn moved(self, x: f32, y: f32) -> Path {
        self.map(|(px, py)| (px + x, py + y))
    }

    /// Turned around a point, in turns to the right.
    #[inline(never)]
    pub fn turned(self, x: f32, y: f32, turns: f32) -> Path {
        let (sin, cos) = (turns * std::f32::consts::TAU).sin_cos();
        self.map(|(px, py)| (x + (px - x) * cos - (py - y) * sin, y + (px - x) * sin + (py - y) * cos))
    }

    #[inline(never)]
    pub fn scaled(self, x: f32, y: f32, by: f32) -> Path {
        self.map(|(px, py)| (x + (px - x) * by, y + (py - y) * by))
    }

    /// Every contour to the right, so that none takes away from another.
    fn wound(mut self) -> Path {
        for contour in &mut self.contours {
            let area: f32 = contour
                .iter()
                .zip(contour.iter().cycle().skip(1))
                .map(|((x, y), (next_x, next_y))| x * next_y - next_x * y)
                .sum();
            if area < 0.0 {
                contour.reverse();
            }
        }
        self
    }
}

fn spline(before: Point, from: Point, to: Point, after: Point, t: f32) -> Point {
    let of = |a: f32, b: f32, c: f32, d: f32| {
        let (two, three) = (t * t, t * t * t);
        0.5 * (2.0 * b + (c - a) * t + (2.0 * a - 5.0 * b + 4.0 * c - d) * two + (3.0 * b - a - 3.0 * c + d) * three)
    };
    (of(before.0, from.0, to.0, after.0), of(before.1, from.1, to.1, after.1))
}

/// How much of each pixel of some rows and columns an outline covers.
struct Mask {
    first_row: usize,
    first_column: usize,
    columns: usize,
    /// Row by row, 0 to 1 each.
    cover: Vec<f32>,
}

impl Mask {
    fn of(path: &Path, size: usize) -> Mask {
        let scale = size as f32 / 100.0;
        let within = |values: &mut dyn Iterator<Item = f32>| {
            let (low, high) = values.fold((f32::MAX, 0.0_f32), |(low, high), value| (low.min(value), high.max(value)));
            let first = ((low * scale).floor().max(0.0) as usize).min(size);
            (first, ((high * scale).ceil() as usize).min(size).saturating_sub(first))
        };
        let (first, rows) = within(&mut path.contours.iter().flatten().map(|(_, y)| *y));
        let (first_column, columns) = within(&mut path.contours.iter().flatten().map(|(x, _)| *x));
        // Which line of samples is crossed, where, and which way.
        let mut crossings: Vec<(usize, f32, i32)> = Vec::new();
        let line_of = |y: f32| (y - first as f32) * LINES as f32 - 0.5;
        for contour in &path.contours {
            for ((x, y), (next_x, next_y)) in contour.iter().zip(contour.iter().cycle().skip(1)) {
                let (y, next_y) = (line_of(y * scale), line_of(next_y * scale));
                let (x, next_x) = (x * scale - first_column as f32, next_x * scale - first_column as f32);
                let (top, bottom, way) = if y < next_y { (y, next_y, 1) } else { (next_y, y, -1) };
                let from = top.ceil().max(0.0) as usize;
                let to = (bottom.ceil().max(0.0) as usize).min(rows * LINES);
                let slope = (next_x - x) / (next_y - y);
                crossings.extend((from..to).map(|line| (line, x + slope * (line as f32 - y), way)));
            }
        }
        crossings.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
        let mut cover = vec![0.0; rows * columns];
        // Each line ends where it began: outside.
        let (mut winding, mut began) = (0, 0.0);
        for (line, x, way) in crossings {
            if winding == 0 {
                began = x;
            }
            winding += way;
            if winding == 0 {
                span(&mut cover[line / LINES * columns..][..columns], began, x);
            }
        }
        Mask { first_row: first, first_column, columns, cover }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        let place = || {
            let column = column.checked_sub(self.first_column).filter(|column| *column < self.columns)?;
            self.cover.get(row.checked_sub(self.first_row)? * self.columns + column)
        };
        place().copied().unwrap_or(0.0)
    }
}

/// Adds a line of samples from one x to another to a row.
fn span(pixels: &mut [f32], from: f32, to: f32) {
    let width = pixels.len() as f32;
    let (from, to) = (from.clamp(0.0, width), to.clamp(0.0, width));
    for (index, pixel) in pixels.iter_mut().enumerate().take(to.ceil() as usize).skip(from as usize) {
        let left = index as f32;
        *pixel += (to.min(left + 1.0) - from.max(left)) / LINES as f32;
    }
}

/// A square picture that is being drawn.
pub struct Canvas {
    size: usize,
    pixels: Vec<[u8; 3]>,
}

impl Canvas {
    #[inline(never)]
    pub fn new(size: usize, ground: Colour) -> Canvas {
        Canvas { size, pixels: vec![[ground.0, ground.1, ground.2]; size * size] }
    }

    #[inline(never)]
    pub fn fill(&mut self, path: &Path, colour: Colour) {
        let mask = Mask::of(path, self.size);
        self.paint(&mask, None, colour);
    }

    /// Fills what of a path lies within another.
    #[inline(never)]
    pub fn fill_in(&mut self, path: &Path, within: &Path, colour: Colour) {
        let mask = Mask::of(path, self.size);
        let within = Mask::of(within, self.size);
        self.paint(&mask, Some(&within), colour);
    }

    fn paint(&mut self, mask: &Mask, within: Option<&Mask>, colour: Colour) {
        for (index, cover) in mask.cover.iter().enumerate().filter(|(_, cover)| **cover > 0.0) {
            let (row, column) = (mask.first_row + index / mask.columns, mask.first_column + index % mask.columns);
            let inside = within.map_or(1.0, |within| within.at(row, column));
            let cover = (cover.min(1.0) * inside.min(1.0) * f32::from(colour.3) / 255.0).min(1.0);
            if let Some(pixel) = self.pixels.get_mut(row * self.size + column) {
                for (old, new) in pixel.iter_mut().zip([colour.0, colour.1, colour.2]) {
                    *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * cover).round() as u8;
                }
            }
        }
    }

    /// Red, green and blue of each pixel, row by row.
    #[inline(never)]
    pub fn into_rgb(self) -> Vec<u8> {
        self.pixels.into_flattened()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(canvas: Canvas) -> f32 {
        let rgb = canvas.into_rgb();
        rgb.iter().map(|byte| f32::from(*byte)).sum::<f32>() / 255.0 / rgb.len() as f32
    }

    fn drawn(path: &Path) -> f32 {
        let mut canvas = Canvas::new(97, Colour::hex(0));
        canvas.fill(path, Colour::hex(0x00FF_FFFF));
        share(canvas)
    }

    fn expect(path: &Path, share: f32) {
        let found = drawn(path);
        assert!((found - share).abs() < 0.003, "{found} instead of {share}");
    }

    #[test]
    fn a_shape_covers_as_much_as_it_is_large() {
        expect(&Path::block(50.0, 50.0, 40.0, 30.0, 0.0), 0.12);
        expect(&Path::circle(50.0, 50.0, 30.0), std::f32::consts::PI * 0.09);
        expect(&Path::line(&[(20.0, 50.0), (80.0, 50.0)], 10.0), 0.06 + std::f32::consts::PI * 0.0025);
        expect(&Path::polygon(&[(10.0, 90.0), (90.0, 90.0), (50.0, 10.0)]), 0.32);
        expect(&Path::polygon(&[(50.0, 10.0), (90.0, 90.0), (10.0, 90.0)]), 0.32);
    }

    #[test]
    fn pieces_of_a_path_are_one_shape_and_a_hole_is_open() {
        let twice = Path::block(50.0, 50.0, 40.0, 40.0, 0.0).and(Path::block(50.0, 50.0, 40.0, 20.0, 0.0));
        expect(&twice, 0.16);
        expect(&Path::block(50.0, 50.0, 40.0, 40.0, 0.0).without(Path::block(50.0, 50.0, 20.0, 20.0, 0.0)), 0.12);
        expect(&Path::block(50.0, 50.0, 40.0, 20.0, 0.0).turned(50.0, 50.0, 0.125), 0.08);
        expect(&Path::block(50.0, 50.0, 40.0, 20.0, 0.0).scaled(50.0, 50.0, 0.5).moved(10.0, -10.0), 0.02);
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        expect(&Path::block(0.0, 0.0, 40.0, 40.0, 0.0), 0.04);
        expect(&Path::block(150.0, 50.0, 40.0, 40.0, 0.0), 0.0);
        expect(&Path::block(50.0, -50.0, 40.0, 40.0, 0.0), 0.0);
        expect(&Path::default(), 0.0);
        expect(&Path::curve(&[], 3.0), 0.0);
        let mut canvas = Canvas::new(97, Colour::hex(0));
        canvas.fill_in(&Path::circle(50.0, 50.0, 40.0), &Path::block(25.0, 50.0, 50.0, 100.0, 0.0), Colour::hex(0x00FF_FFFF));
        let half = share(canvas);
        assert!((half - std::f32::consts::PI * 0.08).abs() < 0.003, "{half}");
    }

    #[test]
    fn a_thin_colour_lets_the_ground_through() {
        let mut canvas = Canvas::new(10, Colour::hex(0));
        canvas.fill(&Path::block(50.0, 50.0, 100.0, 100.0, 0.0), Colour::hex(0x00C8_6432).thin(128));
        assert_eq!(canvas.into_rgb()[..3], [100, 50, 25]);
    }
}
