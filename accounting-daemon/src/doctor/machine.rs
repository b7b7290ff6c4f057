//! The machine: its clock, its disk, its certificate.

use std::path::Path;

use super::Finding;
use crate::{clock::Clock, config::Config, http::Tls};

/// Bytes below which the store can fill the disk in a day.
const FREE_FAIL: u64 = 64 * 1024 * 1024;
/// Bytes below which it is time to look.
const FREE_WARN: u64 = 1024 * 1024 * 1024;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![clock(config.trust_rtc), disk(&config.data)];
    if let Some(files) = &config.api.tls {
        findings.push(match Tls::load(files) {
            Ok(_) => Finding::ok("certificate", files.certificate.display().to_string()),
            Err(error) => Finding::fail("certificate", "it cannot be used", error.to_string()),
        });
    }
    findings
}

fn clock(trust_rtc: bool) -> Finding {
    let synchronised = Clock::new(false, None).is_ok_and(|clock| clock.now().trusted);
    let trusted = Clock::new(trust_rtc, None).is_ok_and(|clock| clock.now().trusted);
    match (synchronised, trusted) {
        (true, _) => Finding::ok("clock", "it is synchronised"),
        (false, true) => Finding::warn(
            "clock",
            "it is not synchronised; the hardware clock is believed (`trust_rtc`)",
            "run chrony or systemd-timesyncd: codes with dates are judged by this clock",
        ),
        (false, false) => Finding::fail(
            "clock",
            "it is not synchronised: codes with dates are refused",
            "run chrony or systemd-timesyncd, or set `trust_rtc = true` where there is a hardware clock",
        ),
    }
}

fn disk(data: &Path) -> Finding {
    let mut existing = data;
    while !existing.exists() {
        existing = existing.parent().unwrap_or(Path::new("/"));
    }
    match rustix::fs::statvfs(existing) {
        Ok(found) => judge_disk(data, found.f_bavail.saturating_mul(found.f_frsize)),
        Err(error) => Finding::fail(
            "disk",
            format!("{} cannot be looked at: {error}", existing.display()),
            "correct `data`, or its permissions",
        ),
    }
}

fn judge_disk(data: &Path, free: u64) -> Finding {
    let found = format!("{} MB free for {}", free / 1_000_000, data.display());
    let advice = "make room: when the disk is full nobody new is let in";
    if free < FREE_FAIL {
        Finding::fail("disk", found, advice)
    } else if free < FREE_WARN {
        Finding::warn("disk", found, advice)
    } else {
        Finding::ok("disk", found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn little_room_is_warned_of_and_none_fails() {
        let verdict = |free| judge_disk(Path::new("/d"), free).verdict;
        assert_eq!(verdict(0), Verdict::Fail);
        assert_eq!(verdict(FREE_FAIL), Verdict::Warn);
        assert_eq!(verdict(FREE_WARN), Verdict::Ok);
    }
}
