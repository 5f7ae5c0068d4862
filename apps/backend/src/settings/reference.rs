//! `docs/settings.md`, made from the table of settings.

use std::fmt::Write;

use super::setting::Setting;
use super::table;

const INTRODUCTION: &str = "\
<!-- Made by `countersign settings --reference`; do not edit. -->
# Settings

A value comes from the first of these that gives it:

1. the command line: `--listen`, `--metrics-listen`, `--issuer`, `--database-url`, `--keys-dir`;
2. the environment: `COUNTERSIGN_` and the name in capitals, with `__` between section and name
   (`COUNTERSIGN_TOKENS__ACCESS_TTL`);
3. the settings file: `countersign.toml` in the working folder, or the one that `--config` or `COUNTERSIGN_CONFIG` names;
4. the default.

`countersign settings --example` prints a `countersign.toml` with every setting in it, commented out.
`countersign settings` shows what is in force and where each value came from. Nothing starts on a mistake: all of them
are told at once, with file and line or the variable, and the exit code is 78. A name that is no setting is a mistake, in
the file and in the environment; only `COUNTERSIGN_TEST_…`, and what Kubernetes sets for a service called `countersign`,
are left alone.

- **Durations** are numbers with a unit, `d`, `h`, `m`, `s` or `ms`: `15d`, `1h30m`.
- **Rates** are a number in a time: `10/15m`.
- **Lists** are TOML lists; in the environment, commas stand between the elements.
- **Secrets** may come from a file: `database_url_file` in TOML, `COUNTERSIGN_DATABASE_URL_FILE` in the environment. One
  line break at the end of the file is dropped. Giving both the secret and its file is a mistake.
- **A value is taken as it stands.** Quotation marks at its ends, blanks, and the line ends of Windows are mistakes: only a
  shell takes quotes away, and the file of `docker run --env-file` is read by none.
- **An empty variable is a value**, not a missing one: it empties a list and turns `metrics_listen` off, and is a mistake
  elsewhere, so that a secret that got lost on its way never starts the server on a default.
- **Paths** are relative to the working folder.
";

/// The whole text of `docs/settings.md`.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut current = None;
    for setting in table() {
        let section = setting.name.split_once('.').map_or("", |(section, _)| section);
        if current != Some(section) {
            current = Some(section);
            let title = if section.is_empty() {
                "At the top".to_owned()
            } else {
                format!("`[{section}]`")
            };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n## {title}\n\n| setting | takes | default | meaning |\n|---|---|---|---|\n"
            );
        }
        let _ = writeln!(text, "{}", row(setting));
    }
    text
}

fn row(setting: &Setting) -> String {
    let default = match (setting.default_is, setting.default) {
        ("", "") => "none".to_owned(),
        ("", default) => format!("`{default}`"),
        (words, _) => words.to_owned(),
    };
    let danger = match setting.danger {
        "" => String::new(),
        danger => format!(" **Danger:** {danger}."),
    };
    let (name, variable) = (setting.name, setting.variable());
    format!(
        "| `{name}`<br>`{variable}` | {} | {default} | {}{danger} |",
        setting.form,
        setting.meaning.trim()
    )
}
