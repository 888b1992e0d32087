//! What is kept of JSON, and in which order.
#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use serde_json::json;

#[test]
fn json_comes_out_as_it_went_in() {
    let text = r#"{"z":[1,-2,3.5,1e300,18446744073709551615,true,null,"ä\n\"\\"],"a":{"c":1,"b":{}},"":[],"a":{"b":0,"a":[{"k":"v"}]}}"#;
    let theirs: serde_json::Value = serde_json::from_str(text).unwrap();
    let ours: Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        ours.to_string(),
        r#"{"":[],"a":{"a":[{"k":"v"}],"b":0},"z":[1,-2,3.5,1e+300,18446744073709551615,true,null,"ä\n\"\\"]}"#
    );
    assert_eq!((ours.to_string(), &ours), (theirs.to_string(), &Value::from(theirs.clone())));
    assert_eq!((serde_json::Value::from(ours.clone()), ours == theirs), (theirs, true));
    assert!(ours != json!({}) && ours != json!({"z": 1, "a": 2, "": 3}) && ours["z"] != json!([1]));
    assert_eq!((&ours["a"]["a"].as_array().unwrap()[0]["k"], ours.get("b")), (&Value::from("v"), None));
    for broken in ["{\"a\":1", "[1,]", "", &"[".repeat(200)] {
        assert!(serde_json::from_str::<Value>(broken).is_err(), "{broken}");
    }
}

#[test]
fn members_are_in_order() {
    let mut map: Map = ["c", "a", "b", "a"].into_iter().map(|name| (name, Value::from(name))).collect();
    assert_eq!(map.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(map.insert(Key::from(Name::known("b")), Value::Null), Some("b".into()));
    assert_eq!((map.get("b"), map.get("bb"), map.get("d"), map.len()), (Some(&Value::Null), None, None, 3));
    assert_eq!((map.remove("a"), map.remove("a")), (Some("a".into()), None));
    *map.get_mut("c").unwrap() = true.into();
    assert_eq!(Value::Object(map).to_string(), r#"{"b":null,"c":true}"#);
}

#[test]
fn the_order_of_a_list_is_that_of_its_texts() {
    let texts = ["", " ", "!", "a", "a b", "a!", "ab", "a#", "ä", "b", "\"", "\\", "\n", "Key", "\u{7f}", "a,", "a}"];
    let mut seed = 3_usize;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..20_000 {
        // Those with quotes and the like in half of the rounds only.
        let mut text = || texts[random(texts.len())].to_owned();
        let mut text =
            || std::iter::repeat_with(&mut text).find(|t| round % 2 == 0 || !t.contains(['"', '\\', '\n'])).unwrap();
        let mut list = Vec::new();
        for n in 0..4 {
            let mut element = serde_json::Map::new();
            for _ in 0..(n + round) % 4 {
                element.insert(text(), text().into());
            }
            list.push(if round % 7 == 0 { json!(text()) } else { element.into() });
        }
        let mut ours = Value::from(serde_json::Value::from(list.clone()));
        ours.sort();
        list.sort_by_cached_key(ToString::to_string);
        assert_eq!(ours.to_string(), serde_json::Value::from(list).to_string());
    }
}
