//! What a template is given: texts of one language, and values by name.

use std::{collections::BTreeMap, fmt, sync::Arc};

use minijinja::{
    AutoEscape, Error, Output, State, Value, escape_formatter,
    value::{Kwargs, Object, from_args},
};

use super::language::Language;

/// A page in the making.
pub(super) struct Page {
    language: Arc<Language>,
    values: BTreeMap<&'static str, Value>,
}

/// `t('key', n=3, host='example.org')` in a template.
struct Texts(Arc<Language>);

impl Page {
    pub(super) fn new(language: Arc<Language>) -> Self {
        let values = BTreeMap::from([
            ("t", Value::from_object(Texts(Arc::clone(&language)))),
            ("lang", Value::from(language.tag.clone())),
            ("direction", Value::from(language.direction())),
        ]);
        Self { language, values }
    }

    pub(super) fn language(&self) -> &Arc<Language> {
        &self.language
    }

    /// Sets a value; templates escape it.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.insert(name, value.into());
        self
    }

    /// Everything, on top of what every page has.
    pub(super) fn context(self, common: &BTreeMap<&'static str, Value>) -> Value {
        let mut values = common.clone();
        values.extend(self.values);
        Value::from(values)
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "texts of {}", self.0.tag)
    }
}

impl Object for Texts {
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (key, named): (String, Kwargs) = from_args(args)?;
        let n = if named.has("n") {
            named.get::<Option<u64>>("n")?
        } else {
            None
        };
        let mut arguments = Vec::new();
        for name in named.args().filter(|name| *name != "n") {
            arguments.push((name.to_owned(), named.get::<Value>(name)?.to_string()));
        }
        let arguments: Vec<(&str, String)> = arguments
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        Ok(Value::from(self.0.say(&key, n, &arguments)))
    }
}

/// Writes a value into a page. In HTML a slash stays one, unlike in the template engine's own way of it, so that addresses can be read and
/// searched for in the source of a page.
pub(super) fn escape(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let (Some(text), AutoEscape::Html, false) = (value.as_str(), state.auto_escape(), value.is_safe()) else {
        return escape_formatter(out, state, value);
    };
    for part in text.split_inclusive(['<', '>', '&', '"', '\'']) {
        let mut characters = part.chars();
        let escaped = match characters.next_back() {
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('&') => "&amp;",
            Some('"') => "&quot;",
            Some('\'') => "&#39;",
            _ => {
                out.write_str(part)?;
                continue;
            }
        };
        out.write_str(characters.as_str())?;
        out.write_str(escaped)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use minijinja::{Environment, context};

    use super::*;

    #[test]
    fn what_html_gives_a_meaning_is_escaped_and_nothing_else() {
        let mut environment = Environment::new();
        environment.set_formatter(escape);
        environment.add_template("a.html", "{{ text }}{{ n }}").unwrap();
        let page = |text: &str| {
            let template = environment.get_template("a.html").unwrap();
            template.render(context! { text, n => 5 }).unwrap()
        };
        assert_eq!(page("http://a.test/?b=c"), "http://a.test/?b=c5");
        assert_eq!(
            page("<a href=\"x\">'&amp;"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;5"
        );
        assert_eq!(page(""), "5");
    }
}
