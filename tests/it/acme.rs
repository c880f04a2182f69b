//! A certificate that comes by itself: ordered, answered for, shown, kept, renewed, and asked for again when something went wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bayader::clock::Clock;
use bayader::http::tls::{State, look};
use bayader::kernel::UtcMs;

use crate::doubles::certificates::shown;
use crate::doubles::pebble::{BLOCKED, Place, free_port};
use crate::harness::Shop;

const NAME: &str = "shop.example";
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

fn state(shop: &Shop) -> State {
    shop.inner().tls.as_ref().expect("TLS").state()
}

/// Waits until it is so; each look lets so much of the shop's time pass.
async fn until(shop: &Shop, passes: Duration, is_so: impl Fn(&State) -> bool) -> State {
    let started = Instant::now();
    loop {
        let now = state(shop);
        if is_so(&now) {
            return now;
        }
        assert!(started.elapsed() < PATIENCE, "it did not become so: {now:?}");
        shop.advance(passes);
        tokio::time::sleep(LOOK).await;
    }
}

/// The authority's certificates begin now, by the machine's clock.
fn tomorrow() -> UtcMs {
    Clock::system().now().plus_ms(86_400_000)
}

fn borrowed(variables: &[(String, String)]) -> Vec<(&str, &str)> {
    variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn a_certificate_is_issued_shown_kept_over_a_restart_and_renewed_when_two_thirds_are_over() {
    let port = free_port();
    let Some(place) = Place::choose("acme", port) else { return };
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let pebble = place.start(0).await;
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let clock = Clock::manual(tomorrow());
    let variables = place.variables("shop.example,www.shop.example", port);
    let (shop, ground) = Shop::open_mortal(&folder, &clock, &variables, Duration::from_secs(2), None).await;
    let first = until(&shop, Duration::ZERO, |state| !state.names.is_empty()).await;
    let mut names = first.names.clone();
    names.sort();
    assert_eq!((names, first.trouble), (vec![NAME.to_owned(), "www.shop.example".to_owned()], None));
    let browser = place.browser(&[NAME, "www.shop.example"], at).await;
    let url = format!("https://{NAME}:{port}/healthz");
    let one = shown(&browser, &url).await.expect("a handshake");
    assert!(shown(&browser, &format!("https://www.shop.example:{port}/healthz")).await.is_some());
    let kept = shop.folder().join("keys/acme");
    for file in ["account.json", "certificate.pem"] {
        let mode = std::fs::metadata(kept.join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(std::fs::metadata(&kept).expect("a folder").permissions().mode() & 0o777, 0o700);

    // Started again it shows the same at once, with nobody to ask.
    let owner = shop.owner();
    shop.die(ground);
    drop(pebble);
    let (shop, ground) = Shop::open_mortal(&folder, &clock, &variables, Duration::from_secs(2), Some(&owner)).await;
    assert_eq!(shown(&browser, &url).await.as_deref(), Some(&one[..]));
    let ends = first.not_after.expect("an end");
    let life = ends.ms() - clock.now().ms();
    shop.clock.advance_ms(life / 2);
    assert_eq!(shown(&browser, &url).await.as_deref(), Some(&one[..]));
    assert_eq!(state(&shop).trouble, None, "it had no reason to ask");

    // The authority comes back without its books: the account is made anew, and the certificate renewed.
    let _pebble = place.start(0).await;
    let config = bayader::config::load(&bayader::config::Source::new().variables(borrowed(&variables))).expect("right");
    let seen = look(&config.tls, &shop.folder(), clock.now());
    assert_eq!((seen.faults, seen.warnings), (vec![], vec![]));
    shop.clock.advance_ms(life / 6 + 30 * 86_400_000);
    let started = Instant::now();
    let two = loop {
        let browser = place.browser(&[NAME], at).await;
        match shown(&browser, &url).await {
            Some(shown) if shown != one => break shown,
            _ => assert!(started.elapsed() < PATIENCE, "it is not renewed: {:?}", state(&shop)),
        }
        tokio::time::sleep(LOOK).await;
    };
    // However far ahead the clock is: not another one within the day.
    shop.advance(Duration::from_secs(12 * 3_600));
    for _ in 0..20 {
        let browser = place.browser(&[NAME], at).await;
        assert_eq!(shown(&browser, &url).await.as_deref(), Some(&two[..]));
    }
    shop.die(ground);
}

#[tokio::test]
async fn until_there_is_a_certificate_the_shop_sells_in_the_clear_and_asks_again_when_the_authority_is_back() {
    let port = free_port();
    let Some(place) = Place::choose("acme, authority down", port) else { return };
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let variables = place.variables(NAME, port);
    let shop = Shop::open_with(&borrowed(&variables)).await;
    let trouble = until(&shop, Duration::ZERO, |state| state.trouble.is_some()).await.trouble.expect("trouble");
    assert!(trouble.words.contains(&place.directory_url()) && trouble.words.contains("tried again by itself"), "{trouble:?}");
    let config = bayader::config::load(&bayader::config::Source::new().variables(borrowed(&variables))).expect("right");
    let seen = look(&config.tls, &shop.folder(), shop.clock.now());
    assert!(seen.faults[0].contains("no certificate") && seen.warnings[0].contains("does not answer"), "{seen:?}");
    // In the clear the shop is there, by any name; by HTTPS there is no handshake, and no hanging either.
    shop.guest().get("/api/v1/products").header("host", NAME).send().await.expect(200);
    let stranger = reqwest::Client::builder().no_proxy().resolve(NAME, at).build().expect("a client");
    assert!(stranger.get(format!("https://{NAME}:{port}/")).send().await.is_err());

    let _pebble = place.start(30).await;
    let issued = until(&shop, Duration::from_secs(60), |state| !state.names.is_empty()).await;
    assert_eq!((issued.names, issued.trouble), (vec![NAME.to_owned()], None));
    let browser = place.browser(&[NAME], at).await;
    assert!(shown(&browser, &format!("https://{NAME}:{port}/healthz")).await.is_some());
    let seen = look(&config.tls, &shop.folder(), tomorrow());
    assert_eq!((seen.faults, seen.warnings), (vec![], vec![]));
    shop.close().await;
}

#[tokio::test]
async fn a_refused_name_is_told_and_not_asked_for_again_at_once() {
    let port = free_port();
    let Some(place) = Place::choose("acme, refused", port) else { return };
    let _pebble = place.start(0).await;
    let shop = Shop::open_with(&borrowed(&place.variables(BLOCKED, port))).await;
    let trouble = until(&shop, Duration::ZERO, |state| state.trouble.is_some()).await.trouble.expect("trouble");
    assert!(trouble.words.contains(BLOCKED) && trouble.words.contains("`tls.domains`"), "{trouble:?}");
    // Ten minutes are within the authority's limits; a quarter of an hour is the first wait.
    shop.advance(Duration::from_secs(600));
    shop.guest().get("/healthz").send().await.expect(200);
    assert_eq!(state(&shop).trouble.expect("trouble").at, trouble.at, "it was not asked again");
    until(&shop, Duration::from_secs(60), |state| state.trouble.as_ref().is_some_and(|now| now.at > trouble.at)).await;
    shop.close().await;
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_gets_none_and_the_keeper_reads_what_to_do() {
    let port = free_port();
    // The authority looks where nobody listens.
    let Some(place) = Place::choose("acme, elsewhere", free_port()) else { return };
    let _pebble = place.start(0).await;
    let shop = Shop::open_with(&borrowed(&place.variables(NAME, port))).await;
    let trouble = until(&shop, Duration::ZERO, |state| state.trouble.is_some()).await.trouble.expect("trouble");
    assert!(trouble.words.contains("port 443 of the router"), "{trouble:?}");
    shop.close().await;
}
