//! The walls of ARCHITECTURE.md that no compiler holds: the order of features, the one owner of each table, and
//! who may name whom within a feature.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The sources of each feature, by its name.
fn features() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/features");
    let mut features = BTreeMap::new();
    for entry in std::fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            features.insert(name, sources(&path));
        }
    }
    features
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The order as `features/mod.rs` writes it down.
fn order() -> Vec<String> {
    let text = include_str!("../../src/features/mod.rs");
    let line = text
        .lines()
        .find(|line| line.contains(" < "))
        .expect("features/mod.rs writes the order down");
    line.trim_start_matches("//!")
        .trim()
        .trim_matches('`')
        .split(" < ")
        .map(str::to_owned)
        .collect()
}

#[test]
fn features_import_only_downwards_and_only_faces() {
    let order = order();
    let features = features();
    assert_eq!(
        features.keys().cloned().collect::<Vec<_>>(),
        sorted(&order),
        "the order names every feature"
    );
    for (feature, sources) in &features {
        let place = order.iter().position(|name| name == feature).unwrap();
        for (path, text) in sources {
            for import in imports(text) {
                let other = import.split("::").next().unwrap();
                if other == feature {
                    continue;
                }
                let below = order
                    .iter()
                    .position(|name| name == other)
                    .unwrap_or_else(|| panic!("{other}: {path:?}"));
                assert!(
                    below < place,
                    "{} imports {other}, which is not below {feature}",
                    path.display()
                );
                let rest = import.strip_prefix(other).unwrap().trim_start_matches("::");
                let first = rest.split("::").next().unwrap();
                assert!(
                    !["service", "store", "schemas", "router"].contains(&first),
                    "{} reaches behind the face of {other}",
                    path.display()
                );
            }
        }
    }
}

/// Every path that is imported from another feature, as `feature::rest`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in text.split(';') {
        let Some((_, tail)) = statement.split_once("use crate::features::") else {
            continue;
        };
        match tail.trim().strip_prefix('{') {
            // `{audit, keys::{Keys}}`: one path for each name at the top of the braces.
            Some(list) => {
                let mut depth = 0;
                let mut current = String::new();
                for character in list.chars() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if character == ',' && depth == 0 {
                        found.push(std::mem::take(&mut current).trim().to_owned());
                    } else {
                        current.push(character);
                    }
                }
                if !current.trim().is_empty() {
                    found.push(current.trim().to_owned());
                }
            }
            None => found.push(tail.trim().to_owned()),
        }
    }
    found
}

#[test]
fn core_knows_no_feature_and_settings_know_nobody() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (path, text) in sources(&source.join("core")) {
        assert!(!text.contains("crate::features"), "{} knows a feature", path.display());
    }
    for (path, text) in sources(&source.join("settings")) {
        assert!(
            !text.contains("crate::features") && !text.contains("crate::core"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_router_names_no_store_a_service_no_axum_a_store_no_service() {
    for (path, text) in features().into_values().flatten() {
        let code = text.split("#[cfg(test)]").next().unwrap();
        // Not the folder that the whole checkout stands in, which may be called anything.
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap();
        if name.contains("/router") {
            assert!(
                !code.contains("super::store") && !code.contains("countersign_store"),
                "{name} names a store"
            );
        }
        if name.contains("/service") {
            assert!(
                !code.contains("axum") && !code.contains("sql!"),
                "{name} names axum or SQL"
            );
        }
        if name.contains("/store") {
            assert!(!code.contains("super::service"), "{name} names a service");
        }
    }
}

#[test]
fn one_table_has_one_owner() {
    let migrations: Vec<&str> = countersign::migrations::ALL
        .iter()
        .map(|migration| migration.sql)
        .collect();
    let tables: Vec<&str> = migrations
        .iter()
        .flat_map(|sql| sql.lines())
        .filter_map(|line| line.strip_prefix("CREATE TABLE "))
        .map(|line| line.split([' ', '(']).next().unwrap())
        .collect();
    assert!(tables.len() >= 13, "{tables:?}");
    for table in tables {
        let mut owners: Vec<String> = Vec::new();
        for (feature, sources) in features() {
            let named = |text: &str| {
                ["FROM", "INTO", "UPDATE", "JOIN"].iter().any(|word| {
                    text.match_indices(&format!("{word} {table}")).any(|(at, found)| {
                        !text[at + found.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
                    })
                })
            };
            if sources.iter().any(|(_, text)| named(text)) {
                owners.push(feature);
            }
        }
        assert_eq!(owners.len(), 1, "{table} belongs to {owners:?}");
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}
