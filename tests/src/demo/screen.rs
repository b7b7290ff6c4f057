//! The screen: a panel that is drawn over and over on a terminal, lines one after the other elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use super::step::Step;

/// How the story is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A panel below the verdicts, drawn in place.
    Panel {
        /// Whether in colours.
        colour: bool,
    },
    /// Line by line, as a log.
    Lines,
}

impl Style {
    /// What fits this process's stdout; `NO_COLOR` is heeded.
    #[must_use]
    pub fn of_stdout() -> Self {
        let plain = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if !io::stdout().is_terminal() || plain {
            return Self::Lines;
        }
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self::Panel { colour }
    }
}

/// Words in a colour, on screens that have some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Passed, online.
    Good,
    /// Failed, blocked.
    Bad,
    /// Of less weight.
    Dim,
    /// Of more.
    Strong,
}

/// Columns before the words of a verdict.
const INDENT: usize = 14;

/// A piece of a line of the panel.
pub(super) type Piece = (Tone, String);

/// Where the story is shown.
pub struct Screen {
    style: Style,
    out: Mutex<Out>,
}

struct Out {
    to: Box<dyn Write + Send>,
    /// Lines of the panel that are on the terminal.
    drawn: usize,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

impl Screen {
    /// Shows the story on `to`.
    #[must_use]
    pub fn new(style: Style, to: Box<dyn Write + Send>) -> Self {
        let out = Mutex::new(Out { to, drawn: 0 });
        Self { style, out }
    }

    /// How the story is shown.
    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// Says what stays: a line above the panel.
    pub fn say(&self, line: &[Piece]) {
        let text = self.painted(line, usize::MAX);
        self.write(|out| {
            erase(out)?;
            writeln!(out.to, "{text}")
        });
    }

    /// Draws the panel in place of the one before. On a screen of lines it is said as it is.
    pub fn draw(&self, panel: &[Vec<Piece>]) {
        let (columns, rows) = size();
        let shown = match self.style {
            Style::Panel { .. } => panel.len().min(rows.saturating_sub(1)),
            Style::Lines => panel.len(),
        };
        let lines: Vec<String> = panel
            .iter()
            .take(shown)
            .map(|line| self.painted(line, columns))
            .collect();
        self.write(|out| {
            erase(out)?;
            for line in &lines {
                writeln!(out.to, "{line}")?;
            }
            if matches!(self.style, Style::Panel { .. }) {
                out.drawn = lines.len();
            }
            Ok(())
        });
    }

    /// Leaves the panel as it is; what follows is written below it.
    pub fn leave(&self) {
        self.write(|out| {
            out.drawn = 0;
            Ok(())
        });
    }

    /// The verdict on a step.
    pub fn verdict(&self, step: Step, words: Result<&str, &str>) {
        let (tone, word, text) = match words {
            Ok(text) => (Tone::Good, "PASS", text),
            Err(text) => (Tone::Bad, "FAIL", text),
        };
        let room = match self.style {
            Style::Panel { .. } => size().0.saturating_sub(INDENT),
            Style::Lines => usize::MAX,
        };
        let mut lines = wrapped(text, room).into_iter();
        self.say(&[
            (tone, format!("{word} ")),
            (Tone::Strong, format!("{:<8}", step.name())),
            (Tone::Plain, format!(" {}", lines.next().unwrap_or_default())),
        ]);
        for line in lines {
            self.say(&[(Tone::Plain, format!("{:INDENT$}{line}", ""))]);
        }
    }

    fn painted(&self, line: &[Piece], columns: usize) -> String {
        let colour = self.style == Style::Panel { colour: true };
        let mut left = match self.style {
            Style::Panel { .. } => columns,
            Style::Lines => usize::MAX,
        };
        let mut text = String::new();
        for (tone, words) in line {
            let words: String = words.chars().take(left).collect();
            left -= words.chars().count();
            let code = match tone {
                Tone::Plain => "",
                Tone::Good => "32",
                Tone::Bad => "31",
                Tone::Dim => "2",
                Tone::Strong => "1",
            };
            if colour && !code.is_empty() {
                let _written = write!(text, "\x1b[{code}m{words}\x1b[0m");
            } else {
                text.push_str(&words);
            }
        }
        text
    }

    /// A screen that is gone stops no story: its verdict is the exit status.
    fn write(&self, work: impl FnOnce(&mut Out) -> io::Result<()>) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _gone = work(&mut out).and_then(|()| out.to.flush());
    }
}

/// The words in lines of at most so many letters, unless one word is longer.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Removes the panel that is on the terminal.
fn erase(out: &mut Out) -> io::Result<()> {
    if out.drawn > 0 {
        write!(out.to, "\x1b[{}A\r\x1b[J", out.drawn)?;
        out.drawn = 0;
    }
    Ok(())
}

/// Columns and rows of the terminal, 80 and 24 when it does not say.
fn size() -> (usize, usize) {
    let told = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let told = told.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    told.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Paper;

    fn shown(style: Style) -> String {
        let paper = Paper::default();
        let screen = Screen::new(style, Box::new(paper.clone()));
        let panel = vec![
            vec![(Tone::Good, "one".to_owned())],
            vec![(Tone::Plain, "two".to_owned())],
        ];
        screen.draw(&panel);
        screen.verdict(Step::Share, Ok("seen"));
        screen.draw(&panel);
        paper.text()
    }

    #[test]
    fn a_panel_gives_way_to_a_verdict() {
        assert_eq!(
            shown(Style::Panel { colour: false }),
            "one\ntwo\n\x1b[2A\r\x1b[JPASS share    seen\none\ntwo\n"
        );
    }

    #[test]
    fn words_are_not_cut() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two", usize::MAX), ["one two"]);
        assert_eq!(wrapped("endless", 3), ["endless"]);
    }

    #[test]
    fn a_log_has_no_control_characters() {
        let text = shown(Style::Lines);
        assert!(
            text.chars().all(|letter| letter == '\n' || !letter.is_control()),
            "{text}"
        );
    }

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        assert!(shown(Style::Panel { colour: true }).contains("\x1b[32mone\x1b[0m"));
    }
}
