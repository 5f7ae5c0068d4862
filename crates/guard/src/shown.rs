//! Text from the network, for errors and logs.

const LONGEST: usize = 100;

/// Returns at most 100 characters, with a question mark for spaces and everything that is not printable ASCII, so that it
/// cannot forge a line of a log.
pub(crate) fn shown(text: &str) -> String {
    let rest = if text.chars().nth(LONGEST).is_some() { "..." } else { "" };
    let printable = text.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' });
    printable.take(LONGEST).chain(rest.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_network_is_bounded_and_has_no_control_characters() {
        assert_eq!(shown("a\nb\u{1b}[31m \u{202e}\u{e9}"), "a?b?[31m???");
        assert_eq!(shown(&"x".repeat(100)), "x".repeat(100));
        assert_eq!(shown(&"\u{e9}".repeat(101)), format!("{}...", "?".repeat(100)));
    }
}
