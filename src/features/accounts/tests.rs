//! The commands on real books, and the desk beside them.

use std::sync::{Arc, Mutex};

use super::*;
use crate::clock::Clock;
use crate::db::{DataFolder, Db, DbOptions, Reactions, WriteTx};
use crate::http::Caller;
use crate::http::gate::CookieWorth;
use crate::kernel::{
    Actor, Change, DomainEvent, Email, JobDue, Locale, Name, Phone, Result, Role, SeenVersion, SessionId, UserId, UtcMs,
};
use crate::security::Keys;
use crate::security::token::{ACCESS_S, Access, SecretToken};

struct House {
    db: Db,
    desk: Arc<Desk>,
    keys: Keys,
    clock: Clock,
    /// What the verbs told of their changes.
    told: Arc<Mutex<Vec<Change>>>,
    _folder: tempfile::TempDir,
}

fn session(secret: &SecretToken, kind: SessionKind) -> NewSession {
    NewSession { secret: secret.hash(), kind, device: None, address: [127, 0, 0, 1].into(), carrying: None, replaces: None }
}

struct Follow(Arc<Desk>, Arc<Mutex<Vec<Change>>>);

impl Reactions for Follow {
    fn inside(&self, _: &mut WriteTx<'_>, _: &DomainEvent) -> Result<()> {
        Ok(())
    }

    fn written(&self, _: &mut WriteTx<'_>, _: &'static str, changes: &[Change]) -> Result<()> {
        self.1.lock().expect("whole").extend(changes.iter().cloned());
        Ok(())
    }

    fn after(&self, events: &[DomainEvent], _: &[JobDue]) {
        for event in events {
            if let DomainEvent::SessionEnded { session } | DomainEvent::SessionRenewed { session } = event {
                self.0.forget_session(*session);
            }
        }
    }
}

impl House {
    fn open() -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(UtcMs::from_ms(1_795_603_665_007));
        let desk = Arc::new(Desk::new(clock.clone()).expect("a desk"));
        let keys = Keys::load_or_make(folder.path()).expect("keys");
        let told = Arc::new(Mutex::new(Vec::new()));
        let reactions = Arc::new(Follow(Arc::clone(&desk), Arc::clone(&told)));
        let options = DbOptions { clock: clock.clone(), accept_clock: false, reactions };
        let db = Db::open(DataFolder::own(folder.path()).expect("the folder"), options).expect("the books");
        House { db, desk, keys, clock, told, _folder: folder }
    }

    async fn register(&self, email: &str, role: Role, by: Actor) -> Result<(Registered, SecretToken)> {
        let token = SecretToken::new();
        let command = Register {
            name: Name::parse("Layla").expect("a name"),
            email: Email::parse(email).expect("an address"),
            phone: Phone::parse("+962791234567", None).expect("a phone"),
            role,
            password_hash: Some("a hash".to_owned()),
            locale: Locale::Ar,
            by,
            sign_in_with: Some(session(&token, SessionKind::Token)),
        };
        Ok((self.db.write(command).await?, token))
    }

    async fn layla(&self) -> (SignedIn, SecretToken) {
        match self.register("layla@example.com", Role::Customer, Actor::Guest).await.expect("registered") {
            (Registered::SignedIn(signed_in), token) => (signed_in, token),
            (other, _) => panic!("{other:?}"),
        }
    }

    async fn refresh(&self, presented: &SecretToken) -> Option<(SignedIn, SecretToken)> {
        let next = SecretToken::new();
        let (from, to) = (SessionKind::Token, SessionKind::Token);
        let refresh = Refresh { presented: presented.hash(), from, next: next.hash(), to };
        match self.db.write(refresh).await.expect("no fault") {
            Refreshed::Renewed(signed_in) => Some((signed_in, next)),
            Refreshed::Refused => None,
        }
    }

    fn bearer(&self, signed_in: &SignedIn) -> String {
        let access = Access { user: signed_in.user.id, session: signed_in.session, role: signed_in.user.role };
        self.keys.sign_access(access, self.clock.now()).expect("signed")
    }

    async fn identify(&self, bearer: &str) -> Result<Caller, &'static str> {
        self.desk.identify(&self.db, &self.keys, bearer).await.map_err(|error| error.code().unwrap_or("fault"))
    }
}

