//! The log on stderr, and the registry of metrics.

use crate::{
    config::{Config, LogFormat},
    failure::Failure,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Upper bounds of the buckets of every `…_seconds`, in seconds: fine where the goals are (2 ms), coarse elsewhere.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of the buckets of every other histogram: sizes and counts.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 16_384.0, 1_048_576.0];

/// Begins to log.
///
/// # Errors
/// A filter that is not allowed, or a second call.
pub fn start(config: &Config) -> Result<(), Failure> {
    let filter =
        EnvFilter::builder().parse(&config.log_filter).map_err(|error| Failure::new(format!("log_filter: {error}")))?;
    let terminal = std::io::stderr().is_terminal();
    let json = match config.log_format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal && !json);
    let begun = if json { subscriber.json().flatten_event(true).try_init() } else { subscriber.try_init() };
    begun.map_err(|error| Failure::new(format!("the log can't be started: {error}")))
}

/// Begins to count. Histograms have fixed buckets, so that memory does not grow with traffic.
///
/// # Errors
/// A second call.
pub fn metrics() -> Result<PrometheusHandle, Failure> {
    let failure =
        |error: metrics_exporter_prometheus::BuildError| Failure::new(format!("metrics can't be started: {error}"));
    PrometheusBuilder::new()
        .set_buckets(COUNTS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(failure)
}
