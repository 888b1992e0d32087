//! The schema: which migrations there are, and how a database is brought up to date.
//!
//! A migration is one text for both engines (`NNNN_name.sql`) or one for each (`NNNN_name.sqlite.sql`,
//! `NNNN_name.postgres.sql`), runs in one transaction and never changes after a release. What was applied stands in
//! `schema_version`, with a checksum. A database of a newer schema is refused and left as it is.

use super::{Engine, error};
use pileus_model::{Error, Result, clock::Clock};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use tokio_postgres::{Client, GenericClient};

/// One step of the schema.
struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal, $text:literal) => {
        migration!($version, $name, $text, $text)
    };
    ($version:literal, $name:literal, $sqlite:literal, $postgres:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/", $sqlite)),
            postgres: include_str!(concat!("../../migrations/", $postgres)),
        }
    };
}

/// All steps in order. A new one is added at the end.
static MIGRATIONS: &[Migration] = &[
    migration!(1, "init", "0001_init.sql"),
    migration!(2, "audit", "0002_audit.sqlite.sql", "0002_audit.postgres.sql"),
    migration!(3, "environments", "0003_environments.sql"),
    migration!(4, "insights", "0004_insights.sql"),
    migration!(5, "environments_more", "0005_environments_more.sql"),
    migration!(6, "insights_more", "0006_insights_more.sql"),
    migration!(7, "insights_handles", "0007_insights_handles.sqlite.sql", "0007_insights_handles.postgres.sql"),
    migration!(8, "insights_prints", "0008_insights_prints.sqlite.sql", "0008_insights_prints.postgres.sql"),
];

/// What was applied: version and checksum.
type Applied = Vec<(i64, String)>;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
                     checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";
const APPLIED: &str = "SELECT version, checksum FROM schema_version ORDER BY version";
const RECORD: &str = "INSERT INTO schema_version (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
/// The advisory lock under which one node at a time looks and migrates.
const LOCK: i64 = 0x0070_696c_6575_7300;

