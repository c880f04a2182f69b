//! The words of pictures.

use std::fmt::{self, Write as _};

use crate::kernel::{ImageId, UtcMs};

/// A picture's name: the SHA-256 of its bytes as they are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureHash([u8; 32]);

impl PictureHash {
    #[must_use]
    pub fn of(kept: &[u8]) -> PictureHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, kept).as_ref());
        PictureHash(hash)
    }

    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> PictureHash {
        PictureHash(bytes)
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads what [`fmt::Display`] writes: 64 hexadecimal digits, lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<PictureHash> {
        let digits = text.as_bytes();
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(PictureHash(hash))
    }
}

impl fmt::Display for PictureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PictureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PictureHash(")?;
        fmt::Display::fmt(self, f)?;
        f.write_char(')')
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// As it is spelled in the books and on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }

            #[must_use]
            pub fn from_code(code: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|word| word.code() == code)
            }
        }
    };
}

words! {
    /// What an uploaded picture is.
    Format { Jpeg = "jpeg", Png = "png", Webp = "webp", Gif = "gif" }
}

words! {
    /// How far a picture is.
    Status { Pending = "pending", Ready = "ready", Failed = "failed" }
}

words! {
    /// What is drawn of a picture, by its longest side.
    Size { Thumb = "thumb", Card = "card", Full = "full" }
}

impl Size {
    /// Pixels of the longest side, at most.
    #[must_use]
    pub const fn longest(self) -> u32 {
        match self {
            Size::Thumb => 200,
            Size::Card => 600,
            Size::Full => 1_600,
        }
    }
}

words! {
    /// How a rendition is written.
    Drawn { Webp = "webp", Jpeg = "jpg" }
}

impl Drawn {
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Drawn::Webp => "image/webp",
            Drawn::Jpeg => "image/jpeg",
        }
    }
}

/// A picture that was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture {
    pub hash: PictureHash,
    pub format: Format,
    /// Pixels as it is stored, before it is turned.
    pub width: u32,
    pub height: u32,
    /// Exif's orientation, 1 to 8.
    pub turn: u8,
    /// Of its original, as it is kept.
    pub bytes: i64,
}

/// A picture as a product shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    pub id: ImageId,
    pub picture: PictureHash,
    /// What it shows, for who cannot see it; may be empty.
    pub alt: String,
}

/// A picture as who edits its product sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditedImage {
    pub image: Image,
    pub status: Status,
    /// Why it could not be drawn.
    pub last_error: Option<String>,
}

/// A file, as its row has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptFile {
    pub path: super::MediaPath,
    pub picture: PictureHash,
    pub bytes: i64,
    pub sha256: [u8; 32],
    /// When the bucket had it whole.
    pub copied_at: Option<UtcMs>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = PictureHash::of(b"a picture");
        let text = hash.to_string();
        assert_eq!((text.len(), PictureHash::parse(&text)), (64, Some(hash)));
        for wrong in ["", &text[1..], &text.to_uppercase(), &text.replace(&text[..1], "g"), &format!("{text}0")] {
            assert_eq!(PictureHash::parse(wrong), None, "{wrong}");
        }
    }
}
