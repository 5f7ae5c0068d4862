//! Tests of every email in every language, as mail programs receive it.

use super::compose::compose;
use crate::Services;
use crate::core::clock::{Clock, Timestamp};
use crate::core::ids::RegistrationId;
use crate::core::language::{FluentArgs, Language};
use crate::core::mailer::Mail;
use crate::features::identity::email_challenges::NewChallenge;
use crate::features::messaging::outbox::{ClaimedMail, MailParams, Occurrence, Purpose};
use crate::settings::{Settings, Sources};
use countersign_store::Role;

/// Gmail clips longer messages.
const GMAIL_CLIPS_AT: usize = 102 * 1024;
const NAME: &str = "Ada & <Söhne>";

async fn services(settings: &[(&str, &str)]) -> (Services, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut environment = vec![
        ("COUNTERSIGN_DATABASE_URL".into(), format!("sqlite://{}", path("db"))),
        ("COUNTERSIGN_KEYS_DIR".into(), path("keys")),
        ("COUNTERSIGN_PAGES__NAME".into(), NAME.into()),
    ];
    environment.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let sources = Sources {
        environment,
        ..Sources::default()
    };
    let settings = Settings::load(&sources)
        .unwrap_or_else(|mistakes| unreachable!("{mistakes}"))
        .settings;
    let clock = Clock::fixed(Timestamp(1_795_342_500_000));
    (Services::open(settings, Role::Admin, clock).await.unwrap(), folder)
}

fn claimed(purpose: Purpose, language: Language) -> ClaimedMail {
    ClaimedMail {
        id: uuid::Uuid::nil(),
        purpose,
        to: "ada@example.com".parse().unwrap(),
        language,
        params: MailParams {
            account: None,
            at: Some(1_795_342_500_000),
            address: Some("192.0.2.1".to_owned()),
            device: Some("<img src=x onerror=alert(1)>".to_owned()),
            email: Some("new@example.com".to_owned()),
            others: vec![Occurrence {
                at: Some(1_795_342_560_000),
                address: Some("192.0.2.2 <b>".to_owned()),
                device: Some("Chrome on Windows".to_owned()),
            }],
            more: 3,
            registration: Some(RegistrationId(uuid::Uuid::nil())),
            ..MailParams::default()
        },
        attempt: 1,
    }
}

/// Every email, with a name for failure messages.
fn every_mail(services: &Services) -> Vec<(String, Purpose, Language, Mail)> {
    let all = Language::ALL.iter().flat_map(|language| {
        let purposes = Purpose::ALL.iter().copied();
        purposes.map(move |purpose| (purpose, *language))
    });
    all.map(|(purpose, language)| {
        let challenge = purpose.challenge().map(|_| NewChallenge::sample());
        let mail = compose(services, &claimed(purpose, language), challenge.as_ref()).unwrap();
        (
            format!("{} in {}", purpose.name(), language.tag()),
            purpose,
            language,
            mail,
        )
    })
    .collect()
}

