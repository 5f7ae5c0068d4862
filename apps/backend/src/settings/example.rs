//! `countersign.toml` with every setting in it, made from the table of settings: what is not set is commented out, and says
//! what it means and what holds without it.

use std::fmt::Write;

use super::origin::Origin;
use super::setting::Setting;
use super::source::{APIS, APPLICATIONS, CLIENTS};
use super::table;
use super::value::Value;
use super::{apis, applications, clients};

const INTRODUCTION: &str = "\
# Settings of Countersign. Each commented line shows a setting with its default; to change it, remove the #. The environment
# and the command line override this file. `countersign settings` checks it, and shows the effective settings and where they
# come from. Reference: docs/settings.md
#
# Set these first in production: issuer, database_url, trusted_proxies, mail.smtp_url.
";

/// The longest line.
const WIDTH: usize = 118;

/// The whole text of the file.
pub fn example() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut current = "";
    for setting in table() {
        let (section, name) = setting.name.split_once('.').unwrap_or(("", setting.name));
        if section != current {
            current = section;
            // Writing to a string cannot fail.
            let _ = write!(text, "\n[{section}]\n");
        }
        text.push('\n');
        comment(&mut text, setting.meaning.trim());
        if !setting.warning.is_empty() {
            comment(&mut text, &format!("Warning: {}.", setting.warning));
        }
        comment(
            &mut text,
            &format!("Type: {}. Default: {}.", setting.form, default(setting)),
        );
        if setting.secret {
            comment(&mut text, &format!("From a file: {name}_file = \"/path\"."));
        }
        let _ = writeln!(text, "#{name} = {}", value(setting));
    }
    applications(&mut text);
    let opening = "Clients, each with a section like this one. Clients that are not in this file are registered with \
         `countersign clients create`.";
    entry(&mut text, opening, CLIENTS, clients::FIELDS);
    let opening = "APIs that clients may request access to, each with a section like this one.";
    entry(&mut text, opening, APIS, apis::FIELDS);
    text
}

/// An entry of another list, commented out as a whole. Its examples are written in TOML.
fn entry(text: &mut String, opening: &str, list: &str, fields: &[Setting]) {
    text.push('\n');
    comment(text, opening);
    let _ = writeln!(text, "# [[{list}]]");
    for field in fields {
        let _ = writeln!(text, "# {} = {}", field.name, field.default);
    }
}

/// An entry of `[[applications]]`, commented out as a whole.
fn applications(text: &mut String) {
    let opening = "Your own applications, each with a section like this one. For an application that only needs its \
                   origin, use the shorter app_origins, above.";
    text.push('\n');
    comment(text, opening);
    let _ = writeln!(text, "# [[{APPLICATIONS}]]");
    let mut links = false;
    for field in applications::FIELDS {
        let (section, name) = field.name.split_once('.').unwrap_or(("", field.name));
        if !section.is_empty() && !links {
            links = true;
            let _ = writeln!(text, "# [{APPLICATIONS}.{section}]");
        }
        let value = match field.form {
            form if form == <Vec<Origin>>::FORM => format!("[{:?}]", field.default),
            _ => format!("{:?}", field.default),
        };
        let _ = writeln!(text, "# {name} = {value}");
    }
}

fn default(setting: &Setting) -> &str {
    match (setting.default_is, setting.default) {
        ("", "") => "none",
        ("", default) => default,
        (words, _) => words,
    }
}

/// The default as TOML. Numbers and truth values are what they are; all else is text, and also a list may be one.
fn value(setting: &Setting) -> String {
    let default = setting.default;
    let is_plain = default.parse::<f64>().is_ok() || matches!(default, "true" | "false");
    if is_plain {
        default.to_owned()
    } else {
        format!("{default:?}")
    }
}

/// Whole words, as many in a line as there is room for.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH && line.len() > 1 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Settings, SettingsFile, Sources};
    use super::*;

    fn shown(text: String) -> Vec<(String, String)> {
        let file = SettingsFile {
            path: PathBuf::from("countersign.toml"),
            text: Ok(text),
        };
        let loaded = Settings::load(&Sources {
            file: Some(file),
            ..Sources::default()
        });
        let loaded = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        loaded
            .in_force
            .into_iter()
            .map(|row| (row.setting.into_owned(), row.value))
            .collect()
    }

    #[test]
    fn the_example_as_it_comes_changes_nothing() {
        assert_eq!(shown(example()), shown(String::new()));
    }

    #[test]
    fn each_setting_stands_in_it_once_in_its_section() {
        let (mut section, mut found) = (String::new(), Vec::new());
        for line in example().lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.replace(']', ".");
            } else if let Some((name, _)) = line.strip_prefix('#').and_then(|line| line.split_once(" = "))
                && !name.starts_with(' ')
            {
                found.push(format!("{section}{name}"));
            }
            assert!(line.chars().count() <= WIDTH + 40, "{line}");
        }
        let known: Vec<_> = table().map(|setting| setting.name.to_owned()).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn what_is_commented_in_is_its_default() {
        // All at once. A setting that has no default, or one that others decide, is left alone.
        let plain: Vec<_> = table()
            .filter(|setting| !setting.default.is_empty() && setting.default_is.is_empty())
            .map(|setting| setting.name.rsplit('.').next().unwrap_or_default())
            .collect();
        let mut section_of_none = String::new();
        for line in example().lines() {
            let set = line.strip_prefix('#').filter(|line| {
                line.split_once(" = ")
                    .is_some_and(|(name, value)| plain.contains(&name) && value != "\"\"")
            });
            section_of_none.push_str(set.unwrap_or(line));
            section_of_none.push('\n');
        }
        assert_eq!(shown(section_of_none), shown(String::new()));
    }
}
