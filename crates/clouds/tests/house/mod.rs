//! A fake AWS with things in it, in a process of its own.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

/// Place, type, id, properties.
pub type Expected = BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>;

/// A fake with things in it.
#[derive(Debug)]
pub struct House {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
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
        let script = format!("{}/../clouds/tests/{fake}/house.py", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(python);
        command.args(["-B"]).arg(&script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        // What moto lacks it says with a stack trace each time.
        if std::env::var_os("PILEUS_TEST_SHOW").is_none() {
            command.stderr(Stdio::null());
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| serde_json::from_str::<Value>(&line.unwrap()).ok().filter(Value::is_object));
        Some(Self { child, lines, said: said.unwrap() })
    }

    /// By which service boto3 lists each type.
    pub fn services(&self) -> BTreeMap<String, String> {
        serde_json::from_value(self.said["services"].clone()).unwrap_or_default()
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.said["url"].as_str().unwrap()
    }

    /// Has boto3 do something, as the user who may do everything.
    pub fn order(&mut self, service: &str, region: &str, op: &str, args: Value) -> Value {
        let order = serde_json::json!({"service": service, "region": region, "op": op, "args": args});
        writeln!(self.child.stdin.as_mut().unwrap(), "{order}").unwrap();
        let answer = self.lines.find_map(|line| serde_json::from_str::<Value>(&line.unwrap()).ok()).unwrap();
        assert!(answer.get("wrong").is_none(), "{order}: {answer}");
        answer
    }

    /// The id and the secret of an access key: that of `all`, who may do everything, or of `some`, who lacks some actions.
    pub fn key(&self, whose: &str) -> (String, String) {
        let text = |n: usize| self.said[whose][n].as_str().unwrap().to_owned();
        (text(0), text(1))
    }

    /// What boto3 lists.
    pub fn expected(&self) -> Expected {
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
