//! What is kept of an authority in `keys/acme/`: the account, the certificate with its key in one file, and what went wrong last. Each
//! file is whole or absent, and for its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::tls::pair::{self, Pair};
use crate::kernel::UtcMs;

const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.pem";
const TROUBLE: &str = "trouble.json";
/// More than a chain of certificates with its key has.
const ROOM_BYTES: usize = 64 << 10;
/// Lines before the first PEM block say where it came from; readers of PEM pass over them.
const DIRECTORY_LINE: &str = "directory: ";
const GOT_LINE: &str = "got: ";

/// The folder.
pub(super) struct Store {
    folder: PathBuf,
}

/// A certificate that is kept.
pub(super) struct Kept {
    pub pair: Pair,
    pub directory_url: String,
    pub got_at: UtcMs,
}

#[derive(Serialize)]
struct AccountToKeep<'a> {
    directory_url: &'a str,
    credentials: &'a AccountCredentials,
}

#[derive(Deserialize)]
struct KeptAccount {
    directory_url: String,
    credentials: AccountCredentials,
}

#[derive(Deserialize)]
struct KeptTrouble {
    at: String,
    words: String,
    refused: Option<Refusal>,
}

/// That an authority has said no.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// To what: the directory and the names.
    pub asked: String,
    /// For so long it is not asked the same again, also by a process that starts anew.
    pub wait_ms: i64,
}

impl Store {
    /// Below `keys/` of the data folder, so that a backup holds it.
    pub fn in_folder(data: &Path) -> Store {
        Store { folder: data.join("keys").join("acme") }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    pub fn make(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }

    /// The account at this authority, if one is kept. One that cannot be read is made anew.
    pub fn account(&self, directory_url: &str) -> Option<AccountCredentials> {
        let kept: KeptAccount = serde_json::from_slice(&fs::read(self.folder.join(ACCOUNT)).ok()?).ok()?;
        (kept.directory_url == directory_url).then_some(kept.credentials)
    }

    pub fn keep_account(&self, directory_url: &str, credentials: &AccountCredentials) -> io::Result<()> {
        let bytes = serde_json::to_vec(&AccountToKeep { directory_url, credentials }).map_err(io::Error::other)?;
        self.write(ACCOUNT, &bytes)
    }

    /// The certificate, if one is kept that can be read.
    pub fn certificate(&self) -> Option<Kept> {
        let path = self.certificate_file();
        let bytes = pair::read("the certificate", &path).ok()?;
        read(&bytes, &path)
    }

    pub fn keep_certificate(&self, bytes: &[u8]) -> io::Result<()> {
        self.write(CERTIFICATE, bytes)
    }

    /// What went wrong last.
    pub fn trouble(&self) -> Option<(UtcMs, String)> {
        let kept: KeptTrouble = serde_json::from_slice(&fs::read(self.folder.join(TROUBLE)).ok()?).ok()?;
        Some((UtcMs::parse(&kept.at)?, kept.words))
    }

    /// Until when an authority that has said no to this is not asked again. A refusal that lies ahead is one of a clock that was set
    /// back since, and says nothing.
    pub fn refused_until(&self, asked: &str, now: UtcMs) -> Option<UtcMs> {
        let kept: KeptTrouble = serde_json::from_slice(&fs::read(self.folder.join(TROUBLE)).ok()?).ok()?;
        let refusal = kept.refused.filter(|refusal| refusal.asked == asked)?;
        let at = UtcMs::parse(&kept.at).filter(|at| *at <= now)?;
        Some(UtcMs::from_ms(at.ms().saturating_add(refusal.wait_ms)))
    }

    /// Keeps what went wrong, for the doctor and for the next start; it is in the log as well.
    pub fn tell(&self, at: UtcMs, words: &str, refused: Option<&Refusal>) {
        let told = json!({ "at": at.to_string(), "words": words, "refused": refused }).to_string();
        if let Err(error) = self.write(TROUBLE, told.as_bytes()) {
            tracing::warn!(error = %error, "what went wrong with the certificate could not be kept for the doctor");
        }
    }

    pub fn forget_trouble(&self) {
        // What is not there is forgotten.
        let _ = fs::remove_file(self.folder.join(TROUBLE));
    }

    /// Whether a certificate could be kept now. Looked at before one is asked for: on a full disk each try would be another of the few
    /// that an authority gives.
    pub fn try_room(&self) -> io::Result<()> {
        let aside = self.write_aside("room", &vec![b' '; ROOM_BYTES]);
        let _ = fs::remove_file(self.folder.join("room.new"));
        aside.map(drop)
    }

    /// Writes a file whole: aside, to the disk, then in its place.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let aside = self.write_aside(name, bytes)?;
        fs::rename(&aside, self.folder.join(name))?;
        File::open(&self.folder)?.sync_all()
    }

    fn write_aside(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        self.make()?;
        let aside = self.folder.join(format!("{name}.new"));
        // One that a crash has left may be open to others.
        let _ = fs::remove_file(&aside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(aside)
    }
}

impl Kept {
    /// The text of a certificate's file.
    pub fn write(chain: &str, key: &str, directory_url: &str, got_at: UtcMs) -> String {
        format!("{DIRECTORY_LINE}{directory_url}\n{GOT_LINE}{got_at}\n{}\n{}\n", key.trim(), chain.trim())
    }
}

/// Reads what [`Kept::write`] has written.
pub(super) fn read(bytes: &[u8], path: &Path) -> Option<Kept> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let directory_url = line(DIRECTORY_LINE)?.to_owned();
    let got_at = UtcMs::parse(line(GOT_LINE)?)?;
    let pair = Pair::of(bytes, path, bytes, path).ok()?;
    Some(Kept { pair, directory_url, got_at })
}
