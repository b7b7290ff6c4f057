//! The log: to standard error, as text or JSON.
//!
//! Access codes are never logged. MAC addresses, and addresses of clients, appear at DEBUG and below only; bodies of
//! requests not at all.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// What is logged unless told otherwise.
pub(crate) const FILTER_DEFAULT: &str = "info";

/// The environment variable that takes a filter.
pub(crate) const FILTER_VARIABLE: &str = "ACCOUNTING_LOG";

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    /// The filter is none.
    #[error(
        "the log filter {filter:?} is not valid: write a level such as `info`, or `info,accounting_daemon=debug`"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A log is there already.
    #[error("the log was set up twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the log of the whole process to standard error.
///
/// # Errors
/// A filter that is none, or a second call.
pub(crate) fn init(filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let registry = tracing_subscriber::registry().with(parse(filter)?);
    match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
            registry.with(layer).try_init()?;
        }
        LogFormat::Json => {
            let layer = fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(std::io::stderr);
            registry.with(layer).try_init()?;
        }
    }
    Ok(())
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter {
        filter: filter.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_named() {
        assert!(parse(FILTER_DEFAULT).is_ok());
        assert!(parse("info,accounting_daemon=debug").is_ok());
        let error = parse("accounting_daemon=loud").unwrap_err().to_string();
        assert!(error.contains("accounting_daemon=loud"), "{error}");
    }
}
