//! Master keys: how they are written, what they open, and how a new one takes over.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{App, Cx, environments as rooms, testing::House};
use pileus_model::{ErrorKind, clock::Clock as _, entropy::SystemEntropy};
use pileus_store::master_keys::{SEALED, Sealed};

const OLD: u8 = 0x5e;
const NEW: u8 = 0xa7;

fn key(byte: u8) -> Keys {
    Keys::parse(&format!("{byte:02x}").repeat(32)).unwrap()
}

#[test]
fn written_forms() {
    let text = Keys::generate(&SystemEntropy);
    let sealed = Keys::parse(&text).unwrap().seal(b"o", b"x", &SystemEntropy).unwrap();
    assert_eq!(Keys::parse(&format!(" {text}\n")).unwrap().open(b"o", &sealed).unwrap(), b"x");
    assert!(Keys::parse(&STANDARD.encode([7; 32])).is_ok());
    for bad in ["", "00", &"g".repeat(64), &STANDARD.encode([7; 31]), "correct horse battery staple"] {
        assert!(!Keys::parse(bad).unwrap_err().message().contains("horse"), "{bad}");
    }
    assert!(!format!("{:?}", key(OLD)).contains("5e5e5e"));
}

#[test]
fn keys_are_bound_to_their_owners() {
    let keys = key(OLD);
    let (one, wrapped) = keys.fresh(b"a", &SystemEntropy).unwrap();
    assert_eq!(keys.unwrap(b"a", &wrapped).unwrap().expose(), one.expose());
    assert!(keys.unwrap(b"b", &wrapped).is_err());
    assert!(Keys::none().fresh(b"a", &SystemEntropy).is_err());
    assert_eq!(keys.derive(b"x").unwrap(), keys.derive(b"x").unwrap());
    assert_ne!(keys.derive(b"x").unwrap(), keys.derive(b"y").unwrap());
}

#[test]
fn a_further_key_opens_and_does_not_seal() {
    let (both, new) = (key(OLD), key(NEW));
    both.learn(&new);
    let by_old = both.seal(b"o", b"x", &SystemEntropy).unwrap();
    assert!(new.open(b"o", &by_old).is_err());
    assert_eq!(both.open(b"o", &new.seal(b"o", b"y", &SystemEntropy).unwrap()).unwrap(), b"y");
    // What was sealed before keys had names.
    let (_, master) = key(OLD).active().unwrap();
    let nameless = envelope::seal(&master, b"o", b"z", &SystemEntropy).unwrap();
    assert_eq!(both.open(b"o", &nameless).unwrap(), b"z");
    assert!(new.open(b"o", &nameless).is_err());
}

/// A house with a few environments and sessions, and both kinds of signing keys; its master key is the old one.
async fn house(environments: usize) -> (House, Cx, Vec<String>) {
    let house = House::new().await;
    verify(&house.app, "one").await.unwrap();
    let cx = house.root_cx().await;
    let mut sessions = Vec::new();
    for n in 0..environments {
        let name = format!("e{n}");
        rooms::create(&cx, "p", &name).await.unwrap();
        let text = format!("values: {{a: {{fn::secret: hidden-{n}}}}}\n");
        assert!(rooms::update(&cx, "p", &name, text, None).await.unwrap().revision.is_some());
        sessions.push(rooms::open(&cx, "p", &name, None, None).await.unwrap().id.unwrap());
    }
    let _ = rooms::public_keys(&house.app, rooms::Issuer::V1).await.unwrap();
    let _ = rooms::public_keys(&house.app, rooms::Issuer::V2).await.unwrap();
    (house, cx, sessions)
}

/// Another server on the same database, with these keys.
fn server(of: &App, keys: Keys) -> App {
    let app = App::new(
        of.store.clone(),
        std::sync::Arc::clone(&of.clock),
        std::sync::Arc::clone(&of.entropy),
        pileus_egress::Egress::new(pileus_egress::EgressConfig::default()),
        of.settings.clone(),
    );
    app.with_keys(keys)
}

