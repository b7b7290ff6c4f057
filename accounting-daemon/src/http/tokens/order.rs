//! A command for many tokens, as it is sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::http::{body::MediaType, endpoint::Asked, form, json, nexudus::Fault};

/// A command as it was sent.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Order {
    pub(super) key: String,
    pub(super) ids: Vec<Json>,
    pub(super) parameters: Vec<(String, Json)>,
}

/// Reads a command from JSON or a form.
///
/// # Errors
/// The body cannot be read at all; within it, the one member that makes no command.
pub(super) fn read(asked: &Asked) -> Result<Result<Order, Fault>, String> {
    match asked.media_type {
        Some(MediaType::Form) => {
            let fields = form::pairs(&asked.body).map_err(|error| error.to_string())?;
            Ok(from_form(fields))
        }
        None if asked.body.is_empty() => Ok(from_json(Map::new())),
        _ => {
            let body = json::parse(&asked.body).map_err(|error| error.to_string())?;
            Ok(from_json(body))
        }
    }
}

fn from_json(mut body: Map<String, Json>) -> Result<Order, Fault> {
    let key = match json::take(&mut body, "Key") {
        Some(Json::String(key)) => key,
        other => return wrong("Key", "must be the key of a command", other.unwrap_or_default()),
    };
    let ids = match json::take(&mut body, "Ids") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(ids)) => ids,
        Some(other) => return wrong("Ids", "must be a list of numbers", other),
    };
    let parameters = match json::take(&mut body, "Parameters") {
        None | Some(Json::Null) => Vec::new(),
        Some(given) => named(given)?,
    };
    Ok(Order { key, ids, parameters })
}

/// Parameters by name, from a list of objects.
fn named(given: Json) -> Result<Vec<(String, Json)>, Fault> {
    let Json::Array(given) = given else {
        return wrong("Parameters", "must be a list", given);
    };
    let one = |one: Json| match one {
        Json::Object(mut one) => match json::take(&mut one, "Name") {
            Some(Json::String(name)) => Ok((name, json::take(&mut one, "Value").unwrap_or_default())),
            _ => wrong("Parameters", "must each have a Name", one.into()),
        },
        other => wrong("Parameters", "must each have a Name and a Value", other),
    };
    given.into_iter().map(one).collect()
}

/// Clients write lists in forms as `Ids=1,2`, `Ids=1&Ids=2`, `Ids[]=1`, `Ids[0]=1` or `Ids=[1,2]`, and those of objects as
/// `Parameters[0].Name=..`, `Parameters[0][Name]=..` or JSON. Every other field is a parameter by its own name.
fn from_form(fields: Vec<(String, String)>) -> Result<Order, Fault> {
    let mut order = Order::default();
    let mut listed: BTreeMap<String, Map<String, Json>> = BTreeMap::new();
    for (name, value) in fields {
        let (list, place) = parted(&name);
        match (list.to_ascii_lowercase().as_str(), place) {
            ("key", None) if order.key.is_empty() => order.key = value,
            ("key", None) => return wrong("Key", "is there twice", value.into()),
            ("ids", None) if value.starts_with('[') => match json::value(value.as_bytes()) {
                Ok(Json::Array(ids)) => order.ids.extend(ids),
                _ => return wrong("Ids", "must be a list of numbers", value.into()),
            },
            ("ids", None | Some((_, ""))) => {
                let ids = value.split(',').map(str::trim).filter(|id| !id.is_empty());
                order.ids.extend(ids.map(Json::from));
            }
            ("parameters", None) => match json::value(value.as_bytes()) {
                Ok(given) => order.parameters.extend(named(given)?),
                Err(_) => return wrong("Parameters", "must be a list", value.into()),
            },
            ("parameters", Some((number, member))) => {
                let one = listed.entry(number.to_owned()).or_default();
                if json::take(one, member).is_some() {
                    return Err(Fault::new(name, "is there twice", value.into()));
                }
                one.insert(member.to_owned(), value.into());
            }
            _ => order.parameters.push((name, value.into())),
        }
    }
    let listed = listed.into_values().map(Json::from).collect();
    order.parameters.extend(named(listed)?);
    Ok(order)
}

