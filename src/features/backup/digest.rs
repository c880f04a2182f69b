//! Hashing what passes by, without holding it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

/// Read at once: large enough that calls cost nothing, small enough that nobody minds.
const BLOCK: usize = 128 << 10;

/// Hashes and counts what is read or written through it.
pub(super) struct Hashing<T> {
    inner: T,
    context: Context,
    bytes: u64,
}

impl<T> Hashing<T> {
    pub fn of(inner: T) -> Hashing<T> {
        Hashing { inner, context: Context::new(&SHA256), bytes: 0 }
    }

    /// What is inside, how many bytes passed, and their hash.
    pub fn finish(self) -> (T, u64, String) {
        (self.inner, self.bytes, hex(self.context.finish().as_ref()))
    }

    fn take(&mut self, passed: &[u8]) {
        self.context.update(passed);
        self.bytes += passed.len() as u64;
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.take(&into[..read]);
        Ok(read)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(from)?;
        self.take(&from[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The size and hash of a file as it lies there.
pub(super) fn of_file(path: &Path, mut passed: impl FnMut(u64) -> io::Result<()>) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut context, mut bytes, mut block) = (Context::new(&SHA256), 0, vec![0; BLOCK]);
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok((bytes, hex(context.finish().as_ref())));
        }
        context.update(&block[..read]);
        bytes += read as u64;
        passed(read as u64)?;
    }
}

/// The hash of bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
