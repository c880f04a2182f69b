//! Is it a picture? What is said of it is by its content alone.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::clean::{self, Clean};
use super::{Format, Picture, PictureHash, Refused};

/// Pixels of a picture, at most (SPEC 8).
pub const MOST_PIXELS: u64 = 50_000_000;
/// Bytes of its pixels in memory, at most: as many as that with four bytes each. A picture of 16 bits a channel may have half as many.
const MOST_OPEN_BYTES: u64 = MOST_PIXELS * 4;
/// Bytes that opening a picture may take at its most, beside the file itself: what is needed by any of so many pixels in the ways in which
/// cameras and programs write them, and by rarer ways with fewer. One picture is open at a time, so this is what pictures cost the shop.
const MOST_WHILE_OPEN: u64 = 360_000_000;
/// How long opening a picture may take.
const MOST_TIME: Duration = Duration::from_secs(60);

/// A picture as it is kept.
pub struct Checked {
    pub picture: Picture,
    /// Its bytes: cut at its end, without metadata but how it is turned.
    pub kept: Vec<u8>,
}

/// Checks bytes and cleans them: it opens the picture whole, so it takes as long as that, and the memory of all its pixels.
///
/// # Errors
/// [`Refused`].
pub fn accept(bytes: &[u8], most_bytes: u64) -> Result<Checked, Refused> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most_bytes {
        return Err(too_large(most_bytes));
    }
    let Clean { format, kept, turn } = clean::clean(bytes, MOST_PIXELS)?;
    let Opened { image, .. } = open(&kept, format)?;
    let (hash, bytes) = (PictureHash::of(&kept), i64::try_from(kept.len()).unwrap_or(i64::MAX));
    Ok(Checked { picture: Picture { hash, format, width: image.width(), height: image.height(), turn, bytes }, kept })
}

/// A file has more bytes than one may have.
pub(super) fn too_large(most_bytes: u64) -> Refused {
    Refused::new("file_too_large", format!("has more than {} MB: save it smaller, then send it", most_bytes / 1_000_000))
}

/// Reads what has arrived, and no more than a byte too much of it.
pub(super) fn read_all(file: &mut (impl Read + Seek), most_bytes: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A picture's pixels.
pub(super) struct Opened {
    pub image: DynamicImage,
    /// Its colour profile.
    pub profile: Option<Vec<u8>>,
}

/// Opens a cleaned picture: the first frame of an animated one.
pub(super) fn open(kept: &[u8], format: Format) -> Result<Opened, Refused> {
    let format = match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Webp => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
    };
    let timed = Timed { bytes: Cursor::new(kept), ends: Instant::now() + MOST_TIME };
    let mut reader = ImageReader::with_format(timed, format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_WHILE_OPEN);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(|error| refused(&error))?;
    // Before a pixel is decoded.
    let (width, height) = decoder.dimensions();
    clean::check_size(width.into(), height.into(), MOST_PIXELS)?;
    if decoder.total_bytes() > MOST_OPEN_BYTES {
        return Err(Refused::new(
            "too_many_pixels",
            format!(
                "has {width} × {height} pixels of 16 bits; at that depth half as many are taken. Save it with 8 bits a channel"
            ),
        ));
    }
    if format == ImageFormat::WebP {
        check_memory(
            width.into(),
            height.into(),
            u64::from(width) * u64::from(height) * webp_weight(kept),
            "in this kind of WebP",
        )?;
    }
    // Beside its pixels, which the decoder does not count.
    limits.max_alloc = Some(MOST_WHILE_OPEN.saturating_sub(decoder.total_bytes()));
    decoder.set_limits(limits).map_err(|error| refused(&error))?;
    let profile = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?;
    Ok(Opened { image, profile })
}

/// Refuses a picture that takes too much memory to open, in the way it is written.
pub(super) fn check_memory(width: u64, height: u64, bytes: u64, written: &str) -> Result<(), Refused> {
    if bytes <= MOST_WHILE_OPEN {
        return Ok(());
    }
    Err(Refused::new(
        "too_many_pixels",
        format!(
            "has {width} × {height} pixels {written}, which take {} MB to open; {} MB are taken. Save it as a plain JPEG, not progressive, \
             or with fewer pixels",
            bytes / 1_000_000,
            MOST_WHILE_OPEN / 1_000_000
        ),
    ))
}

/// Bytes a pixel that the decoder holds at its most: what it gives, and what it makes that of.
fn webp_weight(kept: &[u8]) -> u64 {
    let mut weight = 0;
    let mut rest = kept.get(12..).unwrap_or_default();
    while let Some((name, after)) = rest.split_first_chunk::<4>() {
        let Some((size, payload)) = after.split_first_chunk::<4>() else { break };
        weight = weight.max(match name {
            // A canvas, a frame with all that it may be made of, and the picture.
            b"ANMF" => 15,
            b"ALPH" => 11,
            b"VP8L" => 7,
            _ => 5,
        });
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        rest = payload.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    weight
}

fn refused(error: &ImageError) -> Refused {
    match error {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::TimedOut => {
            Refused::damaged("opening it takes longer than any picture should")
        }
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => Refused::truncated(),
        ImageError::Limits(_) => Refused::damaged("it asks for more memory than its size explains"),
        ImageError::Unsupported(_) => Refused::damaged("it is of a kind that browsers do not show either"),
        // What the decoder says of foreign bytes is for programmers.
        _ => Refused::damaged("its data does not fit together"),
    }
}

/// Bytes that can be read for some time only, so that a decoder which takes too long is ended.
struct Timed<'b> {
    bytes: Cursor<&'b [u8]>,
    ends: Instant,
}

impl Timed<'_> {
    fn check(&self) -> io::Result<()> {
        if Instant::now() < self.ends { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.bytes.read(buffer)
    }
}

impl BufRead for Timed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for Timed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webp_weighs_as_the_dearest_way_it_is_written_in() {
        let of = |names: &[&[u8; 4]]| {
            let chunk = |name: &[u8; 4]| [&name[..], &3_u32.to_le_bytes(), &[0; 4]].concat();
            [b"RIFF\0\0\0\0WEBP".to_vec(), names.iter().flat_map(|name| chunk(name)).collect()].concat()
        };
        assert_eq!(webp_weight(&of(&[b"VP8 "])), 5);
        assert_eq!(webp_weight(&of(&[b"VP8L"])), 7);
        assert_eq!(webp_weight(&of(&[b"VP8X", b"ALPH", b"VP8 "])), 11);
        assert_eq!(webp_weight(&of(&[b"VP8X", b"ANIM", b"ANMF", b"ANMF"])), 15);
        assert_eq!(webp_weight(b"RIFF"), 0);
        assert!(check_memory(8_000, 6_250, MOST_WHILE_OPEN, "so").is_ok());
        assert_eq!(
            check_memory(8_000, 6_250, MOST_WHILE_OPEN + 1, "so").map_err(|refused| refused.code),
            Err("too_many_pixels")
        );
    }
}
