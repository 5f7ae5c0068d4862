//! The rows of docs/security/token-rules.md.

use std::collections::BTreeSet;
use std::path::Path;

use super::Document;

/// The IDs in the first column of its tables.
pub(super) fn documented() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security/token-rules.md");
    let text = std::fs::read_to_string(path).unwrap();
    let cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells
        .filter(|cell| cell.len() > 2 && cell.as_bytes()[1] == b'-' && cell.as_bytes()[2].is_ascii_digit())
        .map(str::to_owned)
        .collect()
}

/// The IDs that some mutation covers.
pub(super) fn of(document: &Document) -> BTreeSet<String> {
    let tokens = document.tokens.iter().flat_map(|token| token.rules.iter().copied());
    tokens
        .chain(document.key_sets.iter().map(|set| set.rule))
        .map(str::to_owned)
        .collect()
}
