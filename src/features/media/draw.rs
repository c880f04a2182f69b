//! What is drawn of a picture: three sizes, each as WebP and as JPEG, turned upright, in sRGB, without any metadata.

use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{InnerPixel, U8x3, U8x4};
use fast_image_resize::{ImageError, MulDiv, PixelTrait, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageEncoder, RgbImage, RgbaImage};
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
fn shrink(image: DynamicImage, size: Size) -> Result<DynamicImage, Refused> {
    let (width, height) = image.dimensions();
    let (longest, most) = (width.max(height), size.longest());
    if longest <= most {
        return Ok(image);
    }
    let side = |side: u32| {
        let scaled = (u64::from(side) * u64::from(most) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(most).max(1)
    };
    let (from, to) = ((width, height), (side(width), side(height)));
    // Each kind of pixels by its own name: a resizer that takes every kind would bring the code for all of them.
    match image {
        DynamicImage::ImageRgba8(mut image) => {
            let mut smaller = RgbaImage::new(to.0, to.1);
            weigh(&mut image, |weigh, pixels| weigh.multiply_alpha_inplace_typed(pixels))?;
            scale::<U8x4>((from, &image), (to, &mut smaller))?;
            weigh(&mut smaller, |weigh, pixels| weigh.divide_alpha_inplace_typed(pixels))?;
            Ok(DynamicImage::ImageRgba8(smaller))
        }
        DynamicImage::ImageRgb8(image) => {
            let mut smaller = RgbImage::new(to.0, to.1);
            scale::<U8x3>((from, &image), (to, &mut smaller))?;
            Ok(DynamicImage::ImageRgb8(smaller))
        }
        _ => Err(failed("its pixels are of no kind that is drawn")),
    }
}

/// Lanczos3, of pixels as they stand: clear ones count for nothing only once they are weighed.
fn scale<P: InnerPixel + PixelTrait>(
    (from, pixels): ((u32, u32), &[u8]),
    (to, smaller): ((u32, u32), &mut [u8]),
) -> Result<(), Refused> {
    let mut resized = || {
        let image = TypedImageRef::<P>::from_buffer(from.0, from.1, pixels).ok()?;
        let mut smaller = TypedImage::<P>::from_buffer(to.0, to.1, smaller).ok()?;
        Resizer::new().resize_typed(&image, &mut smaller, &ResizeOptions::new().use_alpha(false)).ok()
    };
    resized().ok_or_else(|| failed("its pixels cannot be resized"))
}

/// Weighs clear pixels where they are, because the resizer would copy all of them for it.
fn weigh(
    image: &mut RgbaImage,
    how: impl FnOnce(&MulDiv, &mut TypedImage<'_, U8x4>) -> Result<(), ImageError>,
) -> Result<(), Refused> {
    let (width, height) = image.dimensions();
    let weighed =
        TypedImage::from_buffer(width, height, image).ok().and_then(|mut pixels| how(&MulDiv::new(), &mut pixels).ok());
    weighed.ok_or_else(|| failed("its clear pixels cannot be weighed"))
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
            Layout::Rgba => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
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