#[tokio::test]
async fn an_address_has_one_account() {
    let house = House::open();
    let (layla, _) = house.layla().await;
    assert_eq!((layla.user.role, layla.user.locale, layla.user.version), (Role::Customer, Locale::Ar, 1));
    let refusal = house.register("Layla@Example.com", Role::Customer, Actor::Guest).await.expect_err("taken");
    assert_eq!(refusal.code(), Some("email_taken"));
    let id = layla.user.id;
    assert_eq!(house.db.read(move |reader| user(reader, id)).await.expect("read"), Some(layla.user));
}

#[tokio::test]
async fn only_an_admin_makes_staff_and_the_first_admin_comes_from_the_machine() {
    let house = House::open();
    let refusal = house.register("omar@example.com", Role::Staff, Actor::Guest).await.expect_err("refused");
    assert_eq!(refusal.code(), Some("forbidden"));
    assert!(!house.db.read(owner_exists).await.expect("read"));
    let owner = || CreateOwner {
        name: Name::parse("Salma").expect("a name"),
        email: Email::parse("salma@example.com").expect("an address"),
        phone: None,
        password_hash: "a hash".to_owned(),
    };
    let salma = house.db.write(owner()).await.expect("made");
    assert_eq!((salma.role, salma.phone), (Role::Admin, None));
    assert!(house.db.read(owner_exists).await.expect("read"));
    assert_eq!(house.db.write(owner()).await.expect_err("taken").code(), Some("email_taken"));
    let by = Actor::Account { id: salma.id, role: Role::Admin };
    assert!(house.register("omar@example.com", Role::Staff, by).await.is_ok());
}

#[tokio::test]
async fn signing_in_needs_the_hash_that_was_proven() {
    let house = House::open();
    let (layla, _) = house.layla().await;
    let sign_in = |hash: &str| SignIn {
        email: layla.user.email.clone(),
        proven_hash: hash.to_owned(),
        session: session(&SecretToken::new(), SessionKind::Token),
    };
    let again = house.db.write(sign_in("a hash")).await.expect("signed in");
    assert_ne!(again.session, layla.session);
    assert_eq!(house.db.write(sign_in("an older hash")).await.expect_err("refused").code(), Some("invalid_credentials"));
}

#[tokio::test]
async fn a_refresh_token_counts_once_and_a_second_time_ends_its_session() {
    let house = House::open();
    let (layla, first) = house.layla().await;
    assert!(house.refresh(&SecretToken::new()).await.is_none());
    let (renewed, second) = house.refresh(&first).await.expect("renewed");
    assert_eq!(renewed, layla);
    let bearer = house.bearer(&layla);
    assert!(house.identify(&bearer).await.is_ok());
    assert!(house.refresh(&first).await.is_none());
    assert_eq!(house.identify(&bearer).await, Err("unauthenticated"));
    assert!(house.refresh(&second).await.is_none());
}

#[tokio::test]
async fn a_session_left_alone_for_ninety_days_is_over() {
    let house = House::open();
    let (_, first) = house.layla().await;
    house.clock.advance_ms(rules::SESSION_IDLE_MS - 10_000);
    let (_, second) = house.refresh(&first).await.expect("renewed");
    house.clock.advance_ms(rules::SESSION_IDLE_MS + 10_000);
    assert!(house.refresh(&second).await.is_none());
}

#[tokio::test]
async fn a_session_that_ended_is_refused_at_once() {
    let house = House::open();
    let (layla, token) = house.layla().await;
    let bearer = house.bearer(&layla);
    let caller = Caller::Account { user: layla.user.id, role: Role::Customer, session: layla.session };
    assert_eq!(house.identify(&bearer).await, Ok(caller));
    assert_eq!(house.identify(&bearer).await, Ok(caller));
    house.db.write(SignOut { session: layla.session }).await.expect("signed out");
    assert_eq!(house.identify(&bearer).await, Err("unauthenticated"));
    assert!(house.refresh(&token).await.is_none());
    house.db.write(SignOut { session: layla.session }).await.expect("signed out twice");
}

