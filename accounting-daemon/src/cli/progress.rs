//! Bars for work that takes a while; none where nobody watches.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that counts things, such as tokens, up to a total.
pub(super) fn things(total: u64, what: &'static str) -> ProgressBar {
    let template = format!("{{bar:40}} {{human_pos}} of {{human_len}} {what}, {{eta}} left");
    styled(bar(Some(total)), &template)
}

/// A bar that counts bytes, up to a total where that is known.
pub(super) fn bytes(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:40} {bytes} of {total_bytes}, {eta} left",
        None => "{bytes}, {bytes_per_sec}",
    };
    styled(bar(total), template)
}

fn bar(total: Option<u64>) -> ProgressBar {
    // A log or a pipe would get a line for each step.
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    ProgressBar::with_draw_target(total, target)
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        for template in [
            "{bar:40} {human_pos} of {human_len} tokens, {eta} left",
            "{bar:40} {bytes} of {total_bytes}, {eta} left",
            "{bytes}, {bytes_per_sec}",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
        assert_eq!(things(7, "tokens").length(), Some(7));
    }
}
