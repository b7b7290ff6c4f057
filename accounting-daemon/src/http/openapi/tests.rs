//! The description tells of every endpoint, and the documents are made from it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use super::*;

fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().copied().flatten()
}

#[test]
fn every_endpoint_is_described() {
    for endpoint in endpoints() {
        let (path, describe) = (endpoint.path, endpoint.describe);
        assert!(
            !describe.summary.is_empty() && !describe.summary.ends_with('.'),
            "{path}"
        );
        let succeeds = describe
            .answers
            .iter()
            .any(|says| says.status.is_success() || says.status.is_redirection());
        assert!(succeeds, "{path} never succeeds");
        assert_eq!(
            describe.body.is_some(),
            endpoint.accepts != Accepts::Nothing,
            "the body of {} {path}",
            endpoint.method
        );
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let names: Vec<_> = endpoints().map(operation_id).collect();
    let different: BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a reference within");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

/// `docs/API.md` is the same for people. `cargo xtask api-docs` writes it.
#[test]
fn the_documentation_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/API.md");
    let wanted = markdown(&document());
    if std::env::var_os("ACCOUNTING_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/API.md is not what the endpoints say: run `cargo xtask api-docs`"
    );
}

fn markdown(document: &Value) -> String {
    let mut out = String::from(
        "# The API\n\nMade from the code by `cargo xtask api-docs`; machines read the same at `/openapi.json`.\n\
         A call that needs no role needs no signing in.\n",
    );
    let mut heading = "";
    for endpoint in endpoints() {
        if tag(endpoint.path) != heading {
            heading = tag(endpoint.path);
            write!(out, "\n## {heading}\n").unwrap();
        }
        let operation = &document["paths"][endpoint.path][endpoint.method.as_str().to_lowercase()];
        write!(
            out,
            "\n### `{} {}`\n\n{}.",
            endpoint.method,
            endpoint.path,
            text(&operation["summary"])
        )
        .unwrap();
        if let Some(who) = operation["description"].as_str() {
            write!(out, " {who}").unwrap();
        }
        out.push('\n');
        fields(&mut out, document, operation);
        out.push_str("\n| status | |\n|---|---|\n");
        for (status, response) in operation["responses"].as_object().unwrap() {
            writeln!(out, "| {status} | {} |", text(&response["description"])).unwrap();
        }
    }
    out
}

fn fields(out: &mut String, document: &Value, operation: &Value) {
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "query" {
            let (name, about) = (text(&parameter["name"]), text(&parameter["description"]));
            write!(out, "\n- `?{name}=` {about}").unwrap();
        }
    }
    let content = operation["requestBody"]["content"].as_object();
    if let Some((_, body)) = content.and_then(|content| content.iter().next()) {
        let schema = resolve(document, &body["schema"]);
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let must = if required.iter().any(|one| *one == name) {
                " (required)"
            } else {
                ""
            };
            write!(out, "\n- `{name}`{must} {}", text(&member["description"])).unwrap();
        }
    }
    if out.ends_with('\n') {
        return;
    }
    out.push('\n');
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(schema)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