#[tokio::test]
async fn old_sessions_go_with_their_tokens_and_the_others_stay() {
    let house = House::open();
    let (idle, idle_token) = house.layla().await;
    let email = idle.user.email.clone();
    let sign_in = async |kind| {
        let secret = SecretToken::new();
        let sign_in = SignIn { email: email.clone(), proven_hash: "a hash".to_owned(), session: session(&secret, kind) };
        (house.db.write(sign_in).await.expect("signed in"), secret)
    };
    let (ended, ended_token) = sign_in(SessionKind::Cookie).await;
    let (_, mut used_token) = sign_in(SessionKind::Token).await;
    let first_used = used_token.hash();
    house.db.write(SignOut { session: ended.session }).await.expect("ended");
    for _ in 0..600 {
        used_token = house.refresh(&used_token).await.expect("renewed").1;
    }
    house.clock.advance_ms(rules::SESSION_IDLE_MS - 60_000);
    used_token = house.refresh(&used_token).await.expect("renewed").1;
    assert_eq!(house.db.write(RemoveOldSessions { days: 90 }).await.expect("done"), Left::None);
    let is_kept = async |hash| house.db.read(move |reader| sql::refresh_token(reader, hash)).await.expect("read").is_some();
    assert!(is_kept(idle_token.hash()).await && is_kept(ended_token.hash()).await);
    house.clock.advance_ms(120_000);
    let (_, _) = sign_in(SessionKind::Token).await;
    while house.db.write(RemoveOldSessions { days: 90 }).await.expect("done") == Left::Some {}
    assert!(!is_kept(idle_token.hash()).await && !is_kept(ended_token.hash()).await);
    assert!(is_kept(first_used).await, "a used token stays known as long as its session");
    let layla = idle.user.id;
    assert_eq!(house.db.read(move |reader| sql::living_sessions(reader, layla)).await.expect("read").len(), 2);
    assert!(house.refresh(&used_token).await.is_some());

    // One with more tokens than go at once goes in several writes.
    house.clock.advance_ms(rules::SESSION_IDLE_MS + 60_000);
    assert_eq!(house.db.write(RemoveOldSessions { days: 90 }).await.expect("done"), Left::Some);
    while house.db.write(RemoveOldSessions { days: 90 }).await.expect("done") == Left::Some {}
    assert!(!is_kept(first_used).await && !is_kept(used_token.hash()).await);
    assert!(house.db.read(move |reader| sql::living_sessions(reader, layla)).await.expect("read").is_empty());
}

#[tokio::test]
async fn a_slow_look_at_a_cookie_does_not_outlive_its_exchange() {
    let house = House::open();
    let (layla, _) = house.layla().await;
    let first = SecretToken::new();
    let sign_in = SignIn {
        email: layla.user.email.clone(),
        proven_hash: "a hash".to_owned(),
        session: session(&first, SessionKind::Cookie),
    };
    let browser = house.db.write(sign_in).await.expect("signed in");
    let worth = async |secret: &SecretToken| {
        house.desk.identify_cookie(&house.db, &desk::write_cookie(browser.session, secret)).await.expect("no fault")
    };
    let caller = Caller::Account { user: layla.user.id, role: Role::Customer, session: browser.session };
    let counts = CookieWorth::Counts { caller, session: browser.session };
    assert_eq!(worth(&first).await, counts);
    let next = SecretToken::new();
    let (from, to) = (SessionKind::Cookie, SessionKind::Cookie);
    let refresh = Refresh { presented: first.hash(), from, next: next.hash(), to };
    assert!(matches!(house.db.write(refresh).await.expect("no fault"), Refreshed::Renewed(_)));
    assert_eq!((worth(&first).await, worth(&next).await), (CookieWorth::Replaced, counts));
    house.db.write(SignOut { session: browser.session }).await.expect("ended");
    assert_eq!(worth(&next).await, CookieWorth::Nothing);
    // A program's session has no cookie, whatever is shown.
    assert_eq!(house.desk.identify_cookie(&house.db, &format!("{}.x", layla.session)).await.ok(), Some(CookieWorth::Nothing));
}

struct EndAll(UserId, Option<SessionId>);

impl crate::db::Command for EndAll {
    const NAME: &'static str = "accounts.end_all";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        sign_out::end_all(tx, self.0, self.1)
    }
}

