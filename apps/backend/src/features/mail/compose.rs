//! From a purpose to a mail in somebody's language.

use std::net::IpAddr;

use askama::Template;

use crate::core::brand::Brand;
use crate::core::clock::Timestamp;
use crate::core::device_name::DeviceName;
use crate::core::language::{FluentArgs, Language};
use crate::core::mailer::Mail;
use crate::core::platform::Platform;
use crate::features::email_challenges::NewChallenge;
use crate::features::outbox::{ClaimedMail, Occurrence, Purpose};

/// What a mail says, in whichever form.
struct Content {
    language: Language,
    /// Of the button, and of what is written on it.
    color: String,
    on_color: String,
    subject: String,
    text: String,
    /// What happened, one by one.
    events: Vec<String>,
    action: String,
    link: String,
    code_label: String,
    code: Option<String>,
    otherwise: String,
    footer: String,
}

#[derive(Template)]
#[template(path = "mail/mail.html")]
struct Html<'a> {
    content: &'a Content,
}

#[derive(Template)]
#[template(path = "mail/mail.txt", escape = "none")]
struct Text<'a> {
    content: &'a Content,
}

/// The whole mail. `challenge` is what its reader can answer, if it asks for an answer.
pub(super) fn compose(
    platform: &Platform,
    mail: &ClaimedMail,
    challenge: Option<&NewChallenge>,
) -> Result<Mail, askama::Error> {
    let (language, values) = (mail.language, values(platform, mail));
    let text = |part: &str| {
        let message = format!("{}-{part}", mail.purpose.name().replace('_', "-"));
        platform.texts.render(language, &message, &values)
    };
    let brand = Brand::new(&platform.settings.pages);
    let content = Content {
        language,
        color: brand.light.button.css(),
        on_color: brand.light.on_button.css(),
        subject: text("subject"),
        text: text("text"),
        events: events(platform, mail),
        action: text("action"),
        link: link(platform, mail.purpose, challenge),
        code_label: platform.texts.render(language, "mail-code", &values),
        code: challenge
            .filter(|_| takes_code(mail))
            .map(|challenge| challenge.code.reveal().to_owned()),
        otherwise: text("otherwise"),
        footer: platform.texts.render(language, "mail-footer", &values),
    };
    Ok(Mail {
        id: mail.id,
        to: mail.to.clone(),
        text: Text { content: &content }.render()?,
        html: Html { content: &content }.render()?,
        subject: content.subject,
        link: Some(content.link),
    })
}

/// Where nobody has a handle, because an operator had the mail sent, a code would work for nobody.
fn takes_code(mail: &ClaimedMail) -> bool {
    let binding = mail.params.binding.as_ref();
    let handle = binding.is_some_and(|binding| binding.handle.is_some()) || mail.params.registration.is_some();
    handle && mail.purpose.challenge().is_some_and(|challenge| challenge.has_code)
}

/// Always below the issuer, whatever a request said about hosts. The page that it opens does nothing by itself.
fn link(platform: &Platform, purpose: Purpose, challenge: Option<&NewChallenge>) -> String {
    let (issuer, page) = (platform.settings.issuer.as_str(), purpose.page());
    match challenge {
        Some(challenge) => format!("{issuer}{page}?token={}", challenge.link.reveal()),
        None => format!("{issuer}{page}"),
    }
}

fn values(platform: &Platform, mail: &ClaimedMail) -> FluentArgs<'static> {
    let mut values = FluentArgs::new();
    let params = &mail.params;
    values.set("service", platform.settings.pages.name.clone());
    values.set("to", mail.to.typed().to_owned());
    values.set("email", params.email.as_deref().map(plain).unwrap_or_default());
    if let Some(challenge) = mail.purpose.challenge() {
        let minutes = challenge.link_lifetime.as_secs() / 60;
        values.set("minutes", minutes);
        values.set("hours", minutes / 60);
    }
    values
}

