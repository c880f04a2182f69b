//! Sealing a backup whole, by age (age-encryption.org/v1), so that any tool that knows age opens it too.
//!
//! What always holds: neither a passphrase nor an identity reaches a log, an error or the disk.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::{Decryptor, Encryptor, IdentityFile, scrypt, x25519};

use super::BackupFault;

/// The first bytes of a sealed file.
pub(super) const MARK: &[u8] = b"age-encryption.org/v1\n";
/// A passphrase is a line, a file of identities some lines with comments.
const LARGEST_KEY_FILE: u64 = 64 << 10;
/// The most work that opening by a passphrase may take, 2 to this power: 1 GiB of memory and some seconds, four times what age's own
/// tool writes (18). A file that asks for more is no backup of ours.
const MOST_WORK: u8 = 20;

/// Whether and to whom a backup is sealed.
#[derive(Clone, Default)]
pub enum Seal {
    /// Who holds the file holds the shop.
    #[default]
    Open,
    /// To whoever has the identity of this recipient.
    Recipient(x25519::Recipient),
    /// To whoever knows the passphrase.
    Passphrase(SecretString),
}

impl Seal {
    /// To an age recipient, as `[backup] seal_to` has it.
    ///
    /// # Errors
    /// If it is none.
    pub fn to_recipient(text: &str) -> Result<Seal, BackupFault> {
        text.parse().map(Seal::Recipient).map_err(|why: &str| {
            BackupFault::Refused(format!(
                "`backup.seal_to` is no age recipient ({why}). Write one that begins with age1, as `age-keygen -y` prints it"
            ))
        })
    }

    /// By the passphrase in a file, its first line.
    ///
    /// # Errors
    /// If there is none.
    pub fn by_passphrase_file(path: &Path) -> Result<Seal, BackupFault> {
        passphrase(path).map(Seal::Passphrase)
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Seal::Open)
    }

    /// Wraps what is written into `out`; with a witness, whose identity opens it as well.
    pub(super) fn wrap<W: Write + 'static>(&self, out: W, witness: Option<&Witness>) -> io::Result<Sealing<W>> {
        let sealed = match self {
            Seal::Open => return Ok(Sealing::Open(out)),
            Seal::Recipient(recipient) => {
                let public = witness.map(|witness| witness.0.to_public());
                let all = std::iter::once(recipient as &dyn age::Recipient);
                Encryptor::with_recipients(all.chain(public.iter().map(|public| public as &dyn age::Recipient)))
                    .map_err(io::Error::other)?
            }
            Seal::Passphrase(passphrase) => Encryptor::with_user_passphrase(passphrase.clone()),
        };
        sealed.wrap_output(out).map(|writer| Sealing::Sealed(Box::new(writer)))
    }
}

/// A key that exists in memory only: what is sealed to it besides its owner can be opened once more by whoever made it, to prove
/// it; then nobody can.
pub struct Witness(x25519::Identity);

impl Witness {
    pub(super) fn new() -> Witness {
        Witness(x25519::Identity::generate())
    }

    pub(super) fn unlock(self) -> Unlock {
        Unlock(Key::Identities(vec![Box::new(self.0)]))
    }
}

/// What opens a sealed backup.
#[derive(Default)]
pub struct Unlock(Key);

#[derive(Default)]
enum Key {
    #[default]
    Nothing,
    Passphrase(SecretString),
    Identities(Vec<Box<dyn age::Identity + Send + Sync>>),
}

impl Unlock {
    /// Opens unsealed backups alone.
    #[must_use]
    pub fn nothing() -> Unlock {
        Unlock::default()
    }

    /// By the passphrase in a file, its first line.
    ///
    /// # Errors
    /// If there is none.
    pub fn by_passphrase_file(path: &Path) -> Result<Unlock, BackupFault> {
        passphrase(path).map(|passphrase| Unlock(Key::Passphrase(passphrase)))
    }

    /// By the identities in a file, as `age-keygen` writes it.
    ///
    /// # Errors
    /// If there is none.
    pub fn by_identity_file(path: &Path) -> Result<Unlock, BackupFault> {
        let text = key_file(path)?;
        let none =
            || BackupFault::Refused(format!("{} has no age identity. Name the file that age-keygen wrote", path.display()));
        let identities = IdentityFile::from_buffer(text.as_bytes()).map_err(|_| none())?;
        let identities = identities.into_identities().map_err(|_| none())?;
        if identities.is_empty() { Err(none()) } else { Ok(Unlock(Key::Identities(identities))) }
    }

    /// Whether it opens anything that is sealed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self.0, Key::Nothing)
    }

    /// What is inside of a sealed file.
    pub(super) fn unwrap<R: BufRead + Send + 'static>(
        &self,
        path: &Path,
        from: R,
    ) -> Result<Box<dyn Read + Send>, BackupFault> {
        let decryptor = Decryptor::new_buffered(from).map_err(|error| of_age(path, error))?;
        let opened = match &self.0 {
            Key::Nothing => return Err(BackupFault::Sealed(path.to_owned())),
            Key::Passphrase(passphrase) => {
                let mut identity = scrypt::Identity::new(passphrase.clone());
                identity.set_max_work_factor(MOST_WORK);
                decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
            }
            Key::Identities(identities) => decryptor.decrypt(identities.iter().map(|one| &**one as &dyn age::Identity)),
        };
        opened.map(|stream| Box::new(stream) as Box<dyn Read + Send>).map_err(|error| of_age(path, error))
    }
}

fn of_age(path: &Path, error: age::DecryptError) -> BackupFault {
    use age::DecryptError;
    match error {
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => {
            BackupFault::OtherKey(path.to_owned())
        }
        DecryptError::Io(error) => BackupFault::of_stream(path, error),
        other => BackupFault::damaged(path, other.to_string()),
    }
}

/// A writer that may seal.
pub(super) enum Sealing<W: Write> {
    Open(W),
    Sealed(Box<age::stream::StreamWriter<W>>),
}

impl<W: Write> Sealing<W> {
    /// Ends it: what is sealed cannot be opened without its end.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Sealing::Open(out) => Ok(out),
            Sealing::Sealed(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Sealing::Open(out) => out.write(from),
            Sealing::Sealed(writer) => writer.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sealing::Open(out) => out.flush(),
            Sealing::Sealed(writer) => writer.flush(),
        }
    }
}

fn key_file(path: &Path) -> Result<String, BackupFault> {
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LARGEST_KEY_FILE).read_to_string(&mut text)).map_err(BackupFault::read(path))?;
    Ok(text)
}

fn passphrase(path: &Path) -> Result<SecretString, BackupFault> {
    let text = key_file(path)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line.to_owned())),
        _ => Err(BackupFault::Refused(format!("{} has no passphrase in its first line", path.display()))),
    }
}
