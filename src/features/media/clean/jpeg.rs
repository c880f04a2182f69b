//! JPEG (ITU-T T.81): segments, each with its marker, and the coded data between them.

use super::{Walk, check_size, turn_of, turned};
use crate::features::media::{Refused, check};

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
    let (mut turn, mut has_jfif, mut frame, mut scans) = (None, false, None, 0);
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
                if frame.replace(Frame::of(marker, payload)?).is_some() {
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
            if let (1, Some(frame)) = (scans, &frame) {
                frame.check_memory(payload.first().copied().unwrap_or(0))?;
            }
            if scans > MOST_SCANS {
                return Err(Refused::damaged("it has too many scans"));
            }
            kept.extend_from_slice(walk.take(coded_length(walk.left)?)?);
        }
    }
    if frame.is_none() || scans == 0 {
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

/// What a picture's header says, as far as it tells what opening it takes.
struct Frame {
    is_progressive: bool,
    width: u64,
    height: u64,
    /// How many samples each component has, across and down, in a unit of the picture.
    samplings: Vec<(u64, u64)>,
}

impl Frame {
    fn of(marker: u8, payload: &[u8]) -> Result<Frame, Refused> {
        let short = || Refused::damaged("its header is short");
        let ([_, h1, h0, w1, w0, count], components) = payload.split_first_chunk::<6>().ok_or_else(short)?;
        let side = |high: u8, low: u8| u64::from(u16::from_be_bytes([high, low]));
        let samplings: Vec<(u64, u64)> = components
            .chunks_exact(3)
            .take(usize::from(*count))
            .map(|component| (u64::from(component[1] >> 4), u64::from(component[1] & 15)))
            .collect();
        Ok(Frame { is_progressive: marker == 0xc2, width: side(*w1, *w0), height: side(*h1, *h0), samplings })
    }

    /// Row by row a picture takes no more than its pixels. One whose components come in several scans is held whole until the last of
    /// them, as 16 bits for each sample.
    fn check_memory(&self, in_first_scan: u8) -> Result<(), Refused> {
        if !self.is_progressive && usize::from(in_first_scan) == self.samplings.len() {
            return Ok(());
        }
        let most = |of: fn(&(u64, u64)) -> u64| self.samplings.iter().map(of).max().unwrap_or(1).max(1);
        let units = self.width.div_ceil(8 * most(|one| one.0)) * self.height.div_ceil(8 * most(|one| one.1));
        let held: u64 = self.samplings.iter().map(|(across, down)| across * down * units * 64 * 2).sum();
        check::check_memory(self.width, self.height, held + self.width * self.height * 3, "written in several scans")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_whole_is_reckoned_before_it_is_opened() {
        // 8,160 by 6,120 pixels.
        let frame = |marker, luma: u8| {
            let header = [8, 0x17, 0xe8, 0x1f, 0xe0, 3, 1, luma, 0, 2, 0x11, 0, 3, 0x11, 0];
            Frame::of(marker, &header).unwrap_or_else(|refused| panic!("{}", refused.message))
        };
        let takes = |frame: &Frame, in_first_scan| frame.check_memory(in_first_scan).is_ok();
        // Row by row.
        assert!(takes(&frame(0xc0, 0x11), 3) && takes(&frame(0xc0, 0x22), 3));
        // Held whole: with colours as fine as the light it is too much, as cameras write it it is not.
        assert!(!takes(&frame(0xc2, 0x11), 3) && !takes(&frame(0xc0, 0x11), 1));
        assert!(takes(&frame(0xc2, 0x22), 3) && takes(&frame(0xc0, 0x22), 1));
        assert!(Frame::of(0xc0, &[8, 0, 1]).is_err());
    }
}
