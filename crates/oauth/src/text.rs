//! Texts that are shown to users.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// Returns whether the text is safe to show next to other text: it is not blank, and it has neither line breaks nor
/// characters that change the text around them. Joiners are allowed, because Persian and Indic scripts need them.
pub(crate) fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(is_unsafe)
}

/// Like [`is_line`], but the text may have several lines.
pub(crate) fn is_lines(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().all(|c| c == '\n' || !is_unsafe(c))
}

fn is_unsafe(c: char) -> bool {
    match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::Format => !matches!(c, '\u{200C}' | '\u{200D}'),
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_line, is_lines};

    #[test]
    fn what_could_change_other_text_is_refused() {
        for text in ["Grafana", "مرحبا", "می\u{200c}خواهم", "👩\u{200d}🚀"] {
            assert!(is_line(text) && is_lines(text), "{text:?}");
        }
        for text in [
            "",
            "  ",
            "a\0",
            "a\u{1b}[31m",
            "a\u{202e}b",
            "\u{2066}a",
            "a\u{ad}b",
            "a\u{2028}b",
        ] {
            assert!(!is_line(text) && !is_lines(text), "{text:?}");
        }
        assert!(!is_line("1 Main Street\nOslo") && is_lines("1 Main Street\nOslo"));
    }
}
