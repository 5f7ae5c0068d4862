//! The output of commands: tables by default, JSON with `--json`.
//!
//! Values are escaped so that they cannot move the cursor, change colors or reverse the text direction.

use std::io::{self, Write};

use serde::Serialize;

use crate::core::text::is_harmful;
pub use crate::core::text::{harmless, harmless_lines};

/// The standard output, where commands print.
pub(super) type Standard = Output<io::Stdout>;

/// A value that can be printed as a table row or a JSON object.
pub trait Row: Serialize {
    /// The column titles.
    const COLUMNS: &'static [&'static str];

    /// Returns the cells of the row, one for each column. An empty cell is printed as `-`.
    fn cells(&self) -> Vec<String>;
}

/// The output format and destination.
pub struct Output<W> {
    json: bool,
    to: W,
}

impl Output<io::Stdout> {
    /// Creates an output that prints to the standard output.
    pub fn standard(json: bool) -> Self {
        Self::to(json, io::stdout())
    }
}

impl<W: Write> Output<W> {
    /// Creates an output that prints to any writer.
    pub fn to(json: bool, to: W) -> Self {
        Self { json, to }
    }

    /// Reports whether the output is JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints rows as a table with a header, or as a JSON array of objects.
    ///
    /// # Errors
    /// An I/O error, except a broken pipe from a reader such as `head`.
    pub fn rows<R: Row>(&mut self, rows: &[R]) -> io::Result<()> {
        if self.json {
            return self.json(&rows);
        }
        let titles = R::COLUMNS.iter().map(|title| title.to_uppercase()).collect();
        let lines: Vec<Vec<String>> = std::iter::once(titles).chain(rows.iter().map(shown)).collect();
        self.text(&aligned(&lines))
    }

    /// Prints one row with a line for each column, or as a JSON object.
    ///
    /// # Errors
    /// As [`Output::rows`].
    pub fn row<R: Row>(&mut self, row: &R) -> io::Result<()> {
        if self.json {
            return self.json(row);
        }
        let titles = R::COLUMNS.iter().map(|title| (*title).to_owned());
        let lines: Vec<_> = titles.zip(shown(row)).map(|(title, cell)| vec![title, cell]).collect();
        self.text(&aligned(&lines))
    }

    /// Prints a message about what was done; with `--json`, the object instead.
    ///
    /// # Errors
    /// As [`Output::rows`].
    pub fn done(&mut self, sentence: &str, object: &impl Serialize) -> io::Result<()> {
        if self.json {
            self.json(object)
        } else {
            self.text(&format!("{}\n", harmless(sentence)))
        }
    }

    /// Prints a document, such as a generated file, unchanged.
    ///
    /// # Errors
    /// As [`Output::rows`].
    pub fn document(&mut self, document: &[u8]) -> io::Result<()> {
        let written = self.to.write_all(document).and_then(|()| self.to.flush());
        written.or_else(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                Ok(())
            } else {
                Err(error)
            }
        })
    }

    fn json(&mut self, object: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(object)?;
        // serde_json escapes C0 controls; escape the other harmful characters as `\u` sequences, too.
        let escaped: String = text
            .chars()
            .map(|c| {
                if is_harmful(c) && c != '\n' {
                    json_escape(c)
                } else {
                    c.into()
                }
            })
            .collect();
        self.text(&format!("{escaped}\n"))
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.document(text.as_bytes())
    }
}

fn json_escape(c: char) -> String {
    let mut units = [0; 2];
    c.encode_utf16(&mut units)
        .iter()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect()
}

fn shown<R: Row>(row: &R) -> Vec<String> {
    row.cells()
        .iter()
        .map(|cell| {
            if cell.is_empty() {
                "-".to_owned()
            } else {
                harmless(cell)
            }
        })
        .collect()
}

/// Aligns columns, two spaces apart, without trailing spaces.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().map(padded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct User {
        email: &'static str,
        scopes: &'static str,
    }

    impl Row for User {
        const COLUMNS: &'static [&'static str] = &["email", "scopes"];

        fn cells(&self) -> Vec<String> {
            vec![self.email.to_owned(), self.scopes.to_owned()]
        }
    }

    const USERS: [User; 2] = [
        User {
            email: "ada@example.com",
            scopes: "",
        },
        User {
            email: "b\u{1b}[31m\u{202e}@\n\u{85}",
            scopes: "a b",
        },
    ];

    fn printed(json: bool, print: impl FnOnce(&mut Output<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        print(&mut Output::to(json, &mut bytes)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn rows_are_a_table_that_no_value_can_break() {
        insta::assert_snapshot!(printed(false, |output| output.rows(&USERS)), @r"
        EMAIL                         SCOPES
        ada@example.com               -
        b\u{1b}[31m\u{202e}@\n\u{85}  a b
        ");
    }

    #[test]
    fn one_row_stands_upright() {
        insta::assert_snapshot!(printed(false, |output| output.row(&USERS[0])), @r"
        email   ada@example.com
        scopes  -
        ");
    }

    #[test]
    fn json_keeps_the_value_and_disarms_the_terminal() {
        let text = printed(true, |output| output.rows(&USERS));
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{85}']));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[1]["email"], USERS[1].email);
        let value: serde_json::Value = serde_json::from_str(&printed(true, |output| {
            output.row(&User {
                email: "\u{e0041}",
                scopes: "",
            })
        }))
        .unwrap();
        assert_eq!(value["email"], "\u{e0041}");
    }

    #[test]
    fn what_was_done_is_a_sentence_or_an_object() {
        assert_eq!(
            printed(false, |output| output.done("deleted a\u{7}", &USERS[0])),
            "deleted a\\u{7}\n"
        );
        assert!(printed(true, |output| output.done("deleted", &USERS[0])).starts_with('{'));
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(Output::to(false, Gone).rows(&USERS).is_ok());
    }
}
