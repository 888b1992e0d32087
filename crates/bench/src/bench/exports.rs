//! Exports of the whole log: their CPU time beside that of `psql … copy … | gzip -6`, their first byte, the server's memory,
//! and what they do to pages that are read meanwhile.
//!
//! This room knows how clients take an export. It must never know how the server makes it.

use super::{
    Line, Plan, Report, median, now, percentile,
    site::{POSTGRES, SQLITE, Site, peak_mb, reset_peak, timed, tokens},
};
use crate::{Result, wire::Connection};
use pileus_testkit::server::{Server, TOKEN};
use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The export that is measured.
const EXPORT: &str = "/api/orgs/pulumi/auditlogs/v2/export?format=csv";
/// A page, as others read it meanwhile.
const PAGE: &str = "/api/orgs/pulumi/auditlogs/v2";
/// The same rows and columns from PostgreSQL's own client.
const COPY: &str = include_str!("../../sql/copy.sql");
/// Bytes per second of the slow client.
const SLOW: f64 = 1e6;
/// How long the slow client reads before it leaves.
const SLOW_FOR: Duration = Duration::from_secs(10);
/// Exports at once, by two callers.
const AT_ONCE: usize = 8;

/// The names that [`compare`] looks for.
const OURS: &str = "export of everything as CSV";
const THEIRS: &str = "baseline: psql copy to gzip -6, client side";
const CPU: &str = "CPU s";

/// Measures all of it on this installation.
pub async fn measure(plan: &Plan, site: &Site, report: &mut Report) -> Result<()> {
    whole(plan, site, report).await?;
    slow(plan, site, report).await?;
    crowd(plan, site, report).await
}

/// One client that takes everything as fast as it comes.
async fn whole(plan: &Plan, site: &Site, report: &mut Report) -> Result<()> {
    let (server, mut connection) = site.run().await?;
    check(plan, &mut connection).await?;
    let (mut cpu, mut wall, mut first, mut peak, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..plan.rounds() {
        reset_peak(&server)?;
        let (before, began) = (server.cpu(), now());
        let mut download = connection.begin("GET", EXPORT, "").await?;
        let mut piece = Vec::new();
        connection.more(&mut download, &mut piece).await?;
        first.push(began.elapsed().as_secs_f64() * 1e3);
        bytes = piece.len();
        while connection.more(&mut download, &mut piece).await? {
            bytes += piece.len();
            piece.clear();
        }
        wall.push(began.elapsed().as_secs_f64());
        cpu.push((server.cpu() - before).as_secs_f64());
        peak.push(peak_mb(&server));
    }
    let values = vec![(CPU, median(cpu)), ("wall s", median(wall)), ("compressed MB", bytes as f64 / 1e6)];
    let goal = "≤ half of the baseline's CPU";
    report.add(Line { what: OURS.into(), engine: site.engine, values, goal, met: None });
    let first = median(first);
    let values = vec![("ms", first)];
    report.add(Line {
        what: "export: first byte".into(),
        engine: site.engine,
        values,
        goal: "≤ 50 ms",
        met: Some(first <= 50.0),
    });
    memory(report, "export to a fast client: peak RSS", site.engine, median(peak));
    Ok(())
}

fn memory(report: &mut Report, what: &str, engine: &'static str, peak: f64) {
    report.add(Line {
        what: what.into(),
        engine,
        values: vec![("MB", peak)],
        goal: "≤ 64 MB",
        met: Some(peak <= 64.0),
    });
}

/// That an export is what it should be: one gzip member with a line for each event and one more. Not measured.
async fn check(plan: &Plan, connection: &mut Connection) -> Result<()> {
    let mut download = connection.begin("GET", EXPORT, "").await?;
    let mut gunzip = flate2::write::GzDecoder::new(Lines(0));
    let mut piece = Vec::new();
    while connection.more(&mut download, &mut piece).await? {
        gunzip.write_all(&piece).map_err(|e| format!("gzip: {e}"))?;
        piece.clear();
    }
    let lines = gunzip.finish().map_err(|e| format!("gzip: {e}"))?.0;
    if lines > plan.events { Ok(()) } else { Err(format!("the export has {lines} lines for {} events", plan.events)) }
}

/// Counts lines.
struct Lines(u64);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A client that takes 1 MB/s for a while and leaves.
async fn slow(plan: &Plan, site: &Site, report: &mut Report) -> Result<()> {
    let (server, mut connection) = site.run().await?;
    reset_peak(&server)?;
    let (before, began) = (server.cpu(), now());
    let mut download = connection.begin("GET", EXPORT, "").await?;
    let (mut piece, mut taken) = (Vec::new(), 0_usize);
    let length = if plan.quick { SLOW_FOR / 4 } else { SLOW_FOR };
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while began.elapsed() < length {
        ticks.tick().await;
        let allowed = SLOW * began.elapsed().as_secs_f64();
        while (taken as f64) < allowed && connection.more(&mut download, &mut piece).await? {
            taken += piece.len();
            piece.clear();
        }
    }
    let values = vec![
        ("MB/s", taken as f64 / 1e6 / began.elapsed().as_secs_f64()),
        (CPU, (server.cpu() - before).as_secs_f64()),
    ];
    report.add(Line {
        what: "export to a client that reads 1 MB/s".into(),
        engine: site.engine,
        values,
        goal: "",
        met: None,
    });
    memory(report, "export to a client that reads 1 MB/s: peak RSS", site.engine, peak_mb(&server));
    Ok(())
}

/// Eight exports by two callers, again and again, while a third reads pages.
async fn crowd(plan: &Plan, site: &Site, report: &mut Report) -> Result<()> {
    let (server, mut connection) = site.run().await?;
    let callers = tokens(&mut connection, 2).await?;
    connection.get(PAGE).await?;
    let length = Duration::from_secs(if plan.quick { 3 } else { 12 });
    let mut alone = pages(&mut connection, length / 3).await?;
    reset_peak(&server)?;
    let (clients, stop) = exporters(&server, callers).await?;
    // Until all of them run.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut crowded = pages(&mut connection, length).await?;
    stop.store(true, Ordering::Relaxed);
    let mut bytes = 0;
    for client in clients {
        bytes += client.await.map_err(|e| e.to_string())??;
    }
    if bytes == 0 {
        return Err("the exports brought nothing".into());
    }
    let peak = peak_mb(&server);
    let of = |times: &mut Vec<f64>| (percentile(times, 0.5), percentile(times, 0.99));
    let ((p50, p99), (crowded_p50, crowded_p99)) = (of(&mut alone), of(&mut crowded));
    report.add(Line {
        what: "page of 100 while 8 exports of 2 callers run".into(),
        engine: site.engine,
        values: vec![
            ("alone p50 ms", p50),
            ("alone p99 ms", p99),
            ("meanwhile p50 ms", crowded_p50),
            ("meanwhile p99 ms", crowded_p99),
            ("p50 ratio", crowded_p50 / p50),
            ("p99 ratio", crowded_p99 / p99),
        ],
        goal: "≤ 3 ×",
        met: Some(crowded_p50 <= 3.0 * p50),
    });
    memory(report, "8 exports at once: peak RSS", site.engine, peak);
    Ok(())
}

type Exporter = tokio::task::JoinHandle<Result<usize>>;

/// Clients that export until they are told to stop, and then leave.
async fn exporters(server: &Server, callers: Vec<String>) -> Result<(Vec<Exporter>, Arc<AtomicBool>)> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for n in 0..AT_ONCE {
        let mut connection =
            Connection::open(&server.url, callers.get(n % callers.len()).map_or(TOKEN, String::as_str)).await?;
        let stop = Arc::clone(&stop);
        clients.push(tokio::spawn(async move {
            let (mut piece, mut bytes) = (Vec::new(), 0);
            while !stop.load(Ordering::Relaxed) {
                let mut download = connection.begin("GET", EXPORT, "").await?;
                if download.status != 200 {
                    return Err(format!("an export answered {}", download.status));
                }
                while !stop.load(Ordering::Relaxed) && connection.more(&mut download, &mut piece).await? {
                    bytes += piece.len();
                    piece.clear();
                }
            }
            Ok(bytes)
        }));
    }
    Ok((clients, stop))
}

