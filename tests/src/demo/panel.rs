//! What the screen shows of the stage: each device's path through the gate, its minutes and its packets.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cast::{FAMILY, GUEST, LAPTOP, PHONE, STRANGER, name};
use super::screen::{Piece, Style, Tone};
use super::stage::Stage;
use super::step::Step;
use crate::clock;

/// A device counts as passing when a packet came through within this time.
const RECENT: Duration = Duration::from_millis(400);

/// Draws the stage; remembers what moved.
#[derive(Debug, Default)]
pub(super) struct Panel {
    moved: BTreeMap<usize, Moved>,
    bytes: BTreeMap<usize, u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    near: (usize, Duration),
    far: (usize, Duration),
}

/// What a row says of a device, or of the family together.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    sends: bool,
    passes: bool,
    seconds_left: Option<u64>,
    bytes: u64,
    passed: usize,
    blocked: usize,
}

impl Panel {
    /// The panel, or on a screen of lines one line.
    pub(super) fn lines(&mut self, stage: &Stage) -> Vec<Vec<Piece>> {
        let rows = self.rows(stage);
        match stage.screen.style() {
            Style::Lines => line(stage, &rows).into_iter().collect(),
            Style::Panel { .. } => panel(stage, &rows),
        }
    }

    fn rows(&mut self, stage: &Stage) -> Vec<Row> {
        let family: Vec<usize> = (FAMILY..=stage.profile.clients()).collect();
        let together = format!("family x{}", family.len());
        vec![
            self.row(stage, name(PHONE), &[PHONE]),
            self.row(stage, name(LAPTOP), &[LAPTOP]),
            self.row(stage, together, &family),
            self.row(stage, name(GUEST), &[GUEST]),
            self.row(stage, name(STRANGER), &[STRANGER]),
        ]
    }

    fn row(&mut self, stage: &Stage, name: String, devices: &[usize]) -> Row {
        let now = clock::monotonic();
        let recent = |(_, at): (usize, Duration)| at != Duration::ZERO && now.saturating_sub(at) < RECENT;
        let mut row = Row {
            name,
            sends: false,
            passes: false,
            seconds_left: None,
            bytes: 0,
            passed: 0,
            blocked: 0,
        };
        for &device in devices {
            let (near, far) = stage.witness.totals(device);
            let moved = self.moved.entry(device).or_default();
            for (count, known) in [(near, &mut moved.near), (far, &mut moved.far)] {
                if count > known.0 {
                    *known = (count, now);
                }
            }
            row.sends |= recent(moved.near);
            row.passes |= recent(moved.far);
            row.passed += far;
            row.blocked += near.saturating_sub(far);
            row.seconds_left = stage.teller.seconds_left(device);
            if let Some(session) = stage.teller.session(device) {
                self.bytes.insert(device, session.bytes);
            }
            row.bytes += self.bytes.get(&device).copied().unwrap_or(0);
        }
        row
    }
}

impl Row {
    fn access(&self) -> (Tone, &'static str) {
        match (self.sends, self.passes) {
            (_, true) => (Tone::Good, "online"),
            (true, false) if self.seconds_left == Some(0) => (Tone::Bad, "used up"),
            (true, false) => (Tone::Bad, "blocked"),
            (false, false) => (Tone::Dim, "not here"),
        }
    }

    fn path(&self) -> Vec<Piece> {
        let (tone, _) = self.access();
        let before = if self.sends { "====>" } else { "     " };
        let (gate, after) = match (self.sends, self.passes) {
            (_, true) => ("[ gate ]", "====> internet"),
            (true, false) => ("[ GATE ]", "x             "),
            (false, false) => ("[ gate ]", "              "),
        };
        vec![
            (Tone::Plain, format!("{before} ")),
            (tone, format!("{gate} {after}")),
        ]
    }

    fn left(&self) -> String {
        match self.seconds_left {
            Some(seconds) => format!("{}:{:02}", seconds / 60, seconds % 60),
            None => "-".into(),
        }
    }
}

fn panel(stage: &Stage, rows: &[Row]) -> Vec<Vec<Piece>> {
    let dim = |text: String| vec![(Tone::Dim, text)];
    let head = format!(
        " {:<10} {:<29} {:<9} {:>7} {:>9} {:>8} {:>8}",
        "device", "its packets", "access", "time", "data", "passed", "stopped"
    );
    let mut lines = vec![Vec::new(), dim(head)];
    for row in rows {
        let (tone, access) = row.access();
        let mut line = vec![(Tone::Strong, format!(" {:<10} ", row.name))];
        line.extend(row.path());
        line.push((tone, format!(" {access:<9}")));
        line.push((
            Tone::Plain,
            format!(
                " {:>7} {:>9} {:>8} {:>8}",
                row.left(),
                data(row.bytes),
                row.passed,
                row.blocked
            ),
        ));
        lines.push(line);
    }
    lines.push(dim(
        " time, data: told by the API.  passed, stopped: packets counted by the captures.".into(),
    ));
    let mut now = vec![(
        Tone::Plain,
        format!(" {:>5.1} s  ", stage.elapsed().as_secs_f64()),
    )];
    if let Some(step) = stage.act() {
        let count = Step::ALL.len();
        now.push((
            Tone::Strong,
            format!("{}/{count} {}", step.number(), step.story()),
        ));
    }
    lines.push(now);
    lines.push(match stage.daemon().and_then(super::super::lab::Daemon::pid) {
        Ok(id) => dim(format!(
            "          the daemon runs as process {id}; run {}",
            stage.run
        )),
        Err(_) => vec![(
            Tone::Bad,
            "          the daemon is dead; the gate is in the kernel".into(),
        )],
    });
    lines
}

/// One line of a log: the devices that pay, and what the gate stops of the one that does not. `None` while there is
/// nothing to tell.
fn line(stage: &Stage, rows: &[Row]) -> Option<Vec<Piece>> {
    let mut text = String::new();
    for row in rows {
        let (_, access) = row.access();
        match row.seconds_left {
            Some(_) => {
                text += &format!(" | {} {access} {} {}", row.name, row.left(), data(row.bytes));
            }
            None if row.sends && [name(PHONE), name(STRANGER)].contains(&row.name) => {
                text += &format!(
                    " | {} {access}, {} stopped, {} passed",
                    row.name, row.blocked, row.passed
                );
            }
            None => {}
        }
    }
    let seconds = stage.elapsed().as_secs_f64();
    (!text.is_empty()).then(|| vec![(Tone::Dim, format!("     {seconds:>5.1} s{text}"))])
}

/// Bytes as people read them.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn data(bytes: u64) -> String {
    match bytes {
        0 => "-".into(),
        1..=999_999 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_where_packets_stop() {
        let mut row = Row {
            name: "phone".into(),
            sends: true,
            passes: false,
            seconds_left: Some(61),
            bytes: 0,
            passed: 0,
            blocked: 9,
        };
        let path = |row: &Row| row.path().into_iter().map(|(_, text)| text).collect::<String>();
        assert!(path(&row).contains("] x"));
        row.passes = true;
        assert!(path(&row).contains("] ====> internet"));
        assert_eq!(
            (row.left().as_str(), data(1_500_000).as_str()),
            ("1:01", "1.5 MB")
        );
    }
}
