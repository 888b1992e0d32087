//! The benchmark: what docs/PERFORMANCE.md tells. Every figure stands beside a baseline of the same run. Nothing is asserted.
//!
//! This room knows which parts there are and what they share. How each is measured stands in its module.

mod accounts;
mod boto;
mod changes;
mod due;
mod environments;
mod exports;
mod language;
mod machine;
mod pages;
mod report;
mod scans;
mod site;
mod start;

pub use report::{Line, Report};

use crate::Result;
use clap::ValueEnum;
use site::Site;
use std::{path::PathBuf, time::Instant};

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Audited changes per second.
    Changes,
    /// Pages of the log.
    Pages,
    /// Exports of the log.
    Exports,
    /// The ESC language beside upstream's evaluator.
    Language,
    /// Starting, memory at rest, size.
    Start,
    /// Scans of 100,000 resources.
    Scans,
    /// Opening environments, and lists of many.
    Environments,
    /// A scan beside boto3.
    Boto,
    /// Lists of many accounts, and many that are due at once.
    Accounts,
}

/// On which engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engines {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// SQLite, then PostgreSQL.
    Both,
}

/// What is to be measured.
#[derive(Debug)]
pub struct Plan {
    /// The server.
    pub binary: PathBuf,
    /// Events in the large log; the small one has a tenth.
    pub events: u64,
    /// Fewer and shorter rounds.
    pub quick: bool,
    /// These parts; none means all.
    pub only: Vec<Part>,
    /// These engines.
    pub engines: Engines,
    /// Where filled installations on SQLite stay.
    pub keep: Option<PathBuf>,
}

impl Plan {
    const fn rounds(&self) -> usize {
        if self.quick { 2 } else { 5 }
    }
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
    fn sqlite(&self) -> bool {
        self.engines != Engines::Postgres
    }
    fn postgres(&self) -> bool {
        self.engines != Engines::Sqlite
    }
}

/// The seed of the logs that are measured.
const SEED: u64 = 1;

/// The only clock of the measurements.
#[expect(clippy::disallowed_methods, reason = "durations are what is measured here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Measures.
///
/// # Errors
/// What went wrong, in words: a request that failed, a server that did not start. Slowness is no error.
pub async fn run(plan: &Plan) -> Result<Report> {
    let mut report = Report::default();
    report.machine = machine::describe();
    if plan.wants(Part::Language) {
        language::measure(plan, &mut report)?;
    }
    if plan.sqlite() {
        if plan.wants(Part::Changes) {
            changes::sqlite(plan, &mut report).await?;
        }
        if plan.wants(Part::Pages) {
            let small = Site::filled_sqlite(plan, plan.events / 10).await?;
            pages::measure(plan, &small, plan.events / 10, &mut report).await?;
        }
        if [Part::Pages, Part::Exports, Part::Start].into_iter().any(|part| plan.wants(part)) {
            let large = Site::filled_sqlite(plan, plan.events).await?;
            on(plan, &large, &mut report).await?;
        }
    }
    if plan.postgres() {
        if plan.wants(Part::Changes) {
            changes::postgres(plan, &mut report).await?;
        }
        if plan.wants(Part::Pages) || plan.wants(Part::Exports) {
            if plan.wants(Part::Pages) {
                let small = Site::filled_postgres(plan, plan.events / 10).await?;
                pages::measure(plan, &small, plan.events / 10, &mut report).await?;
            }
            let large = Site::filled_postgres(plan, plan.events).await?;
            on(plan, &large, &mut report).await?;
            if plan.wants(Part::Exports) {
                exports::baseline(plan, &large, &mut report)?;
            }
        }
    }
    for postgres in [plan.sqlite().then_some(false), plan.postgres().then_some(true)].into_iter().flatten() {
        if plan.wants(Part::Scans) {
            scans::measure(plan, postgres, &mut report).await?;
        }
        if plan.wants(Part::Environments) {
            environments::measure(plan, postgres, &mut report).await?;
        }
        if plan.wants(Part::Accounts) {
            accounts::lists(plan, postgres, &mut report).await?;
            due::measure(plan, postgres, &mut report).await?;
        }
    }
    if plan.sqlite() && plan.wants(Part::Boto) {
        boto::measure(plan, &mut report).await?;
    }
    if plan.sqlite() && plan.postgres() && plan.wants(Part::Exports) {
        exports::compare(&mut report);
    }
    if plan.wants(Part::Pages) {
        pages::compare(plan, &mut report);
    }
    report.machine.push(("load at the end", machine::load()));
    Ok(report)
}

/// What is measured on a large log.
async fn on(plan: &Plan, large: &Site, report: &mut Report) -> Result<()> {
    if plan.wants(Part::Start) && large.engine == site::SQLITE {
        start::measure(plan, large, report).await?;
    }
    if plan.wants(Part::Pages) {
        pages::measure(plan, large, plan.events, report).await?;
    }
    if plan.wants(Part::Exports) {
        exports::measure(plan, large, report).await?;
    }
    Ok(())
}

/// The middle one, of an even number the mean of the two in the middle; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(0.0);
    let lower = values.len().checked_sub(1).and_then(|last| values.get(last / 2)).copied().unwrap_or(0.0);
    f64::midpoint(lower, upper)
}

/// The value below which this part of all lies; 0 of none.
fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * part) as usize;
    values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics() {
        assert_eq!(median(vec![5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
        let mut values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!((percentile(&mut values, 0.5), percentile(&mut values, 0.99)), (50.0, 99.0));
    }
}
