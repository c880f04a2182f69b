//! Archives as such: what is packed comes out again, and nothing else does.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use super::manifest::{FORMAT, ShopFacts};
use super::sealing::Witness;
use super::*;
use crate::kernel::UtcMs;

/// What the test's shop has.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let noise: Vec<u8> = (0_u32..70_000).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    vec![("bayader.db", noise), ("keys/seal.key", vec![7; 32]), ("bayader.toml", Vec::new()), ("media/aa/bb.png", vec![1; 513])]
}

fn manifest_of(files: &[(&str, Vec<u8>)]) -> Manifest {
    let entry = |(path, bytes): &(&str, Vec<u8>)| Entry {
        path: (*path).to_owned(),
        bytes: bytes.len() as u64,
        sha256: digest::of_bytes(bytes),
    };
    Manifest {
        format: FORMAT,
        program: "0.1.0".to_owned(),
        schema: 1,
        made_at: UtcMs::from_ms(1_795_593_600_000),
        shop: ShopFacts { name: "Bakery".to_owned(), time_zone: "Asia/Amman".to_owned(), currency: "JOD".to_owned() },
        entries: files.iter().map(entry).collect(),
        rows: BTreeMap::from([("orders".to_owned(), 3)]),
        audit: None,
        last_order: None,
        warnings: Vec::new(),
    }
}

fn pack(folder: &Path, seal: &Seal, witness: Option<&Witness>) -> Packed {
    let files = files();
    let pieces: Vec<Piece> = files.iter().map(|(_, bytes)| Piece { content: Content::Bytes(bytes.clone()) }).collect();
    pack::write(&folder.join("copy.tar.zst"), &manifest_of(&files), &pieces, seal, witness, &mut |_| Ok(())).expect("packed")
}

type Files = Vec<(String, Vec<u8>)>;
type Part<'p> = (Header, &'p [u8]);

fn unpack(path: &Path, unlock: &Unlock) -> Result<(Manifest, Files), BackupFault> {
    let into = tempfile::tempdir().expect("a folder");
    let manifest = open(path, unlock)?.unpack_into(into.path(), &mut |_, _| ())?;
    let read = |entry: &Entry| {
        let place = into.path().join(&entry.path);
        assert_eq!(fs::metadata(&place).expect("there").permissions().mode() & 0o777, 0o600);
        (entry.path.clone(), fs::read(place).expect("read"))
    };
    let found = manifest.entries.iter().map(read).collect();
    Ok((manifest, found))
}

fn expect_whole(found: &(Manifest, Vec<(String, Vec<u8>)>)) {
    let files = files();
    assert_eq!(found.0, manifest_of(&files));
    assert!(found.1.iter().zip(&files).all(|((path, bytes), (name, packed))| path == name && bytes == packed));
}

#[test]
fn what_is_packed_comes_out_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let packed = pack(folder.path(), &Seal::Open, None);
    assert_eq!(fs::metadata(&packed.path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(digest::of_file(&packed.path, |_| Ok(())).expect("read"), (packed.bytes, packed.sha256.clone()));
    assert_eq!(kind_of(&packed.path).expect("read"), Kind::Open);
    expect_whole(&unpack(&packed.path, &Unlock::nothing()).expect("whole"));
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing else is left");
    // Under another name it is the same.
    let other = folder.path().join("holiday.jpg");
    fs::rename(&packed.path, &other).expect("renamed");
    expect_whole(&unpack(&other, &Unlock::nothing()).expect("whole"));
}

#[test]
fn a_sealed_file_opens_to_its_recipient_and_its_witness_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let identity = age::x25519::Identity::generate();
    let key_file = folder.path().join("identity.txt");
    let secret = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
    fs::write(&key_file, format!("# a comment\n{secret}\n")).expect("written");
    let seal = Seal::to_recipient(&identity.to_public().to_string()).expect("a recipient");
    let witness = Witness::new();
    let packed = pack(folder.path(), &seal, Some(&witness));
    assert_eq!(kind_of(&packed.path).expect("read"), Kind::Sealed);
    let other = Witness::new().unlock();
    assert!(matches!(unpack(&packed.path, &Unlock::nothing()), Err(BackupFault::Sealed(_))));
    assert!(matches!(unpack(&packed.path, &other), Err(BackupFault::OtherKey(_))));
    expect_whole(&unpack(&packed.path, &witness.unlock()).expect("whole"));
    expect_whole(&unpack(&packed.path, &Unlock::by_identity_file(&key_file).expect("a key")).expect("whole"));
    // Nothing of the content can be read in it.
    let bytes = fs::read(&packed.path).expect("read");
    assert!(!bytes.windows(12).any(|window| window == b"manifest.jso"));
    expect_every_change_refused(&packed.path, &Unlock::by_identity_file(&key_file).expect("a key"));
}

/// One byte changed anywhere, or the file cut anywhere: it is refused, or it is still the same in every byte of what it holds.
fn expect_every_change_refused(path: &Path, unlock: &Unlock) {
    let whole = fs::read(path).expect("read");
    let changed = path.with_extension("changed");
    let (mut refused, mut tried) = (0, 0);
    for at in (0..whole.len()).step_by(61).chain(0..200).chain(whole.len() - 40..whole.len()) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&changed, &bytes).expect("written");
        tried += 1;
        match unpack(&changed, unlock) {
            Ok(found) => expect_whole(&found),
            Err(_) => refused += 1,
        }
        if at % 5 == 0 {
            fs::write(&changed, &whole[..at]).expect("written");
            assert!(unpack(&changed, unlock).is_err(), "cut at {at} it counts as whole");
        }
    }
    assert!(refused + 3 >= tried, "{refused} of {tried} changes were seen");
    fs::write(&changed, [whole.as_slice(), b"more"].concat()).expect("written");
    assert!(unpack(&changed, unlock).is_err(), "something may follow its end");
}

