//! Rules of ARCHITECTURE.md that the compiler does not enforce: dependencies between modules, the order of features,
//! the single owner of each table, and which modules of a feature may use which.
//!
//! **Definition of a cycle.** A module is a file. It depends on another module if its code names something that the
//! other *declares*, however it is imported: re-exports are followed to the declaration. These are not dependencies:
//! - `mod child;` and `pub use child::Thing;`: a `mod.rs` that only re-exports its children is the folder's public
//!   interface. If its own code uses the child, it depends on it.
//! - The name of a type of a parent module, in a file that adds methods to that type (`impl Keys` in
//!   `keys/service/watch.rs`): that file is part of the parent module.
//! - What tests need.
//!
//! So a parent and its child form a cycle if the parent's code uses the child and the child uses something that the
//! parent declares. Move the latter into a separate file below both.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use self::source::{Crate, Graph, Names, circles};

fn backend() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The root file of each of our crates.
const CRATES: [(&str, &str); 8] = [
    ("backend", "apps/backend/src/lib.rs"),
    ("bench", "bench/harness/src/main.rs"),
    ("fuzz", "fuzz/src/lib.rs"),
    ("guard", "crates/guard/src/lib.rs"),
    ("jose", "crates/jose/src/lib.rs"),
    ("oauth", "crates/oauth/src/lib.rs"),
    ("store", "crates/store/src/lib.rs"),
    ("testkit", "crates/testkit/src/lib.rs"),
];

/// Those of our crates that are chosen by name.
fn crates(is_chosen: impl Fn(&str) -> bool) -> BTreeMap<&'static str, Crate> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let chosen = CRATES.into_iter().filter(|(name, _)| is_chosen(name));
    chosen
        .map(|(name, root)| (name, Crate::read(&top.join(root))))
        .collect()
}

fn server() -> Crate {
    Crate::read(&backend().join("lib.rs"))
}

/// The same between folders: of the whole crate, within `core` and `commands`, and between features.
fn folders(graph: &Graph) -> Graph {
    let order = order();
    let folder = |module: &Names| -> Names {
        let depth = match module.first().map(String::as_str) {
            Some("features") => feature(module, &order).map_or(2, |(_, within)| module.len() - within.len()),
            Some("commands" | "core") => 2,
            _ => 1,
        };
        module.iter().take(depth).cloned().collect()
    };
    let mut merged = Graph::new();
    for (from, named) in graph {
        let row = merged.entry(folder(from)).or_default();
        for (to, by) in named {
            if folder(to) != folder(from) {
                row.entry(folder(to))
                    .or_insert_with(|| format!("{}: {by}", from.join("::")));
            }
        }
    }
    merged
}

/// Describes a cycle: its modules, and the paths by which they name each other.
fn described(circle: &BTreeSet<Names>, graph: &Graph) -> String {
    let mut lines = Vec::new();
    for from in circle {
        for (to, by) in graph[from].iter().filter(|(to, _)| circle.contains(*to)) {
            lines.push(format!("  {} -> {} by {by}", from.join("::"), to.join("::")));
        }
    }
    lines.join("\n")
}

#[test]
fn no_module_depends_on_itself() {
    let (mut count, mut found) = (0, Vec::new());
    for (name, read) in crates(|_| true) {
        let graph = read.graph();
        assert!(
            graph.len() > 1 || ["fuzz", "oauth"].contains(&name),
            "{name} has no modules"
        );
        count += graph.len();
        for circle in circles(&graph) {
            found.push(format!("{} in {name}:\n{}", circle.len(), described(&circle, &graph)));
        }
    }
    println!("{count} modules, {} circles", found.len());
    assert!(count > 400, "{count}");
    assert!(
        found.is_empty(),
        "modules that depend on themselves:\n{}",
        found.join("\n")
    );
}

