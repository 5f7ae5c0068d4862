//! Values written for another program: quotes that a shell would remove, surrounding spaces, foreign line endings.
//! `docker run --env-file`, Kubernetes and systemd pass them on unchanged, and so would the settings: a keys
//! folder that is called `"/keys"` would be made.

use super::value_error::ValueError;

/// Reports unintended characters at the ends of a text or inside it, without repeating the text.
pub(super) fn fault(text: &str, quotes_may_begin: bool) -> Option<ValueError> {
    if text.ends_with('\r') {
        return Some(ValueError::new(
            "ends with a carriage return, which would become part of the value",
            "save the file with Unix line endings (LF)",
        ));
    }
    if let Some(blank) = [text.chars().next(), text.chars().next_back()]
        .into_iter()
        .flatten()
        .find(|&c| is_blank(c))
    {
        let name = match blank {
            ' ' => "a space".to_owned(),
            '\t' => "a tab".to_owned(),
            '\n' | '\r' => "a line break".to_owned(),
            other => format!("an invisible character (U+{:04X})", u32::from(other)),
        };
        let what = format!("starts or ends with {name}, which would become part of the value");
        return Some(ValueError::new(what, "remove it"));
    }
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        let what = format!("contains a control character (U+{:04X})", u32::from(control));
        return Some(ValueError::new(what, "use printable characters only"));
    }
    let (begins, ends) = (text.starts_with(QUOTES), text.ends_with(QUOTES));
    if ends || (begins && !quotes_may_begin) {
        return Some(ValueError::new(
            "starts or ends with a quotation mark, which would become part of the value: a shell removes quotation \
             marks, but `--env-file` does not",
            "remove the quotation marks",
        ));
    }
    None
}

const QUOTES: [char; 17] = [
    '"', '\'', '`', '\u{b4}', '\u{ab}', '\u{bb}', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}', '\u{201c}',
    '\u{201d}', '\u{201e}', '\u{2039}', '\u{203a}', '\u{ff02}', '\u{ff07}',
];

fn is_blank(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    c.is_whitespace() || is_invisible
}

/// Reports what only a shell would expand: a path would be created with it in its name.
pub(super) fn unexpanded(path: &str) -> Option<ValueError> {
    let names = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '('));
    let what = if path.starts_with('~') {
        "starts with ~"
    } else if path.split('$').skip(1).any(names) {
        "contains a variable ($)"
    } else if path.contains(" #") {
        "contains a comment ( #)"
    } else {
        return None;
    };
    Some(ValueError::new(
        format!("{what}, which is not expanded: paths are used as they are"),
        "write the full path",
    ))
}