/// The values of an attribute.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    let all = html.split(&*start).skip(1);
    all.map(|rest| rest.split('"').next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn every_mail_is_whole_in_every_language() {
    let (services, _folder) = services(&[]).await;
    for (name, purpose, language, mail) in every_mail(&services) {
        assert!(
            !mail.subject.contains(['\r', '\n']) && mail.subject.contains(NAME),
            "{name}: {}",
            mail.subject
        );
        let short = mail.subject.chars().count() - NAME.chars().count();
        assert!(short <= 50, "{name}: {} is too long for a list of mails", mail.subject);
        for whole in [&mail.text, &mail.html] {
            // A value that no message got, or a message that is not there, shows as its name.
            let own = ["subject", "preview", "title", "text", "action", "otherwise"];
            let own = own.map(|part| format!("{}-{part}", purpose.name().replace('_', "-")));
            let shared = [
                "{$",
                "mail-code",
                "mail-expiry",
                "mail-link",
                "mail-requested",
                "mail-time",
                "mail-device",
            ];
            let others = [
                "mail-ip",
                "mail-row",
                "mail-more",
                "mail-why",
                "lifetime-",
                "date-time",
                "device-unknown",
            ];
            for missing in shared.into_iter().chain(others).chain(own.iter().map(String::as_str)) {
                assert!(!whole.contains(missing), "{name} shows {missing}: {whole}");
            }
            assert!(whole.contains(mail.link.as_deref().unwrap()), "{name}");
        }
        assert!(
            mail.text.contains("Chrome") && mail.text.contains("Windows"),
            "{name}: {}",
            mail.text
        );
        assert!(mail.html.contains(&format!("lang=\"{}\"", language.tag())), "{name}");
    }
}

#[tokio::test]
async fn a_64_untrusted_text_is_escaped() {
    let (services, _folder) = services(&[]).await;
    for (name, _, _, mail) in every_mail(&services) {
        for sent in ["img src=x", "onerror", "<b>", "<Söhne>"] {
            assert!(!mail.html.contains(sent), "{name}: {sent}");
        }
        assert!(
            !mail.text.contains("onerror") && !mail.text.contains("<b>"),
            "{name}: {}",
            mail.text
        );
    }
}

#[tokio::test]
async fn mail_programs_show_all_of_a_mail_and_load_nothing_for_it() {
    let (services, _folder) = services(&[]).await;
    for (name, _, _, mail) in every_mail(&services) {
        let html = &mail.html;
        assert!(html.len() < GMAIL_CLIPS_AT, "{name} has {} bytes", html.len());
        for foreign in [
            "<link",
            "<script",
            "@import",
            "@font-face",
            "url(",
            "javascript:",
            " on",
            "<form",
            "<iframe",
            "<svg",
        ] {
            let tags = html.split('<').skip(1).filter_map(|rest| rest.split('>').next());
            let found = match foreign {
                " on" => tags
                    .clone()
                    .any(|tag| tag.split(' ').any(|part| part.starts_with("on") && part.contains('='))),
                foreign => html.contains(foreign),
            };
            assert!(!found, "{name} has {foreign}");
        }
        assert!(attributes(html, "src").is_empty(), "{name}");
        for link in attributes(html, "href") {
            assert!(link.starts_with("http://127.0.0.1:8000"), "{name} leads to {link}");
        }
        let tables = html.matches("<table").count();
        assert_eq!(
            html.matches("<table role=\"presentation\"").count(),
            tables,
            "{name}: tables are for layout"
        );
        assert_eq!(html.matches("</table>").count(), tables, "{name}");
        assert!(
            html.contains("<meta name=\"color-scheme\" content=\"light dark\">"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn lists_of_mails_show_a_line_that_says_more_than_the_subject() {
    let (services, _folder) = services(&[]).await;
    for (name, _, _, mail) in every_mail(&services) {
        let (_, body) = mail.html.split_once("<body").unwrap();
        let first = body.split('<').nth(1).unwrap();
        assert!(first.starts_with("div style=\"display:none;"), "{name}: {first}");
        let (_, preview) = first.split_once('>').unwrap();
        let (preview, filling) = preview.split_once("&#847;").unwrap();
        assert!((8..=140).contains(&preview.chars().count()), "{name}: {preview:?}");
        assert!(
            !mail.subject.contains(preview) && !preview.contains("<"),
            "{name}: {preview:?}"
        );
        // Otherwise the inbox continues with the beginning of the email.
        assert!(filling.matches("&zwnj;&nbsp;").count() > 40, "{name}");
        assert!(!mail.text.contains('\u{34f}') && !mail.text.contains("zwnj"), "{name}");
    }
}

#[tokio::test]
async fn plain_text_reads_well_on_its_own() {
    let (services, _folder) = services(&[]).await;
    for (name, purpose, _, mail) in every_mail(&services) {
        let text = &mail.text;
        assert!(text.trim() == text && !text.contains("\n\n\n"), "{name}: {text}");
        for line in text.lines() {
            assert_eq!(line, line.trim(), "{name}");
            assert!(
                line.is_empty() || line.chars().any(char::is_alphanumeric),
                "{name}: {line:?}"
            );
        }
        for markup in ["</", "&amp;", "&#", "&lt;", "&nbsp;", "{", "}", "–"] {
            assert!(!text.contains(markup), "{name}: {markup} in {text}");
        }
        assert!(
            text.lines().any(|line| Some(line) == mail.link.as_deref()),
            "{name}: a link of its own: {text}"
        );
        // When and from where.
        if purpose != Purpose::SignInBlocked {
            assert!(text.contains("10:15") && text.contains("192.0.2.1"), "{name}: {text}");
        }
    }
}

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
async fn arabic_runs_from_right_to_left_and_what_is_latin_does_not() {
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
async fn a_logo_travels_with_the_mail_and_one_that_mail_programs_do_not_show_does_not() {
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
async fn times_that_links_work_are_written_as_people_count_them() {
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
