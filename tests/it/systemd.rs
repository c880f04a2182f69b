//! What systemd sees of the server, with the test in systemd's place: the words it is told, the sockets it hands over. The real one
//! is in `box_story`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Client, Folder, Shop, Spawned, Wire};

/// A word of the server's must come by then, also where many tests run at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hands its standard input over as systemd does: as descriptor 3, to the process that it becomes.
const HAND_OVER: &str = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";

/// Systemd's end of `NOTIFY_SOCKET`.
struct Ear {
    socket: UnixDatagram,
    variables: Vec<(String, String)>,
}

impl Ear {
    fn in_folder(folder: &Folder) -> Ear {
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let path = path.to_str().expect("a path").to_owned();
        Ear { socket, variables: vec![("NOTIFY_SOCKET".to_owned(), path)] }
    }

    /// With a watchdog that wants to hear the server so often.
    fn with_watchdog(mut self, time: Duration) -> Ear {
        self.variables.push(("WATCHDOG_USEC".to_owned(), time.as_micros().to_string()));
        self
    }

    /// The next message, its lines parted.
    fn hear(&self) -> Vec<String> {
        let mut message = [0; 4_096];
        let length = self.socket.recv(&mut message).expect("the server says something");
        String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned).collect()
    }

    /// Drops what has been said and not been heard.
    fn forget_what_was_said(&self) {
        self.socket.set_nonblocking(true).expect("a mode");
        while self.socket.recv(&mut [0; 4_096]).is_ok() {}
        self.socket.set_nonblocking(false).expect("a mode");
    }

    /// Every message up to the first that has such a line, that one included.
    fn hear_until(&self, is: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
        let started = Instant::now();
        let mut heard = Vec::new();
        loop {
            heard.push(self.hear());
            if heard.last().expect("one").iter().any(|line| is(line)) {
                return heard;
            }
            assert!(started.elapsed() < PATIENCE, "it was never said; heard: {heard:?}");
        }
    }
}

fn says(heard: &[Vec<String>], word: &str) -> bool {
    heard.iter().flatten().any(|line| line == word)
}

#[tokio::test]
async fn systemd_hears_of_a_start_and_an_end_in_their_order() {
    let folder = Folder::with_owner();
    let ear = Ear::in_folder(&folder);
    let mut server = Shop::spawn_with(&folder, &[], &ear.variables).await;
    let heard = ear.hear_until(|line| line == "READY=1");
    assert!(says(&heard[..heard.len() - 1], "STATUS=Opening the books"), "{heard:?}");
    let address = server.wire.base.clone();
    assert!(says(&heard[heard.len() - 1..], &format!("STATUS=Open on {address}")), "{heard:?}");
    server.guest().see("/healthz").await;
    assert_eq!(server.terminate().await.code(), Some(0));
    let heard = ear.hear_until(|line| line == "STOPPING=1");
    assert!(!says(&heard, "READY=1"), "{heard:?}");
    server.expect_documented();
}

#[tokio::test]
async fn a_start_that_takes_long_asks_for_more_time() {
    let folder = Folder::with_owner();
    let ear = Ear::in_folder(&folder);
    let variables = ear.variables.clone();
    // Somebody holds the books; the start waits for them.
    let holder = hold_the_books(&folder);
    let hearing = tokio::task::spawn_blocking(move || {
        let heard = ear.hear_until(|line| line.starts_with("EXTEND_TIMEOUT_USEC="));
        drop(holder);
        (ear, heard)
    });
    let server = Shop::spawn_with(&folder, &[], &variables).await;
    let (ear, heard) = hearing.await.expect("it was heard");
    assert!(!says(&heard, "READY=1"), "{heard:?}");
    let lines: Vec<&String> = heard.iter().flatten().collect();
    assert!(lines.iter().any(|line| line.starts_with("STATUS=Opening the books (")), "{lines:?}");
    ear.hear_until(|line| line == "READY=1");
    server.guest().see("/healthz").await;
    server.expect_documented();
}

#[tokio::test]
async fn a_writer_that_does_not_come_on_ends_the_signs_of_life() {
    let folder = Folder::with_owner();
    let ear = Ear::in_folder(&folder).with_watchdog(Duration::from_millis(800));
    let server = Shop::spawn_with(&folder, &[], &ear.variables).await;
    ear.hear_until(|line| line == "READY=1");
    for _ in 0..3 {
        ear.hear_until(|line| line == "WATCHDOG=1");
    }
    let holder = hold_the_books(&folder);
    ear.forget_what_was_said();
    let heard = ear.hear_until(|line| line == "STATUS=The database does not answer");
    // One was on its way, perhaps, when the books were taken.
    let signs = heard.iter().flatten().filter(|line| *line == "WATCHDOG=1").count();
    assert!(signs <= 1, "{signs} signs of life while no write could be made: {heard:?}");
    server.guest().see("/healthz").await;
    drop(holder);
    ear.hear_until(|line| line == "WATCHDOG=1");
    ear.hear_until(|line| line == "WATCHDOG=1");
    server.expect_documented();
}

