//! Which test covers which requirement of docs/security/lines.toml: a test's name begins with the ids that it covers.
//! The result is docs/security/asvs.md, which is checked in and must be up to date.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::documents::assert_fresh;

/// A requirement from the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    level: Option<String>,
    source: Option<String>,
    says: String,
    #[serde(default)]
    by: Vec<String>,
    #[serde(default)]
    through: Vec<Id>,
    waits: Option<String>,
    never: Option<String>,
}

/// `A-66`, `F-10a`: in the order of the file's groups, then by number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Id {
    group: usize,
    number: u16,
    part: String,
}

/// The letters of the groups, their titles, and the headings of their requirements.
const GROUPS: [(char, &str, &str); 7] = [
    ('A', "OWASP ASVS 5.0.0", "Requirement"),
    ('R', "RFCs and NIST SP 800-63B-4", "Case"),
    ('C', "Vulnerabilities of peers", "Vulnerability"),
    ('X', "More vulnerabilities of peers", "Vulnerability"),
    ('F', "Faults and load", "Case"),
    ('T', "Threats", "Threat"),
    ('O', "The OpenID provider", "Case"),
];

/// A test and its path from the root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    name: String,
    file: String,
}

enum State {
    Held,
    Open,
    Waits,
    Never,
}

struct Lines {
    lines: BTreeMap<Id, Line>,
    tests: BTreeMap<Id, Vec<Test>>,
}

#[test]
fn asvs_md_is_fresh_and_every_id_in_a_test_s_name_is_a_line() {
    let lines = Lines::read();
    lines.assert_sound();
    assert_fresh("security/asvs.md", &lines.document());
}

#[test]
fn ids_are_read_from_names() {
    let read = |name| ids(name).map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    assert_eq!(read("a66_every_answer").unwrap(), "A-66");
    assert_eq!(read("test_c_22_a_103_many_at_once").unwrap(), "C-22 A-103");
    assert_eq!(read("a_3_and_a_8_length").unwrap(), "A-3 A-8");
    assert_eq!(read("r1_to_r3_tokens").unwrap(), "R-1 R-2 R-3");
    assert_eq!(read("f10a_2000_sockets").unwrap(), "F-10a");
    assert_eq!(read("a_20_what_one_spends").unwrap(), "A-20");
    assert_eq!(read("a_test_of_something").unwrap(), "");
    assert!(read("a1_to_c3_backwards").is_err());
}

impl Lines {
    fn read() -> Self {
        let text = std::fs::read_to_string(root().join("docs/security/lines.toml")).unwrap();
        let lines: BTreeMap<String, Line> = toml::from_str(&text).unwrap();
        let lines = lines
            .into_iter()
            .map(|(id, line)| (Id::try_from(id).unwrap(), line))
            .collect();
        let mut tests: BTreeMap<Id, Vec<Test>> = BTreeMap::new();
        for folder in ["apps", "clients", "crates", "tests"] {
            for path in sources(&root().join(folder)) {
                let file = path.strip_prefix(root()).unwrap().display().to_string();
                for name in functions(&path) {
                    for id in ids(&name).unwrap_or_else(|error| panic!("{file}: {name}: {error}")) {
                        let (name, file) = (name.clone(), file.clone());
                        tests.entry(id).or_default().push(Test { name, file });
                    }
                }
            }
        }
        for tests in tests.values_mut() {
            tests.sort();
            tests.dedup();
        }
        Self { lines, tests }
    }

    fn assert_sound(&self) {
        for (id, tests) in &self.tests {
            let line = self.lines.get(id);
            let line = line.unwrap_or_else(|| panic!("{} names {id}, which is no line", tests[0].name));
            let applies = line.waits.is_none() && line.never.is_none();
            assert!(applies, "{id} is held by {} and yet said not to apply", tests[0].name);
        }
        for (id, line) in &self.lines {
            for file in &line.by {
                assert!(root().join(file).exists(), "{id} is held by {file}, which is not there");
            }
            for other in &line.through {
                let other_line = self
                    .lines
                    .get(other)
                    .unwrap_or_else(|| panic!("{id} is held through {other}"));
                assert!(
                    other_line.waits.is_none(),
                    "{id} applies, and {other} that it needs does not"
                );
            }
        }
    }

    fn state(&self, id: &Id) -> State {
        let line = &self.lines[id];
        if line.never.is_some() {
            return State::Never;
        }
        if line.waits.is_some() {
            return State::Waits;
        }
        let held = |other| matches!(self.state(other), State::Held);
        let something = !line.by.is_empty() || !line.through.is_empty() || self.tests.contains_key(id);
        if something && line.through.iter().all(held) {
            State::Held
        } else {
            State::Open
        }
    }

    fn document(&self) -> String {
        let mut text = String::from(INTRODUCTION);
        text += "\n| | requirements | applicable | covered | open | planned | not applicable |\n|---|---|---|---|---|---|---|\n";
        for (group, (letter, title, _)) in GROUPS.iter().enumerate() {
            if *letter == 'A' {
                for level in ["1", "2", "3*", "–"] {
                    let name = if level == "–" {
                        "no level".to_owned()
                    } else {
                        format!("level {level}")
                    };
                    let row = format!("{letter}: {title}, {name}");
                    text += &self.count(&row, |id, line| {
                        id.group == group && line.level.as_deref() == Some(level)
                    });
                }
            } else {
                text += &self.count(&format!("{letter}: {title}"), |id, _| id.group == group);
            }
        }
        text += &self.count("all", |_, _| true);
        for (group, (letter, title, what)) in GROUPS.iter().enumerate() {
            let (leveled, sourced) = (*letter == 'A', !['F', 'T', 'O'].contains(letter));
            let level_column = if leveled { " level |" } else { "" };
            let source_column = if sourced { " source |" } else { "" };
            let lines = "---|".repeat(3 + usize::from(leveled) + usize::from(sourced));
            write!(
                text,
                "\n## {letter}: {title}\n\n| |{level_column}{source_column} {what} | covered by |\n|{lines}\n"
            )
            .unwrap();
            for (id, line) in self.lines.iter().filter(|(id, _)| id.group == group) {
                let level = line
                    .level
                    .as_deref()
                    .map(|level| format!(" {} |", level.replace('*', "★")))
                    .unwrap_or_default();
                let source = line
                    .source
                    .as_deref()
                    .map(|source| format!(" {source} |"))
                    .unwrap_or_default();
                writeln!(text, "| {id} |{level}{source} {} | {} |", line.says, self.held_by(id)).unwrap();
            }
        }
        text
    }

