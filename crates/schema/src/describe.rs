//! Descriptions of routes for `api/schema.json` and OpenAPI.
use crate::{Field, Kind, Op, Place, Verb};
use serde_json::{Map, Value, json};

/// One operation, as `api/schema.json` holds it.
pub fn op_json<H>(pattern: &str, op: &Op<H>) -> Value {
    json!({ "path": pattern, "verb": op.verb, "access": op.access, "doc": op.doc, "request": op.fields, "answer": op.answer })
}

/// Adds one operation to the `paths` of an OpenAPI 3.0 document. `prefix` is the mount with its trailing slash.
pub fn openapi_path<H>(paths: &mut Map<String, Value>, prefix: &str, pattern: &str, op: &Op<H>) {
    let plain = pattern.replace("...}", "}").replace("*}", "}");
    let entry = paths.entry(format!("/{prefix}{plain}")).or_insert_with(|| json!({}));
    let method = match op.verb {
        Verb::Read | Verb::List | Verb::Scan => "get",
        Verb::Write => "post",
        Verb::Patch => "patch",
        Verb::Delete => "delete",
    };
    let mut parameters: Vec<Value> =
        op.fields.iter().filter(|f| f.place == Place::Path).map(|f| parameter(f, "path")).collect();
    if matches!(op.verb, Verb::List | Verb::Scan) {
        let name = if op.verb == Verb::List { "list" } else { "scan" };
        parameters.push(
            json!({"name": name, "in": "query", "required": true, "schema": {"type": "string", "enum": ["true"]}}),
        );
    }
    let params: Vec<&Field> = op.fields.iter().filter(|f| f.place == Place::Param).collect();
    let mut operation = json!({ "summary": op.summary(), "responses": { "200": { "description": "OK" } } });
    if matches!(op.verb, Verb::Write | Verb::Patch) {
        let properties: Map<String, Value> = params.iter().map(|f| (f.name.to_owned(), schema(f))).collect();
        operation["requestBody"] =
            json!({"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}});
    } else {
        parameters.extend(params.into_iter().map(|f| parameter(f, "query")));
    }
    operation["parameters"] = Value::Array(parameters);
    match entry.get_mut(method) {
        Some(known) => share_method(known, operation),
        None => entry[method] = operation,
    }
}

/// Reading and listing are one method: it gets the parameters of both, and those of the query need not be there.
fn share_method(known: &mut Value, other: Value) {
    let Some(params) = known["parameters"].as_array_mut() else { return };
    for param in other["parameters"].as_array().into_iter().flatten() {
        if !params.iter().any(|p| p["name"] == param["name"]) {
            params.push(param.clone());
        }
    }
    for param in params.iter_mut().filter(|p| p["in"] == "query") {
        param["required"] = json!(false);
    }
}

fn parameter(field: &Field, place: &str) -> Value {
    json!({"name": field.name, "in": place, "required": place == "path", "description": field.doc, "schema": schema(field)})
}

fn schema(field: &Field) -> Value {
    let mut out = match field.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Integer => json!({"type": "integer", "format": "int64"}),
        Kind::Duration => json!({"type": "string", "format": "duration"}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::List => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Map => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Kind::Json => json!({"type": "object"}),
    };
    out["description"] = json!(field.doc);
    if let Some(default) = field.default {
        out["default"] = json!(default);
    }
    if field.secret {
        out["x-vault-displayAttrs"] = json!({"sensitive": true});
    }
    out
}