#[test]
fn a_changed_byte_is_seen_wherever_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    expect_every_change_refused(&pack(folder.path(), &Seal::Open, None).path, &Unlock::nothing());
}

/// An archive made by hand.
fn archive(folder: &Path, entries: &[(Header, &[u8])]) -> PathBuf {
    let mut bytes = Vec::new();
    for (header, content) in entries {
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1_024, 0);
    let path = folder.join("hostile");
    let mut encoder = zstd::Encoder::new(fs::File::create(&path).expect("made"), 1).expect("an encoder");
    encoder.write_all(&bytes).expect("written");
    encoder.finish().expect("ended");
    path
}

fn header(path: &str, kind: EntryType, bytes: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o4777);
    header.set_size(bytes);
    header.set_cksum();
    header
}

#[test]
fn what_the_manifest_does_not_say_is_not_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [("bayader.db", b"books".to_vec()), ("keys/a", b"key".to_vec())];
    let manifest = serde_json::to_vec(&manifest_of(&files)).expect("JSON");
    let first = || (header("manifest.json", EntryType::Regular, manifest.len() as u64), manifest.as_slice());
    let db = || (header("bayader.db", EntryType::Regular, 5), &b"books"[..]);
    let key = || (header("keys/a", EntryType::Regular, 3), &b"key"[..]);
    let try_it = |entries: &[(Header, &[u8])]| unpack(&archive(folder.path(), entries), &Unlock::nothing());
    try_it(&[first(), db(), key()]).expect("whole");
    let regular = |path, content: &'static [u8]| (header(path, EntryType::Regular, content.len() as u64), content);
    let typed = |path, kind| (header(path, kind, 0), &b""[..]);
    let hostile: Vec<(&str, Vec<Part<'_>>)> = vec![
        ("less", vec![first(), db()]),
        ("more", vec![first(), db(), key(), regular("keys/b", b"more")]),
        ("twice", vec![first(), db(), key(), key()]),
        ("another order", vec![first(), key(), db()]),
        ("other content", vec![first(), regular("bayader.db", b"bookz"), key()]),
        ("longer", vec![first(), regular("bayader.db", b"books!"), key()]),
        ("absolute", vec![first(), db(), regular("/tmp/bayader-a", b"key")]),
        ("upwards", vec![first(), db(), regular("keys/../../a", b"key")]),
        ("a link", vec![first(), db(), typed("keys/a", EntryType::Symlink)]),
        ("a hard link", vec![first(), db(), typed("keys/a", EntryType::Link)]),
        ("a folder", vec![first(), db(), typed("keys", EntryType::Directory), key()]),
        ("a pipe", vec![first(), db(), typed("keys/a", EntryType::Fifo)]),
        ("a device", vec![first(), db(), typed("keys/a", EntryType::Block)]),
        ("a long name", vec![first(), db(), (header("././@LongLink", EntryType::GNULongName, 7), b"keys/a\0"), key()]),
        ("attributes", vec![first(), (header("pax", EntryType::XHeader, 12), b"12 path=x/y\n"), db(), key()]),
        ("no manifest", vec![db(), key()]),
        ("a manifest too late", vec![db(), first(), key()]),
        ("two manifests", vec![first(), first(), db(), key()]),
    ];
    for (what, entries) in hostile {
        assert!(try_it(&entries).is_err(), "{what} is unpacked");
        assert!(!Path::new("/tmp/bayader-a").exists());
    }
}

#[test]
fn a_newer_form_says_so_and_a_huge_manifest_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut newer = serde_json::to_value(manifest_of(&files())).expect("JSON");
    newer["format"] = (FORMAT + 1).into();
    newer["entries"] = "somehow else".into();
    let text = newer.to_string();
    let path = archive(folder.path(), &[(header("manifest.json", EntryType::Regular, text.len() as u64), text.as_bytes())]);
    assert!(matches!(open(&path, &Unlock::nothing()), Err(BackupFault::NewerForm { found, .. }) if found == FORMAT + 1));
    let path = archive(folder.path(), &[(header("manifest.json", EntryType::Regular, 1 << 32), b"{}")]);
    assert!(matches!(open(&path, &Unlock::nothing()), Err(BackupFault::Damaged { .. })));
}

#[test]
fn what_changes_while_it_is_packed_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files();
    for change in [&b"other"[..], b"longer than it was", b""] {
        let mut manifest = manifest_of(&files);
        manifest.entries.truncate(1);
        manifest.entries[0] = Entry { path: "bayader.db".to_owned(), bytes: 5, sha256: digest::of_bytes(b"books") };
        let source = folder.path().join("books");
        fs::write(&source, change).expect("written");
        let pieces = [Piece { content: Content::File(source) }];
        let target = folder.path().join("copy");
        pack::write(&target, &manifest, &pieces, &Seal::Open, None, &mut |_| Ok(())).expect_err("it changed");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "something is left of it");
    }
}
