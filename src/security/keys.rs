//! The shop's secret keys: three files of 32 random bytes in `keys/` of the data folder, made at the first start.
//!
//! What always holds: a key file is whole or absent (written aside, synced, then linked into place), belongs to its owner alone,
//! and its bytes never reach a log or an answer. A lost access key signs everybody out; a lost order key makes the links in
//! customers' messages dead; a lost sealing key makes kept answers with secrets unreadable, and the
//! links out of promotions dead. None of them loses the books.

use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};

use super::random;
use crate::kernel::{CartId, Fault, OrderId, PaymentId, SessionId, UserId};

/// Bytes of a key: as many as SHA-256 and AES-256 have.
const KEY_BYTES: usize = 32;
/// Bytes of an order's token: 192 bits, so that it has 32 characters and cannot be guessed.
const ORDER_TOKEN_BYTES: usize = 24;
/// Bytes of the key in a link to a picture: 128 bits cannot be guessed, and a menu bears some hundred of them.
const MEDIA_KEY_BYTES: usize = 16;
/// Before what is signed for a way back from a gateway. With it the signed text has another length than an order's, so that neither
/// is ever taken for the other.
const RETURN_CONTEXT: &[u8] = b"bayader/return/1";

/// The list that a link out of it is signed for: promotions, the only one there is. Another list would have another word, so that a
/// link out of the one never counts for the other.
const UNSUBSCRIBE_LIST: &[u8] = b"promotions ";
/// Bytes of the tag in such a link: 192 bits, as an order's token.
const UNSUBSCRIBE_TAG_BYTES: usize = 24;

/// The shop's secret keys.
pub struct Keys {
    pub(super) access_sign: EncodingKey,
    pub(super) access_read: DecodingKey,
    order: hmac::Key,
    seal: RandomizedNonceKey,
    fingerprint: hmac::Key,
    cart: hmac::Key,
    csrf: hmac::Key,
    media: hmac::Key,
    unsubscribe: hmac::Key,
}

