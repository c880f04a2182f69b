//! Messages under sudden deaths: none is lost, and none is sent twice but in the window that is counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bayader::clock::Clock;
use bayader::features::messages::{Carrier, Kind, NewMessage};
use bayader::kernel::{NotificationId, UserId, UtcMs};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::harness::test_carrier::{Act, Knows, TestCarrier, failed, later, misconfigured, unclear, unreachable};
use crate::harness::{Client, Folder, Shop};
use crate::messages::{a_message, a_reader, pass, queue};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DEATHS: usize = 6;
/// 2026-11-25T08:00:00Z: eleven in the morning in Amman.
const MORNING: UtcMs = UtcMs::from_ms(1_795_593_600_000);

/// From `BAYADER_TEST_SEED`, so that a failure can be looked at again.
fn seed() -> u64 {
    let given = std::env::var("BAYADER_TEST_SEED").ok().and_then(|text| text.parse().ok());
    #[expect(clippy::disallowed_methods, reason = "a seed that differs from run to run")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    given.unwrap_or(u64::try_from(now & u128::from(u64::MAX)).expect("64 bits"))
}

/// One of the things that happen to a message.
fn an_act(random: &mut StdRng) -> Act {
    match random.random_range(0..12) {
        0 => Act::Answer(later()),
        1 => Act::Answer(unreachable()),
        2 => Act::Answer(misconfigured()),
        3 => Act::Answer(failed(None)),
        4 => Act::Answer(unclear()),
        5 => Act::TakeBut(unclear()),
        6 => Act::Hang,
        7 => Act::HangAfter,
        _ => Act::Take,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_carrier_and_machine_do_no_message_is_lost_and_only_the_counted_ones_come_twice() {
    let seed = seed();
    println!("BAYADER_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mail, clock, folder) = (TestCarrier::email(), Clock::manual(MORNING), Folder::new());
    let carriers = || vec![Arc::clone(&mail) as Arc<dyn Carrier>];
    let mut owner: Option<Client> = None;
    let mut reader: Option<(UserId, String)> = None;
    let mut queued: Vec<NotificationId> = Vec::new();
    for _ in 0..DEATHS {
        let (shop, ground) = Shop::open_mortal_with_carriers(folder.around(), &clock, carriers(), owner.as_ref()).await;
        owner = Some(shop.owner());
        if reader.is_none() {
            reader = Some(a_reader(&shop, "Layla").await);
        }
        let (user, email) = reader.clone().expect("she has just registered");
        mail.knows(if random.random() { Knows::All } else { Knows::Nothing });
        mail.next((0..random.random_range(5..30)).map(|_| an_act(&mut random)).collect::<Vec<_>>());
        let tried = mail.tried().len();
        for number in 0..random.random_range(3..12) {
            let message = if random.random_range(0..4) == 0 {
                NewMessage { kind: Kind::Promotion, user: Some(user), ..a_message(&email) }
            } else {
                a_message(&format!("guest{number}@example.com"))
            };
            queued.push(queue(&shop, message).await);
        }
        shop.advance(SECOND);
        mail.until_tried(tried + 1).await;
        for _ in 0..random.random_range(0..20) {
            shop.advance(SECOND * random.random_range(1..60));
            for _ in 0..random.random_range(0..400) {
                tokio::task::yield_now().await;
            }
            if random.random() {
                mail.release();
            }
        }
        shop.die(ground);
    }
    mail.forget_scripts();
    mail.knows(Knows::Nothing);
    let (shop, ground) = Shop::open_mortal_with_carriers(folder.around(), &clock, carriers(), owner.as_ref()).await;
    pass(&shop, HOUR * 3, MINUTE * 5).await;
    pass(&shop, HOUR * 30, HOUR).await;

    let mut taken: BTreeMap<NotificationId, i64> = BTreeMap::new();
    // The shop writes to its admins by itself.
    let by_staff = |kind| matches!(kind, Kind::Message | Kind::Promotion);
    for message in mail.taken().into_iter().filter(|message| by_staff(message.kind)) {
        *taken.entry(message.id).or_default() += 1;
    }
    let mut twice = 0;
    for id in &queued {
        let known = shop.admin().see(&format!("/api/v1/notifications/{id}")).await.body.clone();
        let (times, resent) = (taken.get(id).copied().unwrap_or(0), known["resent"].as_i64().expect("a number"));
        let code = known["errorCode"].as_str().unwrap_or_default();
        assert!(times <= 1 + resent, "seed {seed}: sent {times} times: {known}");
        assert!(resent <= 1, "seed {seed}: {known}");
        if known["type"] == "promotion" {
            assert!(times <= 1, "seed {seed}: {known}");
        }
        match known["status"].as_str() {
            Some("sent") => assert!(times >= 1, "seed {seed}: lost: {known}"),
            Some("failed") => {
                assert!(["550", "outcome_unknown"].contains(&code), "seed {seed}: {known}");
                assert!(code != "550" || times <= resent, "seed {seed}: {known}");
            }
            _ => panic!("seed {seed}: it still waits: {known}"),
        }
        twice += usize::from(times > 1);
    }
    assert!(taken.keys().all(|id| queued.contains(id)), "seed {seed}: something nobody has queued was sent");
    println!("{} messages, {} tries, {twice} sent twice", queued.len(), mail.tried().len());
    let ailments = shop.ailments().await;
    assert!(ailments.is_empty(), "seed {seed}: {ailments:?}");
    shop.die(ground);
}

/// A text message gateway that takes what it is sent, and is silent until it is told to answer.
struct SilentGateway {
    url: String,
    got: Arc<Mutex<Vec<Value>>>,
    arrived: watch::Sender<usize>,
    answers: watch::Sender<bool>,
}

impl SilentGateway {
    async fn open() -> SilentGateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/send", listener.local_addr().expect("an address"));
        let (got, arrived, answers) = (Arc::new(Mutex::new(Vec::new())), watch::channel(0).0, watch::channel(false).0);
        let gateway = SilentGateway { url, got: Arc::clone(&got), arrived: arrived.clone(), answers: answers.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (got, arrived, answers) = (Arc::clone(&got), arrived.clone(), answers.subscribe());
                tokio::spawn(SilentGateway::take(stream, got, arrived, answers));
            }
        });
        gateway
    }

    async fn take(
        mut stream: TcpStream,
        got: Arc<Mutex<Vec<Value>>>,
        arrived: watch::Sender<usize>,
        mut answers: watch::Receiver<bool>,
    ) {
        let mut bytes = Vec::new();
        let body = loop {
            let mut part = [0; 4_096];
            let Ok(read @ 1..) = stream.read(&mut part).await else { return };
            bytes.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if length.is_some_and(|length| body.len() >= length) {
                break serde_json::from_str::<Value>(body).expect("JSON");
            }
        };
        let so_many = {
            let mut got = got.lock().expect("nobody panics with it");
            got.push(body);
            got.len()
        };
        arrived.send_replace(so_many);
        if answers.wait_for(|answers| *answers).await.is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
        }
    }

    async fn until_arrived(&self, times: usize) {
        self.arrived.subscribe().wait_for(|arrived| *arrived >= times).await.expect("it lives as long as its test");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_program_killed_between_a_yes_and_its_books_sends_the_same_message_once_more_and_counts_it() {
    let gateway = SilentGateway::open().await;
    let folder = Folder::with_owner();
    let variables =
        [("BAYADER_SMS__ADAPTER".to_owned(), "http".to_owned()), ("BAYADER_SMS__HTTP__URL".to_owned(), gateway.url.clone())];
    let mut server = Shop::spawn_with(&folder, &[], &variables).await;
    let person = json!({ "name": "Layla", "email": "layla@example.com", "phone": "+962790000001", "password": crate::harness::PASSWORD });
    let user = server.guest().post("/api/v1/auth/register").json(&person).send().await.expect(201)["user"]["id"].clone();
    let message = json!({ "type": "message", "channel": "sms", "text": "Your scarf is here.", "to": { "userIds": [user] } });
    server.admin().await.post("/api/v1/notifications/send").json(&message).send().await.expect(201);
    gateway.until_arrived(1).await;
    server.kill();
    folder.expect_healthy();

    gateway.answers.send_replace(true);
    server = Shop::spawn_with(&folder, &[], &variables).await;
    gateway.until_arrived(2).await;
    let admin = server.admin().await;
    let known = loop {
        let list = admin.see("/api/v1/notifications?channel=sms").await;
        let known = list.rows()[0].clone();
        if known["status"] == "sent" {
            break known;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&known["attempts"], &known["resent"]), (&json!(2), &json!(1)));
    let got = gateway.got.lock().expect("nobody panics with it").clone();
    assert_eq!((got.len(), &got[0]), (2, &got[1]), "the same id and the same words");
    assert_eq!(got[0]["id"], known["id"]);
    assert!(!server.log().contains("scarf") && !server.log().contains("+96279000"), "{}", server.log());
    server.expect_documented();
    server.terminate().await;
    folder.expect_healthy();
}