async fn everything_opens(cx: &Cx, sessions: &[String]) {
    for (n, session) in sessions.iter().enumerate() {
        let name = format!("e{n}");
        let text = rooms::decrypt(cx, "p", &name, None).await.unwrap().text;
        assert!(text.contains(&format!("hidden-{n}")));
        let read = rooms::read_session(cx, Some(("p", &name)), session, Some("a")).await.unwrap();
        assert!(read.contains(&format!("hidden-{n}")));
    }
}

/// What is in the database and opens with these keys.
async fn openable(app: &App, keys: &Keys) -> usize {
    let mut count = 0;
    for which in SEALED {
        let page = app.store.read(move |tx| store::page(tx, which, &[], 10_000)).await.unwrap();
        for (id, sealed) in page {
            let owner = match which {
                Sealed::Environments => id,
                Sealed::Sessions => rooms::session_owner(&id),
                Sealed::SigningKeys => rooms::signing_key_owner(&id),
            };
            count += usize::from(keys.open(&owner, &sealed).is_ok());
        }
    }
    let state = app.store.read(store::state).await.unwrap().unwrap();
    count + usize::from(keys.open(ROOT, &state.root).is_ok())
}

#[tokio::test]
async fn a_new_key_takes_over_and_the_old_one_opens_nothing_any_more() {
    let (house, cx, sessions) = house(5).await;
    let derived = house.app.keys.derive(b"redaction").unwrap();
    assert_eq!(rotate(&cx).await.unwrap_err().kind(), ErrorKind::Invalid, "there is no new key");
    house.app.keys.learn(&key(NEW));
    let all = openable(&house.app, &key(OLD)).await;
    assert!(all > 5 + 5 + 2, "{all}");
    let done = rotate(&cx).await.unwrap();
    assert_eq!((done.retiring, done.remaining, done.servers.len()), (None, 0, 1));
    assert_eq!((openable(&house.app, &key(OLD)).await, openable(&house.app, &key(NEW)).await), (0, all));
    everything_opens(&cx, &sessions).await;
    let only_new = server(&house.app, key(NEW));
    verify(&only_new, "two").await.unwrap();
    assert_eq!(only_new.keys.derive(b"redaction").unwrap(), derived, "fingerprints of values stay what they were");
    assert!(verify(&server(&house.app, key(OLD)), "three").await.unwrap_err().message().contains("another master key"));
    assert_eq!(house.said("", "master-key-rotated").await.len(), 2);
    // And back again, which is a change like any other.
    assert!(rotate(&cx).await.unwrap_err().message().contains("\"two\""), "not every server has it");
    leave(&only_new).await.unwrap();
    assert_eq!(rotate(&cx).await.unwrap().retiring, None);
    assert_eq!(openable(&house.app, &key(NEW)).await, 0);
}

#[tokio::test]
async fn a_change_that_was_cut_in_the_middle_is_finished_by_any_server() {
    let (house, cx, sessions) = house(4).await;
    house.app.keys.learn(&key(NEW));
    tick(&house.app).await.unwrap();
    let before = house.app.store.read(store::state).await.unwrap().unwrap();
    let new = state::further(&house.app.keys, &before.active).unwrap().unwrap();
    change::take_over(&cx, &before, &new).await.unwrap();
    // Here the process ends, after one kind of things was sealed anew.
    let _ = change::piece(&house.app, Sealed::Environments, Vec::new()).await.unwrap();
    let shown = show(&cx).await.unwrap();
    assert!(shown.retiring.is_some() && shown.remaining >= 6, "{shown:?}");
    everything_opens(&cx, &sessions).await;
    for lacking in [key(OLD), key(NEW)] {
        assert!(verify(&server(&house.app, lacking), "half").await.is_err(), "both are needed until it is finished");
    }
    leave(&house.app).await.unwrap();
    let both = key(OLD);
    both.learn(&key(NEW));
    let again = server(&house.app, both);
    verify(&again, "again").await.unwrap();
    tick(&again).await.unwrap();
    let state = again.store.read(store::state).await.unwrap().unwrap();
    assert_eq!(state.retiring, None);
    assert_eq!(openable(&again, &key(OLD)).await, 0);
    everything_opens(&cx, &sessions).await;
}

