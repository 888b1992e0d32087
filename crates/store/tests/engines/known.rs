//! What is known of a leaf, page by page, and by what it is recognised.

use crate::lab::both;
use pileus_model::{
    Timestamp,
    ids::{AccountId, OrgId},
};
use pileus_store::{
    Recorded,
    insights::{
        ingest::{self, Item, Key, Scope},
        known::known,
    },
};

/// Key, half of the hash, type, marked, gone, print.
type Seen = (Key, Vec<u8>, String, bool, bool, Option<Vec<u8>>);

fn scope(account: u8) -> Scope {
    let of = |n: u8| AccountId::from_bytes([n; 16]);
    Scope { org: OrgId::from_bytes([1; 16]), root: of(2), account: of(account), scan: None, now: Timestamp::EPOCH }
}

fn item(n: u8, print: Option<u8>) -> Item {
    Item {
        key: [n; 16],
        type_token: format!("t{}", n % 3),
        id: n.to_string(),
        name: None,
        arn: None,
        hash: [n; 32],
        state: "{}".into(),
        inputs: None,
        mentions: Vec::new(),
        print: print.map(|print| [print; 20]),
    }
}

both! {
    async fn what_is_known_comes_page_by_page(lab: Lab) {
        lab.store
            .write(|tx| {
                let items: Vec<Item> = (1..=10).map(|n| item(n, n.is_multiple_of(2).then_some(n))).collect();
                ingest::put_all(tx, &scope(3), &items)?;
                ingest::put_all(tx, &scope(4), &[item(99, None)])?;
                ingest::unseen(tx, &scope(3), &[4; 16], Timestamp::EPOCH)?;
                ingest::gone(tx, &scope(3), &[5; 16])?;
                // One is given another print, one is another by now, one is changed and loses its own.
                let prints = [([6; 16], [6; 32], [60; 20]), ([7; 16], [8; 32], [70; 20])];
                ingest::print(tx, &scope(3), &prints)?;
                ingest::put(tx, &scope(3), &Item { hash: [80; 32], ..item(8, None) })?;
                Ok(Recorded::unaudited((), "a test"))
            })
            .await
            .unwrap();
        for limit in [1, 3, 10, 100] {
            let (mut found, mut after): (Vec<Seen>, Option<Key>) = (Vec::new(), None);
            loop {
                let page = move |tx: &mut dyn pileus_store::Tx| {
                    let mut page: Vec<Seen> = Vec::new();
                    let Scope { org, account, .. } = scope(3);
                    let last = known(tx, org, account, after, limit, &mut |known| {
                        let print = Some(known.print.to_vec()).filter(|print| print.iter().any(|byte| *byte != 0));
                        let hash = known.hash[..16].to_vec();
                        page.push((known.key, hash, known.type_token.to_owned(), known.unseen, known.gone, print));
                    })?;
                    Ok((page, last))
                };
                let (page, last) = lab.store.read(page).await.unwrap();
                assert!(page.len() <= usize::try_from(limit).unwrap());
                assert_eq!(last, page.iter().map(|seen| seen.0).max());
                if page.is_empty() {
                    break;
                }
                (found, after) = (found.into_iter().chain(page).collect(), last);
            }
            found.sort();
            let wanted = (1..=10_u8).map(|n| {
                let print = match n {
                    6 => Some(60),
                    2 | 4 | 10 => Some(n),
                    _ => None,
                };
                let hash = if n == 8 { 80 } else { n };
                ([n; 16], vec![hash; 16], format!("t{}", n % 3), n == 4, n == 5, print.map(|print| vec![print; 20]))
            });
            assert_eq!(found, wanted.collect::<Vec<Seen>>(), "{limit} at once");
        }
    }
}
