//! What an update of a client or an API changed, in a sentence.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

/// Names the members that an update changed. `what` is what was updated: `client grafana`.
pub(super) fn sentence(what: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let changed: Vec<_> = changed.map(String::as_str).collect();
    match changed.is_empty() {
        true => format!("The {what} is up to date; nothing has changed."),
        false => format!("Changed the {what}: {}.", changed.join(", ")),
    }
}

/// Returns the members of client or API metadata.
pub(super) fn members(metadata: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
