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

    /// Keeps what went wrong, for the doctor; it is in the log as well.
    pub fn tell(&self, at: UtcMs, words: &str) {
        let told = json!({ "at": at.to_string(), "words": words }).to_string();
        if let Err(error) = self.write(TROUBLE, told.as_bytes()) {
            tracing::warn!(error = %error, "what went wrong with the certificate could not be kept for the doctor");
        }
    }

    pub fn forget_trouble(&self) {
        // What is not there is forgotten.
        let _ = fs::remove_file(self.folder.join(TROUBLE));
    }

    /// Writes a file whole: aside, to the disk, then in its place.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.make()?;
        let aside = self.folder.join(format!("{name}.new"));
        // One that a crash has left may be open to others.
        let _ = fs::remove_file(&aside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, self.folder.join(name))?;
        File::open(&self.folder)?.sync_all()
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
