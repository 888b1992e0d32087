//! Nothing acknowledged is lost: kills under load.

use pileus_bench::crash::{self, Cycles};
use pileus_testkit::server::Start;

const CYCLES: Cycles = Cycles { cycles: 20, seed: 20_261_122, clients: 16 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.path().join("data"));
    let report = crash::run(&start, CYCLES).await.unwrap();
    assert!(report.acknowledged > 100, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_postgres() {
    let Some(database) = pileus_testkit::postgres::fresh_database() else { return };
    let directory = tempfile::tempdir().unwrap();
    let start =
        Start { database: Some(database), ..Start::new(env!("CARGO_BIN_EXE_pileus"), directory.path().join("data")) };
    let report = crash::run(&start, CYCLES).await.unwrap();
    assert!(report.acknowledged > 100, "{report:?}");
}
