//! GIF (87a, 89a): blocks, their data in pieces of at most 255 bytes.

use super::{Walk, check_size};
use crate::features::media::Refused;

/// How long a frame is shown and what of it is clear.
const GRAPHIC_CONTROL: u8 = 0xf9;

pub(super) fn clean(bytes: &[u8], most_pixels: u64) -> Result<(Vec<u8>, u8), Refused> {
    let mut walk = Walk::new(bytes);
    let head = walk.take(13)?;
    check_sides(head, 6, most_pixels)?;
    let mut kept = head.to_vec();
    kept.extend_from_slice(walk.take(table_length(head[10]))?);
    let mut has_frame = false;
    loop {
        match walk.byte()? {
            0x21 => {
                let label = walk.byte()?;
                let data = pieces(&mut walk)?;
                if label == GRAPHIC_CONTROL {
                    kept.extend_from_slice(&[0x21, label]);
                    kept.extend_from_slice(data);
                }
            }
            0x2c => {
                let head = walk.take(9)?;
                check_sides(head, 4, most_pixels)?;
                kept.push(0x2c);
                kept.extend_from_slice(head);
                kept.extend_from_slice(walk.take(table_length(head[8]))?);
                kept.push(walk.byte()?);
                kept.extend_from_slice(pieces(&mut walk)?);
                has_frame = true;
            }
            0x3b => break,
            _ => return Err(Refused::damaged("a part of it is unknown")),
        }
    }
    if !has_frame {
        return Err(Refused::damaged("there is no picture in it"));
    }
    kept.push(0x3b);
    Ok((kept, 1))
}

/// Width and height stand at a place, two bytes each.
fn check_sides(head: &[u8], at: usize, most_pixels: u64) -> Result<(), Refused> {
    let side = |at: usize| head.get(at..at + 2).map_or(0, |pair| u64::from(pair[0]) | u64::from(pair[1]) << 8);
    check_size(side(at), side(at + 2), most_pixels)
}

/// Bytes of the colours that follow.
fn table_length(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Data in pieces, with the empty one that ends it.
fn pieces<'b>(walk: &mut Walk<'b>) -> Result<&'b [u8], Refused> {
    let all = walk.left;
    loop {
        let count = usize::from(walk.byte()?);
        walk.take(count)?;
        if count == 0 {
            return Ok(&all[..all.len() - walk.left.len()]);
        }
    }
}
