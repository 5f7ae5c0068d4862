//! What was meant for another reader: quotes that a shell would take away, blanks, and ends of lines of another system.
//! `docker run --env-file`, Kubernetes and systemd hand such things on as they stand, and so would the settings: a keys
//! folder that is called `"/keys"` would be made.

use super::value_error::ValueError;

/// What is at the ends of a text, or inside it, that nobody means. It repeats nothing of the text.
pub(super) fn fault(text: &str, quotes_may_begin: bool) -> Option<ValueError> {
    if text.ends_with('\r') {
        return Some(ValueError::new(
            "ends in a carriage return, which would be taken as a part of it: the file has the line ends of Windows",
            "it in a file with Unix line ends (LF)",
        ));
    }
    if let Some(blank) = [text.chars().next(), text.chars().next_back()]
        .into_iter()
        .flatten()
        .find(|&c| is_blank(c))
    {
        let name = match blank {
            ' ' => "a blank".to_owned(),
            '\t' => "a tab".to_owned(),
            '\n' | '\r' => "a line break".to_owned(),
            other => format!("an invisible character (U+{:04X})", u32::from(other)),
        };
        let what = format!("begins or ends with {name}, which would be taken as a part of it");
        return Some(ValueError::new(what, "it without that"));
    }
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        let what = format!("holds a control character (U+{:04X})", u32::from(control));
        return Some(ValueError::new(what, "printable text"));
    }
    let (begins, ends) = (text.starts_with(QUOTES), text.ends_with(QUOTES));
    if ends || (begins && !quotes_may_begin) {
        return Some(ValueError::new(
            "begins or ends with a quotation mark, which would be taken as a part of it: only a shell takes quotes away, \
             and the file of an `--env-file` is read by none",
            "it without quotes",
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

/// What a shell would have put something else in the place of: a path with it in its name would be made as it stands.
pub(super) fn unexpanded(path: &str) -> Option<ValueError> {
    let names = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '('));
    let what = if path.starts_with('~') {
        "begins with ~"
    } else if path.split('$').skip(1).any(names) {
        "names a variable ($)"
    } else if path.contains(" #") {
        "holds a comment ( #)"
    } else {
        return None;
    };
    Some(ValueError::new(
        format!("{what}, which nothing here puts in its place: a path is taken as it stands"),
        "the whole path",
    ))
}