    fn count(&self, row: &str, which: impl Fn(&Id, &Line) -> bool) -> String {
        let (mut held, mut open, mut waits, mut never) = (0, 0, 0, 0);
        for (id, _) in self.lines.iter().filter(|(id, line)| which(id, line)) {
            *match self.state(id) {
                State::Held => &mut held,
                State::Open => &mut open,
                State::Waits => &mut waits,
                State::Never => &mut never,
            } += 1;
        }
        let (lines, apply) = (held + open + waits + never, held + open);
        let row = row.replace('*', "★");
        format!("| {row} | {lines} | {apply} | {held} | {open} | {waits} | {never} |\n")
    }

    fn held_by(&self, id: &Id) -> String {
        let line = &self.lines[id];
        if let Some(why) = &line.never {
            return format!("not applicable: {why}");
        }
        if let Some(what) = &line.waits {
            return format!("planned: {what}");
        }
        let tests = self.tests.get(id).into_iter().flatten();
        let mut held: Vec<_> = tests
            .map(|Test { name, file }| format!("[{name}](../../{file})"))
            .collect();
        held.extend(line.by.iter().map(|file| format!("[{file}](../../{file})")));
        if !line.through.is_empty() {
            let others: Vec<_> = line.through.iter().map(ToString::to_string).collect();
            held.push(others.join(", "));
        }
        if matches!(self.state(id), State::Open) {
            held.insert(0, "**open**".to_owned());
        }
        held.join("<br>")
    }
}

const INTRODUCTION: &str = "\
# Security requirements

Generated from [lines.toml](lines.toml) and the names of the tests: a test that covers a requirement has its id at the
beginning of its name. Do not edit this file; run `UPDATE_DOCUMENTS=1 cargo test -p countersign lines`.

*Covered*: by the tests, files or other requirements in the last column. *Open*: applies, and is not fully covered.
*Planned*: applies once the named feature exists. *Not applicable*: concerns something that we do not build. ★: an ASVS
level 3 requirement that we meet as well.
";

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        let (found, rest) = id_at(&id.replace('-', "").to_lowercase()).ok_or(format!("{id} is no id"))?;
        if rest.is_empty() && found.to_string() == id {
            Ok(found)
        } else {
            Err(format!("{id} is no id"))
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-{}{}", GROUPS[self.group].0, self.number, self.part)
    }
}

/// The ids at the beginning of a test's name.
fn ids(name: &str) -> Result<Vec<Id>, String> {
    let mut rest = name.strip_prefix("test_").unwrap_or(name).to_owned();
    let mut found: Vec<Id> = Vec::new();
    loop {
        let (joined, after) = match (rest.strip_prefix("to_"), rest.strip_prefix("and_")) {
            (Some(after), _) if !found.is_empty() => ("to", after.to_owned()),
            (_, Some(after)) if !found.is_empty() => ("and", after.to_owned()),
            _ => ("", rest.clone()),
        };
        let Some((id, after)) = id_at(&after) else {
            return Ok(found);
        };
        if joined == "to" {
            let from = found.last().unwrap().clone();
            if from.group != id.group || from.number >= id.number {
                return Err(format!("there is nothing from {from} to {id}"));
            }
            let between = from.number + 1..id.number;
            found.extend(between.map(|number| Id {
                number,
                part: String::new(),
                ..from.clone()
            }));
        }
        found.push(id);
        rest = after;
    }
}

/// An id as spelled in a function's name, and the rest after its underscore.
fn id_at(text: &str) -> Option<(Id, String)> {
    let letter = text.chars().next()?.to_ascii_uppercase();
    let group = GROUPS.iter().position(|(group, ..)| *group == letter)?;
    let rest = text[1..].strip_prefix('_').unwrap_or(&text[1..]);
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    let number = rest[..digits].parse().ok()?;
    let (word, after) = rest[digits..].split_once('_').unwrap_or((&rest[digits..], ""));
    let is_part = word.is_empty() || (word.len() == 1 && word.chars().all(|part| part.is_ascii_lowercase()));
    is_part.then(|| {
        (
            Id {
                group,
                number,
                part: word.to_owned(),
            },
            after.to_owned(),
        )
    })
}

/// The names of the functions and modules in a Rust or Python source.
fn functions(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let after_keyword = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        let line = ["fn ", "mod ", "def "]
            .iter()
            .find_map(|keyword| line.strip_prefix(keyword))?;
        Some(
            line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .next()?
                .to_owned(),
        )
    };
    text.lines().filter_map(after_keyword).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let foreign = name.starts_with('.') || ["node_modules", "target", "__pycache__"].contains(&name);
        if path.is_dir() && !foreign {
            found.extend(sources(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "rs" || extension == "py")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
