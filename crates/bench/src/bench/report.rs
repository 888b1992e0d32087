//! What was measured: as a table for people, as JSON for programs.
//!
//! This room knows how figures are shown. It must never know how they come about.

use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// One line of the table.
#[derive(Debug)]
pub struct Line {
    /// What was measured.
    pub what: String,
    /// Where: `sqlite`, `postgres` or empty.
    pub engine: &'static str,
    /// The figures, with their units in their names.
    pub values: Vec<(&'static str, f64)>,
    /// What is wanted; empty where nothing is.
    pub goal: &'static str,
    /// Whether that was reached in this run.
    pub met: Option<bool>,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The machine and the conditions.
    pub machine: Vec<(&'static str, String)>,
    lines: Vec<Line>,
}

impl Report {
    /// Adds a line, and shows it at once on standard error.
    pub fn add(&mut self, line: Line) {
        eprintln!("{}", row(&line));
        self.lines.push(line);
    }

    /// A figure that was added.
    pub fn value(&self, what: &str, engine: &str, name: &str) -> Option<f64> {
        let line = self.lines.iter().find(|line| line.what == what && line.engine == engine)?;
        line.values.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    /// Everything as a table in Markdown.
    pub fn table(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.machine {
            let _ = writeln!(out, "* {name}: {value}");
        }
        out.push_str("\n| what | engine | figures | goal | reached |\n|---|---|---|---|---|\n");
        for line in &self.lines {
            let _ = writeln!(out, "{}", row(line));
        }
        out
    }

    /// Everything as JSON.
    pub fn json(&self) -> Value {
        let machine: Map<String, Value> = self.machine.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        let figures: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                let values: Map<String, Value> = line.values.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
                json!({"what": line.what, "engine": line.engine, "values": values, "goal": line.goal, "reached": line.met})
            })
            .collect();
        json!({"machine": machine, "figures": figures})
    }
}

fn row(line: &Line) -> String {
    let values: Vec<String> = line.values.iter().map(|(name, value)| format!("{name} {}", number(*value))).collect();
    let met = line.met.map_or("", |met| if met { "yes" } else { "no" });
    format!("| {} | {} | {} | {} | {met} |", line.what, line.engine, values.join(", "), line.goal)
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown() {
        let mut report = Report::default();
        let values = vec![("changes/s", 5_123.4), ("ratio", 4.5)];
        report.add(Line { what: "16 clients".into(), engine: "sqlite", values, goal: "≥ 4", met: Some(true) });
        assert!(report.table().contains("| 16 clients | sqlite | changes/s 5123, ratio 4.50 | ≥ 4 | yes |"));
        assert_eq!(report.json()["figures"][0]["values"]["ratio"], 4.5);
    }
}
