//! Starting on a large log, memory at rest, and the size of the binary.
//!
//! This room knows when a server counts as started. It must never know what it does until then.

use super::{
    Line, Plan, Report, median, now,
    site::{Site, peak_mb},
};
use crate::{Result, wire::Connection};
use pileus_testkit::server::TOKEN;
use std::time::Duration;

/// How long a server that nobody asks anything is left alone before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// Measures.
pub async fn measure(plan: &Plan, site: &Site, report: &mut Report) -> Result<()> {
    // The first start after filling may have to tidy up.
    let _ = site.start.run().stop();
    let (mut listening, mut answering, mut idle, mut peak) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds() {
        let began = now();
        let server = site.start.run();
        listening.push(began.elapsed().as_secs_f64() * 1e3);
        let mut connection = Connection::open(&server.url, TOKEN).await?;
        connection.get("/readyz").await?;
        answering.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(REST).await;
        idle.push(server.resident() as f64 / 1e6);
        peak.push(peak_mb(&server));
        let (code, _) = server.stop();
        if code != Some(0) {
            return Err(format!("the server ended with {code:?}"));
        }
    }
    let (listening, answering, idle) = (median(listening), median(answering), median(idle));
    let what = format!("start on {} events, warm page cache", plan.events);
    let values = vec![("says where it listens ms", listening), ("answers /readyz ms", answering)];
    report.add(Line { what, engine: site.engine, values, goal: "≤ 150 ms", met: Some(answering <= 150.0) });
    let values = vec![("RSS MB", idle), ("peak so far MB", median(peak))];
    report.add(Line {
        what: "memory at rest".into(),
        engine: site.engine,
        values,
        goal: "≤ 40 MB",
        met: Some(idle <= 40.0),
    });
    let size = std::fs::metadata(&plan.binary).map_err(|e| format!("{}: {e}", plan.binary.display()))?.len();
    let size = size as f64 / 1e6;
    let values = vec![("MB", size)];
    report.add(Line { what: "release binary".into(), engine: "", values, goal: "≤ 40 MB", met: Some(size <= 40.0) });
    Ok(())
}
