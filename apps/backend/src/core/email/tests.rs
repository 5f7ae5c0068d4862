//! Tests of parsing and folding email addresses.

use super::*;

#[test]
fn spellings_of_one_address_share_a_key() {
    for text in ["Ada@Example.com", " ada@example.com", "ada@EXAMPLE.COM"] {
        assert_eq!(text.parse::<Email>().unwrap().key(), "ada@example.com", "{text:?}");
    }
    assert_eq!(
        "ada@bücher.example".parse::<Email>().unwrap().key(),
        "ada@xn--bcher-kva.example"
    );
    assert_eq!(
        "E\u{301}va@example.com".parse::<Email>(),
        "\u{c9}va@example.com".parse()
    );
}

#[test]
fn is_kept_as_it_was_typed() {
    assert_eq!("Ada@Example.com".parse::<Email>().unwrap().typed(), "Ada@Example.com");
}

#[test]
fn c64_look_alikes_and_forged_headers_are_refused() {
    for text in [
        "",
        "@",
        "a@",
        "@b.com",
        "ada",
        "ada@example",
        "a@b@c.com",
        "a\u{ff20}b.com",
        "a\u{ff20}b@c.com",
        "a\u{fe6b}b.com",
        "a b@c.com",
        "a\r\nBcc: x@y.com@c.com",
        "a\0@c.com",
        "\"a b\"@c.com",
        "a@[127.0.0.1]",
        "Ada <a@c.com>",
        "a@b..com",
        "a@-b.com",
        "a@b.com.",
        "a\u{202e}b@c.com",
        "a\u{200d}b@c.com",
        ".a@b.com",
        "a.@b.com",
    ] {
        assert!(text.parse::<Email>().is_err(), "{text:?}");
    }
    let long = format!("{}@example.com", "a".repeat(250));
    assert_eq!(long.parse::<Email>(), Err(InvalidEmail::Malformed));
}

/// Each row is one account, and different rows are different accounts.
#[test]
fn letters_that_differ_in_case_alone_are_one_address() {
    let rows: &[&[&str]] = &[
        // The final sigma equals sigma.
        &[
            "\u{3b1}\u{3c3}@example.com",
            "\u{3b1}\u{3c2}@example.com",
            "\u{391}\u{3a3}@example.com",
            "\u{391}\u{3a3}@EXAMPLE.com",
        ],
        &[
            "gro\u{df}@example.com",
            "gro\u{1e9e}@example.com",
            "GROSS@example.com",
            "gro\u{17f}s@example.com",
        ],
        &[
            "i@example.com",
            "I@example.com",
            "\u{2160}@example.com",
            "\u{ff29}@example.com",
        ],
        // The Turkish dotless i is a separate letter.
        &["\u{131}@example.com"],
        // The kelvin and \u{e5}ngstr\u{f6}m signs and the long s equal the plain letters.
        &["k@example.com", "K@example.com", "\u{212a}@example.com"],
        &[
            "\u{e5}@example.com",
            "\u{c5}@example.com",
            "\u{212b}@example.com",
            "A\u{30a}@example.com",
        ],
        &["s@example.com", "\u{17f}@example.com"],
        &[
            "st@example.com",
            "\u{fb05}@example.com",
            "\u{fb06}@example.com",
            "ST@example.com",
        ],
        &[
            "\u{1c6}@example.com",
            "\u{1c4}@example.com",
            "\u{1c5}@example.com",
            "D\u{17d}@example.com",
        ],
        &[
            "\u{390}@example.com",
            "\u{1fd3}@example.com",
            "\u{3b9}\u{308}\u{301}@example.com",
        ],
        &[
            "\u{1f80}@example.com",
            "\u{1f88}@example.com",
            "\u{1f00}\u{3b9}@example.com",
        ],
        &["\u{13a0}@example.com", "\u{ab70}@example.com"],
        &["\u{3bc}@example.com", "\u{b5}@example.com", "\u{39c}@example.com"],
        // In a domain, they are different (RFC 5892; UTS 46).
        &[
            "a@stra\u{df}e.example",
            "a@STRA\u{df}E.example",
            "a@xn--strae-oqa.example",
        ],
        &["a@strasse.example", "a@STRASSE.example"],
        &["a@\u{3b1}\u{3c3}.example", "a@\u{391}\u{3a3}.example"],
        &["a@\u{3b1}\u{3c2}.example"],
    ];
    let key = |text: &&str| text.parse::<Email>().unwrap().key().to_owned();
    for row in rows {
        for text in *row {
            assert_eq!(key(text), key(&row[0]), "{text}");
            // Folding is idempotent.
            assert_eq!(key(&key(text).as_str()), key(text), "{text}");
        }
    }
    // The dotted capital I folds to an i and a combining dot, and is rejected.
    for text in ["\u{130}@example.com", "i\u{307}@example.com", "I\u{307}@example.com"] {
        assert_eq!(text.parse::<Email>(), Err(InvalidEmail::Malformed), "{text}");
    }
    let firsts: std::collections::BTreeSet<_> = rows.iter().map(|row| key(&row[0])).collect();
    assert_eq!(firsts.len(), rows.len());
}

#[test]
fn no_mail_reaches_an_ip_address_or_a_number() {
    for text in [
        "a@127.0.0.1",
        "a@1.2.3.4",
        "a@example.123",
        "a@example.0x1",
        "a@0x7f.1",
        "a@\u{ff11}.\u{ff12}.\u{ff13}.\u{ff14}",
        "a@2130706433",
    ] {
        assert_eq!(text.parse::<Email>(), Err(InvalidEmail::Unreachable), "{text:?}");
    }
    assert!("a@123.example".parse::<Email>().is_ok());
    assert!("a@example.\u{440}\u{444}".parse::<Email>().is_ok());
}

#[test]
fn c_64_a_look_alike_finds_the_account_but_cannot_be_registered() {
    for (text, key) in [
        ("\u{fb01}@example.com", "fi@example.com"),
        ("\u{ff2b}ate@example.com", "kate@example.com"),
        ("sam\u{b2}@example.com", "sam2@example.com"),
        ("ada@example\u{ff0e}com", "ada@example.com"),
        ("ada@example\u{3002}com", "ada@example.com"),
    ] {
        assert_eq!(text.parse::<Email>().unwrap().key(), key, "{text:?}");
        assert_eq!(text.parse::<NewEmail>(), Err(InvalidEmail::LookAlike), "{text:?}");
    }
    for text in [
        "E\u{301}va@example.com",
        "Ada@B\u{dc}CHER.example",
        "\u{738b}@stra\u{df}e.example",
    ] {
        assert!(text.parse::<NewEmail>().is_ok(), "{text:?}");
    }
    for text in [
        "ka\u{ad}te@example.com",
        "kate\u{fe0f}@example.com",
        "kate@exam\u{34f}ple.com",
    ] {
        assert_eq!(text.parse::<Email>(), Err(InvalidEmail::Malformed), "{text:?}");
    }
}
