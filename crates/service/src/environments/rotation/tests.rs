//! Rotations with a rotator of the tests' own, which keeps what it made like a cloud would.
#![expect(clippy::unwrap_used, reason = "tests")]

mod lasting;

use super::*;
use crate::{
    environments::{
        self as rooms,
        rotators::{Made, Rotator},
    },
    testing::House,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use pileus_esc::value::{Properties, Repr, Value};
use pileus_model::{audit::catalogue, caller::BuiltinRole};
use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Semaphore;

/// A place that has keys: each new one is `key-N`.
#[derive(Debug)]
struct Cloud {
    live: Mutex<BTreeSet<String>>,
    /// Revisions of the environment at the times when a key was taken away.
    taken_at: Mutex<Vec<i64>>,
    made: Mutex<usize>,
    /// Who makes something waits for this.
    gate: Semaphore,
    /// Whether somebody waits.
    begun: Semaphore,
    broken: AtomicBool,
    keeps: AtomicBool,
}

impl Cloud {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            live: Mutex::default(),
            taken_at: Mutex::default(),
            made: Mutex::default(),
            gate: Semaphore::new(1000),
            begun: Semaphore::new(0),
            broken: AtomicBool::new(false),
            keeps: AtomicBool::new(false),
        })
    }
    fn live(&self) -> Vec<String> {
        self.live.lock().unwrap().iter().cloned().collect()
    }
    fn close(&self) {
        let _ = self.gate.forget_permits(1000);
    }
}

/// The rotator of that place.
#[derive(Debug)]
struct Keys(Arc<Cloud>);

impl Rotator for Keys {
    fn description(&self) -> &'static str {
        "Keys of a place of the tests' own."
    }
    fn schemas(&self) -> [&'static str; 3] {
        let inputs = r#"{"type": "object", "properties": {"login": {"type": "string"}}, "rotateOnly": ["login"]}"#;
        let state =
            r#"{"type": "object", "properties": {"current": {"type": "string"}, "previous": {"type": "string"}}}"#;
        [inputs, state, state]
    }
    fn open(&self, _: &Properties, state: Option<&Properties>) -> std::result::Result<Value, String> {
        Ok(Value::new(Repr::Object(state.cloned().unwrap_or_default())))
    }
    fn make(
        &self,
        _: Arc<rooms::providers::Site>,
        _: Properties,
        state: Option<Properties>,
    ) -> BoxFuture<'static, std::result::Result<Made, String>> {
        let cloud = Arc::clone(&self.0);
        async move {
            cloud.begun.add_permits(1);
            cloud.gate.acquire().await.unwrap().forget();
            if cloud.broken.load(Ordering::SeqCst) {
                return Err("the place is closed".into());
            }
            let number = {
                let mut made = cloud.made.lock().unwrap();
                *made += 1;
                *made
            };
            let new = format!("key-{number}");
            let _ = cloud.live.lock().unwrap().insert(new.clone());
            let before = |name: &str| state.as_ref().and_then(|s| s.get(name)).map(|v| Value::clone(v).into_secret());
            let mut kept = Properties::from([(Arc::from("current"), Arc::new(Value::secret(&new)))]);
            kept.extend(before("current").map(|value| (Arc::from("previous"), Arc::new(value))));
            Ok(Made { state: Value::new(Repr::Object(kept)), new: Value::secret(&new), old: before("previous") })
        }
        .boxed()
    }
    fn retire(
        &self,
        site: Arc<rooms::providers::Site>,
        _: Properties,
        credential: Value,
    ) -> BoxFuture<'static, std::result::Result<(), String>> {
        let cloud = Arc::clone(&self.0);
        async move {
            if cloud.keeps.load(Ordering::SeqCst) {
                return Err("the place keeps it".into());
            }
            let org = site.who.org.id;
            let read = site.who.app.store.read(move |tx| pileus_store::environments::find(tx, org, "p", "e"));
            let latest = read.await.unwrap().map_or(0, |row| row.latest);
            cloud.taken_at.lock().unwrap().push(latest);
            let _ = cloud.live.lock().unwrap().remove(&credential.to_text(false));
            Ok(())
        }
        .boxed()
    }
}

const TEXT: &str = "# kept\nvalues:\n  db:\n    fn::rotate::keys:\n      inputs: {}\n";

/// A house with an environment `p/e` of this definition.
async fn house(text: &str) -> (House, Cx, Arc<Cloud>) {
    let (house, cloud) = (House::new().await, Cloud::new());
    house.app.rotators.add("keys", Arc::new(Keys(Arc::clone(&cloud))));
    let cx = house.root_cx().await;
    rooms::create(&cx, "p", "e").await.unwrap();
    set(&cx, text).await;
    (house, cx, cloud)
}

