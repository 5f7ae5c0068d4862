//! Tests of the wording of every language: punctuation and its spaces, and words that we don't use.

use super::languages::Language;
use super::texts::files;

/// Narrow no-break space, before `;`, `!` and `?` in French.
const NARROW: char = '\u{202f}';
/// No-break space, before `:` in French.
const WIDE: char = '\u{a0}';

/// Words and phrases that we don't use in a language.
fn unsaid(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => &[
            "somebody",
            "nobody",
            "whoever",
            "e-mail",
            "this mail",
            "by mail",
            "mailbox",
            "unwanted",
            " is no ",
            "not any more",
            "turn to ",
            "be sent to",
            "'",
        ],
        Language::German => &[
            "Zeigen",
            "Sieh in ",
            "der das hier",
            "Schau in ",
            "Antworten darauf liest",
            " Sie ",
            " Ihr",
            "Emailadresse",
            "E-mail",
            "eMail",
            "Anwendung",
            "'",
        ],
        Language::French => &[
            "est changé",
            "sont changé",
            "e-mél",
            "courriel",
            "email",
            "inscrit à",
            "'",
            "\"",
        ],
        Language::Spanish => &[
            "está eliminad",
            "Sirve durante",
            "sirve durante",
            " usted",
            "ordenador",
            "nuestro lado",
            "e-mail",
            "email",
            "'",
            "\"",
        ],
        Language::Japanese => &[
            "ようになります",
            "最初のページ",
            "電子メール",
            "端末",
            "アプリケーション",
        ],
        Language::Chinese => &["电子邮件地址", "任何人都", "第一页", "帐户", "帐号"],
        Language::Arabic => &["لا أحد يقرأ", "الإيميل", "ايميل", "كل الأجهزة", "الحاسوب"],
    }
}

/// The word for *address*, and what must stand before or after it to say which kind it is.
fn address(
    language: Language,
) -> (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
) {
    match language {
        Language::English => (&["address"], &["email ", "IP ", "postal "], &[]),
        Language::German => (&["dresse"], &["E-Mail-A", "E\u{2011}Mail-A", "IP-A"], &[]),
        // `s’adresser` is a verb.
        Language::French => (
            &["dresse"],
            &["s’a"],
            &[
                " e-mail",
                " e\u{2011}mail",
                "s e-mail",
                "s e\u{2011}mail",
                " IP",
                " postale",
            ],
        ),
        Language::Spanish => (&["irección", "irecciones"], &[], &[" de correo", " IP", " postal"]),
        Language::Japanese => (&["アドレス"], &["メール", "IP "], &[]),
        Language::Chinese => (&["地址"], &["邮箱", "IP "], &[]),
        Language::Arabic => (&["عنوان"], &[], &[" البريد", " بريد", " IP", "ك البريدي"]),
    }
}

/// The text of a line, with `…` for each value; `None` for comments. Names of messages and variants are left out.
fn said(line: &str) -> Option<String> {
    if line.starts_with('#') || line.trim().is_empty() || line.trim() == "}" {
        return None;
    }
    let trimmed = line.trim_start();
    let text = match trimmed.strip_prefix('*').unwrap_or(trimmed) {
        variant if variant.starts_with('[') => variant.split_once(']')?.1,
        _ if line.starts_with(' ') => line,
        _ => line.split_once(" =")?.1,
    };
    let mut written = String::new();
    let mut depth = 0;
    for character in text.trim().chars() {
        match character {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                written.push('…');
            }
            character if depth == 0 => written.push(character),
            _ => {}
        }
    }
    Some(written)
}

/// Every line of a language, with its place.
fn lines(language: Language) -> Vec<(String, String)> {
    let names = ["common", "mail", "pages"];
    let all = names.into_iter().zip(files(language));
    all.flat_map(|(name, file)| {
        let numbered = file.lines().enumerate();
        numbered.filter_map(move |(at, line)| {
            let place = format!("{}/{name}.ftl:{}", language.tag(), at + 1);
            said(line).map(|text| (place, text))
        })
    })
    .collect()
}