#[test]
fn no_folder_depends_on_itself() {
    let graph = folders(&server().graph());
    assert!(graph.len() > 50, "{:?}", graph.keys());
    let found = circles(&graph);
    let found: Vec<String> = found.iter().map(|circle| described(circle, &graph)).collect();
    assert!(
        found.is_empty(),
        "folders that depend on themselves:\n{}",
        found.join("\n\n")
    );
}

#[test]
fn core_imports_no_feature_and_settings_import_nothing() {
    for (from, named) in server().graph() {
        let allowed: &[&str] = match from.first().map(String::as_str) {
            Some("core") => &["core", "settings"],
            Some("settings") => &["settings"],
            _ => continue,
        };
        for (to, by) in named {
            let is_allowed = to.first().is_some_and(|to| allowed.contains(&to.as_str()));
            assert!(is_allowed, "{from:?} knows {to:?} by {by}");
        }
    }
}

/// The order in `features/mod.rs`.
fn order() -> Vec<String> {
    let text = include_str!("../../../src/features/mod.rs");
    let line = text
        .lines()
        .find(|line| line.contains(" < "))
        .expect("features/mod.rs writes the order down");
    let line = line.trim_start_matches("//!").trim().trim_matches('`');
    line.split(" < ").map(str::to_owned).collect()
}

/// The feature of a path and the rest of the path within it. A feature is a folder of `features/`, or of a group there.
fn feature<'p>(path: &'p [String], order: &[String]) -> Option<(&'p str, &'p [String])> {
    let [top, rest @ ..] = path else { return None };
    let at = rest.iter().take(2).position(|name| order.contains(name))?;
    (top == "features").then(|| (rest[at].as_str(), &rest[at + 1..]))
}

#[test]
fn features_depend_only_downwards_and_only_on_faces() {
    let (order, read) = (order(), server());
    let mut written = order.clone();
    written.sort();
    // A group has nothing but features; anything else in `features/` is a feature.
    let is_group = |path: &Names| path.len() == 2 && feature(path, &order).is_none();
    let mut there: Vec<String> = Vec::new();
    for path in read
        .modules
        .keys()
        .filter(|path| path.first().is_some_and(|top| top == "features"))
    {
        match feature(path, &order) {
            Some((name, [])) => there.push(name.to_owned()),
            Some(_) => {}
            None => assert!(
                path.len() == 1 || is_group(path),
                "{path:?} is in no feature that the order names"
            ),
        }
    }
    there.sort();
    assert_eq!(there, written, "the order names every feature");
    let place = |name: &str| order.iter().position(|feature| feature == name).unwrap();
    for (from, named) in &read.graph() {
        let Some((own, _)) = feature(from, &order) else {
            continue;
        };
        for (to, by) in named {
            let is_below = match feature(to, &order) {
                Some((other, _)) => place(other) <= place(own),
                None => ["core", "settings", "migrations"].contains(&to[0].as_str()),
            };
            assert!(is_below, "{from:?} depends on {to:?}, which is not below it, by {by}");
        }
    }
    for (from, module) in &read.modules {
        let Some((own, _)) = feature(from, &order) else {
            continue;
        };
        for path in &module.named {
            let absolute = absolute(from, path);
            let behind = feature(&absolute, &order).is_some_and(|(other, within)| {
                let layers = ["service", "store", "schemas", "router"];
                other != own && within.first().is_some_and(|layer| layers.contains(&layer.as_str()))
            });
            assert!(!behind, "{from:?} reaches behind a face: {path:?}");
        }
    }
}

/// Resolves a path that begins with `crate` or `super` from the crate's root.
fn absolute(from: &Names, path: &[String]) -> Names {
    let above = path.iter().take_while(|name| *name == "super").count();
    match path.first().map(String::as_str) {
        Some("crate") => path[1..].to_vec(),
        Some("super") => [&from[..from.len().saturating_sub(above)], &path[above..]].concat(),
        _ => Names::new(),
    }
}

