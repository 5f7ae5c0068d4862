//! `Accept-Language` (RFC 9110 §12.5.4) and `ui_locales` (OpenID Connect Core §3.1.2.1): lists of preferred languages.
//!
//! Parsed by the grammar of RFC 9110: invalid elements are ignored, and the others still count.

use super::languages::Language;

/// A language range and its weight in thousandths.
struct Wish<'a> {
    range: &'a str,
    weight: u16,
}

/// Returns the preferred available language of all `Accept-Language` lines, by weight, then by order. Several lines form one list
/// (RFC 9110 §5.3).
pub(super) fn best<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Language> {
    let elements = lines.flat_map(|line| line.split(|byte| *byte == b','));
    let wishes: Vec<_> = elements
        .filter_map(|element| Wish::parse(element.trim_ascii()))
        .collect();
    let is_named = |language: &Language| wishes.iter().any(|wish| speaks(wish.range) == Some(*language));
    // `*` matches every language that no other range names.
    let any_other = Language::ALL.iter().copied().find(|language| !is_named(language));
    let mut best: Option<(u16, Language)> = None;
    for wish in &wishes {
        let granted = if wish.range == "*" {
            any_other
        } else {
            speaks(wish.range)
        };
        let Some(language) = granted else { continue };
        if wish.weight > 0 && best.is_none_or(|(heaviest, _)| wish.weight > heaviest) {
            best = Some((wish.weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// Returns the first available language of a space-separated list of tags.
pub(super) fn first(tags: &str) -> Option<Language> {
    tags.split_ascii_whitespace()
        .filter(|tag| is_range(tag))
        .find_map(speaks)
}

impl<'a> Wish<'a> {
    /// `language-range [ OWS ";" OWS "q=" qvalue ]`; `None` for anything else (RFC 9110 §12.4.2, §12.5.4; RFC 4647 §2.1).
    fn parse(element: &'a [u8]) -> Option<Self> {
        let element = std::str::from_utf8(element).ok()?;
        let (range, weight) = match element.split_once(';') {
            Some((range, weight)) => (
                range.trim_end_matches([' ', '\t']),
                qvalue(weight.trim_start_matches([' ', '\t']))?,
            ),
            None => (element, 1000),
        };
        (range == "*" || is_range(range)).then_some(Self { range, weight })
    }
}

/// `1*8ALPHA *("-" 1*8alphanum)` (RFC 4647 §2.1).
fn is_range(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_part = |part: &str| (1..=8).contains(&part.len());
    parts
        .next()
        .is_some_and(|part| is_part(part) && part.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && parts.all(|part| is_part(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Returns the available language for a range, by its primary tag: `de-AT` matches German.
fn speaks(range: &str) -> Option<Language> {
    let primary = range.split('-').next()?;
    let ours = |language: &Language| {
        language
            .tag()
            .split('-')
            .next()
            .is_some_and(|tag| tag.eq_ignore_ascii_case(primary))
    };
    Language::ALL.iter().copied().find(ours)
}

/// `"q=" ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )` in thousandths (RFC 9110 §12.4.2).
fn qvalue(text: &str) -> Option<u16> {
    let value = text.strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best_of(line: &str) -> Option<Language> {
        best([line.as_bytes()].into_iter())
    }

    #[test]
    fn the_heaviest_wish_that_can_be_granted_wins() {
        for (wishes, expected) in [
            ("de", Some(Language::German)),
            ("de-AT, en;q=0.5", Some(Language::German)),
            ("en;q=0.5, fr-CA;q=0.9", Some(Language::French)),
            ("pt, es;q=0.1", Some(Language::Spanish)),
            ("zh-TW", Some(Language::Chinese)),
            ("AR", Some(Language::Arabic)),
            ("de;q=0, en;q=0.001", Some(Language::English)),
            ("pt, *", Some(Language::English)),
            ("*, en;q=0", Some(Language::German)),
            ("de ; q=0.1 , fr", Some(Language::French)),
            ("", None),
            ("ja en", None),
            ("de;q=2, fr;q=x", None),
            (",,;;q==,", None),
        ] {
            assert_eq!(best_of(wishes), expected, "{wishes:?}");
        }
    }

    #[test]
    fn tags_of_a_link_are_taken_in_their_order() {
        assert_eq!(first("xx fr-CA de"), Some(Language::French));
        assert_eq!(first("xx"), None);
    }

    #[test]
    fn a_weight_is_what_the_grammar_says() {
        for (text, expected) in [
            ("q=0", Some(0)),
            ("q=1", Some(1000)),
            ("Q=0.5", Some(500)),
            ("q=0.123", Some(123)),
            ("q=0.", Some(0)),
            ("q=1.000", Some(1000)),
            ("q=1.001", None),
            ("q=0.1234", None),
            ("q= 0.5", None),
            ("q =0.5", None),
            ("q=+1", None),
            ("q=", None),
            ("", None),
        ] {
            assert_eq!(qvalue(text), expected, "{text:?}");
        }
    }
}
