//! What is refused, what is said about it, and what is never said.

use super::super::{Source, load};
use super::{Folder, config, fault, faults, from_variables, lines, says};

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_right_name() {
    for (text, line, right) in [
        ("[server]\nlisten = \"127.0.0.1:1\"\nlog_fromat = \"json\"", 3, "server.log_format"),
        ("[sever]\nlisten = \"127.0.0.1:1\"", 1, "server"),
        ("[payments.strip]\nsecret_key = \"x\"", 1, "payments.stripe"),
        ("[stripe]\nsecret_key = \"x\"", 1, "payments.stripe"),
        ("listen = \"127.0.0.1:1\"", 1, "server.listen"),
        ("lisen = \"127.0.0.1:1\"", 1, "server.listen"),
        ("[server]\nhold_minutes = 5", 2, "orders.hold_minutes"),
        ("[s3]\nacces_key = \"x\"", 2, "s3.access_key"),
        ("[mail]\npasword_file = \"x\"", 2, "mail.password_file"),
        ("[server]\nlisten_file = \"x\"", 2, "server.listen"),
        ("\"server.listen\" = \"127.0.0.1:1\"", 1, "server.listen"),
    ] {
        let fault = fault(text);
        says(&fault, &[&format!("bayader.toml:{line}:"), "is not known", &format!("the nearest right name is `{right}`")]);
    }
}

#[test]
fn a_name_that_is_like_none_is_not_taken_for_another() {
    for text in ["bogus = 1", "[bogus]\nx = 1", "[shop]\nbogus = 1"] {
        let fault = fault(text);
        says(&fault, &["bogus", "is not known", "take it out", "no name is like it"]);
    }
    let told = lines(&from_variables(&[("BAYADER_BOGUS__XYZZY", "1")]).unwrap_err());
    assert!(told[0].contains("no name is like it"), "{told:?}");
}

