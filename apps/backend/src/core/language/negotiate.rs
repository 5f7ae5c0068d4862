//! `Accept-Language` and `ui_locales`: lists of wishes.

use super::Language;

/// Nobody has more wishes than these, and nobody makes us look at more.
const MOST_WISHES: usize = 32;

/// The best of the wishes that we have: by weight, and by order where weights are equal.
pub(super) fn best(wishes: &str) -> Option<Language> {
    let wishes = wishes.split([',', ' ']).filter(|wish| !wish.trim().is_empty());
    let mut best: Option<(u16, Language)> = None;
    for wish in wishes.take(MOST_WISHES) {
        let mut parts = wish.split(';').map(str::trim);
        let weight = parts
            .clone()
            .skip(1)
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1000, thousandths);
        let Some(language) = parts.next().and_then(speaks) else {
            continue;
        };
        if weight > 0 && best.is_none_or(|(heaviest, _)| weight > heaviest) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// Our language that the range asks for: by its primary tag, because somebody who asks for `de-AT` reads German.
fn speaks(range: &str) -> Option<Language> {
    let primary = range.split(['-', '_']).next()?.to_ascii_lowercase();
    let ours = |language: &Language| language.tag().split('-').next() == Some(&*primary);
    Language::ALL.iter().copied().find(ours)
}

/// A weight of RFC 9110 §12.4.2, in thousandths; 0 for one that cannot be read.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = |text: &str| text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" => 1000,
        "0" if digits(fraction) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_wish_that_can_be_granted_wins() {
        for (wishes, expected) in [
            ("de", Some(Language::German)),
            ("de-AT, en;q=0.5", Some(Language::German)),
            ("en;q=0.5, fr-CA;q=0.9", Some(Language::French)),
            ("pt, es;q=0.1", Some(Language::Spanish)),
            ("zh-TW", Some(Language::Chinese)),
            ("AR", Some(Language::Arabic)),
            ("ja en", Some(Language::Japanese)),
            ("de;q=0, en;q=0.001", Some(Language::English)),
            ("pt, *", None),
            ("", None),
            ("de;q=2, fr;q=x", None),
            (",,;;q==,", None),
        ] {
            assert_eq!(best(wishes), expected, "{wishes:?}");
        }
        assert_eq!(best(&"pt,".repeat(10_000)), None);
    }
}
