//! A carrier in this process: it keeps what it takes, and does what the test tells it to do, also what real ones do on bad days.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bayader::features::messages::carrier::{Boxed, Carrier, Found, Outcome, Outgoing};
use bayader::features::messages::{Channel, SuppressReason};
use bayader::kernel::UtcMs;
use tokio::sync::watch;

/// How it goes about one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// It takes it and says so.
    Take,
    /// It does not take it, and answers this.
    Answer(Outcome),
    /// It takes it, and answers this all the same.
    TakeBut(Outcome),
    /// Nothing until [`TestCarrier::release`]; then it takes it.
    Hang,
    /// It takes it; that is told only after [`TestCarrier::release`].
    HangAfter,
    /// It takes it after a real while.
    Slow(Duration),
}

/// What it answers when it is asked for a try whose outcome nobody wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Knows {
    /// As it is.
    All,
    /// It cannot tell.
    Nothing,
    /// To be asked again then.
    NotBefore(UtcMs),
}

#[derive(Debug)]
struct Books {
    acts: VecDeque<Act>,
    /// What comes to an address, whatever is next for others.
    by_address: BTreeMap<String, VecDeque<Act>>,
    /// While it is set, each message fares so.
    always: Option<Act>,
    knows: Knows,
    taken: Vec<Outgoing>,
    tried: Vec<Outgoing>,
    asked: usize,
}

/// A carrier that a test holds in its hand.
pub struct TestCarrier {
    channel: Channel,
    books: Mutex<Books>,
    tried: watch::Sender<usize>,
    released: watch::Sender<u64>,
}

/// Its words for what goes wrong: each names what it is about, so that a test can look for it.
pub fn unreachable() -> Outcome {
    Outcome::Unreachable { why: "testcarrier could not be reached".to_owned() }
}

pub fn later() -> Outcome {
    Outcome::Later { why: "451 try again".to_owned(), not_before: None }
}

pub fn unclear() -> Outcome {
    Outcome::Unclear { why: "testcarrier did not answer clearly".to_owned() }
}

pub fn misconfigured() -> Outcome {
    Outcome::Misconfigured { why: "535 the password is refused".to_owned() }
}

pub fn failed(suppress: Option<SuppressReason>) -> Outcome {
    Outcome::Failed { code: "550".to_owned(), why: "no such mailbox".to_owned(), suppress }
}

impl TestCarrier {
    pub fn email() -> Arc<TestCarrier> {
        TestCarrier::of(Channel::Email)
    }

    pub fn sms() -> Arc<TestCarrier> {
        TestCarrier::of(Channel::Sms)
    }

    fn of(channel: Channel) -> Arc<TestCarrier> {
        let books = Books {
            acts: VecDeque::new(),
            by_address: BTreeMap::new(),
            always: None,
            knows: Knows::Nothing,
            taken: Vec::new(),
            tried: Vec::new(),
            asked: 0,
        };
        Arc::new(TestCarrier { channel, books: Mutex::new(books), tried: watch::channel(0).0, released: watch::channel(0).0 })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next messages fare so, one after the other; then it takes what comes.
    pub fn next(&self, acts: impl IntoIterator<Item = Act>) {
        self.books().acts.extend(acts);
    }

    /// The next messages to an address fare so.
    pub fn next_to(&self, address: &str, acts: impl IntoIterator<Item = Act>) {
        self.books().by_address.entry(address.to_owned()).or_default().extend(acts);
    }

    /// From now on each message fares so; `None`: as usual again.
    pub fn always(&self, act: impl Into<Option<Act>>) {
        self.books().always = act.into();
    }

    /// Nobody reaches it any more.
    pub fn go_down(&self) {
        self.always(Act::Answer(unreachable()));
    }

    /// It is there again.
    pub fn come_back(&self) {
        self.always(None);
    }

    /// What was to come of the next messages is forgotten: it takes them.
    pub fn forget_scripts(&self) {
        let mut books = self.books();
        books.acts.clear();
        books.by_address.clear();
        books.always = None;
    }

    /// What it answers when it is asked for a try.
    pub fn knows(&self, knows: Knows) {
        self.books().knows = knows;
    }

    /// Lets go of what hangs.
    pub fn release(&self) {
        self.released.send_modify(|times| *times += 1);
    }

    /// What it has taken, each time that it has.
    pub fn taken(&self) -> Vec<Outgoing> {
        self.books().taken.clone()
    }

    /// Each time that it was to take something.
    pub fn tried(&self) -> Vec<Outgoing> {
        self.books().tried.clone()
    }

    /// How often it was asked for a try.
    pub fn asked(&self) -> usize {
        self.books().asked
    }

    /// Waits until it was to take so many.
    pub async fn until_tried(&self, times: usize) {
        self.tried.subscribe().wait_for(|tried| *tried >= times).await.expect("it lives as long as its test");
    }

    fn begin(&self, message: &Outgoing) -> Act {
        let mut books = self.books();
        books.tried.push(message.clone());
        let tried = books.tried.len();
        let own = books.by_address.get_mut(&message.to).and_then(VecDeque::pop_front);
        let always = books.always.clone();
        let act = own.or(always).or_else(|| books.acts.pop_front()).unwrap_or(Act::Take);
        drop(books);
        self.tried.send_replace(tried);
        act
    }

    fn take(&self, message: &Outgoing) -> Outcome {
        let mut books = self.books();
        books.taken.push(message.clone());
        Outcome::Sent { provider_id: Some(format!("test-{}", books.taken.len())) }
    }

    async fn until_released(&self, seen: u64) {
        let mut released = self.released.subscribe();
        let _ = released.wait_for(|times| *times > seen).await;
    }
}

impl Carrier for TestCarrier {
    fn name(&self) -> &'static str {
        "test"
    }

    fn channel(&self) -> Channel {
        self.channel
    }

    fn send<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(async move {
            // Before it is known that somebody tries: what is let go from then on counts.
            let released = *self.released.borrow();
            match self.begin(message) {
                Act::Take => self.take(message),
                Act::Answer(outcome) => outcome,
                Act::TakeBut(outcome) => {
                    self.take(message);
                    outcome
                }
                Act::Hang => {
                    self.until_released(released).await;
                    self.take(message)
                }
                Act::HangAfter => {
                    let outcome = self.take(message);
                    self.until_released(released).await;
                    outcome
                }
                Act::Slow(time) => {
                    tokio::time::sleep(time).await;
                    self.take(message)
                }
            }
        })
    }

    fn find<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Found> {
        Box::pin(async move {
            let mut books = self.books();
            books.asked += 1;
            match books.knows {
                Knows::Nothing => Found::CannotTell,
                Knows::NotBefore(at) => Found::AskAgain(at),
                Knows::All => match books.taken.iter().position(|taken| taken.id == message.id) {
                    Some(index) => Found::Sent { provider_id: Some(format!("test-{}", index + 1)) },
                    None => Found::NotThere,
                },
            }
        })
    }
}
