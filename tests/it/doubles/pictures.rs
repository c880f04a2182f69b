//! Pictures as phones, programs and attackers make them, and the form that sends them.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::gif::GifEncoder;
use image::{Delay, DynamicImage, Frame, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use crate::harness::{Client, Request, Shop};

/// Left half red, right half blue; the upper left eighth green, so that every way to turn it looks different.
pub fn flag(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        if x < width / 2 && y < height / 4 {
            Rgb([0, 200, 0])
        } else if x < width / 2 {
            Rgb([220, 0, 0])
        } else {
            Rgb([0, 0, 220])
        }
    }))
}

/// Different for each seed, and hard to pack.
pub fn noise(width: u32, height: u32, seed: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        let mixed = (x ^ y.rotate_left(16) ^ seed.rotate_left(8)).wrapping_mul(0x9e37_79b1).to_be_bytes();
        Rgb([mixed[0], mixed[1], mixed[2]])
    }))
}

pub fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("a picture can be written");
    bytes.into_inner()
}

pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    written(&flag(width, height), ImageFormat::Jpeg)
}

pub fn png(width: u32, height: u32) -> Vec<u8> {
    written(&flag(width, height), ImageFormat::Png)
}

/// Half clear.
pub fn clear_png(width: u32, height: u32) -> Vec<u8> {
    let pixels = RgbaImage::from_fn(width, height, |x, _| if x < width / 2 { Rgba([0; 4]) } else { Rgba([0, 0, 220, 255]) });
    written(&DynamicImage::ImageRgba8(pixels), ImageFormat::Png)
}

/// Its first frame is red, its second blue.
pub fn animated_gif() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for colour in [[220, 0, 0, 255], [0, 0, 220, 255]] {
        let frame = RgbaImage::from_pixel(64, 64, Rgba(colour));
        encoder.encode_frame(Frame::from_parts(frame, 0, 0, Delay::from_numer_denom_ms(100, 1))).expect("a frame");
    }
    drop(encoder);
    bytes
}

fn riff(name: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut chunk = name.to_vec();
    chunk.extend(u32::try_from(payload.len()).expect("short").to_le_bytes());
    chunk.extend(payload);
    if payload.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

fn webp_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut inner = b"WEBP".to_vec();
    for chunk in chunks {
        inner.extend(chunk);
    }
    let mut file = b"RIFF".to_vec();
    file.extend(u32::try_from(inner.len()).expect("short").to_le_bytes());
    file.extend(inner);
    file
}

/// The chunks of a plain WebP without its container.
fn webp_chunks(colour: [u8; 3]) -> Vec<u8> {
    let image = DynamicImage::ImageRgb8(RgbImage::from_pixel(64, 64, Rgb(colour)));
    written(&image, ImageFormat::WebP)[12..].to_vec()
}

/// Its first frame is red, its second blue.
pub fn animated_webp() -> Vec<u8> {
    let side = [63, 0, 0];
    let extended = [&[0x02, 0, 0, 0][..], &side, &side].concat();
    let frame = |colour| {
        let head = [&[0; 6][..], &side, &side, &[100, 0, 0, 0]].concat();
        riff(*b"ANMF", &[head, webp_chunks(colour)].concat())
    };
    webp_of(&[riff(*b"VP8X", &extended), riff(*b"ANIM", &[0; 6]), frame([220, 0, 0]), frame([0, 0, 220])])
}

/// A WebP with Exif and XMP in it, as phones write them.
pub fn webp_with_metadata(turn: u16) -> Vec<u8> {
    let side = [63, 0, 0];
    let extended = [&[0x08 | 0x04, 0, 0, 0][..], &side, &side].concat();
    let picture = written(&flag(64, 64), ImageFormat::WebP)[12..].to_vec();
    webp_of(&[riff(*b"VP8X", &extended), picture, riff(*b"EXIF", &exif(turn)), riff(*b"XMP ", b"<x>here-lives-layla</x>")])
}

/// A TIFF block: the orientation, and a place on the earth.
pub fn exif(turn: u16) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let short = |value: u16| [value.to_be_bytes()[0], value.to_be_bytes()[1], 0, 0];
    let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
    tiff.extend(2_u16.to_be_bytes());
    tiff.extend(entry(0x0112, 3, 1, short(turn)));
    // The pointer to the GPS part, which begins where this one ends.
    tiff.extend(entry(0x8825, 4, 1, 38_u32.to_be_bytes()));
    tiff.extend(0_u32.to_be_bytes());
    tiff.extend(2_u16.to_be_bytes());
    tiff.extend(entry(1, 2, 2, *b"N\0\0\0"));
    tiff.extend(entry(2, 5, 3, 68_u32.to_be_bytes()));
    tiff.extend(0_u32.to_be_bytes());
    for part in [31_u32, 57, 1_234] {
        tiff.extend(part.to_be_bytes());
        tiff.extend(1_u32.to_be_bytes());
    }
    tiff.extend(b"here-lives-layla");
    tiff
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).expect("short");
    [&[0xff, marker][..], &length.to_be_bytes(), payload].concat()
}

/// A JPEG with these segments behind its first mark.
pub fn with_segments(jpeg: &[u8], segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    for (marker, payload) in segments {
        bytes.extend(segment(*marker, payload));
    }
    bytes.extend(&jpeg[2..]);
    bytes
}

