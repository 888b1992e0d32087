//! A fake AWS with things in it, in a process of its own.

use pileus_clouds::{
    BoxFuture, Found, Place, Sink, TypeOutcome, TypeReport,
    aws::{Aws, AwsConfig, Credentials},
};
use pileus_model::{Secret, clock::SystemClock};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

/// A fake with things in it.
pub struct House {
    child: Child,
    said: Value,
}

impl House {
    /// Starts `tests/<fake>/house.py`; `None` where there is no Python for it.
    pub fn open(fake: &str, arguments: &[&str]) -> Option<Self> {
        let Some(python) = std::env::var_os("PILEUS_TEST_PYTHON") else {
            return skipped(fake, "PILEUS_TEST_PYTHON is not set");
        };
        let import = format!("import boto3, {fake}");
        if !Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status().unwrap().success() {
            return skipped(fake, "the Python of PILEUS_TEST_PYTHON lacks it");
        }
        let script = format!("{}/tests/{fake}/house.py", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(python);
        command.args(["-B"]).arg(&script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        // What moto lacks it says with a stack trace each time.
        if std::env::var_os("PILEUS_TEST_SHOW").is_none() {
            command.stderr(Stdio::null());
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| serde_json::from_str::<Value>(&line.unwrap()).ok().filter(Value::is_object));
        Some(Self { child, said: said.unwrap() })
    }

    pub fn aws(&self) -> Aws {
        let endpoint = self.said["url"].as_str().map(str::to_owned);
        let config =
            AwsConfig { endpoint, native_rate: 500.0, backoff: Duration::from_millis(5), ..AwsConfig::default() };
        Aws::new(config, Arc::new(SystemClock)).unwrap()
    }

    pub fn credentials(&self, whose: &str) -> Credentials {
        let text = |n: usize| self.said[whose][n].as_str().unwrap().to_owned();
        Credentials { access_key_id: text(0), secret_access_key: Secret::new(text(1)), session_token: None }
    }

    /// The service by which boto3 lists a type.
    pub fn service(&self, token: &str) -> String {
        self.said["services"][token].as_str().unwrap().to_owned()
    }

    /// Place, type, id, properties.
    pub fn expected(&self) -> BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>> {
        serde_json::from_value(self.said["expected"].clone()).unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn skipped<T>(fake: &str, why: &str) -> Option<T> {
    eprintln!("skipped: AWS against {fake}: {why}");
    if let Some(list) = std::env::var_os("PILEUS_SKIPPED")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(list)
    {
        let _ = writeln!(file, "AWS against {fake}: {why}");
    }
    None
}

/// The place of this name.
pub fn place(name: &str) -> Place {
    if name == "global" { Place::Global } else { Place::Region(name.to_owned()) }
}

/// What a scan found.
#[derive(Default)]
pub struct Kept {
    pub found: Mutex<Vec<Found>>,
    pub reports: Mutex<Vec<TypeReport>>,
}

impl Sink for Kept {
    fn found<'a>(&'a self, _: &'a str, batch: Vec<Found>) -> BoxFuture<'a, pileus_model::Result<()>> {
        self.found.lock().unwrap().extend(batch);
        Box::pin(async { Ok(()) })
    }
    fn report(&self, report: TypeReport) -> BoxFuture<'_, pileus_model::Result<()>> {
        self.reports.lock().unwrap().push(report);
        Box::pin(async { Ok(()) })
    }
    fn log(&self, _: String) {}
    fn canceled(&self) -> bool {
        false
    }
}

impl Kept {
    /// What became of a type, if it was reported.
    pub fn outcome(&self, token: &str) -> Option<TypeOutcome> {
        self.reports.lock().unwrap().iter().find(|r| r.type_token == token).map(|r| r.outcome.clone())
    }

    /// Types that were denied, and the missing action.
    pub fn denied(&self) -> Vec<(String, String)> {
        let reports = self.reports.lock().unwrap();
        let denied = reports.iter().filter_map(|r| match &r.outcome {
            TypeOutcome::Denied { action, .. } => Some((r.type_token.clone(), action.clone())),
            _ => None,
        });
        let mut denied: Vec<_> = denied.collect();
        denied.sort();
        denied
    }
}
