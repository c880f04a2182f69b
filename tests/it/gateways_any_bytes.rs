//! Whatever strangers send: no gateway's verification panics on it, believes it or has anything fetched; and whatever a provider says,
//! reading it and striking it out does not panic.

use std::sync::Arc;
use std::time::Duration;

use bayader::clock::Clock;
use bayader::config::{Source, load};
use bayader::features::payments::gateway::{Delivery, Event, Gateway, Verdict};
use bayader::features::payments::strike::strike;
use bayader::features::payments::{Gateways, Setting};
use bayader::kernel::UtcMs;
use bayader::outbound::Patience;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

/// 2026-11-23T09:00:00Z.
const NOW: UtcMs = UtcMs::from_ms(1_795_424_400_000);

/// All four, none of which reaches anybody.
fn all() -> Vec<Arc<dyn Gateway>> {
    let variables = [
        ("STRIPE__SECRET_KEY", "sk_test_0123456789abcdef"),
        ("STRIPE__WEBHOOK_SECRET", "whsec_0123456789abcdef"),
        ("PAYPAL__CLIENT_ID", "client"),
        ("PAYPAL__CLIENT_SECRET", "secret-of-the-client"),
        ("PAYPAL__WEBHOOK_ID", "8PT597110X687430LKGECATA"),
        ("MYFATOORAH__API_TOKEN", "token-of-myfatoorah"),
        ("MYFATOORAH__WEBHOOK_SECRET", "secret-of-myfatoorah"),
        ("MYFATOORAH__COUNTRY", "JOR"),
        ("PAYMOB__SECRET_KEY", "egy_sk_test_0123456789"),
        ("PAYMOB__PUBLIC_KEY", "egy_pk_test_0123456789"),
        ("PAYMOB__API_KEY", "key-of-paymob"),
        ("PAYMOB__HMAC_SECRET", "hmac-of-paymob"),
        ("PAYMOB__INTEGRATION_IDS", "4097558"),
    ];
    let variables = variables.map(|(key, value)| (format!("BAYADER_PAYMENTS__{key}"), value.to_owned()));
    let config = load(&Source::new().variables(variables)).expect("whole sections");
    let patience = Patience { connect: Duration::from_millis(50), call: Duration::from_millis(50) };
    let setting = Setting { clock: Clock::manual(NOW), patience };
    let all: Vec<_> = Gateways::open(&config.payments, &setting, Vec::new()).expect("they open").iter().cloned().collect();
    assert_eq!(all.len(), 4);
    all
}

const HEADERS: &[&str] = &[
    "stripe-signature",
    "paypal-transmission-id",
    "paypal-transmission-time",
    "paypal-transmission-sig",
    "paypal-auth-algo",
    "myfatoorah-signature",
    "content-encoding",
];

/// What stands in signatures, whole, cut and doubled.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        "(t=[0-9]{0,25},?){0,2}(v[01]=[0-9a-f]{0,70},?){0,3}".prop_map(String::into_bytes),
        "[A-Za-z0-9+/=]{0,90}".prop_map(String::into_bytes),
        Just(b"SHA256withRSA".to_vec()),
        Just(b"2026-11-23T09:00:00Z".to_vec()),
    ]
}

/// Names that the providers write, and values that are none of theirs.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof![
            Just("1e400"),
            Just("-0.0"),
            Just("99999999999999999999999999"),
            Just("0.0000001"),
            Just("-9223372036854775808")
        ]
        .prop_map(|text| serde_json::from_str(text).expect("a number")),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("JOD"),
            Just("jpy"),
            Just("paid"),
            Just("COMPLETED"),
            Just("Paid"),
            Just("succeeded"),
            Just("4.250"),
            Just("-9.99"),
            Just("ch_1"),
            Just("pi_1"),
            Just("TRANSACTION"),
            Just("REFUNDED"),
            Just("true"),
            Just("1"),
            Just("2"),
            Just("0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e7f"),
            Just("00".repeat(64).leak() as &str),
            Just("https://x/captures/1"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(NAMES), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>()),
        ]
    })
}