/// Milliseconds of the pages that one reader gets in this time.
async fn pages(connection: &mut Connection, length: Duration) -> Result<Vec<f64>> {
    let (began, mut times) = (now(), Vec::new());
    while began.elapsed() < length {
        times.push(timed(connection, PAGE).await?);
    }
    Ok(times)
}

/// The client side of `psql -c "copy (…) to stdout csv" | gzip -6` over the same rows.
pub fn baseline(plan: &Plan, site: &Site, report: &mut Report) -> Result<()> {
    let url = site.start.database.clone().unwrap_or_default();
    let (mut cpu, mut wall, mut bytes) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..plan.rounds().min(3) {
        let began = now();
        // The shell tells the times of its children, and those are psql and gzip.
        let script = r#"set -o pipefail; psql -X -q -d "$1" -c "$2" | gzip -6 | wc -c || exit 1; times"#;
        let output = Command::new("bash")
            .args(["-c", script, "bash", &url, COPY])
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("bash: {e}"))?;
        if !output.status.success() {
            return Err(format!("psql | gzip: {}", String::from_utf8_lossy(&output.stderr)));
        }
        wall.push(began.elapsed().as_secs_f64());
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines = text.lines();
        bytes = lines.next().and_then(|l| l.trim().parse().ok()).unwrap_or(0.0);
        cpu.push(lines.last().map(seconds).ok_or("bash told no times")?);
    }
    let values = vec![(CPU, median(cpu)), ("wall s", median(wall)), ("compressed MB", bytes / 1e6)];
    report.add(Line { what: THEIRS.into(), engine: POSTGRES, values, goal: "", met: None });
    Ok(())
}

/// `0m1.234s 0m0.056s` as seconds.
fn seconds(times: &str) -> f64 {
    let one = |text: &str| {
        let (minutes, seconds) = text.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    times.split_whitespace().filter_map(one).sum()
}

/// Our CPU time against theirs.
pub fn compare(report: &mut Report) {
    let Some(theirs) = report.value(THEIRS, POSTGRES, CPU) else { return };
    for engine in [SQLITE, POSTGRES] {
        if let Some(ours) = report.value(OURS, engine, CPU) {
            let ratio = ours / theirs;
            let met = Some(ratio <= 0.5);
            let values = vec![("ratio", ratio)];
            report.add(Line { what: "export: our CPU time / baseline's".into(), engine, values, goal: "≤ 0.5", met });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert!((seconds("1m2.500s 0m0.250s") - 62.75).abs() < 1e-9);
    }
}