#[test]
fn a_router_names_no_store_a_service_no_axum_a_store_no_service() {
    let order = order();
    let features = Crate::read_module(&backend().join("features/mod.rs"), vec!["features".to_owned()]);
    assert!(features.modules.len() > 200, "{}", features.modules.len());
    for (from, module) in &features.modules {
        let Some((own, [layer, ..])) = feature(from, &order) else {
            continue;
        };
        for path in &module.named {
            let absolute = absolute(from, path);
            let names = |what: &str| path.first().is_some_and(|first| first == what);
            let names_own = |layer: &str| {
                feature(&absolute, &order)
                    .is_some_and(|(other, within)| other == own && within.first().is_some_and(|first| first == layer))
            };
            let is_forbidden = match layer.as_str() {
                "router" => names_own("store") || names("countersign_store"),
                "service" => names("axum") || path.last().is_some_and(|last| last == "sql"),
                "store" => names_own("service"),
                _ => false,
            };
            assert!(!is_forbidden, "{from:?} names {path:?}");
        }
    }
}

#[test]
fn one_table_has_one_owner() {
    let (tables, order) = (tables(), order());
    assert!(tables.len() >= 13, "{tables:?}");
    let mut owners: BTreeMap<&str, BTreeSet<String>> = tables.iter().map(|table| (*table, BTreeSet::new())).collect();
    for (name, read) in crates(|name| ["backend", "store"].contains(&name)) {
        for (path, module) in &read.modules {
            for text in &module.texts {
                assert!(
                    name == "store" || !has_hole_for_table(text),
                    "{path:?} leaves open which table it means: {text:?}"
                );
                for table in tables.iter().filter(|table| names_table(text, table)) {
                    let owner = match feature(path, &order) {
                        Some((feature, _)) => feature.to_owned(),
                        None => format!("{name}::{}", path.join("::")),
                    };
                    owners.get_mut(table).unwrap().insert(owner);
                }
            }
        }
    }
    for (table, owners) in owners {
        assert_eq!(owners.len(), 1, "{table} belongs to {owners:?}");
        let owner = owners.first().unwrap();
        assert!(order.contains(owner), "{table} belongs to {owner}, which is no feature");
    }
}

/// The tables of all migrations, except those that a later migration dropped.
fn tables() -> Vec<&'static str> {
    let lines = || {
        countersign::migrations::ALL
            .iter()
            .flat_map(|migration| migration.sql.lines())
    };
    let name = |rest: &'static str| rest.split([' ', '(', ';']).next().unwrap();
    let dropped: Vec<&str> = lines()
        .filter_map(|line| line.strip_prefix("DROP TABLE "))
        .map(name)
        .collect();
    let made = lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")).map(name);
    made.filter(|table| !dropped.contains(table)).collect()
}

const VERBS: [&str; 10] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "ALTER", "DROP", "TRUNCATE", "LOCK",
];

const CLAUSES: [&str; 8] = ["FROM", "INTO", "SET", "VALUES", "TABLE", "INDEX", "AS", "WHERE"];

