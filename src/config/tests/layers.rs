//! File, variables, flags: which is read, and which wins.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::super::{HttpUrl, MailAdapter, Place, SmtpSignIn, Source, load};
use super::{Folder, config, from_variables, lines, says};

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let folder = Folder::with("[server]\nlisten = \"127.0.0.1:1\"\nlog = \"warn\"\n[shop]\nname = \"File\"")
        .variables(&[("BAYADER_SERVER__LISTEN", "127.0.0.1:2"), ("BAYADER_SHOP__NAME", "Variable")]);
    let config = load(&folder.source.clone().flag("--listen", "server.listen", "127.0.0.1:3")).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.shop.name.as_deref(), Some("Variable"));
    assert_eq!(config.server.log, "warn");
    assert_eq!(folder.load().unwrap().server.listen.port(), 2);
}

#[test]
fn each_value_remembers_where_it_was_written() {
    let folder = Folder::with("\n[shop]\ncurrency = \"USD\"").variables(&[("BAYADER_SHOP__NAME", "Layla's")]);
    let config = load(&folder.source.clone().flag("--listen", "server.listen", "127.0.0.1:3")).unwrap();
    let file = folder.dir.path().join("bayader.toml");
    assert_eq!(config.origin("shop.currency"), Some(&Place::File { path: file, line: Some(3) }));
    assert_eq!(config.origin("shop.name"), Some(&Place::Variable("BAYADER_SHOP__NAME".into())));
    assert_eq!(config.origin("server.listen"), Some(&Place::Flag("--listen".into())));
    assert_eq!(config.origin("shop.locale"), None);
}

#[test]
fn a_named_file_is_read_instead_of_the_one_in_the_data_folder() {
    let folder = Folder::with("[shop]\nname = \"Folder\"");
    folder.write("other.toml", "[shop]\nname = \"Other\"");
    let named = folder.source.clone().file(folder.dir.path().join("other.toml"));
    assert_eq!(load(&named).unwrap().shop.name.as_deref(), Some("Other"));
    assert_eq!(folder.load().unwrap().shop.name.as_deref(), Some("Folder"));
}

#[test]
fn a_named_file_has_to_be_there_and_the_data_folders_has_not() {
    let empty = tempfile::TempDir::new().unwrap();
    assert!(load(&Source::new().folder(empty.path())).is_ok());
    let missing = load(&Source::new().file(empty.path().join("none.toml"))).unwrap_err();
    assert_eq!(missing.len(), 1);
    says(&missing[0].to_string(), &["none.toml", "cannot be read", "No such file"]);
    let a_folder = load(&Source::new().file(empty.path())).unwrap_err();
    says(&a_folder[0].to_string(), &["cannot be read", "directory"]);
}

#[test]
fn a_file_that_is_no_text_or_has_no_end_is_refused() {
    let folder = Folder::with("");
    folder.write("bayader.toml", b"[shop]\nname = \"\xff\"");
    says(&folder.faults()[0].to_string(), &["not UTF-8"]);
    let endless = load(&Source::new().file("/dev/zero")).unwrap_err();
    says(&endless[0].to_string(), &["/dev/zero", "larger than 1024 kB"]);
}

#[test]
fn a_byte_order_mark_does_not_matter() {
    assert_eq!(config("\u{feff}[shop]\nname = \"مخبز\"").shop.name.as_deref(), Some("مخبز"));
}

#[test]
fn only_variables_with_a_double_underscore_are_looked_at() {
    let others =
        [("BAYADER_DATA_DIR", "/x"), ("BAYADER_CONFIG", "x"), ("OTHER__THING", "x"), ("PATH", "x"), ("SERVER__LISTEN", "x")];
    assert!(from_variables(&others).is_ok());
    let faults = lines(&from_variables(&[("BAYADER_NONE__SUCH", "x")]).unwrap_err());
    assert_eq!(faults.len(), 1);
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_right_name() {
    for (wrong, right) in [
        ("BAYADER_SERVER__LISTN", "BAYADER_SERVER__LISTEN"),
        ("BAYADER_PAYMENTS__STRIPE__SECRETKEY", "BAYADER_PAYMENTS__STRIPE__SECRET_KEY"),
        ("BAYADER_MAIL__PASSWORD_FIL", "BAYADER_MAIL__PASSWORD_FILE"),
        ("BAYADER_server__listen", "BAYADER_SERVER__LISTEN"),
        ("BAYADER_SERVER__LISTEN_FILE", "BAYADER_SERVER__LISTEN"),
        ("BAYADER_STRIPE__SECRET_KEY", "BAYADER_PAYMENTS__STRIPE__SECRET_KEY"),
    ] {
        let faults = lines(&from_variables(&[(wrong, "hunter2")]).unwrap_err());
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with(wrong) && faults[0].ends_with(&format!("the nearest right name is {right}")),
            "{faults:?}"
        );
        assert!(!faults[0].contains("hunter2"));
    }
}

