//! A cloud that holds what a test puts into it. It is used by the service's own tests too, so it names the service by way of its parent.

use super::{
    pileus_clouds::{BoxFuture, CloudError, Found, Sink, TypeOutcome, TypeReport},
    pileus_service::{
        App,
        insights::scans::scanner::{Opened, Opener, Order, Scanner, Scanners},
    },
};
use pileus_model::{Error, Result};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::Semaphore;

/// Place and type.
type Spot = (String, String);

/// The cloud.
#[derive(Debug)]
pub struct FakeCloud {
    types: Mutex<BTreeMap<Spot, (TypeOutcome, Vec<Found>)>>,
    /// Whose credentials they are.
    pub whose: Mutex<String>,
    /// The environment can't be opened, and why.
    pub broken: Mutex<Option<String>>,
    /// The credentials stop working after the first type.
    pub expires: AtomicBool,
    /// A scan waits after its first type until it is let go.
    pub holds: AtomicBool,
    /// It waits within its first type, after the first page.
    pub holds_inside: AtomicBool,
    /// The places that are open, if the cloud says so.
    pub open: Mutex<Option<Vec<String>>>,
    /// Everything that was listed, in order: place and type.
    pub listed: Mutex<Vec<(String, String)>>,
    /// Gets a permit whenever a scan waits.
    pub waits: Semaphore,
    /// Lets a scan go on.
    pub go: Semaphore,
    /// Scans that began.
    pub begun: AtomicUsize,
    /// Items that were recognised by their prints.
    pub recognised: AtomicUsize,
}

impl Default for FakeCloud {
    fn default() -> Self {
        Self {
            types: Mutex::default(),
            whose: Mutex::new("123456789012".into()),
            broken: Mutex::default(),
            expires: AtomicBool::new(false),
            holds: AtomicBool::new(false),
            holds_inside: AtomicBool::new(false),
            open: Mutex::default(),
            listed: Mutex::default(),
            waits: Semaphore::new(0),
            go: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            recognised: AtomicUsize::new(0),
        }
    }
}

/// A resource without an ARN.
pub fn thing(kind: &str, id: &str, properties: Value) -> Found {
    Found {
        type_token: kind.into(),
        id: id.into(),
        name: None,
        arn: None,
        properties: properties.into(),
        unread: Vec::new(),
        print: None,
    }
}

impl FakeCloud {
    /// These are all that there are of a type in a place.
    pub fn put(&self, place: &str, kind: &str, found: Vec<Found>) {
        let outcome = TypeOutcome::Listed(found.len() as u64);
        self.put_as(place, kind, outcome, found);
    }
    /// These are found of a type in a place, and that becomes of it.
    pub fn put_as(&self, place: &str, kind: &str, outcome: TypeOutcome, found: Vec<Found>) {
        self.types.lock().unwrap().insert((place.into(), kind.into()), (outcome, found));
    }
    async fn hold(&self) {
        self.waits.add_permits(1);
        self.go.acquire().await.unwrap().forget();
    }
    /// Returns when another scan waits.
    pub async fn waiting(&self) {
        self.waits.acquire().await.unwrap().forget();
    }
}

impl Opener for FakeCloud {
    fn open<'a>(&'a self, _: &'a Arc<App>, order: &'a Order) -> BoxFuture<'a, Result<Opened>> {
        Box::pin(async move {
            match &*self.broken.lock().unwrap() {
                Some(why) => Err(Error::not_found(why.clone())),
                None => Ok(Opened { environment: format!("{}@7", order.environment), ..Opened::default() }),
            }
        })
    }
}

impl Scanner for FakeCloud {
    fn identity<'a>(&'a self, _: &'a Order, _: &'a Opened) -> BoxFuture<'a, Result<String, CloudError>> {
        Box::pin(async move { Ok(self.whose.lock().unwrap().clone()) })
    }
    fn places<'a>(
        &'a self,
        _: &'a Order,
        _: &'a Opened,
    ) -> BoxFuture<'a, std::result::Result<Option<Vec<String>>, CloudError>> {
        Box::pin(async move { Ok(self.open.lock().unwrap().clone()) })
    }
    fn types(&self, order: &Order) -> Vec<String> {
        let types = self.types.lock().unwrap();
        types.keys().filter(|(place, _)| *place == order.place).map(|(_, kind)| kind.clone()).collect()
    }
    fn scan<'a>(
        &'a self,
        order: &'a Order,
        _: &'a Opened,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async move {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let mut asked = 0;
            let types = self.types(order).into_iter().filter(|kind| !order.done.contains(kind));
            for (index, kind) in types.enumerate() {
                self.listed.lock().unwrap().push((order.place.clone(), kind.clone()));
                let (outcome, found) = self.types.lock().unwrap()[&(order.place.clone(), kind.clone())].clone();
                for (n, page) in found.chunks(100).enumerate() {
                    asked += 1;
                    sink.asked(asked, 0);
                    let known = |found: &Found| found.print.is_some_and(|print| sink.knows(&print));
                    let (same, others): (Vec<Found>, Vec<Found>) = page.iter().cloned().partition(known);
                    self.recognised.fetch_add(same.len(), Ordering::SeqCst);
                    if !same.is_empty() {
                        let prints = same.into_iter().filter_map(|found| found.print).collect();
                        sink.same(&order.place, &kind, prints).await?;
                    }
                    sink.found(&order.place, others).await?;
                    if (index, n) == (0, 0) && self.holds_inside.load(Ordering::SeqCst) {
                        self.hold().await;
                    }
                }
                let calls = 1 + found.len() as u64 / 100;
                asked = asked.max(calls);
                let report = TypeReport {
                    type_token: kind,
                    place: order.place.clone(),
                    outcome,
                    calls,
                    throttles: 0,
                    micros: 40_000,
                };
                sink.report(report).await?;
                if index == 0 && self.holds.load(Ordering::SeqCst) {
                    self.hold().await;
                }
                if self.expires.load(Ordering::SeqCst) {
                    return Err(CloudError::Credentials {
                        code: "ExpiredToken".into(),
                        message: "the token has expired".into(),
                    });
                }
            }
            Ok(())
        })
    }
}

/// The only scanner that there is, for AWS.
#[derive(Debug)]
pub struct OnlyAws(pub Arc<FakeCloud>);

impl Scanners for OnlyAws {
    fn of(&self, provider: &str) -> Option<Arc<dyn Scanner>> {
        (provider == "aws").then(|| Arc::clone(&self.0) as Arc<dyn Scanner>)
    }
}