const NAMES: &[&str] = &[
    "id",
    "type",
    "data",
    "object",
    "Data",
    "Event",
    "Code",
    "EventType",
    "Invoice",
    "InvoiceId",
    "Transaction",
    "PaymentId",
    "Refund",
    "Amount",
    "ValueInBaseCurrency",
    "BaseCurrency",
    "ReferencedInvoice",
    "Id",
    "Status",
    "Reference",
    "resource",
    "amount",
    "value",
    "currency",
    "currency_code",
    "status",
    "purchase_units",
    "custom_id",
    "links",
    "rel",
    "href",
    "metadata",
    "transaction_id",
    "refund_id",
    "latest_charge",
    "payment_intent",
    "amount_received",
    "amount_captured",
    "balance_transaction",
    "fee",
    "charges",
    "obj",
    "order",
    "integration_id",
    "amount_cents",
    "hmac",
    "intention",
    "intention_detail",
    "source_data",
    "pan",
    "dispute_id",
    "disputed_transactions",
    "seller_transaction_id",
    "livemode",
    "event_type",
    "supplementary_data",
    "related_ids",
    "order_id",
];

const KINDS: &[&str] = &[
    "checkout.session.completed",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "charge.updated",
    "charge.refunded",
    "refund.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "radar.early_fraud_warning.created",
    "CHECKOUT.ORDER.APPROVED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.CAPTURE.REVERSED",
    "PAYMENT.REFUND.FAILED",
    "CUSTOMER.DISPUTE.RESOLVED",
    "TRANSACTION",
    "INTENTION",
    "",
];

fn verdicts(delivery: Delivery<'_>) -> Vec<Verdict> {
    thread_local! {
        static ALL: Vec<Arc<dyn Gateway>> = all();
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    }
    ALL.with(|all| {
        RUNTIME.with(|runtime| {
            all.iter()
                .map(|gateway| {
                    gateway.signs(&delivery);
                    runtime.block_on(gateway.verify(delivery, NOW))
                })
                .collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_of_a_stranger_are_believed_or_do_harm(
        headers in proptest::collection::vec((proptest::sample::select(HEADERS), header_value()), 0..8),
        cert_url in prop_oneof![
            Just(None),
            "\\PC{0,60}".prop_map(Some),
            "https?://(evil|api\\.paypal\\.com[.@:]|127\\.0\\.0\\.1|\\[::1\\])[a-z0-9.:/@?#%-]{0,40}".prop_map(Some),
        ],
        query in proptest::option::of(prop_oneof!["(hmac=[0-9a-f]{0,130}&?){0,3}", "[!-~]{0,60}"]),
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            document().prop_map(|document| document.to_string().into_bytes()),
            (1..400_usize).prop_map(|deep| "[".repeat(deep).into_bytes()),
        ],
    ) {
        let mut map = HeaderMap::new();
        let lines = headers.into_iter().chain(cert_url.map(|url| ("paypal-cert-url", url.into_bytes())));
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(HeaderName::from_static(name), value);
            }
        }
        for verdict in verdicts(Delivery { headers: &map, query: query.as_deref(), body: &body }) {
            // A certificate that could not be fetched would be `CannotTell`: here nothing was asked for.
            prop_assert!(matches!(verdict, Verdict::Forged { .. } | Verdict::NotForUs), "{verdict:?}");
        }
    }

    #[test]
    fn whatever_a_provider_says_is_read_and_struck_without_a_panic(kind in proptest::sample::select(KINDS), document in document()) {
        let wrapped = json!({ "resource": document, "data": { "object": document }, "Data": document, "obj": document });
        for gateway in all() {
            for body in [&document, &wrapped] {
                let event = Event { id: "1".to_owned(), kind: kind.to_owned(), body: body.clone() };
                let _ = gateway.read(&event);
            }
        }
        let once = strike(&wrapped);
        prop_assert_eq!(&strike(&once), &once);
    }
}
