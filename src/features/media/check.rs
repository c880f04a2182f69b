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
    limits.max_alloc = Some(2 * MOST_OPEN_BYTES);
    reader.limits(limits);
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
    let profile = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?;
    Ok(Opened { image, profile })
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
