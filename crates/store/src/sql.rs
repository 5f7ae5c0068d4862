//! Statements: one text with two spellings of its placeholders, created at compile time.

use std::sync::OnceLock;

use linkme::distributed_slice;

/// Every statement that [`sql!`](crate::sql!) creates in this program, collected by the linker.
///
/// This expands to a `link_section`, which `forbid(unsafe_code)` allows in crates that use the macro (it comes from outside)
/// but not in this one. So this crate lists its few statements manually.
#[distributed_slice]
pub static STATEMENTS: [Sql];

/// A statement. Only [`sql!`](crate::sql!) creates it, so its text is always a constant.
pub struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
    place: &'static str,
    reads: bool,
    columns: OnceLock<Vec<String>>,
}

impl Sql {
    /// Creates a statement for [`sql!`](crate::sql!): `sqlite` with `?1`, `postgres` with `$1`, `place` as `file:line`.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(sqlite: &'static str, postgres: &'static str, place: &'static str) -> Self {
        Self {
            sqlite,
            postgres,
            place,
            reads: begins_with_select(sqlite.as_bytes()),
            columns: OnceLock::new(),
        }
    }

    /// Returns the text for PostgreSQL, as written.
    #[must_use]
    pub fn postgres(&self) -> &'static str {
        self.postgres
    }

    /// Returns the text for SQLite.
    #[must_use]
    pub fn sqlite(&self) -> &'static str {
        self.sqlite
    }

    /// Returns the source location of the statement as `file:line`.
    #[must_use]
    pub fn place(&self) -> &'static str {
        self.place
    }

    /// Returns whether it begins with `SELECT` and so can run on a SQLite reader. Other statements use the writer.
    pub(crate) fn reads(&self) -> bool {
        self.reads
    }

    /// Returns the names of its columns on SQLite, read once: statements name each column, so schema changes do not affect
    /// them.
    pub(crate) fn columns(&self, ask: impl FnOnce() -> Vec<String>) -> &[String] {
        self.columns.get_or_init(ask)
    }
}

/// Creates a `&'static Sql` from a constant text with `$1`, `$2`, … and adds it to [`statements`](crate::statements()).
///
/// `sql!{ sqlite: "…", postgres: "…" }` is for the rare statement that needs two texts; add a comment with the reason.
/// A `$` before a digit is always a placeholder, even inside a quoted string.
#[macro_export]
macro_rules! sql {
    (sqlite: $sqlite:expr, postgres: $postgres:expr $(,)?) => {{
        const LENGTH: usize = $sqlite.len();
        const BYTES: [u8; LENGTH] = $crate::expansion::question_marks::<LENGTH>($sqlite);
        #[$crate::expansion::linkme::distributed_slice($crate::expansion::STATEMENTS)]
        #[linkme(crate = $crate::expansion::linkme)]
        static STATEMENT: $crate::Sql =
            $crate::Sql::new($crate::expansion::text_of(&BYTES), $postgres, concat!(file!(), ":", line!()));
        &STATEMENT
    }};
    ($text:expr) => {
        $crate::sql!(sqlite: $text, postgres: $text)
    };
}

/// Replaces `$1` with `?1`. Both have the same length.
#[must_use]
pub const fn question_marks<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let source = text.as_bytes();
    let mut translated = [0; LENGTH];
    let mut at = 0;
    while at < LENGTH {
        let placeholder = source[at] == b'$' && at + 1 < LENGTH && source[at + 1].is_ascii_digit();
        translated[at] = if placeholder { b'?' } else { source[at] };
        at += 1;
    }
    translated
}

/// Returns the translated bytes as text. Replacing `$` with `?` keeps UTF-8 valid, and an error fails the build.
#[must_use]
#[expect(clippy::panic, reason = "it can only happen while compiling")]
pub const fn text_of(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a statement is UTF-8"),
    }
}

const fn begins_with_select(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() && text[at].is_ascii_whitespace() {
        at += 1;
    }
    let mut matched = 0;
    while matched < SELECT.len() {
        if at + matched >= text.len() || text[at + matched].to_ascii_uppercase() != SELECT[matched] {
            return false;
        }
        matched += 1;
    }
    true
}

const SELECT: &[u8] = b"SELECT";
