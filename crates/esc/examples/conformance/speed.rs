//! How much processor time a case takes. The program `tests/external/esc_go` prints the same of upstream's evaluator.

use crate::cases::{Case, Run};
use pileus_esc::Options;
use pileus_esc::json::Json;
use std::path::Path;

/// Nanoseconds that this thread, the only one, has been on a processor.
fn processor_time() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(|e| format!("schedstat: {e}"))?;
    text.split_whitespace().next().and_then(|n| n.parse().ok()).ok_or_else(|| "schedstat: no number".to_owned())
}

/// Runs each step of a case so often, and returns nanoseconds per run: `{load, check, eval, all}`. As in upstream's
/// program the results are made and dropped, not written.
pub fn measure(folder: &Path, runs: u64) -> Result<Json, String> {
    let case = Case::read(folder)?;
    let options = Options::default();
    let each = |step: &dyn Fn() -> Result<(), String>| -> Result<u64, String> {
        let before = processor_time()?;
        for _ in 0..runs {
            step()?;
        }
        Ok((processor_time()? - before) / runs.max(1))
    };
    let parsed = case.parse();
    let load = || {
        let _parsed = std::hint::black_box(case.parse());
        Ok(())
    };
    let check = || case.run(Run::Check, &parsed, &options).map(|done| drop(std::hint::black_box(done)));
    let open = || case.run(Run::Open, &parsed, &options).map(|done| drop(std::hint::black_box(done)));
    let all = || {
        let parsed = case.parse();
        drop(std::hint::black_box(case.run(Run::Check, &parsed, &options)?));
        drop(std::hint::black_box(case.run(Run::Open, &parsed, &options)?));
        Ok(())
    };
    // Once unmeasured, so that what is made once is there.
    all()?;
    let figure = |ns: u64| Json::Number(ns.to_string());
    Ok(Json::object(vec![
        ("load", figure(each(&load)?)),
        ("check", figure(each(&check)?)),
        ("eval", figure(each(&open)?)),
        ("all", figure(each(&all)?)),
    ]))
}
