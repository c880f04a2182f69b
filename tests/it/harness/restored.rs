//! A shop that was lost and restored, in this process: with the same gateways and carriers, which know what the one before has done.

use std::fs;
use std::sync::Arc;

use bayader::app::Extras;
use bayader::app::restored::{Books, make_ready};
use bayader::clock::Clock;
use bayader::features::messages::Carrier;
use bayader::features::payments::Gateway;
use bayader::http::server::Limits;
use bayader::kernel::UtcMs;
use tempfile::TempDir;

use super::client::Client;
use super::shop::{OPENED_AT, OWNER, PATIENCE};
use super::{Shop, shop};

/// What a backup of a moment brings: books, keys, and who was erased until then.
pub struct Backup {
    folder: TempDir,
    of: UtcMs,
}

impl Shop {
    /// As [`Shop::open`], with gateways and carriers that outlive it.
    pub async fn open_with_outside(gateways: Vec<Arc<dyn Gateway>>, carriers: Vec<Arc<dyn Carrier>>) -> Shop {
        let extras = Extras { gateways, carriers, patience: PATIENCE };
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let clock = Clock::manual(OPENED_AT);
        shop::Shop::start_in(folder, clock, &[], Limits::default(), extras).await.with_owner().await
    }

    /// The shop as it is now.
    pub fn back_up(&self) -> Backup {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("keys")).expect("a folder");
        for key in fs::read_dir(self.folder().join("keys")).expect("the keys") {
            let key = key.expect("a key");
            fs::copy(key.path(), data.join("keys").join(key.file_name())).expect("copied");
        }
        if self.folder().join("erased.log").exists() {
            fs::copy(self.folder().join("erased.log"), data.join("erased.log")).expect("copied");
        }
        let books = rusqlite::Connection::open(self.database()).expect("the database");
        books.execute("vacuum into ?1", [data.join("bayader.db").to_str().expect("a path")]).expect("copied");
        Backup { folder, of: self.clock.now() }
    }

    /// A shop restored from a backup at this moment. The machine's folder is this shop's own, which still lies there.
    pub async fn restored_from(&self, backup: &Backup, gateways: &[Arc<dyn Gateway>], carriers: &[Arc<dyn Carrier>]) -> Shop {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(&backup.folder.path().join("data"), &folder.path().join("data"));
        let books = Books {
            aside: &folder.path().join("data"),
            folder: &self.folder(),
            backup_of: backup.of,
            backup: "bayader-20261125-110000.tar.zst",
            clock: &self.clock,
            accept_clock: false,
        };
        make_ready(books).await.expect("the books are made ready");
        let extras = Extras { gateways: gateways.to_vec(), carriers: carriers.to_vec(), patience: PATIENCE };
        let shop = shop::Shop::start_in(Arc::new(folder), self.clock.clone(), &[], Limits::default(), extras).await;
        let owner = Client::sign_in(&shop.wire, OWNER).await;
        shop.owned_by(owner)
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}
