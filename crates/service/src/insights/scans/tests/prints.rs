//! Resources that are recognised by what they were made of: they are what they were, and nothing is looked at.

use super::*;
use crate::insights::{
    redaction_key,
    resources::{Reported, upsert},
};
use pileus_clouds::{Epoch, Print, RedactionKey};

impl Lab {
    /// A print of this epoch, or of that of another key.
    fn print(&self, number: u8, current: bool) -> Option<Print> {
        let own = redaction_key(&self.house.app).unwrap();
        let epoch = if current { Epoch::of(&own) } else { Epoch::of(&RedactionKey::new([9; 32])) };
        let mut bytes = [number; 20];
        bytes[..4].copy_from_slice(epoch.as_bytes());
        Print::from_bytes(&bytes)
    }
    /// A bucket of this name, with a print. What it holds is a number: another one shows that it was looked at.
    fn bucket(&self, id: u8, holds: i64) -> Found {
        Found { print: self.print(id, true), ..thing(BUCKET, &id.to_string(), json!({"holds": holds})) }
    }
    fn buckets(&self, found: Vec<Found>) {
        self.cloud.put("us-east-1", BUCKET, found);
    }
    /// Scans: how many were recognised, and how many there are.
    async fn recognised(&self, leaf: &Account) -> (usize, i64) {
        self.cloud.recognised.store(0, Ordering::SeqCst);
        let run = self.scan(leaf).await;
        assert_eq!(run.scan.state, "succeeded");
        (self.cloud.recognised.load(Ordering::SeqCst), run.scan.progress.resources.unwrap())
    }
    /// A bucket's newest version, and whether it is gone or marked as not seen.
    async fn stands(&self, leaf: &Account, id: u8) -> (i64, bool, bool) {
        let row = self.resource(leaf, BUCKET, &id.to_string()).await.unwrap();
        (row.version, row.gone_at.is_some(), row.unseen_since.is_some())
    }
}

#[tokio::test]
async fn what_is_recognised_is_as_it_was() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.buckets(vec![lab.bucket(1, 1), lab.bucket(2, 1), lab.bucket(3, 1)]);
    assert_eq!(lab.recognised(&leaf).await, (0, 3));
    // What could not happen shows that nothing was looked at.
    lab.buckets(vec![lab.bucket(1, 7), lab.bucket(2, 7), lab.bucket(3, 7)]);
    assert_eq!(lab.recognised(&leaf).await, (3, 3));
    assert_eq!(lab.stands(&leaf, 1).await, (1, false, false));
    // One is gone, which the others don't hide, one is another, and one is new.
    let changed = Found { print: lab.print(102, true), ..lab.bucket(2, 8) };
    lab.buckets(vec![lab.bucket(1, 7), changed, lab.bucket(4, 1)]);
    assert_eq!(lab.recognised(&leaf).await, (1, 3));
    assert_eq!((lab.stands(&leaf, 2).await, lab.stands(&leaf, 3).await), ((2, false, false), (1, true, false)));
    // What is back is looked at, and what it was like before it changed is no longer recognised.
    lab.buckets(vec![lab.bucket(1, 7), lab.bucket(2, 1), lab.bucket(3, 1), lab.bucket(4, 7)]);
    assert_eq!(lab.recognised(&leaf).await, (2, 4));
    assert_eq!((lab.stands(&leaf, 2).await, lab.stands(&leaf, 3).await), ((3, false, false), (2, false, false)));
    assert_eq!(lab.recognised(&leaf).await, (4, 4));
}

#[tokio::test]
async fn a_mark_goes_when_it_is_recognised() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.buckets(vec![lab.bucket(1, 1)]);
    let _ = lab.scan(&leaf).await;
    lab.cloud.put_as("us-east-1", BUCKET, TypeOutcome::Throttled, vec![]);
    let _ = lab.scan(&leaf).await;
    assert_eq!(lab.stands(&leaf, 1).await, (1, false, true));
    lab.buckets(vec![lab.bucket(1, 1)]);
    assert_eq!(lab.recognised(&leaf).await, (1, 1));
    assert_eq!(lab.stands(&leaf, 1).await, (1, false, false));
}

#[tokio::test]
async fn what_has_no_print_of_this_version_gets_one_without_a_change() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    let older = Found { print: lab.print(2, false), ..lab.bucket(2, 1) };
    lab.buckets(vec![Found { print: None, ..lab.bucket(1, 1) }, older]);
    assert_eq!(lab.recognised(&leaf).await, (0, 2));
    lab.buckets(vec![lab.bucket(1, 1), lab.bucket(2, 1)]);
    assert_eq!(lab.recognised(&leaf).await, (0, 2));
    assert_eq!(lab.recognised(&leaf).await, (2, 2));
    assert_eq!((lab.stands(&leaf, 1).await, lab.stands(&leaf, 2).await), ((1, false, false), (1, false, false)));
    // An item that looks otherwise and is the same resource is looked at each time, and makes no version.
    lab.buckets(vec![Found { print: lab.print(101, true), ..lab.bucket(1, 1) }, lab.bucket(2, 1)]);
    assert_eq!((lab.recognised(&leaf).await, lab.recognised(&leaf).await), ((1, 2), (1, 2)));
    assert_eq!(lab.stands(&leaf, 1).await, (1, false, false));
}

#[tokio::test]
async fn what_a_client_reported_is_not_recognised() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.buckets(vec![lab.bucket(1, 1), lab.bucket(2, 1)]);
    assert_eq!(lab.recognised(&leaf).await, (0, 2));
    let report = |id: &str, holds: i64| Reported {
        type_token: BUCKET.into(),
        id: id.into(),
        state: json!({"holds": holds}),
        ..Reported::default()
    };
    // One is reported as it is, the other as something else: the next scan says what it really is.
    upsert(&lab.cx, &leaf.name, vec![report("1", 1), report("2", 5)]).await.unwrap();
    assert_eq!((lab.stands(&leaf, 1).await.0, lab.stands(&leaf, 2).await.0), (1, 2));
    assert_eq!(lab.recognised(&leaf).await, (1, 2));
    assert_eq!((lab.stands(&leaf, 1).await.0, lab.stands(&leaf, 2).await.0), (1, 3));
    assert_eq!(lab.recognised(&leaf).await, (2, 2));
}
