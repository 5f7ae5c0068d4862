//! The code style of imports and constants, checked in jose and guard like in the server.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn imports_are_flat_and_constants_stand_on_top() {
    // The published package contains only jose.
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("../guard").is_dir() {
        return;
    }
    let mut wrong = Vec::new();
    let mut seen = 0;
    for folder in ["../jose", "../guard"] {
        for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            seen += 1;
            for import in nested_imports(&text) {
                wrong.push(format!(
                    "{}: `use {import}` nests modules; give each a line",
                    file.display()
                ));
            }
            for constant in late_constants(&text) {
                wrong.push(format!("{}: `{constant}` belongs behind the imports", file.display()));
            }
        }
    }
    assert!(seen > 60, "only {seen} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_breaks_the_style_is_found() {
    let nested = "use a::{b, c::d};\nuse e::{f, g};\nuse h::{\n    i::{j, k},\n};\n";
    assert_eq!(nested_imports(nested).len(), 2);
    let late = "use a::b;\n\nconst A: u8 = 1;\n\nfn f() {\n    const B: u8 = 2;\n}\n\npub(crate) const C: u8 = 3;\n";
    assert_eq!(late_constants(late), ["pub(crate) const C: u8 = 3;"]);
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Imports whose braces contain a path.
fn nested_imports(text: &str) -> Vec<String> {
    let starts = text.match_indices("use ").filter(|(at, _)| {
        let line = text[..*at].rsplit('\n').next().unwrap_or_default();
        matches!(line.trim(), "" | "pub" | "pub(crate)" | "pub(super)")
    });
    let imports = starts.filter_map(|(at, found)| text[at + found.len()..].split(';').next());
    imports
        .filter(|import| import.split_once('{').is_some_and(|(_, inner)| inner.contains("::")))
        .map(str::to_owned)
        .collect()
}

/// Constants of a file that come after its first item.
fn late_constants(text: &str) -> Vec<&str> {
    let own = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let bare = |line: &str| -> String {
        let line = line.strip_prefix("pub").unwrap_or(line).trim_start();
        let line = line
            .strip_prefix("(crate)")
            .or(line.strip_prefix("(super)"))
            .unwrap_or(line);
        line.trim_start().to_owned()
    };
    let is = |line: &str, words: &[&str]| words.iter().any(|word| bare(line).starts_with(word));
    own.lines()
        .skip_while(|line| {
            !is(
                line,
                &["fn ", "async fn ", "struct ", "enum ", "impl", "trait ", "type "],
            )
        })
        .filter(|line| is(line, &["const ", "static "]) && !bare(line).starts_with("const fn"))
        .filter(|line| !line.starts_with(' '))
        .collect()
}
