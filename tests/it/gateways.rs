//! Gateways at the shop's door: which set of them starts, what their keys are worth, and that a new one is one file and one line.

use std::sync::Arc;

use bayader::app::{App, AppOptions, Extras, StartFault};
use bayader::clock::Clock;
use bayader::config::{Source, load};
use bayader::features::payments::{Gateway, Gateways, Setting, check_keys};
use bayader::outbound::Patience;
use serde_json::{Value, json};

use crate::harness::test_gateway::{Act, Op, TestGateway};
use crate::harness::{Folder, Shop, bayader};

/// Why a shop with these gateways does not start; an empty text if it does.
async fn fault_at_start(variables: &[(&str, &str)], gateways: Vec<Arc<dyn Gateway>>) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = AppOptions {
        data_dir: folder.path().join("data"),
        config: load(&Source::new().variables(variables.iter().copied())).expect("a configuration"),
        clock: Clock::system(),
        accept_clock: false,
        extras: Extras { gateways, patience: Patience::default(), ..Extras::default() },
    };
    match App::open(options).await {
        Ok(_) => String::new(),
        Err(fault @ StartFault::Gateway(_)) => fault.to_string(),
        Err(other) => panic!("another fault: {other}"),
    }
}

fn some(gateway: TestGateway) -> Arc<dyn Gateway> {
    gateway.shared()
}

#[tokio::test]
async fn a_gateway_that_lacks_the_shops_currency_is_a_fault_at_start() {
    let dollars = || vec![some(TestGateway::new()), some(TestGateway::named("dollarpay").taking(&["USD", "EUR"]))];
    let told = fault_at_start(&[], dollars()).await;
    assert!(told.contains("dollarpay does not take JOD") && told.contains("payments.dollarpay"), "{told}");
    assert_eq!(fault_at_start(&[("BAYADER_SHOP__CURRENCY", "USD")], dollars()).await, "");
}

#[tokio::test]
async fn two_gateways_of_one_code_are_a_fault_at_start() {
    let told = fault_at_start(&[], vec![some(TestGateway::new()), some(TestGateway::new())]).await;
    assert!(told.contains("two gateways are called testpay"), "{told}");
    for taken in ["cash", "card_machine", "transfer"] {
        let told = fault_at_start(&[], vec![some(TestGateway::named(taken))]).await;
        assert!(told.contains(taken), "{told}");
    }
    assert_eq!(fault_at_start(&[], vec![some(TestGateway::new()), some(TestGateway::named("otherpay"))]).await, "");
}

#[tokio::test]
async fn each_gateway_is_asked_once_whether_it_knows_the_keys() {
    let all = ["firstpay", "secondpay", "thirdpay", "fourthpay"].map(|code| TestGateway::named(code).shared());
    let acts = [None, Some(Act::Misconfigured), Some(Act::NotSent), Some(Act::UnclearBefore)];
    for (gateway, act) in all.iter().zip(acts) {
        gateway.next(Op::Check, act);
    }
    let setting = Setting { clock: Clock::system(), patience: Patience::default() };
    let config = load(&Source::new()).expect("a configuration");
    let brought = all.iter().map(|gateway| Arc::clone(gateway) as Arc<dyn Gateway>).collect();
    let gateways = Gateways::open(&config.payments, &setting, brought).expect("four gateways");
    let checked = check_keys(&gateways).await;
    let told: Vec<String> = checked
        .iter()
        .map(|one| one.trouble.as_ref().map_or(String::new(), |trouble| format!("{}. {}", trouble.what, trouble.advice)))
        .collect();
    assert_eq!(told[0], "");
    for (told, words) in told[1..].iter().zip([
        ["misconfigured", "[payments.secondpay]"],
        ["could not be reached", "payments.thirdpay.base_url"],
        ["outcome unknown", "again in a minute"],
    ]) {
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
    }
    assert!(all.iter().all(|gateway| gateway.asked(Op::Check) == 1));
}

#[test]
fn a_shop_without_gateways_is_told_so() {
    let folder = Folder::new();
    let told = bayader(&folder.data(), &["doctor", "payments"]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(String::from_utf8_lossy(&told.stdout).contains("No payment gateway is configured"), "{told:?}");
    let told = bayader(&folder.data(), &["doctor", "payments", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told, serde_json::json!({ "ok": true, "gateways": [] }));
    assert!(!folder.data().join("bayader.db").exists(), "no shop is made for it");
}

#[tokio::test]
async fn the_owner_cannot_choose_a_currency_that_a_gateway_lacks() {
    let shop = Shop::open_with_gateways(&[], vec![some(TestGateway::named("dinarpay").taking(&["JOD", "KWD"]))]).await;
    let put = |currency: &str| shop.owner().put("/api/v1/admin/settings").json(&json!({ "shop": { "currency": currency } }));
    let refused = put("USD").send().await.expect_field("shop.currency");
    assert!(format!("{refused:?}").contains("payments.dinarpay"), "{refused:?}");
    put("KWD").send().await.expect(200);
    shop.close().await;
}