impl Keys {
    /// Reads the keys in `keys/` of the data folder, and makes those that are missing.
    ///
    /// # Errors
    /// A fault if a file cannot be read or made, or has another length: a torn or foreign key must not be used in silence.
    pub fn load_or_make(folder: &Path) -> Result<Keys, Fault> {
        let folder = folder.join("keys");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("the folder {} could not be made", folder.display()))
            .map_err(Fault::new)?;
        let key = |name| key_in(&folder, name).map_err(Fault::new);
        Keys::from_bytes(&key("access.key")?, &key("order.key")?, &key("seal.key")?)
    }

    fn from_bytes(access: &[u8], order: &[u8], seal: &[u8]) -> Result<Keys, Fault> {
        // One key, one use (NIST SP 800-57, 5.2): what seals, takes fingerprints and makes carts' tokens is derived under a label each.
        let root = hmac::Key::new(hmac::HMAC_SHA256, seal);
        let derived = |label: &[u8]| hmac::sign(&root, label);
        let seal = RandomizedNonceKey::new(&AES_256_GCM, derived(b"bayader/seal/1").as_ref()).map_err(Fault::new)?;
        Ok(Keys {
            access_sign: EncodingKey::from_secret(access),
            access_read: DecodingKey::from_secret(access),
            order: hmac::Key::new(hmac::HMAC_SHA256, order),
            seal,
            fingerprint: hmac::Key::new(hmac::HMAC_SHA256, derived(b"bayader/fingerprint/1").as_ref()),
            cart: hmac::Key::new(hmac::HMAC_SHA256, derived(b"bayader/cart/1").as_ref()),
            csrf: hmac::Key::new(hmac::HMAC_SHA256, derived(b"bayader/csrf/1").as_ref()),
            media: hmac::Key::new(hmac::HMAC_SHA256, derived(b"bayader/media/1").as_ref()),
            unsubscribe: hmac::Key::new(hmac::HMAC_SHA256, derived(b"bayader/unsubscribe/1").as_ref()),
        })
    }

    /// The token by which a guest reads an order: 32 characters. A raised version makes every older token worthless.
    #[must_use]
    pub fn order_token(&self, order: OrderId, token_version: i64) -> String {
        let mut signed = [0; 24];
        signed[..16].copy_from_slice(order.uuid().as_bytes());
        signed[16..].copy_from_slice(&token_version.to_be_bytes());
        let tag = hmac::sign(&self.order, &signed);
        URL_SAFE_NO_PAD.encode(&tag.as_ref()[..ORDER_TOKEN_BYTES])
    }

    /// Whether a token is that order's, in a time that tells nothing of where it differs.
    #[must_use]
    pub fn order_token_matches(&self, order: OrderId, token_version: i64, presented: &str) -> bool {
        let expected = self.order_token(order, token_version);
        constant_time::verify_slices_are_equal(expected.as_bytes(), presented.as_bytes()).is_ok()
    }

    /// What the link bears by which a buyer comes back from a gateway: 32 characters, for that payment alone. It says who may be shown
    /// the payment's order; it is none of the order's own tokens.
    #[must_use]
    pub fn return_key(&self, payment: PaymentId) -> String {
        let tag = hmac::sign(&self.order, &[RETURN_CONTEXT, payment.uuid().as_bytes()].concat());
        URL_SAFE_NO_PAD.encode(&tag.as_ref()[..ORDER_TOKEN_BYTES])
    }

    /// Whether a key is that payment's, in a time that tells nothing of where it differs.
    #[must_use]
    pub fn return_key_matches(&self, payment: PaymentId, presented: &str) -> bool {
        constant_time::verify_slices_are_equal(self.return_key(payment).as_bytes(), presented.as_bytes()).is_ok()
    }

    /// The token of a cart: 32 bytes as base64url, 43 characters. It follows from the cart's id, so that an account, which signs in
    /// without it, can be told it again although the books keep its hash alone.
    #[must_use]
    pub fn cart_token(&self, cart: CartId) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.cart, cart.uuid().as_bytes()))
    }

    /// The token that a page shows beside the session's cookie: 43 characters, the same as long as the session lives.
    #[must_use]
    pub fn csrf_token(&self, session: SessionId) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.csrf, session.uuid().as_bytes()))
    }

    /// Whether a token is that session's, in a time that tells nothing of where it differs.
    #[must_use]
    pub fn csrf_token_matches(&self, session: SessionId, presented: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf_token(session).as_bytes(), presented.as_bytes()).is_ok()
    }

    /// The key of the forms on an order's page: 43 characters, which a page of another site cannot know.
    #[must_use]
    pub fn form_key(&self, order: OrderId, token_version: i64) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.csrf, &form_context(order, token_version)))
    }

    /// Whether a key is that of an order's forms, in a time that tells nothing of where it differs.
    #[must_use]
    pub fn form_key_matches(&self, order: OrderId, token_version: i64, presented: &str) -> bool {
        constant_time::verify_slices_are_equal(self.form_key(order, token_version).as_bytes(), presented.as_bytes()).is_ok()
    }

    /// What a link to a picture bears: 22 characters, for that picture in that size until that week.
    #[must_use]
    pub fn media_key(&self, picture: &[u8; 32], size: &str, ends: i64) -> String {
        let tag = hmac::sign(&self.media, &[picture.as_slice(), &ends.to_be_bytes(), size.as_bytes()].concat());
        URL_SAFE_NO_PAD.encode(&tag.as_ref()[..MEDIA_KEY_BYTES])
    }

    /// Whether a key is that link's, in a time that tells nothing of where it differs.
    #[must_use]
    pub fn media_key_matches(&self, picture: &[u8; 32], size: &str, ends: i64, presented: &str) -> bool {
        constant_time::verify_slices_are_equal(self.media_key(picture, size, ends).as_bytes(), presented.as_bytes()).is_ok()
    }

    /// What the link bears that takes an account off the list of promotions: 54 characters, the account's id and a tag over it. It
    /// never ends, because a letter is opened years later, and it opens nothing.
    #[must_use]
    pub fn unsubscribe_token(&self, user: UserId) -> String {
        let id = user.uuid();
        URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &self.unsubscribe_tag(user)].concat())
    }

    /// Whose token this is; `None` if we never made it.
    #[must_use]
    pub fn unsubscribed(&self, token: &str) -> Option<UserId> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, tag) = bytes.split_at_checked(16)?;
        let user = UserId::from_uuid(uuid::Uuid::from_slice(id).ok()?);
        constant_time::verify_slices_are_equal(&self.unsubscribe_tag(user), tag).is_ok().then_some(user)
    }

    fn unsubscribe_tag(&self, user: UserId) -> Vec<u8> {
        let tag = hmac::sign(&self.unsubscribe, &[UNSUBSCRIBE_LIST, user.uuid().as_bytes()].concat());
        tag.as_ref()[..UNSUBSCRIBE_TAG_BYTES].to_vec()
    }

    /// Encrypts and authenticates: a random nonce, the ciphertext, the tag.
    ///
    /// # Panics
    /// If the text is longer than AES-GCM takes (64 GiB).
    #[must_use]
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let mut text = plain.to_vec();
        let nonce = self.seal.seal_in_place_append_tag(Aad::empty(), &mut text).expect("a body of ours fits AES-GCM");
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        sealed
    }

    /// What [`Keys::seal`] sealed; `None` if it was changed, cut, or sealed with another key.
    #[must_use]
    pub fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = self.seal.open_in_place(nonce, Aad::empty(), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    /// A keyed hash of bytes that hold a secret. A bare hash of a body with a password in it, kept in the books, could be tried
    /// against word lists at millions a second by whoever gets a copy of the file.
    #[must_use]
    pub fn fingerprint(&self, bytes: &[u8]) -> Vec<u8> {
        hmac::sign(&self.fingerprint, bytes).as_ref().to_vec()
    }
}

