//! A scan of moto beside a script that makes the same calls with boto3, 16 at once: what the client of each costs.
//!
//! This room knows the two Python programs. It must never know what moto answers.

use super::{
    Line, Plan, Report,
    scans::{account, environment, finished},
    site::{Site, cpu_ms},
};
use crate::Result;
use serde_json::Value;
use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The server with moto in it, and the script.
const HOUSE: &str = include_str!("../../py/moto_house.py");
const REPLAY: &str = include_str!("../../py/replay.py");
/// Which Python has boto3 and moto.
const PYTHON: &str = "PILEUS_TEST_PYTHON";

/// A running moto. Killed when dropped.
struct Moto {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    url: String,
    regions: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    fn start(python: &OsString, directory: &Path) -> Result<Self> {
        let program = directory.join("moto_house.py");
        fs::write(&program, HOUSE).map_err(|e| e.to_string())?;
        let mut command = Command::new(python);
        command.arg(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", python.display()))?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).ok_or("no pipes")?;
        let (output, url, regions) = (BufReader::new(output), String::new(), String::new());
        let mut moto = Self { child, input, output, url, regions };
        let said: Value = serde_json::from_str(&moto.line()?).map_err(|e| format!("moto did not start: {e}"))?;
        moto.url = said["url"].as_str().unwrap_or_default().to_owned();
        moto.regions = said["regions"].to_string();
        Ok(moto)
    }
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|e| e.to_string())?;
        Ok(line)
    }
    /// Writes into this file what was asked since the last time.
    fn asked(&mut self, path: &Path) -> Result<()> {
        writeln!(self.input, "{}", path.display()).and_then(|()| self.input.flush()).map_err(|e| e.to_string())?;
        self.line().map(drop)
    }
}

/// Measures on SQLite. Without a Python that has what is needed the line says so.
pub async fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let Some(python) = std::env::var_os(PYTHON) else {
        let what = format!("scan of moto beside boto3: SKIPPED, {PYTHON} names no Python");
        report.add(Line { what, engine: "", values: Vec::new(), goal: "", met: None });
        return Ok(());
    };
    let directory = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut moto = Moto::start(&python, directory.path())?;
    let mut site = Site::new(plan, false)?;
    site.start.env.push(("PILEUS_CLOUDS_AWS_ENDPOINT".into(), moto.url.clone()));
    let (server, mut admin) = site.run().await?;
    environment(&mut admin).await?;
    account(&mut admin, "bench", &moto.regions, "\"scanSchedule\":\"none\"").await?;
    let calls = directory.path().join("calls");
    moto.asked(&calls)?;
    let before = cpu_ms(&server).max(server.cpu().as_secs_f64() * 1e3);
    let resources = finished(&mut admin).await?;
    let ours = (cpu_ms(&server).max(server.cpu().as_secs_f64() * 1e3) - before) / 1e3;
    moto.asked(&calls)?;
    let replay = directory.path().join("replay.py");
    fs::write(&replay, REPLAY).map_err(|e| e.to_string())?;
    let theirs = Command::new(&python).arg(&replay).arg(&calls).arg(&moto.url).output().map_err(|e| e.to_string())?;
    let theirs: Value = serde_json::from_slice(&theirs.stdout)
        .map_err(|e| format!("the script failed: {e}: {}", String::from_utf8_lossy(&theirs.stderr)))?;
    let of = |name: &str| theirs[name].as_f64().unwrap_or(0.0);
    let values = vec![
        ("calls recorded", of("recorded")),
        ("calls made", of("made")),
        ("refused by moto", of("refused")),
        ("CPU s of the calls", of("calls")),
        ("CPU s of making clients", of("clients")),
    ];
    report.add(Line {
        what: "baseline: the same calls with boto3, 16 threads".into(),
        engine: "",
        values,
        goal: "",
        met: None,
    });
    let ratio = ours / of("recorded") / (of("calls") / of("made"));
    let values = vec![
        ("resources", resources),
        ("server CPU s, storing included", ours),
        ("ratio for each call", ratio),
        ("ratio with making clients", ours / (of("calls") + of("clients"))),
    ];
    let what = "scan of moto in three regions".into();
    let goal = "≤ 0.2 of boto3's";
    report.add(Line { what, engine: site.engine, values, goal, met: Some(ratio <= 0.2) });
    Ok(())
}
