//! Values to substitute for valid ones.

/// The shape of a value, as far as the rules distinguish it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// A list of strings.
    Texts,
    /// An integer that is far in the past as a date.
    Past,
    /// The same, but not written as an integer.
    PastFraction,
    /// 2^53 − 1, the latest valid date.
    Last,
    /// JSON that is invalid for every claim.
    Other,
    Flag,
    /// Text that is invalid anywhere.
    Broken(&'static str),
}

pub(super) fn values() -> Vec<(String, Shape)> {
    use Shape::{Broken, Flag, Last, Other, Past, PastFraction, Text, Texts};
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let mut values: Vec<(String, Shape)> = [
        ("null", Other),
        ("true", Flag),
        ("false", Flag),
        ("0", Past),
        ("1", Past),
        ("1700000000", Past),
        ("-1", Other),
        ("-0", PastFraction),
        ("0.0", PastFraction),
        ("1.5", PastFraction),
        ("5.0", PastFraction),
        ("5e0", PastFraction),
        ("17E+8", PastFraction),
        ("1e-400", PastFraction),
        ("-0.5", Other),
        ("-1e-1", Other),
        ("1e300", Other),
        // Decimals around the largest double, which reveal a parser that rounds carelessly.
        ("1.7976931348623157e308", Other),
        ("1.797693134862315807e308", Other),
        ("1.7976931348623159e308", Broken("J-4")),
        ("9007199254740991", Last),
        ("9007199254740991.4", Last),
        ("9007199254740991.49", Last),
        ("9007199254740991.5", Other),
        ("9007199254740992", Other),
        ("9223372036854775808", Other),
        ("18446744073709551616", Other),
        ("-9223372036854775809", Other),
        ("1e400", Broken("J-4")),
        ("-1e400", Broken("J-4")),
        (r#""""#, Text),
        (r#"" ""#, Text),
        (r#""text""#, Text),
        (r#""té\u0078t""#, Text),
        (r#""\u0000""#, Text),
        (r#""\ud83d\ude00""#, Text),
        (r#""1700000000""#, Text),
        (r#""\ud800""#, Broken("J-3")),
        (r#""\udc00\ud800""#, Broken("J-3")),
        (r#""\ud83dx\ude00""#, Broken("J-3")),
        (r#"["\ud800"]"#, Broken("J-3")),
        (r#"{"\udfff":1}"#, Broken("J-3")),
        ("[]", Texts),
        (r#"[""]"#, Texts),
        (r#"["a","b","a"]"#, Texts),
        ("[1]", Other),
        ("[null]", Other),
        (r#"["a",1]"#, Other),
        (r#"[["a"]]"#, Other),
        ("{}", Other),
        (r#"{"a":1}"#, Other),
        (r#"{"0":"a","length":1}"#, Other),
        (r#"{"a":1,"a":1}"#, Broken("J-2")),
        (r#"{"a":1,"\u0061":1}"#, Broken("J-2")),
        (r#"[[{"a":{"b":1,"c":2,"b":3}}]]"#, Broken("J-2")),
        ("NaN", Broken("J-1")),
        ("Infinity", Broken("J-1")),
        ("undefined", Broken("J-1")),
        ("True", Broken("J-1")),
        ("01", Broken("J-1")),
        ("+1", Broken("J-1")),
        (".5", Broken("J-1")),
        ("5.", Broken("J-1")),
        ("0x10", Broken("J-1")),
        ("1_000", Broken("J-1")),
        ("\u{0661}", Broken("J-1")),
        ("'text'", Broken("J-1")),
        ("\"a\tb\"", Broken("J-1")),
        ("\"a\nb\"", Broken("J-1")),
        (r#""\x41""#, Broken("J-1")),
        (r#""\u12""#, Broken("J-1")),
        ("[1,]", Broken("J-1")),
        (r#"{"a":1,}"#, Broken("J-1")),
        ("[1 2]", Broken("J-1")),
        ("1/*1*/", Broken("J-1")),
        ("", Broken("J-1")),
    ]
    .map(|(text, shape)| (text.to_owned(), shape))
    .to_vec();
    values.extend([
        ("9".repeat(300), Other),
        (format!("17976931348623157{}", "0".repeat(292)), Other),
        (format!("17976931348623159{}", "0".repeat(292)), Broken("J-4")),
        ("9".repeat(400), Broken("J-4")),
        (format!("-{}", "9".repeat(400)), Broken("J-4")),
        (format!("0.{}", "3".repeat(400)), PastFraction),
        (nested(15), Other),
        (nested(16), Broken("J-5")),
        (objects(15), Other),
        (objects(16), Broken("J-5")),
        (nested(1000), Broken("J-5")),
    ]);
    values
}
