//! Text for terminals, logs and error messages: nothing in it takes effect.

use std::path::Path;

/// Returns a path as text. A relative one becomes absolute, because its reader may not know the working directory.
pub fn absolute(path: &Path) -> String {
    match std::path::absolute(path) {
        Ok(absolute) => absolute.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

/// Escapes everything that a terminal would interpret: `\u{1b}[31m`.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| {
            if is_harmful(c) {
                c.escape_default().to_string()
            } else {
                c.into()
            }
        })
        .collect()
}

/// Escapes each line of a text, and keeps the line breaks.
pub fn harmless_lines(text: &str) -> String {
    text.split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}

/// Reports whether the character is a control character, a line separator, invisible or changes the text direction.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{61c}' | '\u{e0000}'..='\u{e007f}')
}
