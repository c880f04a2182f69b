//! Drawing a picture beside the bare libraries doing the same on the same picture, on one core.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;

use std::time::Instant;

use bayader::features::media;
use common::median;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};

/// Interleaved, ours and theirs.
const PAIRS: usize = 5;
const SIZES: [u32; 3] = [1_600, 600, 200];

fn main() {
    let (width, height, times) = if common::is_quick() { (2_000, 1_500, 1) } else { (4_000, 3_000, 3) };
    let photo = photo(width, height);
    let checked = media::accept(&photo, u64::MAX).unwrap_or_else(|refused| panic!("{refused:?}"));
    let (mut ours, mut theirs, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        theirs.push(rate(times, || bare(&photo)));
        ours.push(rate(times, || {
            media::draw(&checked.kept, checked.picture.format, checked.picture.turn).expect("drawn").len()
        }));
        checks.push(rate(times, || media::accept(&photo, u64::MAX).map_or(0, |checked| checked.kept.len())));
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    println!(
        "{width} x {height} JPEG of {} KB, six renditions: {:.2} pictures/s a core, bare libraries {:.2}, ratio {:.1} %; checks {:.2}/s",
        photo.len() >> 10,
        median(&ours),
        median(&theirs),
        median(&ratios) * 100.0,
        median(&checks),
    );
}

/// Soft shapes with some grain, as a photo has them.
fn photo(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| {
        let grain = (x ^ y.rotate_left(16)).wrapping_mul(0x9e37_79b1).to_be_bytes()[0] / 16;
        let soft = |scale: u32| u8::try_from((x / scale + y / (scale + 3)) % 200).unwrap_or(0);
        Rgb([soft(7).saturating_add(grain), soft(11).saturating_add(grain), soft(17).saturating_add(grain)])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&image).expect("a picture can be written");
    bytes
}

/// Pictures a second.
fn rate(times: usize, mut work: impl FnMut() -> usize) -> f64 {
    let begun = Instant::now();
    let done: usize = (0..times).map(|_| work()).sum();
    assert!(done > 0, "something came of it");
    times as f64 / begun.elapsed().as_secs_f64()
}

/// The same work with no check around it.
fn bare(photo: &[u8]) -> usize {
    let mut image = image::load_from_memory_with_format(photo, ImageFormat::Jpeg).expect("a picture").into_rgb8();
    let mut written = 0;
    for longest in SIZES {
        let (width, height) = (longest, longest * image.height() / image.width());
        let mut pixels = RgbImage::new(width, height);
        let from = TypedImageRef::<U8x3>::from_buffer(image.width(), image.height(), &image).expect("its pixels");
        let mut to = TypedImage::<U8x3>::from_buffer(width, height, &mut pixels).expect("its pixels");
        Resizer::new().resize_typed(&from, &mut to, &ResizeOptions::new()).expect("resized");
        written += webp::Encoder::from_rgb(pixels.as_raw(), width, height).encode_simple(false, 80.0).expect("WebP").len();
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 82).encode_image(&pixels).expect("JPEG");
        written += jpeg.len();
        image = pixels;
    }
    written
}
