//! The password that Amazon SES takes by SMTP: derived from a secret access key, for one region. With another region's it answers 535.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Not a date, though it stands where a signature of Amazon's has one.
const DATE: &str = "11111111";
const VERSION: u8 = 4;

/// As in Amazon's "Obtaining Amazon SES SMTP credentials".
pub(super) fn password(secret_access_key: &str, region: &str) -> String {
    let mut key = format!("AWS4{secret_access_key}").into_bytes();
    for part in [DATE, region, "ses", "aws4_request", "SendRawEmail"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    key.insert(0, VERSION);
    STANDARD.encode(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_the_password_that_is_published_for_it() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../../tests/vectors/ses_smtp.json")).expect("vectors");
        let cases = vectors["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), 6);
        for case in cases {
            let text = |name: &str| case[name].as_str().expect("a text");
            assert_eq!(password(text("secret_access_key"), text("region")), text("smtp_password"), "{}", text("name"));
        }
    }
}
