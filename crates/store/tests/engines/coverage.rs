//! Coverage statements, many rows at once.

use crate::lab::both;
use pileus_model::{Timestamp, ids::ScanId};
use pileus_store::{
    Recorded,
    insights::coverage::{self, Coverage},
};

fn row(place: &str, type_token: &str, outcome: &'static str, listed: Option<i64>) -> Coverage {
    Coverage {
        place: place.into(),
        type_token: type_token.into(),
        outcome: outcome.into(),
        listed,
        action: listed.is_none().then(|| "a:\"B\\".into()),
        code: None,
        message: None,
        calls: 3,
        micros: 7,
        settled: listed.is_some(),
    }
}

both! {
    async fn what_was_said_last_of_a_type_stands(lab: Lab) {
        let scan = ScanId::from_bytes([7; 16]);
        let many = (0..250).map(|n| row("eu-west-1", &format!("t{n:03}"), "listed", Some(n)));
        let twice = [row("global", "t000", "denied", None), row("global", "t000", "listed", Some(1))];
        let first: Vec<Coverage> = many.chain(twice).collect();
        let again = vec![row("eu-west-1", "t249", "failed", None)];
        for rows in [first.clone(), again.clone()] {
            lab.store
                .write(move |tx| {
                    coverage::put(tx, scan, &rows, Timestamp::EPOCH)?;
                    Ok(Recorded::unaudited((), "a test"))
                })
                .await
                .unwrap();
        }
        let found = lab.store.read(move |tx| coverage::page(tx, scan, ("", ""), 1000)).await.unwrap();
        let mut expected = first;
        expected.splice(249..251, again);
        assert_eq!(found, expected);
    }
}
