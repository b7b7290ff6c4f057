//! What the kernel says about a process from outside: processor time, memory, bytes written, synchronisations of files.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

/// Processor time of all threads, in user and kernel mode.
pub(crate) fn cpu(id: i32) -> Result<Duration> {
    let line = read(id, "stat")?;
    let fields = line.rsplit_once(')').context("malformed stat")?.1;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(ticks * 1_000 / second.max(1)))
}

/// Bytes of memory of its own that are present: neither files nor memory shared with the kernel.
pub(crate) fn memory(id: i32) -> Result<u64> {
    Ok(field(&read(id, "status")?, "RssAnon:")? * 1024)
}

/// Bytes it caused to be written to storage.
pub(crate) fn written(id: i32) -> Result<u64> {
    field(&read(id, "io")?, "write_bytes:")
}

fn read(id: i32, file: &str) -> Result<String> {
    let path = format!("/proc/{id}/{file}");
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

fn field(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_whitespace().next());
    let word = word.with_context(|| format!("the kernel does not tell {name}"))?;
    word.parse().with_context(|| format!("malformed {name}"))
}

/// Counts the calls of fdatasync of a process by perf, in a mount namespace of its own where tracefs is mounted.
pub(crate) struct Syncs(Option<Child>);

impl Syncs {
    const EVENT: &str = "syscalls:sys_enter_fdatasync";

    /// Begins to count. Without perf or tracepoints nothing is counted.
    pub(crate) fn of(id: i32) -> Self {
        let script = format!(
            "mount -t tracefs tracefs /sys/kernel/tracing && exec perf stat -x , -e {} -p {id}",
            Self::EVENT
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let counting = command.spawn().ok();
        // Until perf has opened its counters.
        std::thread::sleep(Duration::from_millis(500));
        Self(counting)
    }

    /// Ends; `None` when nothing could be counted.
    pub(crate) fn stop(mut self) -> Option<u64> {
        let child = self.0.take()?;
        let id = i32::try_from(child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)?;
        // It prints its counts when it is interrupted.
        rustix::process::kill_process(id, rustix::process::Signal::INT).ok()?;
        let output = child.wait_with_output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains(Self::EVENT))?;
        line.split(',').next()?.parse().ok()
    }
}

impl Drop for Syncs {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_used_time_and_memory() {
        let id = i32::try_from(std::process::id()).unwrap();
        assert!(memory(id).unwrap() > 10_000);
        assert!(cpu(id).unwrap() < Duration::from_secs(3_600));
        assert!(field("a: 1 kB\nb: x\n", "b:").is_err());
    }
}