#[tokio::test]
async fn every_session_of_an_account_ends_but_the_one_that_asks() {
    let house = House::open();
    let (here, _) = house.layla().await;
    let email = here.user.email.clone();
    let sign_in = SignIn { email, proven_hash: "a hash".to_owned(), session: session(&SecretToken::new(), SessionKind::Token) };
    let elsewhere = house.db.write(sign_in).await.expect("signed in");
    let (other, _) = house.register("omar@example.com", Role::Customer, Actor::Guest).await.expect("registered");
    let Registered::SignedIn(other) = other else { panic!("{other:?}") };
    for session in [&here, &elsewhere, &other] {
        assert!(house.identify(&house.bearer(session)).await.is_ok());
    }
    house.db.write(EndAll(here.user.id, Some(here.session))).await.expect("ended");
    assert!(house.identify(&house.bearer(&here)).await.is_ok());
    assert_eq!(house.identify(&house.bearer(&elsewhere)).await, Err("unauthenticated"));
    house.db.write(EndAll(here.user.id, None)).await.expect("ended");
    assert_eq!(house.identify(&house.bearer(&here)).await, Err("unauthenticated"));
    assert!(house.identify(&house.bearer(&other)).await.is_ok());
}

#[tokio::test]
async fn of_a_person_only_the_names_of_what_changed_are_told() {
    let house = House::open();
    let (layla, _) = house.layla().await;
    house.told.lock().expect("whole").clear();
    let input = UserInput {
        name: Name::parse("Layla Haddad").expect("a name"),
        phone: None,
        locale: None,
        addresses: Vec::new(),
        marketing_consent: true,
        email: None,
        role: Some(Role::Staff),
        metadata: None,
    };
    let id = layla.user.id;
    house.db.write(ReplaceUser { id, input, seen: SeenVersion::default() }).await.expect("replaced");
    let change = ChangePassword { user: id, session: layla.session, proven_hash: "a hash".into(), new_hash: "another".into() };
    house.db.write(change).await.expect("changed");
    house.db.write(EraseUser { id, seen: SeenVersion::default(), proven_hash: None }).await.expect("erased");
    let told: Vec<String> = house.told.lock().expect("whole").iter().map(|change| format!("{change:?}")).collect();
    let actions = ["account.replace", "account.role", "account.password", "account.erase"];
    assert_eq!(told.len(), actions.len(), "{told:?}");
    for (told, action) in told.iter().zip(actions) {
        assert!(told.contains(action) && told.contains(&format!("user:{id}")), "{told}");
        assert!(!told.contains("Layla") && !told.contains("hash"), "{told}");
    }
    assert!(told[0].contains("name") && told[0].contains("marketingConsent") && told[0].contains("phone"), "{told:?}");
    assert!(told[1].contains("customer") && told[1].contains("staff"), "{told:?}");
}

#[tokio::test]
async fn the_desk_knows_whose_token_counts() {
    let house = House::open();
    let (layla, _) = house.layla().await;
    let bearer = house.bearer(&layla);
    assert_eq!(house.identify("nonsense").await, Err("unauthenticated"));
    let nowhere = SessionId::from_uuid(uuid::Uuid::from_u128(7));
    assert_eq!(house.identify(&house.bearer(&SignedIn { session: nowhere, ..layla.clone() })).await, Err("unauthenticated"));
    let mut other = layla.clone();
    other.user.id = UserId::from_uuid(uuid::Uuid::from_u128(7));
    assert_eq!(house.identify(&house.bearer(&other)).await, Err("unauthenticated"));
    // A role in a token does not outlive the account's.
    let mut admin = layla.clone();
    admin.user.role = Role::Admin;
    assert_eq!(house.identify(&house.bearer(&admin)).await.map(Caller::role), Ok(Some(Role::Customer)));
    house.clock.advance_ms(ACCESS_S * 1_000);
    assert_eq!(house.identify(&bearer).await, Err("token_expired"));
}

#[tokio::test]
async fn a_password_is_verified_on_the_pool() {
    let house = House::open();
    let kept = house.desk.hash("croissants at dawn".to_owned()).await.expect("hashed");
    assert_eq!(house.desk.verify("croissants at dawn".to_owned(), Some(kept.clone())).await.ok(), Some(true));
    assert_eq!(house.desk.verify("croissants at dusk".to_owned(), Some(kept)).await.ok(), Some(false));
    assert_eq!(house.desk.verify("croissants at dawn".to_owned(), None).await.ok(), Some(false));
}
