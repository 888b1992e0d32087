//! What several rooms of the suite need.

/// A behaviour that holds on both engines: `both! { async fn name(t: TestApp) { … } }` becomes `name::sqlite` and
/// `name::postgres`.
macro_rules! both {
    ($(async fn $name:ident($t:ident: TestApp) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "each behaviour uses its own part")]
            use super::*;

            async fn behaviour($t: pileus_testkit::app::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let t = pileus_testkit::app::TestApp::start(pileus_testkit::app::On::Sqlite).await;
                behaviour(t.expect("SQLite is always there")).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(t) = pileus_testkit::app::TestApp::start(pileus_testkit::app::On::Postgres).await {
                    behaviour(t).await;
                }
            }
        }
    )*};
}

/// As `both!`, with a real server that programs of others can talk to: `both_worlds! { fn name(world: &World) { … } }`.
macro_rules! both_worlds {
    ($(fn $name:ident($world:ident: &World) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "each behaviour uses its own part")]
            use super::*;

            fn behaviour($world: &crate::external_support::World) $body

            #[test]
            fn sqlite() {
                behaviour(&crate::external_support::World::start());
            }

            #[test]
            fn postgres() {
                if let Some(world) = crate::external_support::World::start_on_postgres(&[]) {
                    behaviour(&world);
                }
            }
        }
    )*};
}

/// Says that a test did nothing, and why; `./check` prints the list at its end.
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
    if let Ok(path) = std::env::var("PILEUS_SKIPPED")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(path)
    {
        let _ = std::io::Write::write_all(&mut file, format!("{why}\n").as_bytes());
    }
}

/// Inflates one gzip member and fails if anything follows it.
pub fn one_gzip_member(bytes: &[u8]) -> String {
    let mut decoder = flate2::bufread::GzDecoder::new(bytes);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes after the first member");
    text
}

/// Lets time pass and fills the log of `pulumi` with realistic events of that time.
pub async fn fill_log(t: &pileus_testkit::app::TestApp, events: u64, seed: u64) {
    t.clock.advance_seconds(pileus_bench::fill::seconds(events));
    let log = t.log("pulumi").await;
    pileus_bench::fill::fill(&t.app.store, log, events, seed, t.app.clock.now()).await.unwrap();
}
