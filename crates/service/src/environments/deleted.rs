//! Environments that were deleted: they can be restored for a while, then they are forgotten with their keys.

use super::{lists::Listed, names, target};
use crate::{App, Cx};
use pileus_codec::NameCursor;
use pileus_model::{Error, Result, Timestamp, audit::catalogue, ids::EnvironmentId};
use pileus_store::{Recorded, environments as environments_store, environments_deleted as store, environments_tags};

/// For how long a deleted environment can be restored: 30 days.
const RETENTION_SECONDS: i64 = 30 * 24 * 3600;
/// How many are on a page.
const PAGE: i64 = 100;
/// How many are forgotten in one round.
const PURGED: usize = 100;
/// More than an environment can have.
const TAGS: i64 = 1000;

fn since(now: Timestamp) -> Timestamp {
    now.plus_seconds(-RETENTION_SECONDS)
}

/// The environments of the organisation that can be restored, the last deleted one first, and the token of the next page.
///
/// # Errors
/// `Invalid` for a bad token.
pub async fn list(cx: &Cx, token: Option<&str>) -> Result<(Vec<Listed>, Option<String>)> {
    let before = match token {
        Some(token) => position(token)?,
        None => (Timestamp::from_micros(i64::MAX), EnvironmentId::from_bytes([0; 16])),
    };
    let (org, now) = (cx.org()?.clone(), cx.now());
    cx.app
        .store
        .read(move |tx| {
            let mut found = store::page(tx, org.id, since(now), before, PAGE + 1)?;
            let full = i64::try_from(found.len()).is_ok_and(|length| length > PAGE);
            found.truncate(usize::try_from(PAGE).unwrap_or(0));
            let last = found.last().filter(|_| full);
            let next = last.map(|(row, at)| NameCursor::after(&format!("{}/{}", at.as_micros(), row.id)));
            let mut listed = Vec::with_capacity(found.len());
            for (row, at) in found {
                let tags = environments_tags::list(tx, org.id, row.id, 0, TAGS)?;
                let tags = tags.into_iter().map(|tag| (tag.name, tag.value)).collect();
                listed.push(Listed { organization: org.name.clone(), row, tags, deleted_at: Some(at) });
            }
            Ok((listed, next))
        })
        .await
}

fn position(token: &str) -> Result<(Timestamp, EnvironmentId)> {
    let cursor = NameCursor::parse(token)?;
    let parts = cursor.key().split_once('/').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    let wrong = || Error::invalid("continuationToken is not one that an earlier page ended with");
    parts.map(|(at, id)| (Timestamp::from_micros(at), id)).ok_or_else(wrong)
}

/// Restores the environment of this name that was deleted at this time, as the list shows it: to the millisecond.
///
/// # Errors
/// `Invalid` for a bad time; `NotFound` where none was deleted then, or it was forgotten; `Conflict` if there is another one
/// of this name by now.
pub async fn restore(cx: &Cx, project: &str, name: &str, deleted: &str) -> Result<()> {
    let invalid =
        || Error::invalid("deletionTimestamp is no time in RFC 3339, such as the list of deleted environments has it");
    let at = Timestamp::parse(deleted).ok_or_else(invalid)?.as_millis();
    let micros = |millis: i64| millis.checked_mul(1000).map(Timestamp::from_micros).ok_or_else(invalid);
    let (first, end) = (micros(at)?, micros(at.saturating_add(1))?);
    names::check_new(project, name)?;
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            pileus_store::organizations::lock(tx, org)?;
            let earliest = since(cx.now()).max(first);
            let Some(row) = store::find(tx, org, &project, &name, (earliest, end))? else {
                return Err(Error::not_found(format!("no environment \"{project}/{name}\" was deleted at that time")));
            };
            if environments_store::find(tx, org, &project, &name)?.is_some() {
                return Err(Error::conflict(format!("environment \"{}\" already exists", row.reference())));
            }
            store::restore(tx, org, row.id)?;
            let description = format!("Restored environment \"{}\" at revision {}", row.reference(), row.latest);
            Ok(Recorded::new((), cx.event(catalogue::ENVIRONMENT_RESTORED, target(&row), description)?))
        })
        .await
}

/// Forgets what can be restored no longer, each in a transaction of its own.
///
/// # Errors
/// `Unavailable`.
pub(super) async fn purge(app: &App) -> Result<()> {
    let before = since(app.clock.now());
    let why = "its deletion is on record, and that it can be restored for 30 days only";
    for _ in 0..PURGED {
        let purged = app.store.write(move |tx| Ok(Recorded::unaudited(store::purge_one(tx, before)?, why))).await?;
        if !purged {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{environments as rooms, testing::House};
    use std::sync::mpsc;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_being_forgotten_is_not_restored() {
        let house = House::new().await;
        let cx = house.root_cx().await;
        rooms::create(&cx, "p", "e").await.unwrap();
        rooms::delete(&cx, "p", "e").await.unwrap();
        let at = list(&cx, None).await.unwrap().0[0].deleted_at.unwrap().rfc3339_millis();
        // At this moment it can just be restored, and just be forgotten.
        house.clock.advance(RETENTION_SECONDS);
        let before = since(house.app.clock.now());
        let ((begun, has_begun), (go, may_go)) = (mpsc::channel(), mpsc::channel::<()>());
        let forgetting = tokio::spawn({
            let app = house.app.clone();
            async move {
                app.store
                    .write(move |tx| {
                        let purged = store::purge_one(tx, before)?;
                        begun.send(()).unwrap();
                        may_go.recv().unwrap();
                        Ok(Recorded::unaudited(purged, "a test"))
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv()).await.unwrap().unwrap();
        let restoring = tokio::spawn({
            let (cx, at) = (cx.clone(), at.clone());
            async move { restore(&cx, "p", "e", &at).await }
        });
        for _ in 0..100 {
            let _ = list(&cx, None).await.unwrap();
        }
        go.send(()).unwrap();
        assert!(forgetting.await.unwrap().unwrap());
        let refused = restoring.await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), pileus_model::ErrorKind::NotFound);
        assert!(house.said("acme", catalogue::ENVIRONMENT_RESTORED.id()).await.is_empty());
    }
}
