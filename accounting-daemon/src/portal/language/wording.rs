//! A text as it is said: its form chosen, its placeholders filled in.

use super::{
    Language,
    file::{Direction, Text},
    plural::Form,
};

impl Language {
    /// A text with its placeholders such as `{host}` filled in. `n` is a number that chooses the form.
    pub(in crate::portal) fn say(&self, key: &str, n: Option<u64>, arguments: &[(&str, String)]) -> String {
        let Some(text) = self.texts.get(key) else {
            let fallback = self.fallback.as_ref();
            return fallback.map_or_else(|| key.to_owned(), |other| other.say(key, n, arguments));
        };
        let pattern = match text {
            Text::Plain(pattern) => pattern,
            Text::Forms(forms) => {
                let form = self.plural.form(n.unwrap_or_default());
                let found = forms.get(&form).or_else(|| forms.get(&Form::Other));
                found.map_or(key, String::as_str)
            }
        };
        fill(pattern, n, arguments)
    }

    pub(in crate::portal) fn direction(&self) -> &'static str {
        match self.direction {
            Direction::Ltr => "ltr",
            Direction::Rtl => "rtl",
        }
    }

    /// A length of time in hours and minutes, rounded up.
    pub(in crate::portal) fn duration(&self, ms: u64) -> String {
        let minutes = ms.div_ceil(60_000);
        let (hours, rest) = (minutes / 60, minutes % 60);
        match (hours, rest) {
            (0, _) => self.say("minutes", Some(minutes), &[]),
            (_, 0) => self.say("hours", Some(hours), &[]),
            _ => {
                let (hours, minutes) = (
                    self.say("hours", Some(hours), &[]),
                    self.say("minutes", Some(rest), &[]),
                );
                self.say(
                    "hours_and_minutes",
                    None,
                    &[("hours", hours), ("minutes", minutes)],
                )
            }
        }
    }
}

/// Each placeholder once, in one pass: what is filled in is not looked at again.
fn fill(pattern: &str, n: Option<u64>, arguments: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        match (n, arguments.iter().find(|(other, _)| *other == name)) {
            (_, Some((_, value))) => filled.push_str(value),
            (Some(n), None) if name == "n" => filled.push_str(&n.to_string()),
            _ => {}
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::{super::Languages, *};

    #[test]
    fn durations_are_rounded_up() {
        let languages = Languages::built_in().unwrap();
        let say = |ms| languages.english.duration(ms);
        assert_eq!(say(1), "1 minute");
        assert_eq!(say(3_600_000), "1 hour");
        assert_eq!(say(3_600_001), "1 hour 1 minute");
        assert_eq!(say(0), "0 minutes");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let arguments = [("host", "{n}{host}".to_owned())];
        assert_eq!(
            fill("to {host}, {n}, {none}{", Some(7), &arguments),
            "to {n}{host}, 7, {"
        );
    }
}