/// The name of a field as that of a list and a place in it: `list[number].member`, `list[number][member]` or `list[number]`.
fn parted(name: &str) -> (&str, Option<(&str, &str)>) {
    let parts = name
        .split_once('[')
        .and_then(|(list, rest)| Some((list, rest.split_once(']')?)));
    let Some((list, (number, rest))) = parts else {
        return (name, None);
    };
    let bracketed = || rest.strip_prefix('[')?.strip_suffix(']');
    let member = rest.strip_prefix('.').or_else(bracketed).unwrap_or(rest);
    (list, Some((number, member)))
}

fn wrong<T>(name: &'static str, message: &'static str, value: Json) -> Result<T, Fault> {
    Err(Fault::new(name, message, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(form: &str) -> Result<Order, Fault> {
        from_form(form::pairs(form.as_bytes()).unwrap())
    }

    fn refused(form: &str) -> String {
        let fault = of(form).unwrap_err();
        format!("{}: {}", fault.property, fault.message)
    }

    #[test]
    fn numbers_are_listed_in_forms_in_every_usual_way() {
        for form in [
            "Key=K&Ids=1,2,3",
            "Key=K&Ids=1&Ids=2, 3",
            "key=K&ids[]=1&ids[]=2&ids[]=3",
            "Key=K&Ids[0]=1&Ids[1]=2&Ids[2]=3&",
        ] {
            let order = of(form).unwrap();
            assert_eq!((order.key.as_str(), order.parameters.len()), ("K", 0), "{form}");
            assert_eq!(order.ids, ["1", "2", "3"].map(Json::from), "{form}");
        }
        assert_eq!(of("Key=K&Ids=[1,2]").unwrap().ids, [json!(1), json!(2)]);
        assert_eq!(of("Key=K&Ids=").unwrap().ids, [] as [Json; 0]);
        assert_eq!(refused("Ids=[1,"), "Ids: must be a list of numbers");
    }

    #[test]
    fn parameters_are_listed_in_forms_in_every_usual_way() {
        let expected = [("A".to_owned(), json!("1")), ("B".to_owned(), json!("x"))];
        for form in [
            "Key=K&A=1&B=x",
            "Key=K&Parameters[0].Name=A&Parameters[1].Name=B&Parameters[0].Value=1&Parameters[1].Value=x&Parameters[1].Type=T",
            "Key=K&parameters[0][name]=A&parameters[0][value]=1&parameters[1][name]=B&parameters[1][value]=x",
            "Key=K&Parameters=[{\"Name\":\"A\",\"Value\":\"1\"},{\"Name\":\"B\",\"Value\":\"x\"}]",
            "Key=K&A=1&Parameters[0].Name=B&Parameters[0].Value=x",
        ] {
            assert_eq!(of(form).unwrap().parameters, expected, "{form}");
        }
    }

    #[test]
    fn what_makes_no_command_is_named() {
        for (form, expected) in [
            ("Key=K&Key=L", "Key: is there twice"),
            ("Parameters[0].Value=1", "Parameters: must each have a Name"),
            (
                "Parameters[0].Name=A&Parameters[0].name=B",
                "Parameters[0].name: is there twice",
            ),
            ("Parameters=A", "Parameters: must be a list"),
            ("Parameters=5", "Parameters: must be a list"),
            ("Parameters=[5]", "Parameters: must each have a Name and a Value"),
        ] {
            assert_eq!(refused(form), expected, "{form}");
        }
    }

    #[test]
    fn names_that_are_no_places_are_parameters() {
        for name in [
            "Ids[0].x",
            "Parameter[0]",
            "a[",
            "[0]",
            "Key[0]",
            "NumberOfTokens",
        ] {
            let order = of(&format!("{name}=v")).unwrap();
            assert_eq!(order.parameters, [(name.to_owned(), json!("v"))], "{name}");
        }
    }
}
