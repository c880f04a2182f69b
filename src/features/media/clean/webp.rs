//! WebP (RFC 9649): chunks in a RIFF container.

use super::{Walk, length, turn_of, turned};
use crate::features::media::Refused;

/// What a picture needs, and what its colours need.
const KEPT: &[&[u8; 4]] = &[b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// Flags of `VP8X`.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

pub(super) fn clean(bytes: &[u8]) -> Result<(Vec<u8>, u8), Refused> {
    let mut file = Walk::new(bytes);
    file.take(4)?;
    let size = length(u32::from_le_bytes(file.array()?))?;
    let mut walk = Walk::new(file.take(size)?);
    walk.take(4)?;
    let mut kept = b"RIFF\0\0\0\0WEBP".to_vec();
    let (mut turn, mut flags_at) = (None, None);
    while !walk.left.is_empty() {
        let name: [u8; 4] = walk.array()?;
        let size: [u8; 4] = walk.array()?;
        let count = length(u32::from_le_bytes(size))?;
        let payload = walk.take(count)?;
        // A chunk of odd length is filled up; the last one's filling is left out by some.
        if count % 2 == 1 && !walk.left.is_empty() {
            walk.take(1)?;
        }
        if &name == b"EXIF" {
            turn.get_or_insert_with(|| turn_of(payload));
        }
        if !KEPT.contains(&&name) {
            continue;
        }
        kept.extend_from_slice(&name);
        kept.extend_from_slice(&size);
        let begins = kept.len();
        kept.extend_from_slice(payload);
        if let (b"VP8X", Some(flags)) = (&name, kept.get_mut(begins)) {
            *flags &= !(HAS_EXIF | HAS_XMP);
            flags_at = Some(begins);
        }
        if count % 2 == 1 {
            kept.push(0);
        }
    }
    // Only a file with these flags may have Exif in it; in another nobody would turn the picture.
    let turn = flags_at.and(turn).unwrap_or(1);
    if let Some(flags) = flags_at.filter(|_| turn != 1).and_then(|at| kept.get_mut(at)) {
        *flags |= HAS_EXIF;
        kept.extend_from_slice(b"EXIF\x1a\0\0\0");
        kept.extend_from_slice(&turned(turn));
    }
    let size = u32::try_from(kept.len() - 8).map_err(|_| Refused::truncated())?;
    kept[4..8].copy_from_slice(&size.to_le_bytes());
    Ok((kept, turn))
}
