//! The colors, directions, images and times of emails.

use super::*;
use crate::core::language::FluentArgs;

#[tokio::test]
async fn buttons_can_be_read_in_both_schemes() {
    for color in [
        "#1f4fd8", "#ffd400", "#ffffff", "#111111", "#f5a3c7", "#777777", "#00ff00",
    ] {
        let (services, _folder) = services(&[("COUNTERSIGN_PAGES__COLOR", color)]).await;
        let mail = compose(
            &services,
            &claimed(Purpose::SignIn, Language::English),
            Some(&NewChallenge::sample()),
        );
        let html = mail.unwrap().html;
        let (_, button) = html.split_once("class=\"button wide\"").unwrap();
        let (button, _) = button.split_once("</td>").unwrap();
        let (_, dark) = html.split_once(".button, .button a, .mark {").unwrap();
        let (dark, _) = dark.split_once('}').unwrap();
        for (scheme, css) in [("light", button.split_once("<a ").unwrap().1), ("dark", dark)] {
            let (fill, text) = (value(css, "background"), value(css, "color"));
            assert!(contrast(&fill, &text) >= 4.5, "{color} {scheme}: {text} on {fill}");
        }
        // Outlook uses the attribute.
        assert_eq!(attributes(button, "bgcolor")[0], value(button, "background"));
    }
}

/// Returns the color in a CSS property.
fn value(css: &str, property: &str) -> String {
    let declarations = css.split([';', '"', '{']).map(str::trim);
    let found = declarations
        .filter_map(|one| one.split_once(':'))
        .find(|(name, _)| name.trim() == property);
    let (_, value) = found.unwrap_or_else(|| unreachable!("no {property} in {css}"));
    value.replace("!important", "").trim().to_owned()
}

/// WCAG 2.2, contrast ratio.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |color: &str| {
        let part = |from: usize| {
            let part = f64::from(u8::from_str_radix(&color[from..from + 2], 16).unwrap()) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[tokio::test]
async fn arabic_is_right_to_left_and_latin_text_is_not() {
    let (services, _folder) = services(&[]).await;
    let arabic = every_mail(&services)
        .into_iter()
        .filter(|(_, _, language, _)| *language == Language::Arabic);
    for (name, _, _, mail) in arabic {
        // Gmail drops the attributes of <html> and <body>.
        assert!(mail.html.contains("class=\"ground\" dir=\"rtl\" lang=\"ar\""), "{name}");
        assert!(
            !mail.html.contains("align=\"left\"") && !mail.html.contains("padding-left:12px"),
            "{name}"
        );
        assert!(mail.html.contains("<span dir=\"ltr\">192.0.2.1</span>"), "{name}");
        for link in mail.html.split("<a ").skip(1).filter(|rest| rest.contains(">http")) {
            assert!(link.contains("dir=\"ltr\""), "{name}: {link}");
        }
        for line in mail.text.lines().filter(|line| line.contains("ada@example.com")) {
            assert!(line.contains("\u{2068}ada@example.com\u{2069}"), "{name}: {line:?}");
        }
        for line in mail.text.lines().filter(|line| line.contains("UTC")) {
            let (before, _) = line
                .split_once('\u{2068}')
                .unwrap_or_else(|| unreachable!("{name}: {line:?}"));
            assert!(before.is_empty() || line.matches('\u{2068}').count() == line.matches('\u{2069}').count());
            assert!(
                line.contains("\u{2068}10:15\u{2069}") || line.contains("\u{2068}10:16\u{2069}"),
                "{name}: {line:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_logo_is_attached_unless_email_clients_cannot_show_it() {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes, travels) in [
        ("logo.png", &b"\x89PNG\r\n\x1a\n"[..], true),
        ("logo.svg", &b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..], false),
    ] {
        let path = folder.path().join(file);
        std::fs::write(&path, bytes).unwrap();
        let path = path.to_str().unwrap();
        let settings = [
            ("COUNTERSIGN_PAGES__LOGO", path),
            ("COUNTERSIGN_PAGES__LOGO_DARK", path),
        ];
        let (services, _folder) = services(&settings).await;
        let mail = compose(&services, &claimed(Purpose::NewSignIn, Language::English), None).unwrap();
        assert_eq!(mail.pictures.len(), if travels { 2 } else { 0 }, "{file}");
        let shown: &[&str] = if travels { &["cid:logo", "cid:logo-dark"] } else { &[] };
        assert_eq!(attributes(&mail.html, "src"), shown, "{file}");
        assert_eq!(
            mail.html.contains(">A</td>"),
            !travels,
            "the first letter stands for it"
        );
    }
}

#[tokio::test]
async fn lifetimes_of_links_are_written_in_natural_units() {
    let (services, _folder) = services(&[]).await;
    for (language, purpose, says) in [
        (
            Language::English,
            Purpose::SignIn,
            "The link expires in 15 minutes, the code in 10 minutes.",
        ),
        (Language::English, Purpose::ChangeEmail, "The link expires in 1 hour,"),
        (Language::English, Purpose::Invitation, "This link expires in 3 days."),
        (
            Language::German,
            Purpose::VerifyEmail,
            "Der Link ist 24 Stunden gültig,",
        ),
        (Language::Japanese, Purpose::Invitation, "リンクの有効期限は 3 日です。"),
    ] {
        let mail = compose(&services, &claimed(purpose, language), Some(&NewChallenge::sample())).unwrap();
        assert!(mail.text.contains(says), "{}", mail.text);
    }
    // An email that an operator requested has no code and doesn't mention one.
    let mut invited = claimed(Purpose::VerifyEmail, Language::English);
    invited.params = MailParams::default();
    let mail = compose(&services, &invited, Some(&NewChallenge::sample())).unwrap();
    let label = services
        .texts
        .render(Language::English, "mail-code", &FluentArgs::new());
    assert!(
        !mail.text.contains(&label) && !mail.text.contains("the code"),
        "{}",
        mail.text
    );
}