#[test]
fn no_language_says_what_its_readers_would_stumble_over() {
    for language in Language::ALL.iter().copied() {
        for (place, text) in lines(language) {
            for phrase in unsaid(language) {
                assert!(!text.contains(phrase), "{place} says {phrase:?}: {text}");
            }
        }
    }
}

#[test]
fn an_address_is_that_of_a_mailbox_or_of_a_device() {
    for language in Language::ALL.iter().copied() {
        let (words, before, after) = address(language);
        for (place, text) in lines(language) {
            for (at, word) in words.iter().flat_map(|word| text.match_indices(word)) {
                let (left, right) = (&text[..at], &text[at + word.len()..]);
                let is_clear = before
                    .iter()
                    .any(|kind| left.to_lowercase().ends_with(&kind.to_lowercase()))
                    || after.iter().any(|kind| right.starts_with(kind));
                assert!(is_clear, "{place} says which address? {text}");
            }
        }
    }
}

#[test]
fn french_marks_have_their_spaces() {
    for (place, text) in lines(Language::French) {
        let characters: Vec<_> = text.chars().collect();
        for (at, mark) in characters.iter().enumerate() {
            let neighbour = |at: Option<usize>| at.and_then(|at| characters.get(at)).copied().unwrap_or(' ');
            let (before, after) = (neighbour(at.checked_sub(1)), neighbour(at.checked_add(1)));
            let right = match mark {
                ';' | '!' | '?' => before == NARROW,
                // Not in `10:15`.
                ':' => before == WIDE || before.is_ascii_digit() && after.is_ascii_digit(),
                '«' => after == WIDE || after == NARROW,
                '»' => before == WIDE || before == NARROW,
                _ => true,
            };
            assert!(right, "{place}: the space next to {mark:?} in {text:?}");
        }
    }
}

/// On pages only: email clients lack the character in some fonts.
#[test]
fn no_line_of_a_page_ends_within_the_word_for_email() {
    for (language, broken) in [(Language::German, "E-Mail"), (Language::French, "e-mail")] {
        for (place, text) in lines(language) {
            let is_page = place.contains("/pages.ftl");
            assert!(!is_page || !text.contains(broken), "{place} needs U+2011: {text}");
        }
    }
}

#[test]
fn marks_are_those_of_the_script() {
    let is_cjk = |c: char| ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c);
    for language in [Language::Chinese, Language::Japanese] {
        for (place, text) in lines(language) {
            let characters: Vec<_> = text.chars().collect();
            for pair in characters.windows(2) {
                let is_foreign = is_cjk(pair[0]) && matches!(pair[1], ',' | '.' | ':' | ';' | '!' | '?' | '(' | ')');
                assert!(!is_foreign, "{place}: {:?} in {text}", pair[1]);
            }
        }
    }
    for (place, text) in lines(Language::Arabic) {
        assert!(!text.contains([',', ';', '?']), "{place}: a Latin mark in {text}");
    }
    for (place, text) in lines(Language::Spanish) {
        assert_eq!(text.matches('?').count(), text.matches('¿').count(), "{place}: {text}");
        assert_eq!(text.matches('!').count(), text.matches('¡').count(), "{place}: {text}");
    }
}

#[test]
fn no_line_has_blanks_to_spare() {
    for language in Language::ALL.iter().copied() {
        for (place, text) in lines(language) {
            assert!(!text.contains("  "), "{place}: {text:?}");
        }
    }
}

#[test]
fn a_value_is_no_part_of_what_is_said() {
    assert_eq!(said("a-b = Say { $x }: yes").as_deref(), Some("Say …: yes"));
    assert_eq!(said("       *[other] { $count } Tage").as_deref(), Some("… Tage"));
    assert_eq!(said("# never said"), None);
}