#[test]
fn a_list_in_a_variable_is_separated_by_commas() {
    let config = from_variables(&[
        ("BAYADER_SERVER__CORS_ORIGINS", "https://a.example, https://b.example,"),
        ("BAYADER_SERVER__TRUSTED_PROXIES", "10.0.0.1"),
        ("BAYADER_BACKUP__KEEP", "9"),
    ])
    .unwrap();
    let origins: Vec<&str> = config.server.cors_origins.iter().map(HttpUrl::as_str).collect();
    assert_eq!(origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!((config.backup.keep.daily, config.backup.keep.weekly), (9, 4));
}

#[test]
fn an_empty_variable_switches_off_what_the_file_says() {
    let folder = Folder::with(
        "[server]\nmetrics_listen = \"127.0.0.1:9100\"\ncors_origins = [\"https://a.example\"]\nlisten = \"127.0.0.1:1\"",
    )
    .variables(&[
        ("BAYADER_SERVER__METRICS_LISTEN", ""),
        ("BAYADER_SERVER__CORS_ORIGINS", ""),
        ("BAYADER_SERVER__LISTEN", " "),
    ]);
    let config = folder.load().unwrap();
    assert!(config.server.metrics_listen.is_none() && config.server.cors_origins.is_empty());
    assert_eq!(config.server.listen.port(), 8080);
    assert_eq!(config.origin("server.metrics_listen"), None);
}

#[test]
fn a_variable_that_is_no_text_is_refused_unless_nobody_looks_at_it() {
    let broken = || OsString::from_vec(vec![b'a', 0xff]);
    assert!(load(&Source::new().variables([(OsString::from("BAYADER_HOME"), broken())])).is_ok());
    let faults = load(&Source::new().variables([(OsString::from("BAYADER_SHOP__NAME"), broken())])).unwrap_err();
    says(&faults[0].to_string(), &["BAYADER_SHOP__NAME", "UTF-8"]);
}

#[test]
fn a_secret_is_read_from_the_file_that_is_named_without_its_last_line_break() {
    let folder = Folder::with(
        "[mail]\nadapter = \"smtp\"\nfrom = \"a@b.jo\"\nhost = \"localhost\"\nusername = \"u\"\npassword_file = \"p\"",
    );
    for text in [" pass word ", " pass word \n", " pass word \r\n\n"] {
        folder.write("p", text);
        let mail = format!("{:?}", folder.load().unwrap().mail);
        assert!(mail.contains("password: ***"), "{mail}");
        let MailAdapter::Smtp(smtp) = folder.load().unwrap().mail.adapter else { panic!("no relay") };
        let SmtpSignIn::Password { password, .. } = smtp.sign_in else { panic!("no password") };
        assert_eq!(password.reveal(), " pass word ");
    }
}

#[test]
fn several_secrets_are_a_list_or_lines_of_a_file_or_words_of_a_variable() {
    let secrets = |folder: &Folder| -> Vec<String> {
        let stripe = folder.load().unwrap().payments.stripe.unwrap();
        stripe.webhook_secret.iter().map(|secret| secret.reveal().to_owned()).collect()
    };
    let base = "[payments.stripe]\nsecret_key = \"sk_test_1\"\n";
    assert_eq!(secrets(&Folder::with(&format!("{base}webhook_secret = \"whsec_a,b\""))), ["whsec_a,b"]);
    assert_eq!(secrets(&Folder::with(&format!("{base}webhook_secret = [\"whsec_a\", \"whsec_b\"]"))), ["whsec_a", "whsec_b"]);
    assert_eq!(
        secrets(&Folder::with(base).variables(&[("BAYADER_PAYMENTS__STRIPE__WEBHOOK_SECRET", "whsec_a,whsec_b")])),
        ["whsec_a", "whsec_b"]
    );
    let folder = Folder::with(&format!("{base}webhook_secret_file = \"w\""));
    folder.write("w", "whsec_a\n\nwhsec_b\n");
    assert_eq!(secrets(&folder), ["whsec_a", "whsec_b"]);
}

#[test]
fn a_secret_given_twice_in_one_layer_is_a_fault_and_in_two_the_stronger_wins() {
    let text = "[payments.stripe]\nsecret_key = \"sk_test_file\"\nsecret_key_file = \"s\"\nwebhook_secret = \"w\"";
    let folder = Folder::with(text);
    folder.write("s", "sk_test_from_a_file");
    let faults = lines(&folder.faults());
    assert_eq!(faults.len(), 1, "{faults:?}");
    says(&faults[0], &["bayader.toml:", "`payments.stripe.secret_key` is given twice", "`secret_key_file`", "keep one"]);

    // A blank form says nothing.
    let blank = text.replace("\"s\"", "\"\"");
    assert!(Folder::with(&blank).load().is_ok());

    let folder = Folder::with("[payments.stripe]\nsecret_key = \"sk_test_file\"\nwebhook_secret = \"w\"");
    folder.write("s", "sk_test_from_a_file");
    let path = folder.dir.path().join("s").display().to_string();
    let folder =
        folder.variables(&[("BAYADER_PAYMENTS__STRIPE__SECRET_KEY_FILE", &path), ("BAYADER_PAYMENTS__STRIPE__SECRET_KEY", "")]);
    assert_eq!(folder.load().unwrap().payments.stripe.unwrap().secret_key.reveal(), "sk_test_from_a_file");
}

#[test]
fn a_secrets_file_that_is_missing_empty_or_too_long_is_named_once() {
    let folder = Folder::with("[payments.stripe]\nsecret_key_file = \"s\"\nwebhook_secret = \"w\"");
    let only = |folder: &Folder| {
        let faults = lines(&folder.faults());
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults[0].clone()
    };
    says(&only(&folder), &["bayader.toml:2", "`payments.stripe.secret_key` cannot be read from", "/s: No such file"]);
    folder.write("s", "\n");
    says(&only(&folder), &["the file is empty"]);
    folder.write("s", "x".repeat(64 * 1024 + 1));
    says(&only(&folder), &["larger than 64 kB"]);
    folder.write("s", "sk_test_1\nsk_test_2");
    says(&only(&folder), &["holds a line break"]);
}