#[test]
fn a_section_is_no_key_and_a_key_no_section() {
    says(&fault("server = 3"), &["bayader.toml:1", "`server` is a section"]);
    says(&fault("[[payments.stripe]]\nsecret_key = \"x\""), &["`payments.stripe` is a section"]);
    says(&fault("[server.listen]\nport = 3"), &["bayader.toml:1", "`server.listen` is a key"]);
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file_and_then_of_the_variables() {
    let folder = Folder::with(
        "[server]\nlisten = \"here\"\nlog = \"inof\"\ncolour = 1\n[orders]\nhold_minutes = 0\n[tls]\nmode = \"acme\"\n\
         [payments.paypal]\nclient_id = \"x\"\n",
    )
    .variables(&[("BAYADER_SHOP__CURRENCY", "jod"), ("BAYADER_SHOP__COLOUR", "red")]);
    let source = folder.source.clone().flag("--listen", "server.metrics_listen", "there");
    let places: Vec<String> = load(&source).unwrap_err().iter().map(|fault| fault.place.to_string()).collect();
    let places: Vec<&str> = places.iter().map(|place| place.rsplit('/').next().unwrap_or_default()).collect();
    assert_eq!(
        places,
        [
            "bayader.toml:2",
            "bayader.toml:3",
            "bayader.toml:4",
            "bayader.toml:6",
            "bayader.toml:8",
            "bayader.toml:8",
            "bayader.toml:10",
            "bayader.toml:10",
            "BAYADER_SHOP__COLOUR",
            "BAYADER_SHOP__CURRENCY",
            "--listen",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_by_line_and_hides_no_fault_of_other_lines() {
    let all = faults("[server]\nlisten = \nlog = \"inof\"\n[payments.stripe]\nsecret_key = \"sk_live_hunter2\nwhatever = 3\n");
    assert!(all.iter().any(|fault| fault.starts_with("bayader.toml:2: this is no TOML")), "{all:#?}");
    assert!(all.iter().any(|fault| fault.starts_with("bayader.toml:3: `server.log`")), "{all:#?}");
    assert!(all.iter().any(|fault| fault.starts_with("bayader.toml:5: this is no TOML")), "{all:#?}");
    assert!(!all.join("\n").contains("hunter2"), "{all:#?}");
    // What a section lacks may be what could not be read.
    let torn = fault("[payments.stripe]\nsecret_key = \nwebhook_secret = \"whsec_1\"");
    says(&torn, &["bayader.toml:2: this is no TOML"]);
    says(&faults("[shop]\nname = \"a\"\nname = \"b\"")[0], &["bayader.toml:3", "this is no TOML", "duplicate key"]);
}

#[test]
fn no_fault_and_no_debug_text_tells_a_secret() {
    for text in [
        "[mail]\npassword = \"a\\nhunter2\"",
        "[mail]\npassword = [\"hunter2\"]",
        "[mail]\npassword = { hunter2 = 1 }",
        "[mail]\npassword = \"hunter2",
        "[mail]\npassword = hunter2",
        "[mail]\npassword = \"x\" hunter2",
        "[mail]\npassword = 'x'\npassword = 'hunter2'",
        "[payments.stripe]\nwebhook_secret = [\"hunter2\", 3]",
        "[payments.stripe]\nsecret_key = \"pk_live_hunter2\"\nwebhook_secret = \"x\"",
        "[payments.stripe]\nsecret_key = \"sk_live_x\"\nwebhook_secret = \"x\"\npublishable_key = \"sk_live_hunter2\"",
        "[payments.paymob]\npublic_key = \"egy_sk_live_hunter2\"",
        "[otlp]\nendpoint = \"https://user:hunter2@example.com\"",
        "[backup]\nseal_to = \"AGE-SECRET-KEY-1hunter2\"",
    ] {
        let told = faults(text).join("\n");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let told =
        lines(&from_variables(&[("BAYADER_MAIL__PASSWORD", "hunter2\n3"), ("BAYADER_MAIL__PASWORD", "hunter2")]).unwrap_err());
    assert!(!told.join("\n").contains("hunter2"), "{told:?}");
    let config = from_variables(&[
        ("BAYADER_PAYMENTS__STRIPE__SECRET_KEY", "sk_test_hunter2"),
        ("BAYADER_PAYMENTS__STRIPE__WEBHOOK_SECRET", "whsec_hunter2"),
    ]);
    let shown = format!("{:?}", config.unwrap());
    assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn values_of_a_wrong_type_are_refused_with_what_to_write() {
    for (text, words) in [
        ("[mail]\nport = \"587\"", ["`mail.port`", "without quotes"]),
        ("[mail]\nport = 587.0", ["a number with a point", "whole number from 1 to 65535"]),
        ("[mail]\nport = 70000", ["is 70000", "1 to 65535"]),
        ("[mail]\nport = -1", ["is -1", "1 to 65535"]),
        ("[rate_limit]\nenabled = \"false\"", ["`rate_limit.enabled`", "without quotes"]),
        ("[shop]\nname = 7", ["is a number, not text", "in quotes"]),
        ("[shop]\nname = 1979-05-27", ["is a date, not text", "in quotes"]),
        ("[server]\ncors_origins = \"https://a.example\"", ["is text, not a list", "square brackets"]),
        ("[mail]\nadapter = \"smpt\"", ["log, smtp, sendgrid", "the nearest is smtp"]),
        ("[shop]\nlocale = \"fr\"", ["`shop.locale`", "en, ar"]),
        ("[shop]\nfirst_weekday = \"Sunday\"", ["`shop.first_weekday`", "the nearest is sunday"]),
        ("[backup]\nkeep = [1, 2]", ["`backup.keep`", "[7, 4, 12]"]),
        ("[backup]\nkeep = 0", ["`backup.keep`", "1 to 120"]),
        ("[backup]\nseal_to = \"ssh-ed25519 AAAA\"", ["`backup.seal_to`", "age1"]),
        ("[mail]\nreply_to = \"Shop\"", ["`mail.reply_to`", "Bayader Bakery <orders@example.com>"]),
        ("[mail]\nhost = \"smtp.example.com:587\"", ["`mail.host`", "the port has a key of its own"]),
        ("[tls]\nemail = \"me\"", ["`tls.email`", "keeper@example.com"]),
        ("[tls]\ndomains = [\"https://a.example\"]", ["`tls.domains`", "shop.example.com"]),
    ] {
        says(&fault(text), &words);
    }
    let variable =
        lines(&from_variables(&[("BAYADER_RATE_LIMIT__ENABLED", "no"), ("BAYADER_MAIL__PORT", "many")]).unwrap_err());
    says(&variable[0], &["BAYADER_MAIL__PORT: `mail.port` is \"many\"", "1 to 65535"]);
    says(&variable[1], &["BAYADER_RATE_LIMIT__ENABLED", "is \"no\"", "true or false"]);
}

#[test]
fn times_of_orders_stay_within_their_bounds() {
    let orders = |text: &str| faults(&format!("[orders]\n{text}")).len();
    for wrong in ["hold_minutes = 0", "hold_minutes = 1441", "cash_hold_hours = 0", "cash_hold_hours = 721"] {
        assert_eq!(orders(wrong), 1, "{wrong}");
    }
    let widest = config("[orders]\nhold_minutes = 1440\ncash_hold_hours = 720").orders;
    assert_eq!((widest.hold_minutes, widest.cash_hold_hours), (Some(1440), Some(720)));
    let least = config("[orders]\nhold_minutes = 1\ncash_hold_hours = 1").orders;
    assert_eq!((least.hold_minutes, least.cash_hold_hours), (Some(1), Some(1)));
}

#[test]
fn a_misspelt_log_level_is_refused_instead_of_silencing_the_server() {
    for right in ["info", "WARN", "off", "info,bayader=debug", "bayader::jobs=trace, warn", "bayader[order{id=1}]=debug,info"] {
        assert_eq!(config(&format!("[server]\nlog = \"{right}\"")).server.log, right);
    }
    for wrong in ["inof", "bayader", "info,bayader", "info,,warn", "bayader=loud", "[=info", "verbose"] {
        says(&fault(&format!("[server]\nlog = \"{wrong}\"")), &["`server.log`", "debug"]);
    }
}

#[test]
fn a_time_zone_has_to_exist_and_is_kept_in_its_own_spelling() {
    let zone = |text: &str| config(&format!("[shop]\ntime_zone = \"{text}\"")).shop.time_zone;
    assert_eq!(zone("Asia/Riyadh").as_deref(), Some("Asia/Riyadh"));
    assert_eq!(zone("asia/amman").as_deref(), Some("Asia/Amman"));
    says(&fault("[shop]\ntime_zone = \"Asia/Aman\""), &["no time zone", "the nearest is Asia/Amman"]);
    for wrong in ["Etc/Unknown", "+03:00", "../../etc/passwd", "EEST"] {
        says(&fault(&format!("[shop]\ntime_zone = \"{wrong}\"")), &["`shop.time_zone`"]);
    }
}

#[test]
fn a_currency_is_one_in_use() {
    assert_eq!(config("[shop]\ncurrency = \"USD\"").shop.currency.as_deref(), Some("USD"));
    for wrong in ["usd", "US", "USDT", "د.ا", "U$D", "XXZ"] {
        says(&fault(&format!("[shop]\ncurrency = \"{wrong}\"")), &["`shop.currency`", "ISO 4217", "JOD"]);
    }
}

#[test]
fn a_fault_is_whole_as_json_too() {
    let faults = load(&Source::new().flag("--listen", "server.listen", "here")).unwrap_err();
    let json = serde_json::to_value(&faults).unwrap();
    assert_eq!(json[0]["where"], "--listen");
    assert_eq!(json[0]["key"], "server.listen");
    says(json[0]["what"].as_str().unwrap(), &["`server.listen` is \"here\""]);
    says(json[0]["advice"].as_str().unwrap(), &["127.0.0.1:8080"]);
}
