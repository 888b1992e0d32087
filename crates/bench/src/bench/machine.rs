//! The machine that figures belong to.
//!
//! This room knows where the kernel tells it. It must never know what is measured.

use std::fs::read_to_string;

/// Processor, cores, memory, kernel, load.
pub fn describe() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    vec![
        ("processor", after("/proc/cpuinfo", "model name")),
        ("cores", cores.to_string()),
        ("memory", after("/proc/meminfo", "MemTotal")),
        ("kernel", read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()),
        ("load at the start", load()),
    ]
}

/// The load of the last 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// What stands after the colon in the first line that begins so.
fn after(path: &str, name: &str) -> String {
    let text = read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