/// Whether a text is SQL, or part of it, that names a table, regardless of whitespace and of where the text is split.
fn names_table(text: &str, table: &str) -> bool {
    let words: Vec<&str> = words(text).collect();
    let after_keyword = words.windows(2).any(|pair| {
        ["FROM", "INTO", "UPDATE", "JOIN", "TABLE", "REFERENCES", "ONLY", "USING"].contains(&pair[0])
            && pair[1] == table
    });
    // `DELETE /api/…` is not SQL.
    let is_statement =
        words.first().is_some_and(|first| VERBS.contains(first)) && words.iter().any(|word| CLAUSES.contains(word));
    after_keyword || is_statement && words.contains(&table)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// A statement with an interpolated table name cannot be found by searching for the table.
fn has_hole_for_table(text: &str) -> bool {
    let is_statement = words(text).next().is_some_and(|first| VERBS.contains(&first));
    let holes = ["FROM {", "INTO {", "UPDATE {", "JOIN {", "TABLE {"];
    is_statement && holes.iter().any(|hole| text.contains(hole))
}

/// The sources of the server, each with its path from `src`.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![backend()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(backend()).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// Clippy forbids `thread_local!`, but an exception applies to a whole crate.
#[test]
fn the_span_of_a_request_is_the_one_global() {
    let found = sources().into_iter().filter(|(_, text)| text.contains("_local!"));
    let found: Vec<_> = found.map(|(path, _)| path).collect();
    assert_eq!(found, [Path::new("core/layers/span.rs")]);
}

/// An error would be stored as an empty value, which is noticed only when it is read.
#[test]
fn no_feature_replaces_json_that_cannot_be_written() {
    let (mut calls, mut found) = (0, Vec::new());
    for (path, text) in sources() {
        if !path.starts_with("features") {
            continue;
        }
        for (at, _) in text.match_indices("serde_json::to_") {
            calls += 1;
            if hides_an_error(&text[at..]) {
                found.push(format!("{}: {}", path.display(), text[at..].lines().next().unwrap()));
            }
        }
    }
    assert!(calls > 5, "{calls}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Returns whether the call that begins here has its error replaced.
fn hides_an_error(call: &str) -> bool {
    let mut open = 0;
    let end = call.find(|letter| {
        open += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ')' && open <= 0
    });
    let rest = end.map_or("", |end| &call[end + 1..]).trim_start();
    [".unwrap_or", ".ok()"].iter().any(|hiding| rest.starts_with(hiding))
}

#[test]
fn every_migration_of_the_folder_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut there: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    there.sort();
    let listed: Vec<(String, String)> = countersign::migrations::ALL
        .iter()
        .map(|migration| {
            let name = migration.name.replace(' ', "_");
            (format!("{:04}_{name}.sql", migration.version), migration.sql.to_owned())
        })
        .collect();
    let names = |list: &[(String, String)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(
        names(&there),
        names(&listed),
        "src/migrations.rs lists every file of migrations/, and nothing else"
    );
    assert!(
        there == listed,
        "each migration of src/migrations.rs is the file of its name"
    );
}

// Tests of the checks above.

#[test]
fn errors_that_are_hidden_are_seen_on_every_line() {
    for (call, is_hidden) in [
        ("serde_json::to_string(&one(two)).unwrap_or_default()", true),
        ("serde_json::to_string(&one)\n            .ok()", true),
        ("serde_json::to_value(one)?, other.unwrap_or_default()", false),
        ("serde_json::to_string).transpose()", false),
        ("serde_json::to_string(one).map_err(|_| two())?", false),
    ] {
        assert_eq!(hides_an_error(call), is_hidden, "{call}");
    }
}

fn circle_names(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let found = circles(&Crate::of(files).graph());
    let names = |circle: BTreeSet<Names>| circle.into_iter().map(|path| path.join("::")).collect();
    found.into_iter().map(names).collect()
}

#[test]
fn circles_are_found_through_re_exports_globs_macros_and_aliases() {
    let through_re_export = [
        ("", "mod a; mod b; pub use a::A; pub use b::make;"),
        ("a", "pub struct A; fn f() { crate::make(); }"),
        ("b", "use crate::A; pub fn make() -> A { A }"),
    ];
    assert_eq!(circle_names(&through_re_export), [["a", "b"]]);
    let by_glob = [
        ("", "mod a; mod b;"),
        ("a", "use super::b::*; pub struct A; fn f() -> B { B }"),
        ("b", "pub struct B; fn f(_: crate::a::A) {}"),
    ];
    assert_eq!(circle_names(&by_glob), [["a", "b"]]);
    let in_a_macro = [
        ("", "mod a; mod b;"),
        ("a", "pub fn f() { println!(\"{}\", crate::b::g()) }"),
        ("b", "pub fn g() -> u8 { vec![super::a::f as fn()]; 1 }"),
    ];
    assert_eq!(circle_names(&in_a_macro), [["a", "b"]]);
    let by_another_name = [
        ("", "mod a; mod b;"),
        ("a", "use crate::b::{self as other}; pub type A = other::B;"),
        ("b", "pub struct B; use super::a::A as Alias; fn f(_: Alias) {}"),
    ];
    assert_eq!(circle_names(&by_another_name), [["a", "b"]]);
    // The child's `super::Bit` is the same text as the parent's import from its own parent.
    let by_the_same_words = [
        ("", "mod a;"),
        ("a", "mod b; mod bit; pub use bit::Bit;"),
        ("a::bit", "pub struct Bit;"),
        ("a::b", "mod c; use super::Bit; fn f(_: Bit) { c::g(Bit) }"),
        ("a::b::c", "use super::Bit; pub fn g(_: Bit) {}"),
    ];
    assert_eq!(circle_names(&by_the_same_words), Vec::<Vec<String>>::new());
}

#[test]
fn a_parent_and_its_child_are_a_circle_when_each_uses_the_other() {
    let each = [
        ("", "mod a;"),
        ("a", "mod b; pub struct Options; pub fn run() { b::step(Options) }"),
        ("a::b", "use super::Options; pub fn step(_: Options) {}"),
    ];
    assert_eq!(circle_names(&each), [["a", "a::b"]]);
    let face = [
        ("", "mod a;"),
        ("a", "mod b; pub use b::step; pub struct Options;"),
        ("a::b", "use super::Options; pub fn step(_: Options) {}"),
    ];
    assert_eq!(circle_names(&face), Vec::<Vec<String>>::new());
    let part = [
        ("", "mod a;"),
        ("a", "mod b; pub struct Keys(b::Watch);"),
        (
            "a::b",
            "use super::Keys; pub struct Watch; impl Keys { fn watch(&self) {} }",
        ),
    ];
    assert_eq!(circle_names(&part), Vec::<Vec<String>>::new());
    let tests = [
        ("", "mod a; mod b;"),
        (
            "a",
            "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }  fn f() {}",
        ),
        ("b", "use crate::a::A; pub struct B(A);"),
    ];
    assert_eq!(circle_names(&tests), Vec::<Vec<String>>::new());
}

#[test]
fn sql_is_seen_in_every_form() {
    let texts = |code: &str| Crate::of(&[("", code)]).modules[&Names::new()].texts.clone();
    let forms = [
        "fn f() { query(sql!(\"SELECT id FROM accounts WHERE id = $1\")); }",
        "fn f() { query(sql!(concat!(\"SELECT id FROM \", \"accounts\"))); }",
        "fn f() { format!(\"UPDATE {} SET x = 1\", \"accounts\"); }",
        "const A: &str = \"SELECT 1\\n  FROM   accounts\";",
        "static A: Sql = Sql::new(\"DELETE FROM accounts\", \"x\");",
        "fn f() { sql! { sqlite: \"SELECT 1\", postgres: \"SELECT 1 FROM a JOIN accounts\" } }",
        "macro_rules! m { () => { sql!(\"INSERT INTO accounts (id) VALUES ($1)\") } }",
        "fn f() { batch(r#\"WITH x AS (SELECT 1 FROM accounts) SELECT 1\"#) }",
    ];
    for form in forms {
        assert!(texts(form).iter().any(|text| names_table(text, "accounts")), "{form}");
    }
    let others = [
        "fn f() { get(\"/api/accounts\") }",
        "fn f() { sql!(\"SELECT id FROM accounts_of_others\"); }",
        "fn f() { println!(\"from accounts\"); }",
        "fn f() { route(\"DELETE /api/accounts\") }",
        "#[cfg(test)] mod tests { fn f() { sql!(\"SELECT 1 FROM accounts\"); } }",
        "/// SELECT 1 FROM accounts\nfn f() {}",
    ];
    for other in others {
        assert!(
            !texts(other).iter().any(|text| names_table(text, "accounts")),
            "{other}"
        );
    }
    assert!(has_hole_for_table("DELETE FROM {table} WHERE id = $1"));
    assert!(!has_hole_for_table("SELECT id FROM accounts WHERE id = {id}"));
}
