//! What is drawn of a picture: three sizes, each as WebP and as JPEG, turned upright, in sRGB, without any metadata.

use std::borrow::Cow;

use fast_image_resize::{MulDiv, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageEncoder, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::check::{self, Opened};
use super::{Drawn, Format, Refused, Size};

/// Of libwebp's 100.
const WEBP_QUALITY: f32 = 80.0;
/// Of 100; about as good as that WebP to the eye.
const JPEG_QUALITY: u8 = 82;

/// One file of a picture.
pub struct Rendition {
    pub size: Size,
    pub drawn: Drawn,
    pub bytes: Vec<u8>,
}

/// Draws everything of a picture. It takes the memory of opening it, and little more.
///
/// # Errors
/// [`Refused`], with why.
pub fn draw(kept: &[u8], format: Format, turn: u8) -> Result<Vec<Rendition>, Refused> {
    let Opened { image, profile } = check::open(kept, format)?;
    let mut current = eight_bits(shrink(image, Size::Full)?);
    if let Some(profile) = profile {
        current = in_srgb(current, &profile);
    }
    if let Some(turn) = Orientation::from_exif(turn) {
        current.apply_orientation(turn);
    }
    let mut renditions = Vec::with_capacity(Size::ALL.len() * Drawn::ALL.len());
    // The largest first: each is drawn of the one before.
    for size in [Size::Full, Size::Card, Size::Thumb] {
        current = shrink(current, size)?;
        renditions.push(Rendition { size, drawn: Drawn::Webp, bytes: webp(&current)? });
        renditions.push(Rendition { size, drawn: Drawn::Jpeg, bytes: jpeg(&current)? });
    }
    Ok(renditions)
}

fn failed(what: &str) -> Refused {
    Refused::new("not_drawn", format!("could not be drawn: {what}"))
}

/// Within a size, never larger than it is.
fn shrink(mut image: DynamicImage, size: Size) -> Result<DynamicImage, Refused> {
    let (width, height) = image.dimensions();
    let (longest, most) = (width.max(height), size.longest());
    if longest <= most {
        return Ok(image);
    }
    let side = |side: u32| {
        let scaled = (u64::from(side) * u64::from(most) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(most).max(1)
    };
    let mut smaller = DynamicImage::new(side(width), side(height), image.color());
    let (weigh, has_alpha) = (MulDiv::new(), image.color().has_alpha());
    // Clear pixels count for nothing. They are weighed where they are, because the resizer would copy all of them for it.
    if has_alpha {
        weigh.multiply_alpha_inplace(&mut image).map_err(|_| failed("its clear pixels cannot be weighed"))?;
    }
    // Lanczos3.
    Resizer::new()
        .resize(&image, &mut smaller, &ResizeOptions::new().use_alpha(false))
        .map_err(|_| failed("its pixels cannot be resized"))?;
    drop(image);
    if has_alpha {
        weigh.divide_alpha_inplace(&mut smaller).map_err(|_| failed("its clear pixels cannot be weighed"))?;
    }
    Ok(smaller)
}

/// Red, green and blue of 8 bits, with alpha where something is clear.
fn eight_bits(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return DynamicImage::ImageRgb8(image.into_rgb8());
    }
    let image = image.into_rgba8();
    if image.pixels().all(|pixel| pixel.0[3] == u8::MAX) {
        return DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(image).into_rgb8());
    }
    DynamicImage::ImageRgba8(image)
}

/// With its colours as every screen shows them. A profile that cannot be read, or is not of red, green and blue, changes nothing.
fn in_srgb(image: DynamicImage, profile: &[u8]) -> DynamicImage {
    let layout = if image.color().has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let converted = ColorProfile::new_from_slice(profile).ok().filter(|profile| profile.color_space == DataColorSpace::Rgb);
    let converted = converted.and_then(|profile| {
        let transform =
            profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), layout, TransformOptions::default()).ok()?;
        let source = image.as_bytes();
        let mut pixels = vec![0; source.len()];
        transform.transform(source, &mut pixels).ok()?;
        let (width, height) = image.dimensions();
        match layout {
            Layout::Rgba => image::RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
            _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        }
    });
    converted.unwrap_or(image)
}

fn webp(image: &DynamicImage) -> Result<Vec<u8>, Refused> {
    let (width, height) = image.dimensions();
    let encoder = match image {
        DynamicImage::ImageRgba8(image) => webp::Encoder::from_rgba(image.as_raw(), width, height),
        DynamicImage::ImageRgb8(image) => webp::Encoder::from_rgb(image.as_raw(), width, height),
        _ => return Err(failed("its pixels are of no kind that is drawn")),
    };
    let encoded = encoder.encode_simple(false, WEBP_QUALITY).map_err(|_| failed("libwebp refused it"))?;
    Ok(encoded.to_vec())
}

fn jpeg(image: &DynamicImage) -> Result<Vec<u8>, Refused> {
    let (width, height) = image.dimensions();
    let flat = on_white(image);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .write_image(flat.as_raw(), width, height, image::ExtendedColorType::Rgb8)
        .map_err(|_| failed("it could not be written as JPEG"))?;
    Ok(bytes)
}

/// JPEG knows nothing clear: what is behind is white, as a page is.
fn on_white(image: &DynamicImage) -> Cow<'_, RgbImage> {
    match image {
        DynamicImage::ImageRgb8(image) => Cow::Borrowed(image),
        image => {
            let image = image.to_rgba8();
            let over = |channel: u8, alpha: u8| {
                let (channel, alpha) = (u16::from(channel), u16::from(alpha));
                u8::try_from((channel * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
            };
            Cow::Owned(RgbImage::from_fn(image.width(), image.height(), |x, y| {
                let [red, green, blue, alpha] = image.get_pixel(x, y).0;
                image::Rgb([over(red, alpha), over(green, alpha), over(blue, alpha)])
            }))
        }
    }
}