#[tokio::test]
async fn every_server_must_have_the_new_key_and_use_it() {
    let (house, cx, _) = house(1).await;
    let second = server(&house.app, key(OLD));
    verify(&second, "second").await.unwrap();
    house.app.keys.learn(&key(NEW));
    let refused = rotate(&cx).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("server \"second\""), "{}", refused.message());
    second.keys.learn(&key(NEW));
    tick(&second).await.unwrap();
    let begun = rotate(&cx).await.unwrap();
    assert!(begun.retiring.is_some(), "the second server still seals with the old key");
    // What it seals meanwhile is kept with the new key all the same, or sealed anew.
    let made = second.keys.fresh(b"owner", &SystemEntropy).unwrap().1;
    let keys = second.keys.clone();
    let kept = house.write(move |tx| keys.current(tx, b"owner", &made, &SystemEntropy).unwrap()).await;
    assert!(key(NEW).open(b"owner", &kept).is_ok() && key(OLD).open(b"owner", &kept).is_err());
    tick(&second).await.unwrap();
    assert_eq!(show(&cx).await.unwrap().retiring, None);
    // A server that has not been heard of for long is not waited for.
    house.clock.advance(state::BELIEVED + 1);
    assert_eq!(show(&cx).await.unwrap().servers.len(), 0);
    assert!(house.clock.now().as_seconds() > 0);
}

#[tokio::test]
async fn further_keys_are_found_where_they_come_from() {
    let house = House::new().await;
    let source: Source = std::sync::Arc::new(|| Ok(key(NEW)));
    let app = server(&house.app, key(OLD).with_source(source));
    verify(&app, "one").await.unwrap();
    let held = |app: &App| app.keys.read(|ring| ring.held.len());
    assert_eq!(held(&app), 1);
    tick(&app).await.unwrap();
    assert_eq!(held(&app), 2);
}

#[tokio::test]
async fn asking_twice_does_not_bring_the_old_key_back() {
    let (house, mut cx, sessions) = house(1).await;
    leave(&house.app).await.unwrap();
    let source: Source = std::sync::Arc::new(|| Ok(key(NEW)));
    let app = server(&house.app, key(OLD).with_source(source));
    verify(&app, "one").await.unwrap();
    cx.app = std::sync::Arc::new(app);
    assert_eq!(rotate(&cx).await.unwrap().retiring, None);
    // The old one is still in PILEUS_MASTER_KEY, and in this process.
    let again = rotate(&cx).await.unwrap_err();
    assert!(again.kind() == ErrorKind::Invalid && again.message().contains("no new master key"), "{}", again.message());
    assert_eq!(show(&cx).await.unwrap().active, hex(&fingerprint(&key(NEW).active().unwrap().1)));
    everything_opens(&cx, &sessions).await;
}

#[tokio::test]
async fn what_is_opened_by_a_server_that_missed_the_change_is_kept_with_the_new_key() {
    let (house, mut cx, _) = house(1).await;
    let both = key(OLD);
    both.learn(&key(NEW));
    let late = server(&house.app, both);
    verify(&late, "late").await.unwrap();
    // It says nothing for so long that nobody waits for it, and seals with the old key.
    leave(&late).await.unwrap();
    house.app.keys.learn(&key(NEW));
    assert_eq!(rotate(&cx).await.unwrap().retiring, None);
    cx.app = std::sync::Arc::new(late);
    let session = rooms::open(&cx, "p", "e0", None, None).await.unwrap().id.unwrap();
    assert_eq!(openable(&house.app, &key(OLD)).await, 0, "the old key opens nothing any more");
    cx.app = std::sync::Arc::clone(&house.app);
    everything_opens(&cx, &[session]).await;
}

#[tokio::test]
async fn a_database_from_before_keeps_what_it_derived() {
    let house = House::new().await;
    let derived = house.app.keys.derive(b"redaction").unwrap();
    let (id, master) = key(OLD).active().unwrap();
    let proof = envelope::seal(&master, PROOF, &id, &SystemEntropy).unwrap();
    let now = house.clock.now();
    house.write(move |tx| pileus_store::environments_keys::insert_master_key(tx, &id, &proof, now).unwrap()).await;
    assert!(verify(&server(&house.app, key(NEW)), "wrong").await.is_err());
    verify(&house.app, "one").await.unwrap();
    assert_eq!(house.app.keys.derive(b"redaction").unwrap(), derived);
}