async fn set(cx: &Cx, text: &str) {
    let updated = rooms::update(cx, "p", "e", text.to_owned(), None).await.unwrap();
    assert!(updated.revision.is_some(), "{:?}", updated.diagnostics);
}

async fn opened(cx: &Cx) -> serde_json::Value {
    let opened = rooms::open_for(rooms::Opener::Caller(cx), "p/e", "a test").await.unwrap();
    opened.values
}

async fn text_of(cx: &Cx) -> String {
    rooms::decrypt(cx, "p", "e", None).await.unwrap().text
}

fn states(event: &RotationEvent) -> Vec<(&str, &str)> {
    event.secrets.iter().map(|s| (s.path.as_str(), s.status.as_str())).collect()
}

#[tokio::test]
async fn each_rotation_is_a_revision_and_what_was_replaced_goes_after_it() {
    let (house, cx, cloud) = house(TEXT).await;
    assert_eq!(opened(&cx).await, serde_json::json!({"db": {}}));
    for n in 1..=3 {
        let rotated = rotate(&cx, "p", "e", &[]).await.unwrap();
        let row = &rotated.event.rotation;
        assert_eq!((row.status.as_str(), row.post_revision), (SUCCEEDED, Some(n + 2)));
        assert_eq!(row.by_id, house.id("root").await.to_string());
        assert_eq!(states(&rotated.event), [("db", SUCCEEDED)]);
    }
    assert_eq!(opened(&cx).await, serde_json::json!({"db": {"current": "key-3", "previous": "key-2"}}));
    assert_eq!(cloud.live(), ["key-2", "key-3"]);
    assert_eq!(*cloud.taken_at.lock().unwrap(), [5], "the new revision is there before the old key goes");
    let text = text_of(&cx).await;
    assert!(text.starts_with("# kept\n") && text.contains("fn::secret: key-3"), "{text}");
    let stored = rooms::read(&cx, "p", "e", None).await.unwrap().text;
    assert!(!stored.contains("key-"), "{stored}");
    assert_eq!(history(&cx, "p", "e").await.unwrap().len(), 3);
    let said = house.said("acme", catalogue::ENVIRONMENT_ROTATED.id()).await;
    assert_eq!(said[0], "Rotated environment \"p/e\" from revision 2, new revision 3, rotated db");
}

