//! What every figure comes with: the machine, the versions, the median of rounds, the target beside it.

use std::{fmt, process::Command};

/// Prints the machine and the versions.
pub(crate) fn machine() {
    let system = rustix::system::uname();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "Linux {}, {}, {processors} processors ({model}), load {} before",
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
        load.split(' ').next().unwrap_or("?"),
    );
    println!(
        "accounting-daemon {} at {}, {}",
        env!("CARGO_PKG_VERSION"),
        said("git", &["rev-parse", "--short", "HEAD"]),
        said("rustc", &["--version"]),
    );
}

/// What a program prints; `?` where it cannot be asked.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    output.map_or_else(
        |_| "?".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// One line of a result.
pub(crate) fn line(what: &str, value: impl fmt::Display) {
    println!("{what:<58} {value:>16}");
}

/// A result beside its target.
pub(crate) fn judged(what: &str, value: impl fmt::Display, target: &str, met: bool) {
    let verdict = if met { "met" } else { "MISSED" };
    println!("{what:<58} {value:>16}   target {target}: {verdict}");
}

/// The value in the middle of several rounds; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a share of all lies; 0 of none.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "places in a list of measurements"
    )]
    let place = (last as f64 * share).ceil() as usize;
    sorted.get(place.min(last)).copied().unwrap_or(0.0)
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
pub(crate) fn number(count: impl TryInto<u64>) -> f64 {
    count.try_into().map_or(f64::NAN, |count| count as f64)
}

/// A number with its thousands apart.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits.as_str()), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values = [4.0, 1.0, 3.0, 2.0, 5.0];
        assert_eq!((median(&values), quantile(&values, 0.99)), (3.0, 5.0));
        assert_eq!((median(&[]), quantile(&[7.0], 0.0)), (0.0, 7.0));
    }

    #[test]
    fn thousands_are_set_apart() {
        let shown = [0.0, 999.4, 1_000.0, -1_234_567.0].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "-1,234,567"]);
    }
}
