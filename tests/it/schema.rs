//! The schema as it stands, and the migrations that have landed.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bayader::clock::Clock;
use bayader::db::{DataFolder, Db, DbOptions, Reactions, WriteTx};
use bayader::kernel::{DomainEvent, JobDue, Result};

/// What has landed never changes: a shop somewhere has run it. Schema changes are new files.
const LANDED: &[(&str, &str)] = &[
    ("V1__accounts.sql", "2dcfb49c57931e885eb4a3514554c4d5b0df0a5e248ca496c851baf5e739d21f"),
    ("V2__catalog.sql", "53fd329b01cd16c02b2dfdb0a909e8461c3400d2d40f740f97a1155c86e3088b"),
    ("V3__orders.sql", "707741bf5bdde3a13d8c3e889bc5e1d56482dcfbbbc9e37caf2a0d6f399877ba"),
    ("V4__engine.sql", "8b56197447e1c1512fc08e6be49026268c8e33bb84b86639a20b9fd8f2d69da2"),
    ("V5__accounts_rest.sql", "7b75f891aa1121f8711b3f74b9d29359d15731cb677b4a8d3bc711d6015199ee"),
    ("V6__sessions.sql", "cce64faaca85076e0e75772ea88a29e30af2f91bd200d495b8e4cb2afe66e758"),
    ("V7__carts.sql", "8813c966b19d46b535958c4ce057127e8a4d2eec1e0879d466acedd96acfbd31"),
    ("V8__search.sql", "8c0e4c2206b7ecd6ab497f4088cfc862b90d898c9c06bcfac9e00bfb5750b99f"),
    ("V9__guards.sql", "0fc788d2cdc985306326c4f1be21e6ec5b0b266434c5549065ee07be985e5254"),
    ("V10__scale.sql", "140c0ed36e8e9b4b83d66593bae25b9937026bbc7595284d24fc9f73e8797e8c"),
    ("V11__payments.sql", "6a5465c02dd71f9d87a860338575d92758d9d75271a19a2de4a777f3d77d5e4f"),
    ("V12__refunds.sql", "8df5a69d4cd91346b3c8a11a2b2c6e170f27c5363654f6abdc11a7f0e6ead45e"),
    ("V13__webhooks.sql", "1e32884fd1634ed755373fc3dd171c1415f53afd5b0b3a81252268737dd12626"),
    ("V14__messages.sql", "3f53ecac35eb3723831326805675202e2a1433c543da7e1d60b1b1ef0e8d8517"),
    ("V15__media.sql", "70f9f8604374be387ed4e0ef57eb19475515f68eb0efdd84290e78a351dc6155"),
    ("V16__upkeep.sql", "5bcaf169f9ddc37edc8d824fb98328ad081de57b7f370fe586990e3a1a58a572"),
    ("V17__told.sql", "c471c78421224f8b3733facfec997089c1e04111c19aeacbfa5903503c0deaf5"),
    ("V18__campaigns.sql", "4200863d7daf42644e2dc5d635958d9942bf546c74aecfc6b09135d6d8a374c6"),
    ("V19__media_keeping.sql", "07545e20e52bdfcb321a635d01d0a417bc76c2c94d11048423bf232a2b1a6ead"),
    ("V20__trace_causes.sql", "3b699dca3367adc87e19be582f0101c8e924aeab8be55b99c306c6a362ea4533"),
    ("V21__backups.sql", "9dbfef2f5ca7012a878fe1e8e5d16c5915ea18a51d806993bafb60bb721d9e03"),
    ("V22__restored.sql", "b474016e21ed65e6e7d4987376c5a1e34e464f3f9a31932180d0e290fc3799ce"),
];

const HEAD: &str = "-- The whole schema after all migrations, for reading. Made by `BAYADER_WRITE=1 cargo test --test it schema`; a test compares it.\n";

struct Nothing;

impl Reactions for Nothing {
    fn inside(&self, _tx: &mut WriteTx<'_>, _event: &DomainEvent) -> Result<()> {
        Ok(())
    }

    fn after(&self, _events: &[DomainEvent], _jobs: &[JobDue]) {}
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[tokio::test]
async fn the_schema_on_paper_is_that_of_the_migrations() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
    let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
    let db = Db::open(own, options).expect("the database opens");
    let made = db
        .read(|reader| {
            reader.all(
                "select sql from sqlite_schema where sql is not null and tbl_name <> 'refinery_schema_history' order by rowid",
                &[],
                |row| row.get::<String>(0),
            )
        })
        .await
        .expect("the schema can be read");
    let made = format!("{HEAD}\n{};\n", made.join(";\n\n"));
    let path = in_repository("docs/schema.sql");
    if std::env::var("BAYADER_WRITE").is_ok_and(|value| value == "1") {
        fs::write(&path, &made).expect("docs can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(made == written, "docs/schema.sql is not the schema; write it anew with BAYADER_WRITE=1");
}

fn hex_sha256(bytes: &[u8]) -> String {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[test]
fn no_landed_migration_was_changed() {
    let mut files: Vec<String> = fs::read_dir(in_repository("migrations"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    for (name, hash) in LANDED {
        let text = fs::read(in_repository("migrations").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = hex_sha256(&text);
        assert_eq!(*hash, found, "{name} has landed and must not change; write a new migration");
    }
    let listed: Vec<&str> = LANDED.iter().map(|(name, _)| *name).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(files, sorted, "a migration is not in the list of what has landed: add it with its hash");
}