#[tokio::test]
async fn paths_are_compared_as_paths() {
    let text = "values:\n  \"a-b\":\n    fn::rotate::keys: {inputs: {}}\n  c:\n    - fn::rotate: {provider: keys, inputs: {}}\n";
    let (_house, cx, cloud) = house(text).await;
    let named = |path: &str| [path.to_owned()];
    let rotated = rotate(&cx, "p", "e", &named("[\"a-b\"]")).await.unwrap();
    assert_eq!(states(&rotated.event), [("[\"a-b\"]", SUCCEEDED)]);
    let rotated = rotate(&cx, "p", "e", &named("a-b")).await.unwrap();
    assert_eq!(states(&rotated.event), [("[\"a-b\"]", SUCCEEDED)]);
    let rotated = rotate(&cx, "p", "e", &named("c[0]")).await.unwrap();
    assert_eq!(states(&rotated.event), [("c[0]", SUCCEEDED)]);
    assert_eq!(cloud.live(), ["key-1", "key-2", "key-3"]);
    for bad in ["d", "a..b", ""] {
        assert_eq!(rotate(&cx, "p", "e", &named(bad)).await.unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
    }
    assert_eq!(opened(&cx).await["c"], serde_json::json!([{"current": "key-3"}]));
}

#[tokio::test]
async fn a_crash_before_the_revision_leaves_both_and_a_record() {
    let (house, cx, cloud) = house(TEXT).await;
    for _ in 0..2 {
        let _ = rotate(&cx, "p", "e", &[]).await.unwrap();
    }
    house.clock.advance(1);
    let who = Who::caller(&cx).unwrap();
    let (app, org, by) = (Arc::clone(&house.app), who.org.id, By::caller(&who));
    let begun = house.write(move |tx| {
        let row = require(tx, org, "p", "e").unwrap();
        begin(tx, &app, org, &row, &by, None).unwrap()
    });
    // The process ends here: the third key is made, and no revision holds it.
    drop(perform::perform(who, begun.await, Vec::new()).await);
    assert_eq!(history(&cx, "p", "e").await.unwrap()[0].rotation.status, RUNNING);
    assert_eq!(rotate(&cx, "p", "e", &[]).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(recover(&house.app).await.unwrap(), 0, "somebody may still work on it");
    house.clock.advance(LEASE + 1);
    assert_eq!(recover(&house.app).await.unwrap(), 1);
    assert_eq!(recover(&house.app).await.unwrap(), 0);
    let event = history(&cx, "p", "e").await.unwrap().remove(0);
    assert_eq!((event.rotation.status.as_str(), event.rotation.post_revision), (FAILED, Some(5)));
    assert!(event.rotation.error.as_deref().unwrap().starts_with("Pileus stopped"), "{:?}", event.rotation.error);
    assert_eq!(states(&event), [("db", SUCCEEDED)]);
    assert_eq!(event.secrets[0].made, None, "a revision holds it now");
    assert_eq!(opened(&cx).await["db"], serde_json::json!({"current": "key-3", "previous": "key-2"}));
    assert_eq!(cloud.live(), ["key-1", "key-2", "key-3"], "nobody has taken the old one away yet");
    let _ = rotate(&cx, "p", "e", &[]).await.unwrap();
    assert_eq!(cloud.live(), ["key-3", "key-4"]);
}

#[tokio::test]
async fn what_cannot_be_taken_away_is_taken_away_by_the_next_rotation() {
    let (_house, cx, cloud) = house(TEXT).await;
    cloud.keeps.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let rotated = rotate(&cx, "p", "e", &[]).await.unwrap();
        assert_eq!(rotated.event.rotation.status, SUCCEEDED);
    }
    assert_eq!(cloud.live(), ["key-1", "key-2", "key-3"]);
    cloud.keeps.store(false, Ordering::SeqCst);
    let _ = rotate(&cx, "p", "e", &[]).await.unwrap();
    assert_eq!(cloud.live(), ["key-3", "key-4"]);
}

/// Rotates, and lets `meanwhile` run while the key is being made.
async fn with_meanwhile(cx: &Cx, cloud: &Cloud, meanwhile: impl Future<Output = ()>) -> Result<Rotated> {
    cloud.close();
    let _ = cloud.begun.forget_permits(10);
    let rotating = rotate(cx, "p", "e", &[]);
    let other = async {
        cloud.begun.acquire().await.unwrap().forget();
        meanwhile.await;
        cloud.gate.add_permits(1000);
    };
    tokio::join!(rotating, other).0
}

#[tokio::test]
async fn an_update_meanwhile_loses_nothing() {
    let (_house, cx, cloud) = house(TEXT).await;
    let _ = rotate(&cx, "p", "e", &[]).await.unwrap();
    let newer = text_of(&cx).await + "  further: 1\n";
    let rotated = with_meanwhile(&cx, &cloud, set(&cx, &newer)).await.unwrap();
    assert_eq!((rotated.event.rotation.pre_revision, rotated.event.rotation.post_revision), (3, Some(5)));
    let all = serde_json::json!({"db": {"current": "key-2", "previous": "key-1"}, "further": 1});
    assert_eq!(opened(&cx).await, all);
    // Whoever takes the rotator out meanwhile is right, and nothing is left of what was made.
    let rotated = with_meanwhile(&cx, &cloud, set(&cx, "values: {further: 2}\n")).await.unwrap();
    assert_eq!((rotated.event.rotation.status.as_str(), rotated.event.rotation.post_revision), (FAILED, None));
    assert!(rotated.event.rotation.error.as_deref().unwrap().contains("the rotator is gone"));
    assert_eq!(cloud.live(), ["key-1", "key-2"]);
    assert_eq!(opened(&cx).await, serde_json::json!({"further": 2}));
}

#[tokio::test]
async fn another_state_meanwhile_and_a_deletion_meanwhile_are_right_too() {
    let (_house, cx, cloud) = house(TEXT).await;
    let other = "values:\n  db:\n    fn::rotate::keys:\n      inputs: {}\n      state: {current: mine}\n";
    let rotated = with_meanwhile(&cx, &cloud, set(&cx, other)).await.unwrap();
    assert!(rotated.event.rotation.error.as_deref().unwrap().contains("another state"));
    assert!(cloud.live().is_empty());
    let gone = async { rooms::delete(&cx, "p", "e").await.unwrap() };
    let rotated = with_meanwhile(&cx, &cloud, gone).await.unwrap();
    assert!(rotated.event.rotation.error.as_deref().unwrap().contains("deleted meanwhile"));
    assert!(cloud.live().is_empty(), "what was made for nobody is taken away again");
}

#[tokio::test]
async fn two_at_once_are_one_and_who_gives_up_waiting_stops_nothing() {
    let (house, cx, cloud) = house(TEXT).await;
    let second = async {
        assert_eq!(rotate(&cx, "p", "e", &[]).await.unwrap_err().kind(), ErrorKind::Conflict);
    };
    assert_eq!(with_meanwhile(&cx, &cloud, second).await.unwrap().event.rotation.status, SUCCEEDED);
    cloud.close();
    cloud.begun.forget_permits(10);
    house.clock.advance(1);
    let waiting = tokio::spawn({
        let cx = cx.clone();
        async move { rotate(&cx, "p", "e", &[]).await.map(|_| ()) }
    });
    cloud.begun.acquire().await.unwrap().forget();
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    cloud.gate.add_permits(1000);
    for _ in 0..1000 {
        if history(&cx, "p", "e").await.unwrap()[0].rotation.status != RUNNING {
            break;
        }
        tokio::task::yield_now().await;
    }
    let event = history(&cx, "p", "e").await.unwrap().remove(0);
    assert_eq!((event.rotation.status.as_str(), event.rotation.post_revision), (SUCCEEDED, Some(4)));
}

#[tokio::test]
async fn failures_say_why_and_what_went_well_is_kept() {
    let text = "values:\n  a:\n    fn::rotate::keys: {inputs: {}}\n  b:\n    fn::rotate::password: {inputs: {}}\n";
    let (house, cx, cloud) = house(text).await;
    cloud.broken.store(true, Ordering::SeqCst);
    let rotated = rotate(&cx, "p", "e", &[]).await.unwrap();
    assert_eq!(states(&rotated.event), [("a", FAILED), ("b", SUCCEEDED)]);
    assert_eq!(rotated.event.secrets[0].error.as_deref(), Some("the place is closed"));
    let row = &rotated.event.rotation;
    assert_eq!((row.status.as_str(), row.post_revision), (FAILED, Some(3)));
    assert_eq!(row.error.as_deref(), Some("1 of 2 secrets could not be rotated"));
    let rotated = rotate(&cx, "p", "e", &["a".into()]).await.unwrap();
    let row = &rotated.event.rotation;
    assert_eq!((row.post_revision, row.error.as_deref()), (None, Some("the place is closed")));
    let said = house.said("acme", catalogue::ENVIRONMENT_ROTATED.id()).await;
    assert_eq!(said[1], "Failed to rotate environment \"p/e\" at revision 3: the place is closed");
    assert_eq!(house.said("acme", catalogue::ENVIRONMENT_UPDATED.id()).await.len(), 2);
}

#[tokio::test]
async fn what_is_for_rotations_only_needs_its_permission_when_rotating() {
    let text =
        "values:\n  db:\n    fn::rotate::keys:\n      inputs: {login: \"${environments.admin.root.password}\"}\n";
    let (house, cx, cloud) = house("values: {}\n").await;
    rooms::create(&cx, "admin", "root").await.unwrap();
    let _ = rooms::update(&cx, "admin", "root", "values: {password: x}\n".into(), None).await.unwrap();
    set(&cx, text).await;
    let all = ["environment:read", "environment:open", "environment:rotate"];
    let role = house.role("everything", &all).await;
    let carol = house.cx(&house.member("carol", BuiltinRole::Member, Some(role)).await, Some("acme")).await;
    assert_eq!(rotate(&carol, "p", "e", &[]).await.unwrap().event.rotation.status, SUCCEEDED);
    // Without the permission to open what it names: it opens, and does not rotate.
    house.clock.advance(1);
    let role = house.role("rotates", &["environment:read", "environment:rotate"]).await;
    let dave = house.cx(&house.member("dave", BuiltinRole::Member, Some(role)).await, Some("acme")).await;
    let refused = rotate(&dave, "p", "e", &[]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    assert!(refused.message().contains("admin/root"), "{}", refused.message());
    assert_eq!(cloud.live(), ["key-1"], "nothing was made");
    let event = history(&cx, "p", "e").await.unwrap().remove(0);
    assert_eq!((event.rotation.status.as_str(), event.secrets.len()), (FAILED, 0));
    house.app.recorder.settled().await;
    assert_eq!(house.said("acme", catalogue::ENVIRONMENT_UNAUTHORIZED_OPEN.id()).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_definition_rotates_nothing() {
    let (house, cx, cloud) = house(TEXT).await;
    // An import that was deleted since makes a definition wrong that was right.
    rooms::create(&cx, "p", "other").await.unwrap();
    let _ = rooms::update(&cx, "p", "other", "values: {a: 1}\n".into(), None).await.unwrap();
    set(&cx, &format!("imports: [p/other]\n{TEXT}")).await;
    rooms::delete(&cx, "p", "other").await.unwrap();
    let rotated = rotate(&cx, "p", "e", &[]).await.unwrap();
    assert!(rotated.wrong && rotated.diagnostics[0].contains("not found"), "{:?}", rotated.diagnostics);
    assert_eq!(rotated.event.rotation.error.as_deref(), Some("the definition is not valid at imports[0]"));
    assert!(cloud.live().is_empty());
    set(&cx, "values: {a: 1}\n").await;
    let error = rotate(&cx, "p", "e", &[]).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "the definition has nothing that can be rotated"));
    assert_eq!(house.said("acme", catalogue::ENVIRONMENT_ROTATED.id()).await.len(), 2);
}
