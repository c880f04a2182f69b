//! Who signs PayPal's messages in a test: a root, certificates under it, and signatures by them.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, RsaKeySize,
    SigningKey, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use serde_json::Value;

pub const WEBHOOK_ID: &str = "8PT597110X687430L";
pub const NAME: &str = "messageverificationcerts.paypal.com";
pub const SENT: &str = "2026-11-25T08:00:01Z";

/// Making an RSA key takes a while.
static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("rcgen makes it"));
static ROOT: LazyLock<(CertificateDer<'static>, Issuer<'static, KeyPair>)> = LazyLock::new(|| {
    let mut params = CertificateParams::new(Vec::new()).expect("rcgen makes it");
    params.distinguished_name.push(DnType::CommonName, "A root for tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("rcgen makes it");
    let root = params.self_signed(&key).expect("rcgen makes it").der().clone();
    (root, Issuer::new(params, key))
});

pub fn root() -> CertificateDer<'static> {
    ROOT.0.clone()
}

/// The signer's certificate in PEM, valid from the year 2026 until the first day of `until`.
pub fn certificate(name: &str, until: i32) -> String {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("rcgen makes it");
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(until, 1, 1));
    params.signed_by(&*KEY, &ROOT.1).expect("rcgen makes it").pem()
}

/// A message's five headers, signed as PayPal does.
pub fn headers(cert_url: &str, sent: &str, body: &[u8]) -> HeaderMap {
    use base64::Engine as _;
    let id = "4f0b9a10-c86d-11f0-9a2b-6f1d2c3b4a59";
    let message = format!("{id}|{sent}|{WEBHOOK_ID}|{}", crc32fast::hash(body));
    let signature = base64::engine::general_purpose::STANDARD.encode(KEY.sign(message.as_bytes()).expect("rcgen makes it"));
    let all = [
        ("paypal-transmission-id", id),
        ("paypal-transmission-time", sent),
        ("paypal-transmission-sig", &signature),
        ("paypal-cert-url", cert_url),
        ("paypal-auth-algo", "SHA256withRSA"),
    ];
    all.into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("rcgen makes it")))
        .collect()
}

/// A message's body.
pub fn body(id: &str, kind: &str, resource: &Value) -> Vec<u8> {
    serde_json::json!({ "id": id, "event_version": "1.0", "event_type": kind, "resource": resource }).to_string().into_bytes()
}
