//! What a file is by its content, and its bytes without what is no picture: metadata, and whatever follows the picture's end. How a
//! picture is to be turned is written back alone, so that the kept bytes say all there is to say of it, and one that is turned
//! otherwise is another picture.
//!
//! Each format is walked by its own parts and nothing is decoded here, so a walk costs no more than reading the bytes once; how large
//! the picture is, its header says. A walk never looks behind what has arrived: it reads by [`Walk`], which ends there.

mod gif;
mod jpeg;
mod png;
mod webp;

use image::metadata::Orientation;

use super::{Format, Refused};

/// A file's bytes, cut and cleaned.
pub(super) struct Clean {
    pub format: Format,
    pub kept: Vec<u8>,
    /// Exif's orientation, 1 to 8.
    pub turn: u8,
}

/// Says what a file is, cuts it at the picture's end and leaves its metadata out. Colour profiles stay: without them the colours of
/// most phones are wrong.
///
/// # Errors
/// [`Refused`] for what is no picture, ends too early, breaks its format's rules, or claims more than `most_pixels`.
pub(super) fn clean(bytes: &[u8], most_pixels: u64) -> Result<Clean, Refused> {
    let (format, cleaned) = match bytes {
        [] => return Err(Refused::new("not_a_picture", "is empty")),
        [0xff, 0xd8, 0xff, ..] => (Format::Jpeg, jpeg::clean(bytes, most_pixels)?),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => (Format::Png, png::clean(bytes, most_pixels)?),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => (Format::Gif, gif::clean(bytes, most_pixels)?),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => (Format::Webp, webp::clean(bytes)?),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] if is_heif(brand) => return Err(heif()),
        _ => return Err(Refused::not_a_picture()),
    };
    let (kept, turn) = cleaned;
    Ok(Clean { format, kept, turn })
}

/// HEIC and AVIF by the first brand of their container.
fn is_heif(brand: &[u8]) -> bool {
    const BRANDS: [&[u8]; 10] = [b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"];
    BRANDS.iter().any(|known| brand.starts_with(known))
}

fn heif() -> Refused {
    Refused::new(
        "heic_picture",
        "is a HEIC or AVIF picture, which browsers do not all show. On an iPhone choose Settings, Camera, Formats, Most Compatible, or \
         share the picture by mail; elsewhere save it as JPEG. Then send that",
    )
}

/// A picture of so many pixels is refused, from its header.
pub(super) fn check_size(width: u64, height: u64, most_pixels: u64) -> Result<(), Refused> {
    if width == 0 || height == 0 {
        return Err(Refused::damaged("it has no width or no height"));
    }
    if width.saturating_mul(height) > most_pixels || width.max(height) > MOST_SIDE {
        let most = most_pixels / 1_000_000;
        let message = format!("claims {width} × {height} pixels; at most {most} megapixels are taken, and {MOST_SIDE} a side");
        return Err(Refused::new("too_many_pixels", message));
    }
    Ok(())
}

/// Pixels of a side, at most: as many as a JPEG can have.
const MOST_SIDE: u64 = 65_535;

/// The orientation in an Exif block, which begins with its TIFF header or with `Exif\0\0`.
fn turn_of(exif: &[u8]) -> u8 {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff).map_or(1, Orientation::to_exif)
}

/// An Exif block, without `Exif\0\0` before it, that says nothing but an orientation.
fn turned(turn: u8) -> [u8; 26] {
    let mut tiff = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";
    tiff[19] = turn;
    tiff
}

/// Reads bytes one part after the other.
struct Walk<'b> {
    left: &'b [u8],
}

impl<'b> Walk<'b> {
    fn new(bytes: &'b [u8]) -> Walk<'b> {
        Walk { left: bytes }
    }

    /// The next so many bytes.
    fn take(&mut self, count: usize) -> Result<&'b [u8], Refused> {
        let (taken, left) = self.left.split_at_checked(count).ok_or_else(Refused::truncated)?;
        self.left = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, Refused> {
        Ok(self.array::<1>()?[0])
    }
}

fn length(number: u32) -> Result<usize, Refused> {
    usize::try_from(number).map_err(|_| Refused::truncated())
}
