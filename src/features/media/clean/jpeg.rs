//! JPEG (ITU-T T.81): segments, each with its marker, and the coded data between them.

use super::{Walk, check_size, turn_of, turned};
use crate::features::media::Refused;

/// Each scan makes the decoder pass over the whole picture, however few its bytes; progressive pictures have about ten.
const MOST_SCANS: usize = 64;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DHT: u8 = 0xc4;
const DQT: u8 = 0xdb;
const DNL: u8 = 0xdc;
const DRI: u8 = 0xdd;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;
/// `JFIF`, version 1.01, no unit, one by one, no thumbnail.
const JFIF: &[u8] = &[0xff, APP0, 0, 16, b'J', b'F', b'I', b'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];

pub(super) fn clean(bytes: &[u8], most_pixels: u64) -> Result<(Vec<u8>, u8), Refused> {
    let mut walk = Walk::new(bytes);
    let mut kept = walk.take(2)?.to_vec();
    let (mut turn, mut has_jfif, mut has_frame, mut scans) = (None, false, false, 0);
    loop {
        let marker = marker(&mut walk)?;
        match marker {
            EOI => break,
            SOI | 0x00 => return Err(Refused::damaged("a part begins within another")),
            // Stand alone: TEM, and restart marks that a cut scan has left.
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let [high, low] = walk.array()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let payload = walk.take(length.checked_sub(2).ok_or_else(|| Refused::damaged("a part has no length"))?)?;
        let keeps = match marker {
            SOS | DHT | DQT | DRI | DNL => true,
            0xc0..=0xcf if marker != 0xc8 && marker != 0xcc => {
                let [_, h1, h0, w1, w0] = *payload.first_chunk().ok_or_else(|| Refused::damaged("its header is short"))?;
                check_size(u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into(), most_pixels)?;
                if std::mem::replace(&mut has_frame, true) {
                    return Err(Refused::damaged("it has two headers"));
                }
                true
            }
            APP0 if payload.starts_with(b"JFIF\0") && !has_jfif => {
                has_jfif = true;
                kept.extend_from_slice(JFIF);
                false
            }
            APP1 if payload.starts_with(b"Exif\0\0") => {
                turn.get_or_insert_with(|| turn_of(payload));
                false
            }
            APP2 => payload.starts_with(b"ICC_PROFILE\0"),
            // Says how colours are coded.
            APP14 => payload.starts_with(b"Adobe"),
            _ => false,
        };
        if keeps {
            kept.extend_from_slice(&[0xff, marker, high, low]);
            kept.extend_from_slice(payload);
        }
        if marker == SOS {
            scans += 1;
            if scans > MOST_SCANS {
                return Err(Refused::damaged("it has too many scans"));
            }
            kept.extend_from_slice(walk.take(coded_length(walk.left)?)?);
        }
    }
    if !has_frame || scans == 0 {
        return Err(Refused::damaged("there is no picture in it"));
    }
    kept.extend_from_slice(&[0xff, EOI]);
    let turn = turn.unwrap_or(1);
    if turn != 1 {
        let exif = [&[0xff, APP1, 0, 34][..], b"Exif\0\0", &turned(turn)].concat();
        kept.splice(2..2, exif);
    }
    Ok((kept, turn))
}

/// The next marker; before one there may be any number of 0xFF.
fn marker(walk: &mut Walk<'_>) -> Result<u8, Refused> {
    if walk.byte()? != 0xff {
        return Err(Refused::damaged("something stands between its parts"));
    }
    loop {
        match walk.byte()? {
            0xff => {}
            marker => return Ok(marker),
        }
    }
}

/// The length of a scan's coded data: up to the next marker that is no restart mark.
fn coded_length(bytes: &[u8]) -> Result<usize, Refused> {
    let mut from = 0;
    while let Some(found) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == 0xff)) {
        let at = from + found;
        match bytes.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => from = at + 2,
            Some(0xff) => from = at + 1,
            Some(_) => return Ok(at),
            None => break,
        }
    }
    Err(Refused::truncated())
}
