//! A command for many tokens, as it is sent.

use serde_json::{Map, Value as Json};

use crate::http::{body::MediaType, endpoint::Asked, form, json, nexudus::Fault};

/// A command as it was sent.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Order {
    pub(super) key: String,
    pub(super) ids: Vec<Json>,
    pub(super) parameters: Vec<(String, Json)>,
}

/// Reads a command from JSON or a form, where every further field is a parameter.
///
/// # Errors
/// The body cannot be read at all; within it, the one member that makes no command.
pub(super) fn read(asked: &Asked) -> Result<Result<Order, Fault>, String> {
    let mut order = Order::default();
    if asked.media_type == Some(MediaType::Form) {
        for (name, value) in form::parse(&asked.body).map_err(|error| error.to_string())? {
            match name.to_ascii_lowercase().as_str() {
                "key" => order.key = value,
                "ids" => {
                    order.ids = value
                        .split(',')
                        .filter(|id| !id.is_empty())
                        .map(Json::from)
                        .collect()
                }
                _ => order.parameters.push((name, value.into())),
            }
        }
        return Ok(Ok(order));
    }
    let body = json::parse(&asked.body).map_err(|error| error.to_string())?;
    Ok(from_json(body))
}

fn from_json(mut body: Map<String, Json>) -> Result<Order, Fault> {
    let wrong =
        |name: &'static str, message: &'static str, value: Json| Err(Fault::new(name, message, value));
    let key = match json::take(&mut body, "Key") {
        Some(Json::String(key)) => key,
        other => return wrong("Key", "must be the key of a command", other.unwrap_or_default()),
    };
    let ids = match json::take(&mut body, "Ids") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(ids)) => ids,
        Some(other) => return wrong("Ids", "must be a list of numbers", other),
    };
    let given = match json::take(&mut body, "Parameters") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(given)) => given,
        Some(other) => return wrong("Parameters", "must be a list", other),
    };
    let mut parameters = Vec::new();
    for one in given {
        match one {
            Json::Object(mut one) => match json::take(&mut one, "Name") {
                Some(Json::String(name)) => {
                    parameters.push((name, json::take(&mut one, "Value").unwrap_or_default()))
                }
                _ => return wrong("Parameters", "must each have a Name", one.into()),
            },
            other => return wrong("Parameters", "must each have a Name and a Value", other),
        }
    }
    Ok(Order { key, ids, parameters })
}