/// When, where and with which device it happened, a line for each. What a client says of itself is in none of them.
fn events(platform: &Platform, mail: &ClaimedMail) -> Vec<String> {
    let (language, params) = (mail.language, &mail.params);
    let Some(at) = params.at else {
        return Vec::new();
    };
    let first = Occurrence {
        at: Some(at),
        address: params.address.clone(),
        device: params.device.clone(),
    };
    let line = |occurrence: &Occurrence| {
        let mut values = FluentArgs::new();
        let at = occurrence.at.map_or_else(|| platform.clock.now(), Timestamp);
        let address: Option<IpAddr> = occurrence.address.as_deref().and_then(|address| address.parse().ok());
        values.set("when", platform.texts.date_time(language, at));
        values.set(
            "address",
            address.map_or_else(|| "–".to_owned(), |address| address.to_string()),
        );
        let device = match (&occurrence.device, address) {
            // The command line is no device.
            (None, None) => "–".to_owned(),
            (device, _) => {
                DeviceName::from_stored(device.as_deref().unwrap_or_default()).shown(&platform.texts, language)
            }
        };
        values.set("device", device);
        platform.texts.render(language, "mail-event", &values)
    };
    let mut lines: Vec<_> = std::iter::once(&first).chain(&params.others).map(line).collect();
    if params.more > 0 {
        let mut values = FluentArgs::new();
        values.set("more", params.more);
        lines.push(platform.texts.render(language, "mail-more", &values));
    }
    lines
}

/// An address that a stranger may have chosen: its local part only where that can be nothing but a name.
fn plain(email: &str) -> String {
    let (local, domain) = email.rsplit_once('@').unwrap_or(("", email));
    let is_name = local.len() <= 32
        && local
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | '.'));
    // Mail programs make links of what begins like a host.
    let is_link = local.starts_with("www.") || local.contains("..");
    if is_name && !is_link {
        email.to_owned()
    } else {
        format!("…@{domain}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Services;
    use crate::core::clock::Clock;
    use crate::core::ids::RegistrationId;
    use crate::features::outbox::MailParams;
    use crate::settings::{Settings, Sources};
    use countersign_store::Role;

    /// Every mail in every language, with sample values.
    #[tokio::test]
    async fn every_mail_is_whole_in_every_language() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let environment = [
            ("COUNTERSIGN_DATABASE_URL", format!("sqlite://{}", path("db"))),
            ("COUNTERSIGN_KEYS_DIR", path("keys")),
            ("COUNTERSIGN_PAGES__NAME", "Ada & <Söhne>".to_owned()),
        ];
        let sources = Sources {
            environment: environment.map(|(name, value)| (name.into(), value)).to_vec(),
            ..Sources::default()
        };
        let settings = Settings::load(&sources)
            .unwrap_or_else(|mistakes| unreachable!("{mistakes}"))
            .settings;
        let clock = Clock::fixed(Timestamp(1_795_342_500_000));
        let services = Services::open(settings, Role::Admin, clock).await.unwrap();
        for language in Language::ALL.iter().copied() {
            for purpose in Purpose::ALL.iter().copied() {
                let mail = ClaimedMail {
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
                };
                let challenge = NewChallenge::sample();
                let mail = compose(&services, &mail, Some(&challenge)).unwrap();
                let name = format!("{} in {}", purpose.name(), language.tag());
                assert!(
                    !mail.subject.contains(['\r', '\n']) && mail.subject.contains("Ada & <Söhne>"),
                    "{name}: {}",
                    mail.subject
                );
                for whole in [&mail.text, &mail.html] {
                    // A value that no message got, or a message that is not there, shows as its name.
                    assert!(
                        !whole.contains("{$") && !whole.contains(purpose.name()) && !whole.contains("-subject"),
                        "{name}: {whole}"
                    );
                    assert!(whole.contains(mail.link.as_deref().unwrap()), "{name}");
                }
                for sent in ["img src", "onerror", "<b>"] {
                    assert!(
                        !mail.html.contains(sent) && !mail.text.contains(sent),
                        "{name}: {}",
                        mail.text
                    );
                }
                assert!(
                    mail.text.contains("Chrome") && mail.text.contains("Windows"),
                    "{name}: {}",
                    mail.text
                );
                assert!(mail.html.contains(&format!("lang=\"{}\"", language.tag())), "{name}");
                assert!(mail.html.len() < 20_000 && mail.text.lines().count() > 5, "{name}");
            }
        }
    }
}
