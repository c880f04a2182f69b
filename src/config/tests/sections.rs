//! What a section needs, and what it becomes.

use jiff::civil::Weekday;

use super::super::{HttpUrl, MailAdapter, MailTls, MediaServe, PublicUrl, Sms, SmtpSignIn, Tls, TwilioSender};
use super::{Folder, config, fault, faults, lines, says};

const SMTP: &str = "[mail]\nadapter = \"smtp\"\nfrom = \"Bayader <a@b.jo>\"\nhost = \"mail.example.com\"\n";
const STRIPE: &str = "[payments.stripe]\nsecret_key = \"sk_test_1\"\nwebhook_secret = \"whsec_1\"\n";
const PAYMOB: &str =
    "[payments.paymob]\npublic_key = \"egy_pk_test_1\"\napi_key = \"a\"\nhmac_secret = \"h\"\nintegration_ids = [7]\n";
const S3: &str =
    "[s3]\nendpoint = \"http://127.0.0.1:9\"\nregion = \"r\"\nbucket = \"b\"\naccess_key = \"a\"\nsecret_key = \"s\"\n";

#[test]
fn an_assumed_url_follows_the_listener_and_a_given_one_does_not() {
    let assumed = config("[server]\nlisten = \"[::1]:0\"").server.public_url;
    assert_eq!(assumed.url().as_str(), "http://[::1]:0");
    let bound = assumed.bound_to("[::1]:4711".parse().unwrap());
    assert_eq!(bound.url().as_str(), "http://[::1]:4711");
    let given = config("[server]\npublic_url = \"https://shop.example/\"").server.public_url;
    assert_eq!(given.bound_to("[::1]:4711".parse().unwrap()).url().as_str(), "https://shop.example");
}

#[test]
fn an_assumed_url_is_warned_about_when_links_leave_the_house() {
    let warned = |text: &str| config(text).warnings().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(warned("").is_empty());
    says(&warned(STRIPE)[0], &["server.public_url", "stripe", "http://127.0.0.1:8080"]);
    says(&warned(SMTP)[0], &["server.public_url", "mail"]);
    let given = "[server]\npublic_url = \"https://shop.example\"\n[shop]\ncurrency = \"USD\"";
    assert!(warned(&format!("{STRIPE}{SMTP}{given}")).is_empty());
}

