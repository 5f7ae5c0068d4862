//! The walls of ARCHITECTURE.md that no compiler holds: who depends on whom, the order of features, the one owner of each
//! table, and who may name whom within a feature.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The sources of each feature, by its name.
fn features() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut features = BTreeMap::new();
    for entry in std::fs::read_dir(source().join("features")).unwrap() {
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

/// The modules between which no circle may be: the folders and files of `src`, and each feature by itself.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

/// Which module names which other, with one place where it does. Re-exports of `lib.rs` count as what they lead to.
fn graph() -> Graph {
    let exported = exports(include_str!("../../src/lib.rs"));
    let mut graph = Graph::new();
    for (path, text) in sources(&source()) {
        let file = path.strip_prefix(source()).unwrap().to_str().unwrap().to_owned();
        let own = module_path(&file);
        let from = module_of(&own, &exported);
        if ["lib", "main"].contains(&from.as_str()) || own.last().is_some_and(|last| last == "tests") {
            continue;
        }
        let code = code_of(&text);
        let named = graph.entry(from.clone()).or_default();
        for path in named_paths(&code, &own) {
            let to = module_of(&path, &exported);
            if to != from {
                named
                    .entry(to)
                    .or_insert_with(|| format!("{file}: {}", path.join("::")));
            }
        }
    }
    graph
}

/// `features/keys/service/ring.rs` is `features::keys::service::ring`.
fn module_path(file: &str) -> Vec<String> {
    let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
    file.split('/').map(str::to_owned).collect()
}

/// What `lib.rs` exports again: the name, and the path behind it.
fn exports(lib: &str) -> BTreeMap<String, Vec<String>> {
    let mut exported = BTreeMap::new();
    for line in lib.split(';') {
        let Some((_, tree)) = line.split_once("pub use ") else {
            continue;
        };
        for path in spelled_out(tree.trim()) {
            exported.insert(path.last().unwrap().clone(), path);
        }
    }
    exported
}

/// The module of the graph that a path from the crate's root leads into.
fn module_of(path: &[String], exported: &BTreeMap<String, Vec<String>>) -> String {
    let first = path.first().map_or("lib", String::as_str);
    match exported.get(first) {
        Some(behind) if !is_module(first) && behind.len() > 1 => module_of(behind, exported),
        _ if first == "features" && path.len() > 1 => format!("features::{}", path[1]),
        _ => first.to_owned(),
    }
}

fn is_module(name: &str) -> bool {
    source().join(name).is_dir() || source().join(format!("{name}.rs")).is_file()
}

/// Every path in a piece of code that begins with `crate` or `super`, from the crate's root.
fn named_paths(code: &str, own: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let begins = |at: usize| {
        !code[..at]
            .ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':' || before == '$')
    };
    for (at, _) in code.match_indices("crate::").filter(|(at, _)| begins(*at)) {
        found.extend(spelled_out(&code[at + "crate::".len()..]));
    }
    for (at, _) in code.match_indices("super::").filter(|(at, _)| begins(*at)) {
        let (mut rest, mut base) = (&code[at..], own.to_vec());
        while let Some(above) = rest.strip_prefix("super::") {
            (rest, _) = (above, base.pop());
        }
        let below = spelled_out(rest);
        found.extend(below.into_iter().map(|path| [base.as_slice(), &path].concat()));
    }
    found
}

/// The paths of `a::{b, c::{self, d}}` one by one.
fn spelled_out(tree: &str) -> Vec<Vec<String>> {
    fn walk(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
        let name: String = tree.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let path = match name.as_str() {
            "" | "self" => before.to_vec(),
            name => [before, &[name.to_owned()]].concat(),
        };
        let rest = &tree[name.len()..];
        if let Some(below) = rest.strip_prefix("::") {
            return name.len() + 2 + walk(below, &path, found);
        }
        let Some(mut list) = rest.strip_prefix('{').filter(|_| name.is_empty()) else {
            found.push(path);
            return name.len();
        };
        let whole = rest.len();
        loop {
            list = list.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if list.is_empty() || list.starts_with('}') {
                return whole - list.len() + usize::from(list.starts_with('}'));
            }
            list = &list[walk(list, &path, found)..];
            list = list.trim_start_matches(|c| c != ',' && c != '}');
        }
    }
    let mut found = Vec::new();
    walk(tree, &[], &mut found);
    found
}

/// A file without its comments, its texts and its tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let (mut code, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        let skipped = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '\'' if rest.starts_with("'\"'") => 3,
            '"' => {
                let mut escaped = false;
                let end = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            _ => {
                code.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[skipped..];
    }
    code
}

#[test]
fn no_module_depends_on_itself() {
    let graph = graph();
    assert!(graph.len() > 20, "{:?}", graph.keys());
    for start in graph.keys() {
        let (mut seen, mut open) = (BTreeSet::new(), vec![vec![start.clone()]]);
        while let Some(way) = open.pop() {
            for (next, place) in graph.get(way.last().unwrap()).into_iter().flatten() {
                assert!(next != start, "a circle: {way:?} and back to {start} by {place}");
                if seen.insert(next.clone()) {
                    open.push([way.as_slice(), std::slice::from_ref(next)].concat());
                }
            }
        }
    }
}

#[test]
fn core_knows_no_feature_and_settings_know_nobody() {
    let graph = graph();
    for (from, allowed) in [("core", &["settings"][..]), ("settings", &[])] {
        for (to, place) in &graph[from] {
            assert!(allowed.contains(&to.as_str()), "{from} knows {to}: {place}");
        }
    }
}

#[test]
fn features_depend_only_downwards_and_only_on_faces() {
    let (order, graph, features) = (order(), graph(), features());
    assert_eq!(
        features.keys().cloned().collect::<Vec<_>>(),
        sorted(&order),
        "the order names every feature"
    );
    for (place, feature) in order.iter().enumerate() {
        for (to, at) in &graph[&format!("features::{feature}")] {
            let is_below = match to.strip_prefix("features::") {
                Some(other) => order[..place].iter().any(|below| below == other),
                None => ["core", "settings", "migrations"].contains(&to.as_str()),
            };
            assert!(is_below, "{feature} depends on {to}, which is not below it: {at}");
        }
        for (path, text) in &features[feature] {
            let own = module_path(path.strip_prefix(source()).unwrap().to_str().unwrap());
            for named in named_paths(&code_of(text), &own) {
                let behind = named.len() > 2
                    && named[0] == "features"
                    && named[1] != *feature
                    && ["service", "store", "schemas", "router"].contains(&named[2].as_str());
                assert!(!behind, "{} reaches behind a face: {named:?}", path.display());
            }
        }
    }
}

#[test]
fn paths_are_found_wherever_they_stand_and_lead_through_re_exports() {
    let exported = exports("pub use assembly::Services;\npub use app::{app, openapi};");
    let own = module_path("features/keys/service/mod.rs");
    let code = code_of(
        "// crate::comment\nuse crate::{Services, core::{self, clock::Clock}};\nuse super::super::audit::Event;\n\
         fn f(x: &crate::commands::Failure) { super::store::g(\"crate::text\", '\"', crate::app()) }",
    );
    let found: BTreeSet<_> = named_paths(&code, &own)
        .iter()
        .map(|path| module_of(path, &exported))
        .collect();
    let expected = [
        "app",
        "assembly",
        "commands",
        "core",
        "features::audit",
        "features::keys",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
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