/// As a phone writes it: turned, with its place, XMP, a comment, and something behind its end.
pub fn from_a_phone(turn: u16, width: u32, height: u32) -> Vec<u8> {
    let metadata = [
        (0xe1, [b"Exif\0\0".to_vec(), exif(turn)].concat()),
        (0xe1, b"http://ns.adobe.com/xap/1.0/\0<x>here-lives-layla</x>".to_vec()),
        (0xed, b"Photoshop 3.0\0here-lives-layla".to_vec()),
        (0xfe, b"here-lives-layla".to_vec()),
    ];
    let mut bytes = with_segments(&jpeg(width, height), &metadata);
    bytes.extend(b"MotionPhoto_Data here-lives-layla");
    bytes
}

pub fn png_chunk(name: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), payload].concat();
    let mut chunk = u32::try_from(payload.len()).expect("short").to_be_bytes().to_vec();
    chunk.extend(&named);
    chunk.extend(crc32fast::hash(&named).to_be_bytes());
    chunk
}

pub fn packed(zeros: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let piece = vec![0; 1 << 20];
    let mut left = zeros;
    while left > 0 {
        let now = left.min(piece.len());
        encoder.write_all(&piece[..now]).expect("packed");
        left -= now;
    }
    encoder.finish().expect("packed")
}

/// A PNG of red, green and blue whose data is as it is said, not as its header promises.
pub fn png_of(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(*b"IHDR", &head), png_chunk(*b"IDAT", data), png_chunk(*b"IEND", b"")].concat()
}

/// A PNG of red, green, blue and alpha with 16 bits each, all of it black and clear.
pub fn deep_png(width: u32, height: u32) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[16, 6, 0, 0, 0]].concat();
    let row = 1 + 8 * usize::try_from(width).expect("fits");
    let data = packed(row * usize::try_from(height).expect("fits"));
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(*b"IHDR", &head), png_chunk(*b"IDAT", &data), png_chunk(*b"IEND", b"")].concat()
}

/// A WebP that claims a size in its coded data and has nothing behind it.
pub fn webp_that_claims(width: u32, height: u32) -> Vec<u8> {
    let head = (width - 1) | (height - 1) << 14;
    webp_of(&[riff(*b"VP8L", &[&[0x2f][..], &head.to_le_bytes(), &[0; 32]].concat())])
}

/// A large PNG of one colour, in few bytes.
pub fn plain_png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = [vec![0], vec![seed; 3 * usize::try_from(width).expect("fits")]].concat();
    (0..height).for_each(|_| encoder.write_all(&row).expect("packed"));
    png_of(width, height, &encoder.finish().expect("packed"))
}

/// A picture of that size, grey and half clear, as PNG.
pub fn half_clear_png(width: u32, height: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = [vec![0], vec![128; 4 * usize::try_from(width).expect("fits")]].concat();
    (0..height).for_each(|_| encoder.write_all(&row).expect("packed"));
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let data = encoder.finish().expect("packed");
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(*b"IHDR", &head), png_chunk(*b"IDAT", &data), png_chunk(*b"IEND", b"")].concat()
}

/// A grey progressive JPEG of one scan. `luma` is how finely light is sampled beside colour, across and down: 0x22 as cameras do, 0x11
/// for colour as fine as light.
pub fn progressive_jpeg(width: u16, height: u16, luma: u8) -> Vec<u8> {
    let [w1, w0] = width.to_be_bytes();
    let [h1, h0] = height.to_be_bytes();
    let side = 8 * usize::from(luma & 15);
    let units = usize::from(width).div_ceil(side) * usize::from(height).div_ceil(side);
    let blocks = units * (usize::from(luma >> 4) * usize::from(luma & 15) + 2);
    let segments = [
        segment(0xdb, &[vec![0], vec![1; 64]].concat()),
        segment(0xc2, &[8, h1, h0, w1, w0, 3, 1, luma, 0, 2, 0x11, 0, 3, 0x11, 0]),
        // One word of one bit: no difference to the block before.
        segment(0xc4, &[vec![0, 1], vec![0; 15], vec![0]].concat()),
        segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 0, 0]),
    ];
    [vec![0xff, 0xd8], segments.concat(), vec![0; blocks.div_ceil(8)], vec![0xff, 0xd9]].concat()
}

/// One part of an upload.
pub enum Part<'a> {
    File(&'a str, &'a [u8]),
    Text(&'a str, &'a str),
}

/// A form and its media type.
pub fn form(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "----a-line-that-no-picture-has";
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{BOUNDARY}\r\n").into_bytes());
        let (head, content) = match part {
            Part::File(name, bytes) => (
                format!(
                    "Content-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                ),
                *bytes,
            ),
            Part::Text(name, text) => (format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n"), text.as_bytes()),
        };
        body.extend(head.into_bytes());
        body.extend(content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// Adds pictures to a product.
pub fn upload(by: &Client, product: &str, parts: &[Part<'_>]) -> Request {
    let (media_type, body) = form(parts);
    by.post(&format!("/api/v1/products/{product}/images")).bytes(&media_type, body)
}

/// Draws what is to be drawn. The writer's clock runs ahead of one that stands still, a moment a write: so a second passes first.
pub async fn draw(shop: &Shop) {
    shop.advance(std::time::Duration::from_secs(1));
    shop.run_jobs().await;
}

/// Has every job run, and those that come of them.
pub async fn settle(shop: &Shop) {
    for _ in 0..4 {
        draw(shop).await;
    }
}

/// The path of a link to a picture, as a client asks this shop for it.
pub fn path_of(link: &serde_json::Value) -> String {
    let link = link.as_str().unwrap_or_else(|| panic!("no link: {link}"));
    link[link.find("/media/").unwrap_or_else(|| panic!("{link} is no link to a picture"))..].to_owned()
}
