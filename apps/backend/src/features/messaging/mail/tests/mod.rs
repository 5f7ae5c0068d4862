//! Tests of every email in every language, as mail programs receive it.

mod appearance;

use super::compose::compose;
use crate::Services;
use crate::core::clock::{Clock, Timestamp};
use crate::core::ids::RegistrationId;
use crate::core::language::Language;
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
async fn every_email_is_complete_in_every_language() {
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
async fn emails_are_not_clipped_and_load_nothing() {
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
async fn the_preheader_says_more_than_the_subject() {
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
