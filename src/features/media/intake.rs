//! An upload's parts: each file goes to the disk as it comes, so that however many arrive at once, the memory holds a piece of each.

use std::io::Write;

use aws_lc_rs::digest::{Context as Digest, SHA256};
use bytes::{Bytes, BytesMut};
use tempfile::NamedTempFile;

use super::pictures::{Pictures, disk_fault};
use super::{MOST_IMAGES, check};
use crate::http::multipart::{Part, Upload};
use crate::kernel::problem::FieldFault;
use crate::kernel::text::{self, Lines};
use crate::kernel::{Problem, Result};

/// Pieces are gathered to this before they are written.
const PIECE_BYTES: usize = 256 << 10;
/// Most bytes of `alt`, in which its characters fit.
const ALT_BYTES: usize = 4 * ALT_CHARACTERS;
/// Most characters of `alt`.
pub(super) const ALT_CHARACTERS: usize = 200;
/// Characters of a file's name that are told again.
const NAME_CHARACTERS: usize = 100;

/// A file that has arrived.
pub(super) struct Arrived {
    /// Its place in the upload, for faults.
    pub field: String,
    /// Its name where it came from.
    pub name: String,
    pub file: NamedTempFile,
}

/// What a form brought.
pub(super) struct Form {
    pub files: Vec<Arrived>,
    pub alt: Option<String>,
    /// SHA-256 over all parts: the same for the same content, whatever boundary stood between.
    pub digest: Vec<u8>,
}

/// Reads an upload: `files`, at least one, and perhaps `alt`.
///
/// # Errors
/// 400 and 413 of [`Upload`], 422 with every fault of the form, 503 if the disk is full.
pub(super) async fn read(pictures: &Pictures, mut upload: Upload) -> Result<Form> {
    let (mut files, mut alt, mut faults) = (Vec::new(), None, Vec::new());
    let (mut all, mut count) = (Digest::new(&SHA256), 0);
    let mut refuse = |field: &str, code, message: String| faults.push(FieldFault { field: field.to_owned(), code, message });
    while let Some(mut part) = upload.next().await? {
        match part.name() {
            "files" => {
                let field = format!("files[{count}]");
                count += 1;
                if count > MOST_IMAGES {
                    read_away(&mut part).await?;
                    if count == MOST_IMAGES + 1 {
                        refuse("files", "too_long", format!("must have at most {MOST_IMAGES} files"));
                    }
                    continue;
                }
                let name = shown_name(part.file_name());
                match read_file(pictures, &mut part).await? {
                    Some((file, digest)) => {
                        all.update(b"file");
                        all.update(&digest);
                        files.push(Arrived { field, name, file });
                    }
                    None => {
                        let refused = check::too_large(pictures.most_bytes());
                        refuse(&field, refused.code, format!("{name} {}", refused.message));
                    }
                }
            }
            "alt" => match read_alt(&mut part).await? {
                Ok(_) if alt.is_some() => refuse("alt", "duplicate", "is given twice".to_owned()),
                Ok(text) => {
                    all.update(b"alt");
                    all.update(&digest_of(text.as_bytes()));
                    alt = Some(text);
                }
                Err(wrong) => refuse("alt", wrong.code, wrong.message),
            },
            other => {
                let field: String = other.chars().take(NAME_CHARACTERS).collect();
                read_away(&mut part).await?;
                refuse(&field, "unknown_field", "is not known here; files and alt are".to_owned());
            }
        }
    }
    if count == 0 {
        refuse("files", "required", "is required: one part of this name for each picture".to_owned());
    }
    if faults.is_empty() {
        Ok(Form { files, alt, digest: all.finish().as_ref().to_vec() })
    } else {
        Err(Problem::fields(faults).into())
    }
}

fn digest_of(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&SHA256, bytes).as_ref().to_vec()
}

/// A file's name as it is told again: a foreign text.
fn shown_name(name: Option<&str>) -> String {
    let name: String = name.unwrap_or("").chars().filter(|character| !character.is_control()).take(NAME_CHARACTERS).collect();
    match text::clean(&name, Lines::One) {
        Ok(name) if !name.is_empty() => format!("\u{ab}{name}\u{bb}"),
        _ => "The file".to_owned(),
    }
}

/// A file and the hash of its bytes; `None` if it has more bytes than one may have, which are read away.
async fn read_file(pictures: &Pictures, part: &mut Part) -> Result<Option<(NamedTempFile, Vec<u8>)>> {
    let mut file = on_disk(pictures, super::Store::incoming).await?;
    let (mut digest, mut seen, mut gathered) = (Digest::new(&SHA256), 0, BytesMut::new());
    while let Some(piece) = part.chunk().await? {
        seen += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if seen > pictures.most_bytes() {
            read_away(part).await?;
            return Ok(None);
        }
        digest.update(&piece);
        gathered.extend_from_slice(&piece);
        if gathered.len() >= PIECE_BYTES {
            file = write(pictures, file, gathered.split().freeze()).await?;
        }
    }
    let file = write(pictures, file, gathered.freeze()).await?;
    Ok(Some((file, digest.finish().as_ref().to_vec())))
}

async fn write(pictures: &Pictures, mut file: NamedTempFile, piece: Bytes) -> Result<NamedTempFile> {
    on_disk(pictures, move |_| file.write_all(&piece).map(|()| file)).await
}

async fn on_disk<T: Send + 'static>(
    pictures: &Pictures,
    work: impl FnOnce(&super::Store) -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    pictures.on_disk(work).await?.map_err(disk_fault)
}

async fn read_away(part: &mut Part) -> Result<()> {
    while part.chunk().await?.is_some() {}
    Ok(())
}

async fn read_alt(part: &mut Part) -> Result<Result<String, text::TextFault>> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = part.chunk().await? {
        if bytes.len() <= ALT_BYTES {
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(text::bounded(&String::from_utf8_lossy(&bytes), Lines::One, 0, ALT_CHARACTERS))
}
