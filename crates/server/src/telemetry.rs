//! Logs and metrics.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Bounds of the histograms that count seconds of a request.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Bounds of the histograms that count how far a player is from its room; 20 ms is the promise.
const SYNC_SECONDS: [f64; 10] = [0.003, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 1.0, 5.0];

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Writes the log to standard error, as much of it as the filter says.
///
/// # Errors
/// A sentence, if the filter cannot be read.
pub fn install_log(filter: &str) -> Result<(), String> {
    // A level alone is about Parlor; its libraries speak when something is wrong.
    let is_level = filter.parse::<tracing::Level>().is_ok();
    let spelt = if is_level { format!("warn,parlor_server={filter}") } else { filter.to_owned() };
    let filter = EnvFilter::try_new(spelt).map_err(|error| {
        format!("log is {filter:?}, which is neither a level nor a filter: {error}.")
    })?;
    let is_terminal = std::io::stderr().is_terminal();
    // A second log in one process, as in tests, is not needed.
    let _ = tracing_subscriber::fmt()
        .with_ansi(is_terminal)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    Ok(())
}

/// Begins to count, once in a process.
pub fn install_metrics() {
    METRICS.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Prefix("parlor_http".to_owned()), &REQUEST_SECONDS)
            .and_then(|builder| {
                let sync = Matcher::Prefix("parlor_sync_error".to_owned());
                builder.set_buckets_for_metric(sync, &SYNC_SECONDS)
            })
            .and_then(PrometheusBuilder::install_recorder)
            .inspect_err(|error| tracing::warn!(%error, "there will be no metrics"))
            .ok()
    });
}

/// Folds what was counted into the histograms; without it they would keep every single value.
pub fn fold_metrics() {
    if let Some(Some(handle)) = METRICS.get() {
        handle.run_upkeep();
    }
}

/// Writes everything that was counted, in Prometheus's text form.
pub fn metrics_text() -> String {
    METRICS.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}
