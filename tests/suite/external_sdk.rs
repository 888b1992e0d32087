//! The official Python SDK: every served operation called, its typed reply parsed, nothing of it lost.

use crate::external_support::{Moto, World, python};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_served_operation_is_called_with_the_official_sdk() {
    let Some(python) = python("every served operation called with the official Python SDK") else { return };
    let moto = Moto::start(&python);
    // The script is an issuer of identity tokens, too.
    let keys = ["5e".repeat(32), "a7".repeat(32)];
    let world = World::start_with(&[
        ("PILEUS_EGRESS_ALLOW", "127.0.0.1"),
        ("PILEUS_CLOUDS_AWS_ENDPOINT", &moto.url),
        ("PILEUS_MASTER_KEY", &keys[0]),
        ("PILEUS_MASTER_KEY_NEW", &keys[1]),
    ]);
    let said = world.script(&python, "sdk_walk.py", &[]).ok();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let called: BTreeSet<&str> = lines.iter().map(|line| line["operation"].as_str().unwrap()).collect();
    let served: BTreeSet<&str> =
        pileus_contract::OPERATIONS.iter().filter(|o| o.served.is_some()).map(|o| o.id).collect();
    assert_eq!(called, served);
    assert!(lines.iter().filter(|line| line["by"] == "sdk").count() >= 120, "{said}");
}