/// Longer than a session's id, so that no form's key is a session's token.
fn form_context(order: OrderId, token_version: i64) -> Vec<u8> {
    [b"order form ".as_slice(), order.uuid().as_bytes(), &token_version.to_be_bytes()].concat()
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

fn key_in(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(name);
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    make_key(folder, &path).with_context(|| format!("the key {} could not be made", path.display()))?;
    tracing::info!(key = name, "made a new key");
    read_key(&path)?.with_context(|| format!("the key {} was made and is gone", path.display()))
}

fn read_key(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(key) if key.len() == KEY_BYTES => Ok(Some(key)),
        Ok(key) => anyhow::bail!(
            "the key {} has {} bytes, a key has {KEY_BYTES}; put it back from a backup, or take it away for a new one",
            path.display(),
            key.len()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("the key {} could not be read", path.display())),
    }
}

fn make_key(folder: &Path, path: &Path) -> anyhow::Result<()> {
    // The temporary file is 0600 from its first byte on.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&random::bytes::<KEY_BYTES>())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        // Another process made it in the same moment: its key is the key.
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
        outcome => drop(outcome?),
    }
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn keys() -> Keys {
        Keys::from_bytes(&[1; 32], &[2; 32], &[3; 32]).expect("keys")
    }

    #[test]
    fn keys_are_made_once_and_belong_to_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Keys::load_or_make(folder.path()).expect("made");
        let again = Keys::load_or_make(folder.path()).expect("read");
        let order = OrderId::from_uuid(uuid::Uuid::from_u128(7));
        assert_eq!(first.order_token(order, 1), again.order_token(order, 1));
        assert_eq!(again.unseal(&first.seal(b"secret")).as_deref(), Some(b"secret".as_slice()));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("keys")), 0o700);
        let files: Vec<_> = fs::read_dir(folder.path().join("keys")).expect("read").map(|file| file.expect("a file")).collect();
        assert_eq!(files.len(), 3);
        assert!(files.iter().all(|file| mode(&file.path()) == 0o600));
    }

    #[test]
    fn a_torn_key_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        Keys::load_or_make(folder.path()).expect("made");
        fs::write(folder.path().join("keys/order.key"), b"short").expect("written");
        let fault = Keys::load_or_make(folder.path()).expect_err("refused");
        assert!(fault.chain().contains("order.key"), "{}", fault.chain());
    }

    #[test]
    fn an_orders_token_opens_that_order_at_that_version_alone() {
        let keys = keys();
        let order = OrderId::from_uuid(uuid::Uuid::from_u128(7));
        let token = keys.order_token(order, 1);
        assert_eq!(token.len(), 32);
        assert!(keys.order_token_matches(order, 1, &token));
        assert!(!keys.order_token_matches(order, 2, &token));
        assert!(!keys.order_token_matches(OrderId::from_uuid(uuid::Uuid::from_u128(8)), 1, &token));
        assert!(!keys.order_token_matches(order, 1, ""));
        assert!(!keys.order_token_matches(order, 1, &token[1..]));
    }

    #[test]
    fn a_return_key_is_its_payments_alone() {
        let keys = keys();
        let (payment, order) = (PaymentId::from_uuid(uuid::Uuid::from_u128(7)), OrderId::from_uuid(uuid::Uuid::from_u128(7)));
        let key = keys.return_key(payment);
        assert_eq!(key.len(), 32);
        assert!(keys.return_key_matches(payment, &key) && !keys.order_token_matches(order, 1, &key));
        assert!(!keys.return_key_matches(PaymentId::from_uuid(uuid::Uuid::from_u128(8)), &key));
        assert!(!keys.return_key_matches(payment, "") && !keys.return_key_matches(payment, &key[1..]));
    }

    #[test]
    fn a_carts_token_is_its_own_and_comes_again() {
        let cart = |id| CartId::from_uuid(uuid::Uuid::from_u128(id));
        assert_eq!(keys().cart_token(cart(7)), keys().cart_token(cart(7)));
        assert_ne!(keys().cart_token(cart(7)), keys().cart_token(cart(8)));
        assert_eq!(keys().cart_token(cart(7)).len(), 43);
        let others = Keys::from_bytes(&[1; 32], &[2; 32], &[4; 32]).expect("keys");
        assert_ne!(keys().cart_token(cart(7)), others.cart_token(cart(7)));
    }

    #[test]
    fn a_csrf_token_is_its_sessions_alone() {
        let keys = keys();
        let session = SessionId::from_uuid(uuid::Uuid::from_u128(7));
        let token = keys.csrf_token(session);
        assert_eq!(token.len(), 43);
        assert!(keys.csrf_token_matches(session, &token));
        assert!(!keys.csrf_token_matches(SessionId::from_uuid(uuid::Uuid::from_u128(8)), &token));
        assert!(!keys.csrf_token_matches(session, "") && !keys.csrf_token_matches(session, &token[1..]));
        let others = Keys::from_bytes(&[1; 32], &[2; 32], &[4; 32]).expect("keys");
        assert!(!others.csrf_token_matches(session, &token));
    }

    #[test]
    fn a_forms_key_is_that_orders_at_that_version() {
        let (keys, order) = (keys(), OrderId::from_uuid(uuid::Uuid::from_u128(7)));
        let key = keys.form_key(order, 1);
        assert!(keys.form_key_matches(order, 1, &key) && key != keys.order_token(order, 1));
        assert!(!keys.form_key_matches(order, 2, &key) && !keys.form_key_matches(order, 1, &key[1..]));
        assert!(!keys.form_key_matches(OrderId::from_uuid(uuid::Uuid::from_u128(8)), 1, &key));
    }

    #[test]
    fn a_links_key_is_that_pictures_in_that_size_until_that_week() {
        let keys = keys();
        let key = keys.media_key(&[7; 32], "card", 2_970);
        assert_eq!(key.len(), 22);
        assert!(keys.media_key_matches(&[7; 32], "card", 2_970, &key));
        assert!(!keys.media_key_matches(&[8; 32], "card", 2_970, &key));
        assert!(!keys.media_key_matches(&[7; 32], "full", 2_970, &key));
        assert!(!keys.media_key_matches(&[7; 32], "card", 2_971, &key));
        assert!(!keys.media_key_matches(&[7; 32], "card", 2_970, &key[1..]));
    }

    #[test]
    fn a_way_out_of_the_list_is_its_accounts_alone() {
        let keys = keys();
        let user = UserId::from_uuid(uuid::Uuid::from_u128(7));
        let token = keys.unsubscribe_token(user);
        assert_eq!((token.len(), token == keys.unsubscribe_token(user)), (54, true));
        assert_eq!(keys.unsubscribed(&token), Some(user));
        let others = Keys::from_bytes(&[1; 32], &[2; 32], &[4; 32]).expect("keys");
        assert_eq!(others.unsubscribed(&token), None);
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(keys.unsubscribed(&String::from_utf8(changed).expect("letters")), None);
        }
        for wrong in ["", "AAAA", "؟", &token[1..], &format!("{token}A"), &format!("{token}=")] {
            assert_eq!(keys.unsubscribed(wrong), None);
        }
    }

    #[test]
    fn what_was_sealed_opens_only_untouched() {
        let keys = keys();
        let sealed = keys.seal(b"a refresh token");
        assert_ne!(sealed, keys.seal(b"a refresh token"));
        assert_eq!(keys.unseal(&sealed).as_deref(), Some(b"a refresh token".as_slice()));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(keys.unseal(&changed), None);
        }
        assert_eq!(keys.unseal(&sealed[..sealed.len() - 1]), None);
        assert_eq!(keys.unseal(b""), None);
        assert_eq!(format!("{keys:?}"), "Keys(***)");
    }
}