#[test]
fn a_gateway_that_cannot_express_each_amount_is_warned_about() {
    let warned = |text: &str| {
        let text = format!("{STRIPE}[server]\npublic_url = \"https://shop.example\"\n{text}");
        config(&text).warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    says(&warned("")[0], &["stripe takes JOD in steps of 0.010", "prices, fees and discounts"]);
    says(&warned("[shop]\ncurrency = \"KWD\"")[0], &["stripe takes KWD in steps of 0.010"]);
    assert!(warned("[shop]\ncurrency = \"USD\"").is_empty());
    assert!(config("[shop]\ncurrency = \"JOD\"").warnings().is_empty());
}

#[test]
fn metrics_and_the_shop_cannot_share_an_address() {
    let text = "[server]\nlisten = \"127.0.0.1:9\"\nmetrics_listen = \"127.0.0.1:9\"";
    says(&fault(text), &["bayader.toml:3", "`server.metrics_listen`", "port of their own"]);
    // With port 0 each is given a port of its own.
    assert!(config(&text.replace(":9", ":0")).server.metrics_listen.is_some());
}

#[test]
fn what_the_keeper_takes_over_from_the_owner_is_there() {
    let config = config(
        "[shop]\nlocale = \"ar\"\nfirst_weekday = \"saturday\"\n[orders]\nconfirm_cash = true\nprices_include_tax = false",
    );
    assert_eq!(config.shop.locale.as_deref(), Some("ar"));
    assert_eq!(config.shop.first_weekday, Some(Weekday::Saturday));
    assert_eq!((config.orders.confirm_cash, config.orders.prices_include_tax), (Some(true), Some(false)));
}

#[test]
fn a_half_filled_gateway_is_a_fault_for_each_key_it_lacks() {
    for (text, missing) in [
        ("[payments.stripe]\nsecret_key = \"x\"", vec!["payments.stripe.webhook_secret"]),
        (
            "[payments.stripe]\nbase_url = \"http://127.0.0.1:1\"",
            vec!["payments.stripe.secret_key", "payments.stripe.webhook_secret"],
        ),
        ("[payments.paypal]\nclient_id = \"x\"", vec!["payments.paypal.client_secret", "payments.paypal.webhook_id"]),
        ("[payments.myfatoorah]\napi_token = \"x\"", vec!["payments.myfatoorah.webhook_secret", "payments.myfatoorah.country"]),
        (
            "[payments.paymob]\nsecret_key = \"egy_sk_test_1\"\nintegration_ids = []",
            vec![
                "payments.paymob.public_key",
                "payments.paymob.api_key",
                "payments.paymob.hmac_secret",
                "payments.paymob.integration_ids",
            ],
        ),
    ] {
        let told = faults(text);
        assert_eq!(told.len(), missing.len(), "{told:#?}");
        for (fault, key) in told.iter().zip(missing) {
            says(fault, &["bayader.toml:2", &format!("`{key}` is missing"), "half filled", "BAYADER_PAYMENTS__"]);
        }
    }
}

#[test]
fn the_simulators_webhook_opens_no_live_shop() {
    let section = |base: &str| {
        format!("[payments.paypal]\nclient_id = \"i\"\nclient_secret = \"s\"\nwebhook_id = \"WEBHOOK_ID\"\n{base}")
    };
    says(&fault(&section("")), &["`payments.paypal.webhook_id`", "the simulator's"]);
    assert!(config(&section("base_url = \"https://api-m.sandbox.paypal.com\"")).payments.paypal.is_some());
}

#[test]
fn an_empty_section_and_blank_keys_offer_no_gateway() {
    assert!(config("[payments.stripe]\n").payments.names().is_empty());
    assert!(config("[payments.stripe]\nsecret_key = \"\"\nwebhook_secret = \"\"").payments.names().is_empty());
}

#[test]
fn a_faulty_key_is_not_missing_too() {
    says(&fault("[payments.stripe]\nsecret_key = 3\nwebhook_secret = \"w\""), &["is a number, not text"]);
}

#[test]
fn a_whole_section_offers_its_gateway_at_its_own_address() {
    let stripe = config(STRIPE).payments.stripe.unwrap();
    assert_eq!(stripe.base_url.as_str(), "https://api.stripe.com");
    assert_eq!((stripe.secret_key.reveal(), stripe.publishable_key), ("sk_test_1", None));
    let paypal =
        "[payments.paypal]\nclient_id = \"i\"\nclient_secret = \"s\"\nwebhook_id = \"w\"\nbase_url = \"http://localhost:9/\"";
    let payments = config(paypal).payments;
    assert_eq!(payments.names(), ["paypal"]);
    assert_eq!(payments.paypal.unwrap().base_url.as_str(), "http://localhost:9");
}

#[test]
fn a_providers_address_is_https_unless_it_is_this_machine() {
    for key in ["payments.stripe", "payments.paypal", "payments.myfatoorah", "payments.paymob", "mail.sendgrid", "sms.twilio"] {
        let told = faults(&format!("[{key}]\nbase_url = \"http://192.168.0.9\"")).join("\n");
        says(&told, &[&format!("`{key}.base_url` is \"http://192.168.0.9\", which is not encrypted"), "use https://"]);
    }
    assert_eq!(config("[otlp]\nendpoint = \"http://jaeger:4318\"").otlp.unwrap().endpoint.as_str(), "http://jaeger:4318");
}

#[test]
fn test_and_live_keys_do_not_mix() {
    let stripe = |key: &str| format!("{STRIPE}publishable_key = \"{key}\"");
    says(&fault(&stripe("pk_live_1")), &["bayader.toml:4", "different modes", "two test keys or two live keys"]);
    assert!(config(&stripe("pk_test_1")).payments.stripe.is_some());
    says(&fault(&stripe("sk_test_1")), &["which browsers would be shown", "pk_"]);
    let paymob = |key: &str| format!("{PAYMOB}secret_key = \"{key}\"");
    says(&fault(&paymob("egy_sk_live_1")), &["`payments.paymob.public_key`", "different modes or regions"]);
    says(&fault(&paymob("omn_sk_test_1")), &["`payments.paymob.public_key`", "different modes or regions"]);
}

#[test]
fn a_paymob_key_tells_currency_and_address_of_its_region() {
    let text = format!("{PAYMOB}secret_key = \"egy_sk_test_1\"\n");
    let paymob = config(&text).payments.paymob.unwrap();
    assert_eq!((paymob.currency.as_str(), paymob.base_url.as_str()), ("EGP", "https://accept.paymob.com"));
    assert_eq!(paymob.integration_ids, [7]);
    says(&fault(&format!("{text}currency = \"JOD\"")), &["`payments.paymob.currency`", "set EGP"]);
    says(
        &fault(&format!("{text}base_url = \"https://oman.paymob.com/\"")),
        &["`payments.paymob.base_url`", "set https://accept.paymob.com"],
    );
    assert!(config(&format!("{text}base_url = \"http://127.0.0.1:9\"")).payments.paymob.is_some());
    let untold = format!("{PAYMOB}secret_key = \"whatever\"\n");
    assert_eq!(faults(&untold).len(), 2);
    assert!(config(&format!("{untold}currency = \"JOD\"\nbase_url = \"http://127.0.0.1:9\"")).payments.paymob.is_some());
}

#[test]
fn a_myfatoorah_account_is_asked_in_its_own_country() {
    let of = |country: &str| {
        let text = format!("[payments.myfatoorah]\napi_token = \"t\"\nwebhook_secret = \"w\"\ncountry = \"{country}\"");
        config(&text).payments.myfatoorah.unwrap().base_url.to_string()
    };
    assert_eq!(of("JOR"), "https://api.myfatoorah.com");
    assert_eq!(of("SAU"), "https://api-sa.myfatoorah.com");
    assert_eq!(of("QAT"), "https://api-qa.myfatoorah.com");
    assert_eq!(of("EGY"), "https://api-eg.myfatoorah.com");
}

#[test]
fn a_relay_needs_a_host_and_a_sender() {
    let told = faults("[mail]\nadapter = \"smtp\"");
    assert_eq!(told.len(), 2, "{told:#?}");
    says(&told[0], &["bayader.toml:2", "`mail.from` is missing", "BAYADER_MAIL__FROM"]);
    says(&told[1], &["`mail.host` is missing"]);
    let mail = config(SMTP).mail;
    assert_eq!((mail.from.name.as_deref(), mail.from.address.as_str()), (Some("Bayader"), "a@b.jo"));
    let MailAdapter::Smtp(smtp) = mail.adapter else { panic!("no relay") };
    assert!(matches!(smtp.sign_in, SmtpSignIn::Nobody));
    // While another adapter is on, the relay's keys may be as they are.
    assert!(matches!(config("[mail]\nusername = \"u\"").mail.adapter, MailAdapter::Log));
}

#[test]
fn the_port_of_a_relay_follows_its_protection() {
    let port = |more: &str| {
        let MailAdapter::Smtp(smtp) = config(&format!("{}{more}", SMTP.replace("mail.example.com", "127.0.0.1"))).mail.adapter
        else {
            panic!("no relay")
        };
        (smtp.tls, smtp.port)
    };
    assert_eq!(port(""), (MailTls::StartTls, 587));
    assert_eq!(port("tls = \"implicit\""), (MailTls::Implicit, 465));
    assert_eq!(port("tls = \"none\""), (MailTls::None, 25));
    assert_eq!(port("tls = \"none\"\nport = 1025"), (MailTls::None, 1025));
    says(&fault(&format!("{SMTP}tls = \"none\"")), &["`mail.tls`", "in the clear", "starttls"]);
}

#[test]
fn a_relays_password_goes_with_a_user_name_and_without_a_second_key() {
    says(&fault(&format!("{SMTP}username = \"u\"")), &["`mail.password` is missing"]);
    says(&fault(&format!("{SMTP}password = \"p\"")), &["`mail.username` is missing"]);
    says(&fault(&format!("{SMTP}username = \"u\"\nsecret_access_key = \"s\"")), &["`mail.region` is missing"]);
    let both = format!("{SMTP}username = \"u\"\nsecret_access_key = \"s\"\nregion = \"r\"\npassword = \"p\"");
    says(&fault(&both), &["`mail.secret_access_key` stands beside `mail.password`"]);
    let MailAdapter::Smtp(smtp) =
        config(&format!("{SMTP}username = \"u\"\nsecret_access_key = \"s\"\nregion = \"r\"")).mail.adapter
    else {
        panic!("no relay")
    };
    assert!(matches!(smtp.sign_in, SmtpSignIn::Ses { region, .. } if region == "r"));
}

#[test]
fn send_grid_needs_its_key_and_a_sender() {
    let told = faults("[mail]\nadapter = \"sendgrid\"");
    assert_eq!(told.len(), 2, "{told:#?}");
    says(
        &told.join("\n"),
        &["`mail.from` is missing", "`mail.sendgrid.api_key` is missing", "BAYADER_MAIL__SENDGRID__API_KEY"],
    );
    let mail = config("[mail]\nadapter = \"sendgrid\"\nfrom = \"a@b.jo\"\n[mail.sendgrid]\napi_key = \"SG.x\"").mail;
    assert!(matches!(mail.adapter, MailAdapter::SendGrid(own) if own.base_url.as_str() == "https://api.sendgrid.com"));
}

#[test]
fn a_carrier_of_text_messages_needs_its_keys() {
    let told = faults("[sms]\nadapter = \"twilio\"").join("\n");
    says(&told, &["`sms.from` is missing", "`sms.twilio.account_sid` is missing", "`sms.twilio.auth_token` is missing"]);
    says(&fault("[sms]\nadapter = \"http\""), &["`sms.http.url` is missing"]);
    let twilio =
        |more: &str| format!("[sms]\nadapter = \"twilio\"\n{more}[sms.twilio]\naccount_sid = \"AC1\"\nauth_token = \"t\"\n");
    let of = |text: &str| match config(text).sms {
        Sms::Twilio(own) => own,
        other => panic!("{other:?}"),
    };
    let own = of(&twilio("from = \"+15005550006\"\n"));
    assert_eq!((own.sender, own.account_sid), (TwilioSender::From("+15005550006".to_owned()), "AC1".to_owned()));
    let own = of(&format!("{}messaging_service_sid = \"MG1\"\n", twilio("from = \"Bayader\"\n")));
    assert_eq!(own.sender, TwilioSender::Service("MG1".to_owned()));
    let with_key = |more: &str| format!("{}api_key = \"SK1\"\n{more}", twilio("from = \"B\"\n"));
    says(&fault(&with_key("")), &["`sms.twilio.api_secret` is missing", "`sms.twilio.api_key` is set"]);
    assert_eq!(of(&with_key("api_secret = \"s\"\n")).api_key.expect("a key").id.reveal(), "SK1");
    says(&fault(&format!("{}api_secret = \"s\"\n", twilio("from = \"B\"\n"))), &["`sms.twilio.api_key` is missing"]);
}

#[test]
fn any_gateway_of_text_messages_says_how_it_wants_them() {
    let http = |more: &str| format!("[sms]\nadapter = \"http\"\n[sms.http]\nurl = \"https://sms.example/send\"\n{more}");
    let own = match config(&http("form = \"to={digits}&text={text}&from={sender}\"\nid_at = \"/data/0/id\"\n")).sms {
        Sms::Http(own) => own,
        other => panic!("{other:?}"),
    };
    assert_eq!((own.url.as_str(), own.id_at.as_deref()), ("https://sms.example/send", Some("/data/0/id")));
    says(&fault(&http("id_at = \"id\"\n")), &["`sms.http.id_at` is no JSON pointer", "/data/id"]);
    says(&fault(&http("form = \"to={to}\"\n")), &["`sms.http.form` names nobody or says nothing", "{text}"]);
    says(&fault(&http("form = \"to={phone}&text={text}\"\n")), &["has the place {phone}", "{digits}"]);
    says(&fault(&http("form = \"to={to}&text={text\"\n")), &["has the place {text"]);
}

#[test]
fn pictures_are_served_from_a_bucket_only_if_there_is_one() {
    let told = faults("[media]\nserve = \"s3\"");
    assert_eq!(told.len(), 5, "{told:#?}");
    says(&told[0], &["bayader.toml:2", "`s3.endpoint` is missing", "`media.serve` is s3"]);
    let s3 = config(&format!("{S3}[media]\nserve = \"s3\""));
    assert_eq!(s3.media.serve, MediaServe::S3);
    assert!(s3.s3.unwrap().path_style);
    assert!(config(S3).s3.is_some());
    says(&fault(&S3.replace("bucket = \"b\"\n", "")), &["`s3.bucket` is missing", "[s3] is half filled"]);
    says(&fault(&S3.replace("127.0.0.1:9", "minio:9000")), &["`s3.endpoint`", "not encrypted"]);
}

#[test]
fn own_certificates_need_two_files_that_can_be_opened() {
    let told = faults("[tls]\nmode = \"files\"");
    assert_eq!(told.len(), 2, "{told:#?}");
    let folder = Folder::with("[tls]\nmode = \"files\"\ncert_file = \"cert.pem\"\nkey_file = \"key.pem\"");
    folder.write("cert.pem", "");
    let told = lines(&folder.faults());
    assert_eq!(told.len(), 1, "{told:#?}");
    says(&told[0], &["bayader.toml:4", "`tls.key_file`", "/key.pem, which cannot be opened: No such file"]);
    folder.write("key.pem", "");
    let config = folder.load().unwrap();
    assert!(matches!(&config.tls, Tls::Files { key_file, .. } if *key_file == folder.dir.path().join("key.pem")));
    assert!(matches!(config.server.public_url, PublicUrl::Assumed(url) if url.is_https()));
}

#[test]
fn a_certificate_by_acme_needs_names_and_an_address() {
    let told = faults("[tls]\nmode = \"acme\"").join("\n");
    says(&told, &["`tls.domains` is missing", "`tls.email` is missing"]);
    let tls = config("[tls]\nmode = \"acme\"\ndomains = [\"Shop.Example\"]\nemail = \"a@b.jo\"").tls;
    let Tls::Acme { domains, directory_url, .. } = tls else { panic!("no ACME") };
    assert_eq!(domains, ["shop.example"]);
    assert_eq!(directory_url.as_str(), "https://acme-v02.api.letsencrypt.org/directory");
    says(&fault("[tls]\nmode = \"acme\"\ndomains = [\"192.0.2.7\"]\nemail = \"a@b.jo\""), &["`tls.domains`", "an address"]);
}

#[test]
fn https_has_a_place_of_its_own_and_links_begin_with_it() {
    const ACME: &str = "[tls]\nmode = \"acme\"\ndomains = [\"shop.example\", \"www.shop.example\"]\nemail = \"a@b.jo\"\n";
    let server = |text: &str| config(text).server;
    let usual = server(&format!("[server]\nlisten = \"192.168.1.5:80\"\n{ACME}"));
    assert_eq!(
        (usual.https_listen.to_string(), usual.public_url.url().as_str()),
        ("192.168.1.5:443".to_owned(), "https://shop.example")
    );
    let other = server(&format!("{ACME}listen = \"[::]:8443\""));
    assert_eq!(
        (other.https_listen.to_string(), other.public_url.url().as_str()),
        ("[::]:8443".to_owned(), "https://shop.example:8443")
    );
    let bound = other.public_url.bound_to("127.0.0.1:9443".parse().unwrap());
    assert_eq!(bound.url().as_str(), "https://shop.example:9443");
    let unnamed = PublicUrl::Assumed(HttpUrl::at(super::super::types::Scheme::Https, "0.0.0.0:443".parse().unwrap()));
    assert_eq!(unnamed.named("shop.example").url().as_str(), "https://shop.example");
    says(&fault(&format!("{ACME}listen = \"127.0.0.1:8080\"")), &["`tls.listen`", "a port of its own"]);
    let plain = format!("[server]\npublic_url = \"http://shop.example\"\n{ACME}");
    says(&fault(&plain), &["`server.public_url`", "https://"]);
}
