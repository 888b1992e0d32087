//! What resources mention, as time goes on.

use super::*;
use pileus_store::insights::handles::mentioning;

const FUNCTION: &str = "aws:lambda/function:Function";
const KEY: &str = "aws:kms/key:Key";

impl Lab {
    /// Ids of the resources of the whole root whose newest versions mention this one.
    async fn mentioning(&self, leaf: &Account, kind: &str, id: &str) -> Vec<String> {
        let (row, org) = (self.resource(leaf, kind, id).await.unwrap(), self.house.org("acme").await);
        let read = self.house.app.store.read(move |tx| mentioning(tx, org, &row, 100)).await.unwrap();
        read.into_iter().map(|other| format!("{}/{}", other.account_name, other.id)).collect()
    }
    /// These are all the functions of a region now.
    async fn functions(&self, leaf: &Account, found: &[(&str, serde_json::Value)]) {
        let found = found.iter().map(|(id, properties)| thing(FUNCTION, id, properties.clone())).collect();
        self.cloud.put(leaf.place.as_deref().unwrap(), FUNCTION, found);
        let _ = self.scan(leaf).await;
    }
}

#[tokio::test]
async fn only_the_newest_version_mentions_and_the_old_one_still_says_what_it_did() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    lab.cloud.put("us-east-1", BUCKET, ["one", "two"].map(|id| thing(BUCKET, id, json!({}))).to_vec());
    lab.functions(&leaf, &[("f", json!({"bucketName": "one", "other": {"bucket": "one"}}))]).await;
    assert_eq!(lab.mentioning(&leaf, BUCKET, "one").await, ["a/us-east-1/f"]);
    lab.functions(&leaf, &[("f", json!({"bucketName": "two"}))]).await;
    assert_eq!(lab.mentioning(&leaf, BUCKET, "one").await, [""; 0]);
    assert_eq!(lab.mentioning(&leaf, BUCKET, "two").await, ["a/us-east-1/f"]);
    let old = ["/bucketName", "/other/bucket"].map(|path| (path.to_owned(), Some("one".to_owned())));
    assert_eq!(lab.edges(&leaf, FUNCTION, "f").await, old, "of its first version");
    lab.functions(&leaf, &[]).await;
    assert_eq!(lab.mentioning(&leaf, BUCKET, "two").await, [""; 0], "what is gone mentions nothing");
    lab.functions(&leaf, &[("f", json!({"bucketName": "two", "n": 1}))]).await;
    assert_eq!(lab.mentioning(&leaf, BUCKET, "two").await, ["a/us-east-1/f"], "it is back");
}

#[tokio::test]
async fn a_text_that_several_are_known_by_means_the_one_of_the_same_leaf() {
    let lab = Lab::new().await;
    let (_, leaves) = lab.account("a", Provider::Aws, &["eu-west-1", "us-east-1"], Schedule::None).await;
    let (east, west) = (&leaves[1], &leaves[0]);
    for place in ["eu-west-1", "us-east-1"] {
        lab.cloud.put(place, BUCKET, vec![thing(BUCKET, "logs", json!({}))]);
    }
    lab.cloud.put("us-east-1", KEY, vec![thing(KEY, "only", json!({})), thing(KEY, "twice", json!({}))]);
    lab.cloud.put("eu-west-1", KEY, vec![thing(KEY, "apart", json!({}))]);
    lab.functions(west, &[("w", json!({"bucketName": "logs", "keyId": "only"}))]).await;
    lab.functions(east, &[("e", json!({"bucketName": "logs", "keyId": "apart"}))]).await;
    let of = |path: &str, id: &str| (path.to_owned(), Some(id.to_owned()));
    assert_eq!(lab.edges(west, FUNCTION, "w").await, [of("/bucketName", "logs"), of("/keyId", "only")]);
    assert_eq!(lab.mentioning(east, BUCKET, "logs").await, ["a/us-east-1/e"], "its own leaf's");
    assert_eq!(lab.mentioning(west, BUCKET, "logs").await, ["a/eu-west-1/w"]);
    assert_eq!(lab.mentioning(east, KEY, "only").await, ["a/eu-west-1/w"], "the only one of the root");
    assert_eq!(lab.mentioning(west, KEY, "apart").await, ["a/us-east-1/e"]);
    // A second one of this name in the same leaf, and nobody knows which is meant.
    lab.cloud.put("us-east-1", QUEUE, vec![thing(QUEUE, "twice", json!({}))]);
    lab.functions(east, &[("e", json!({"keyId": "twice"}))]).await;
    assert_eq!(lab.mentioning(east, KEY, "twice").await, [""; 0]);
}

#[tokio::test]
async fn long_and_odd_texts_are_kept_and_looked_for_no_further() {
    let lab = Lab::new().await;
    let leaf = lab.leaf().await;
    let long: String = (0..2000).map(|n: u32| char::from_u32(0x4e00 + n * 7).unwrap()).collect();
    lab.cloud.put("us-east-1", BUCKET, vec![thing(BUCKET, &long[..3000], json!({"bucketName": "b\u{1}\"\\"}))]);
    lab.functions(&leaf, &[("f", json!({"bucketName": &long[..900]}))]).await;
    assert!(lab.resource(&leaf, BUCKET, &long[..3000]).await.is_some());
    assert_eq!(lab.mentioning(&leaf, BUCKET, &long[..3000]).await, [""; 0]);
}
