//! The program, its folder, its disk, its clock.

use super::Metrics;
use crate::db;
use crate::kernel::time::span::SECOND_MS;
use crate::ops::metrics::{self, Kind, Page};

pub(super) fn tell(metrics: &Metrics, page: &mut Page) {
    let version = env!("CARGO_PKG_VERSION");
    let schema = db::SCHEMA_VERSION.to_string();
    page.family("bayader_build_info", Kind::Gauge, "Always 1; the labels say what runs.")
        .value(&[("version", version), ("schema", &schema)], 1);
    let shop = &metrics.shop;
    let help = "This machine's clock in seconds since 1970, to compare with another's.";
    page.one("bayader_time_seconds", Kind::Gauge, help, shop.clock.now().ms() / SECOND_MS);
    if let Some(end) = shop.tls.as_ref().and_then(|tls| tls.state().not_after) {
        let help = "When the certificate that is shown ends, in seconds since 1970.";
        page.one("bayader_certificate_end_seconds", Kind::Gauge, help, end.ms() / SECOND_MS);
    }
    let folder = shop.db.folder();
    if let Some((free, all)) = metrics::disk(folder.path()) {
        page.one("bayader_disk_free_bytes", Kind::Gauge, "Room on the disk of the data folder.", free);
        page.one("bayader_disk_size_bytes", Kind::Gauge, "Size of the disk of the data folder.", all);
    }
    if let Some((free, all)) = metrics::memory() {
        page.one("bayader_machine_memory_free_bytes", Kind::Gauge, "Memory that this machine can still give.", free);
        page.one("bayader_machine_memory_bytes", Kind::Gauge, "Memory of this machine.", all);
    }
    let database = folder.database();
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    page.one("bayader_db_size_bytes", Kind::Gauge, "Size of the database file.", size(&database));
    let log = size(&database.with_extension("db-wal"));
    page.one("bayader_db_log_size_bytes", Kind::Gauge, "Size of the write-ahead log's file.", log);
}