#[tokio::test]
async fn a_shop_of_which_systemd_wants_no_signs_gives_none() {
    let folder = Folder::with_owner();
    let ear = Ear::in_folder(&folder);
    let mut server = Shop::spawn_with(&folder, &[], &ear.variables).await;
    ear.hear_until(|line| line == "READY=1");
    server.guest().see("/healthz").await;
    server.terminate().await;
    assert!(!says(&ear.hear_until(|line| line == "STOPPING=1"), "WATCHDOG=1"));
    server.expect_documented();
}

#[tokio::test]
async fn nobody_is_refused_while_the_server_is_away() {
    let folder = Folder::with_owner();
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = door.local_addr().expect("an address");
    let mut server = hand_over(&folder, &door, "http").await;
    assert_eq!(server.wire.base, format!("http://{address}"), "it serves at the socket, not where --listen says");
    server.guest().see("/healthz").await;
    assert_eq!(server.terminate().await.code(), Some(0));
    // Nobody is there now, and who comes waits.
    let wire = Wire::to(format!("http://{address}"), bayader::clock::Clock::system());
    let waiting = tokio::spawn(async move { Client::guest(&wire).see("/healthz").await });
    let server = hand_over(&folder, &door, "http").await;
    waiting.await.expect("who waited was answered");
    server.expect_documented();
}

#[tokio::test]
async fn a_socket_that_nobody_would_answer_is_refused_at_the_start() {
    let folder = Folder::with_owner();
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let refused = Command::new("sh")
        .args(["-c", HAND_OVER, "sh", env!("CARGO_BIN_EXE_bayader"), "serve", "--data-dir"])
        .arg(folder.data())
        .env("LISTEN_FDNAMES", "shop-window")
        .stdin(OwnedFd::from(door.try_clone().expect("a second handle")))
        .output()
        .expect("it starts");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("`shop-window`") && told.contains("FileDescriptorName=http"), "{told}");
}

#[tokio::test]
async fn a_socket_meant_for_another_process_is_left_alone() {
    let folder = Folder::with_owner();
    let variables = [("LISTEN_FDS", "1"), ("LISTEN_PID", "1"), ("LISTEN_FDNAMES", "http")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let server = Shop::spawn_with(&folder, &[], &variables).await;
    server.guest().see("/healthz").await;
    server.expect_documented();
}

/// Holds the right to write in the shop's books until it is dropped.
fn hold_the_books(folder: &Folder) -> rusqlite::Connection {
    let books = rusqlite::Connection::open(folder.data().join("bayader.db")).expect("the books open");
    books.busy_timeout(PATIENCE).expect("it waits");
    books.execute_batch("begin immediate").expect("they are ours");
    books
}

/// A server that is handed a socket of that name.
async fn hand_over(folder: &Folder, door: &TcpListener, name: &str) -> Spawned {
    let wrapper = ["sh", "-c", HAND_OVER, "sh"];
    let names = [("LISTEN_FDNAMES".to_owned(), name.to_owned())];
    Shop::spawn_reading(folder, &wrapper, &names, OwnedFd::from(door.try_clone().expect("a second handle"))).await
}

#[tokio::test]
async fn who_keeps_a_connection_is_answered_to_the_end_and_told_of_it() {
    let folder = Folder::with_owner();
    let ear = Ear::in_folder(&folder);
    let server = Shop::spawn_with(&folder, &[], &ear.variables).await;
    let address = server.wire.base.strip_prefix("http://").expect("an address").to_owned();
    let mut kept = std::net::TcpStream::connect(&address).expect("a connection");
    assert!(!ask_for_health(&mut kept).contains("connection: close"));
    let process = nix::unistd::Pid::from_raw(i32::try_from(server.process()).expect("a process id"));
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).expect("it gets the signal");
    ear.hear_until(|line| line == "STOPPING=1");
    assert!(ask_for_health(&mut kept).contains("connection: close"));
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).expect("it is ended, not cut");
    assert!(rest.is_empty());
}

/// The head of an answer, in lower case.
fn ask_for_health(connection: &mut std::net::TcpStream) -> String {
    connection.set_read_timeout(Some(PATIENCE)).expect("a limit");
    connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: shop\r\n\r\n").expect("it is taken");
    let (mut answer, mut part) = (String::new(), [0; 4_096]);
    loop {
        let length = connection.read(&mut part).expect("an answer");
        assert!(length > 0, "the connection was cut: {answer}");
        answer.push_str(&String::from_utf8_lossy(&part[..length]).to_lowercase());
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            if body.len() >= announced.parse().expect("a number") {
                assert!(head.starts_with("http/1.1 200"), "{head}");
                return head.to_owned();
            }
        }
    }
}
