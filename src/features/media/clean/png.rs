//! PNG (third edition): chunks, each with its name and a checksum.

use std::io::{self, Read};

use super::{Walk, check_size, length, turn_of, turned};
use crate::features::media::Refused;

/// What a picture needs, and what its colours need. An animation's frames after the first are not kept.
const KEPT: &[&[u8; 4]] = &[b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"sBIT"];

/// The signature, and the header's chunk, which is always as long.
const HEADER_ENDS: usize = 8 + 25;

pub(super) fn clean(bytes: &[u8], most_pixels: u64) -> Result<(Vec<u8>, u8), Refused> {
    let mut walk = Walk::new(bytes);
    let mut kept = walk.take(8)?.to_vec();
    let (mut turn, mut header, mut data) = (1, None, Vec::new());
    loop {
        let count = length(u32::from_be_bytes(walk.array()?))?;
        let named = walk.left;
        let name: [u8; 4] = walk.array()?;
        let payload = walk.take(count)?;
        let crc: [u8; 4] = walk.array()?;
        if !name.iter().all(u8::is_ascii_alphabetic) {
            return Err(Refused::damaged("a part has no name"));
        }
        if KEPT.contains(&&name) {
            let covered = named.get(..count + 4).ok_or_else(Refused::truncated)?;
            if crc32fast::hash(covered) != u32::from_be_bytes(crc) {
                return Err(Refused::damaged("a checksum is wrong"));
            }
            kept.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
            kept.extend_from_slice(covered);
            kept.extend_from_slice(&crc);
        } else if name[0].is_ascii_uppercase() {
            return Err(Refused::damaged("a part of it is unknown"));
        }
        match (&name, &header) {
            (b"IHDR", None) => header = Some(Header::read(payload, most_pixels)?),
            (b"IHDR", Some(_)) | (_, None) => return Err(Refused::damaged("its header is not where it must be")),
            (b"IDAT", _) => data.push(payload),
            (b"eXIf", _) => turn = turn_of(payload),
            (b"IEND", Some(header)) => {
                header.check(&data)?;
                if turn != 1 {
                    let named = [&b"eXIf"[..], &turned(turn)].concat();
                    let chunk = [&[0, 0, 0, 26][..], &named, &crc32fast::hash(&named).to_be_bytes()].concat();
                    kept.splice(HEADER_ENDS..HEADER_ENDS, chunk);
                }
                return Ok((kept, turn));
            }
            _ => {}
        }
    }
}

struct Header {
    width: u64,
    height: u64,
    bits: u64,
    interlaced: bool,
}

impl Header {
    fn read(payload: &[u8], most_pixels: u64) -> Result<Header, Refused> {
        let wrong = || Refused::damaged("its header is wrong");
        let header: [u8; 13] = payload.try_into().map_err(|_| wrong())?;
        let [w3, w2, w1, w0, h3, h2, h1, h0, depth, colour, _, _, interlace] = header;
        let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
        check_size(width.into(), height.into(), most_pixels)?;
        let channels = match (colour, depth) {
            (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) => 1,
            (2, 8 | 16) => 3,
            (4, 8 | 16) => 2,
            (6, 8 | 16) => 4,
            _ => return Err(wrong()),
        };
        let interlaced = match interlace {
            0 => false,
            1 => true,
            _ => return Err(wrong()),
        };
        Ok(Header { width: width.into(), height: height.into(), bits: channels * u64::from(depth), interlaced })
    }

    /// Bytes of all rows, each with its filter, before they were packed.
    fn raw_bytes(&self) -> u64 {
        let rows = |width: u64, height: u64| if width == 0 { 0 } else { (1 + (width * self.bits).div_ceil(8)) * height };
        if !self.interlaced {
            return rows(self.width, self.height);
        }
        // Adam7's passes: the first column and row of each, and the steps between.
        let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
        let pass = |(x, y, dx, dy): &(u64, u64, u64, u64)| {
            rows(self.width.saturating_sub(*x).div_ceil(*dx), self.height.saturating_sub(*y).div_ceil(*dy))
        };
        passes.iter().map(pass).sum()
    }

    /// Unpacks the data into nowhere: it must be exactly what the header promises.
    fn check(&self, data: &[&[u8]]) -> Result<(), Refused> {
        let wanted = self.raw_bytes();
        let mut unpacked = flate2::read::ZlibDecoder::new(Parts { current: &[], rest: data.iter() }).take(wanted + 1);
        match io::copy(&mut unpacked, &mut io::sink()) {
            Ok(bytes) if bytes == wanted => Ok(()),
            Ok(bytes) if bytes > wanted => Err(Refused::damaged("its data is longer than its header promises")),
            Ok(_) => Err(Refused::truncated()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Refused::truncated()),
            Err(_) => Err(Refused::damaged("its data cannot be unpacked")),
        }
    }
}

/// Reads parts as one.
struct Parts<'p> {
    current: &'p [u8],
    rest: std::slice::Iter<'p, &'p [u8]>,
}

impl Read for Parts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(next) = self.rest.next() else { return Ok(0) };
            self.current = next;
        }
        self.current.read(buffer)
    }
}