impl Migration {
    fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
    fn checksum(&self, engine: Engine) -> String {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(self.text(engine).as_bytes()) {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// The next step, given what was applied.
fn next(applied: &Applied, engine: Engine) -> Result<Option<&'static Migration>> {
    let known = MIGRATIONS.last().map_or(0, |m| m.version);
    if let Some((newer, _)) = applied.iter().rev().find(|(version, _)| *version > known) {
        return Err(Error::invalid(format!(
            "the data was written by a newer version of Pileus (schema {newer}; this version knows up to {known})"
        )));
    }
    for (version, checksum) in applied {
        let same = MIGRATIONS.iter().any(|m| m.version == *version && m.checksum(engine) == *checksum);
        if !same {
            return Err(Error::invalid(format!(
                "the data was written by another build of Pileus: its schema {version} is not the one that this version knows"
            )));
        }
    }
    Ok(MIGRATIONS.iter().find(|m| applied.iter().all(|(version, _)| *version != m.version)))
}

fn sqlite_applied(connection: &Connection) -> Result<Applied> {
    let look = || -> rusqlite::Result<Applied> {
        let found: i64 =
            connection
                .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", [], |row| row.get(0))?;
        if found == 0 {
            return Ok(Vec::new());
        }
        connection.prepare(APPLIED)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    look().map_err(|e| error::sqlite(&e))
}

/// Refuses a file of a newer schema; changes nothing.
pub(super) fn sqlite_check(connection: &Connection) -> Result<()> {
    next(&sqlite_applied(connection)?, Engine::Sqlite).map(|_| ())
}

/// Applies what is missing. Tells whether nothing had been applied before.
pub(super) fn sqlite(connection: &mut Connection, clock: &dyn Clock) -> Result<bool> {
    let fresh = sqlite_applied(connection)?.is_empty();
    while let Some(step) = next(&sqlite_applied(connection)?, Engine::Sqlite)? {
        let mut apply = || -> rusqlite::Result<()> {
            let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            tx.execute_batch(TABLE)?;
            tx.execute_batch(step.sqlite)?;
            let row = (step.version, step.name, step.checksum(Engine::Sqlite), clock.now().as_micros());
            tx.execute(RECORD, row)?;
            tx.commit()
        };
        apply().map_err(|e| error::sqlite(&e))?;
        tracing::info!(version = step.version, name = step.name, "the schema was migrated");
    }
    Ok(fresh)
}

async fn postgres_applied(client: &impl GenericClient) -> Result<Applied, tokio_postgres::Error> {
    let found = client.query_one("SELECT to_regclass('schema_version') IS NOT NULL", &[]).await?;
    if !found.try_get::<_, bool>(0)? {
        return Ok(Vec::new());
    }
    let rows = client.query(APPLIED, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Applies what is missing, one node at a time. Tells whether it was this call that applied the first step.
pub(super) async fn postgres(client: &mut Client, clock: &dyn Clock) -> Result<bool> {
    let mut fresh = false;
    loop {
        let done = postgres_step(client, clock).await?;
        let Some(version) = done else { return Ok(fresh) };
        fresh |= version == 1;
    }
}

/// Applies the next step, if there is one.
async fn postgres_step(client: &mut Client, clock: &dyn Clock) -> Result<Option<i64>> {
    let sql = |e: tokio_postgres::Error| error::postgres(&e);
    let tx = client.transaction().await.map_err(sql)?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(sql)?;
    let applied = postgres_applied(&tx).await.map_err(sql)?;
    let Some(step) = next(&applied, Engine::Postgres)? else {
        tx.rollback().await.map_err(sql)?;
        return Ok(None);
    };
    tx.batch_execute(TABLE).await.map_err(sql)?;
    tx.batch_execute(step.postgres).await.map_err(sql)?;
    let checksum = step.checksum(Engine::Postgres);
    tx.execute(RECORD, &[&step.version, &step.name, &checksum, &clock.now().as_micros()]).await.map_err(sql)?;
    tx.commit().await.map_err(sql)?;
    tracing::info!(version = step.version, name = step.name, "the schema was migrated");
    Ok(Some(step.version))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_file_is_in_the_list_and_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut expected = Vec::new();
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.version < b.version));
        for m in MIGRATIONS {
            let stem = format!("{:04}_{}", m.version, m.name);
            if m.sqlite == m.postgres {
                expected.push(format!("{stem}.sql"));
            } else {
                expected.extend([format!("{stem}.postgres.sql"), format!("{stem}.sqlite.sql")]);
            }
        }
        assert_eq!(files, expected);
    }

    /// A database of the schema before this step.
    fn before(version: i64) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for step in MIGRATIONS.iter().filter(|step| step.version < version) {
            connection.execute_batch(TABLE).unwrap();
            connection.execute_batch(step.sqlite).unwrap();
            connection.execute(RECORD, (step.version, step.name, step.checksum(Engine::Sqlite), 0)).unwrap();
        }
        connection
    }

    /// Statements are what they were, and what was found is recognised by nothing yet.
    #[test]
    fn statements_lie_in_one_tree() {
        let mut connection = before(8);
        let rows = "INSERT INTO scan_coverage VALUES (x'01', 'r', 't', 'failed', NULL, 'a:b', 'Code', 'why', 3, 40, 7, FALSE), \
               (x'01', 'r', 'a', 'listed', 5, NULL, NULL, NULL, 1, 2, 3, TRUE); \
             INSERT INTO resources VALUES (x'00', x'01', x'02', x'0a', 't', 'i-1', NULL, NULL, 1, x'', 0, 0, NULL, NULL)";
        connection.execute_batch(rows).unwrap();
        let all = |connection: &Connection| -> Vec<String> {
            let sql = "SELECT hex(scan_id) || place || type_token || outcome || coalesce(listed, '-') || coalesce(action, '-') || \
                 coalesce(code, '-') || coalesce(message, '-') || calls || ',' || micros || ',' || at || ',' || settled \
                 FROM scan_coverage ORDER BY scan_id, place, type_token";
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let earlier = all(&connection);
        assert_eq!(earlier, ["01ralisted5---1,2,3,1", "01rtfailed-a:bCodewhy3,40,7,0"]);
        assert!(!sqlite(&mut connection, &pileus_model::clock::SystemClock).unwrap());
        assert_eq!(all(&connection), earlier);
        let twice = "INSERT INTO scan_coverage (scan_id, place, type_token, outcome, calls, micros, at) VALUES (x'01', 'r', 't', '', 0, 0, 0)";
        assert!(connection.execute(twice, []).is_err(), "a type stands once in a statement");
        let print: Option<Vec<u8>> = connection.query_row("SELECT print FROM resources", [], |row| row.get(0)).unwrap();
        assert_eq!(print, None);
    }

    /// What was found before mentions stood with the versions is known and mentioned after it too.
    #[test]
    fn edges_become_handles() {
        let mut connection = before(7);
        let long = "x".repeat(1025);
        let rows = format!(
            "INSERT INTO resources VALUES (x'00', x'01', x'02', x'0a', 't', 'i-1', NULL, 'arn:1', 2, x'', 0, 0, NULL, NULL), \
               (x'00', x'01', x'02', x'0b', 't', '{long}', NULL, NULL, 1, x'', 0, 0, NULL, NULL); \
             INSERT INTO resource_versions VALUES (x'02', x'0a', 1, 0, NULL, NULL, x'', '{{}}', NULL), \
               (x'02', x'0a', 2, 0, NULL, NULL, x'', '{{}}', NULL), (x'02', x'0b', 1, 0, NULL, NULL, x'', '{{}}', NULL); \
             INSERT INTO resource_edges VALUES (x'02', x'0a', 1, '/a', 'old', NULL, NULL), \
               (x'02', x'0a', 2, '/z', 'vpc-\"1', x'02', x'0b'), (x'02', x'0a', 2, '/b', 'vpc-\"1', NULL, NULL)"
        );
        connection.execute_batch(&rows).unwrap();
        let clock = pileus_model::clock::SystemClock;
        assert!(!sqlite(&mut connection, &clock).unwrap());
        let all = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let mentions =
            all("SELECT hex(key) || version || coalesce(mentions, '') FROM resource_versions ORDER BY key, version");
        assert_eq!(mentions, ["0A1[[\"/a\",\"old\"]]", r#"0A2[["/b","vpc-\"1"],["/z","vpc-\"1"]]"#, "0B1"]);
        let handles = all("SELECT handle || role || hex(key) FROM resource_handles ORDER BY handle");
        assert_eq!(handles, ["arn:100A", "i-100A", "vpc-\"110A"]);
    }
}
