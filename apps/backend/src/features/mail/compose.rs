//! From a purpose to a mail in somebody's language.

use std::net::IpAddr;

use askama::Template;

use crate::core::clock::Timestamp;
use crate::core::device_name::DeviceName;
use crate::core::language::{FluentArgs, Language};
use crate::core::mailer::Mail;
use crate::core::platform::Platform;
use crate::features::outbox::{Due, Happening, Purpose};
use crate::features::proofs::{self, Made};

/// What a mail says, in whichever form.
struct Letter {
    language: Language,
    /// Of the button, and of what is written on it.
    color: String,
    on_color: &'static str,
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
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail/mail.txt", escape = "none")]
struct Text<'a> {
    letter: &'a Letter,
}

/// The whole mail. `made` is what it can prove, if it can prove something.
pub(super) fn compose(platform: &Platform, due: &Due, made: Option<&Made>) -> Result<Mail, askama::Error> {
    let (language, values) = (due.language, values(platform, due));
    let say = |part: &str| {
        let message = format!("{}-{part}", due.purpose.name().replace('_', "-"));
        platform.texts.say(language, &message, &values)
    };
    let letter = Letter {
        language,
        color: platform.settings.pages.color.css(),
        on_color: platform.settings.pages.color.on_top(),
        subject: say("subject"),
        text: say("text"),
        events: events(platform, due),
        action: say("action"),
        link: link(platform, due.purpose, made),
        code_label: platform.texts.say(language, "mail-code", &values),
        code: made
            .filter(|_| takes_code(due))
            .map(|made| made.code.reveal().to_owned()),
        otherwise: say("otherwise"),
        footer: platform.texts.say(language, "mail-footer", &values),
    };
    Ok(Mail {
        id: due.id,
        to: due.to.clone(),
        text: Text { letter: &letter }.render()?,
        html: Html { letter: &letter }.render()?,
        subject: letter.subject,
        link: Some(letter.link),
    })
}

/// An invitation is answered when it suits: a code that lives ten minutes would be of no use. Where nobody has a handle,
/// because an operator had the mail sent, a code would work for nobody.
fn takes_code(due: &Due) -> bool {
    let asked = due.particulars.asked.as_ref();
    let handle = asked.is_some_and(|asked| asked.handle.is_some()) || due.particulars.registration.is_some();
    handle && !matches!(due.purpose, Purpose::Invitation | Purpose::SignInBlocked)
}

/// Always below the issuer, whatever a request said about hosts. The page that it opens does nothing by itself.
fn link(platform: &Platform, purpose: Purpose, made: Option<&Made>) -> String {
    let page = match purpose {
        Purpose::VerifyEmail => "verify",
        Purpose::ChangeEmail => "change-email",
        Purpose::SignIn | Purpose::SignInBlocked => "signin/email",
        Purpose::ResetPassword | Purpose::Invitation => "recover/password",
        Purpose::AlreadyRegistered => "signin",
        Purpose::NewSignIn | Purpose::PasswordChanged | Purpose::EmailChanged => "recover",
        Purpose::AccountDeleted => "",
    };
    let issuer = platform.settings.issuer.as_str();
    match made {
        Some(made) => format!("{issuer}/{page}?token={}", made.link.reveal()),
        None => format!("{issuer}/{page}"),
    }
}

fn values(platform: &Platform, due: &Due) -> FluentArgs<'static> {
    let mut values = FluentArgs::new();
    let particulars = &due.particulars;
    values.set("service", platform.settings.pages.name.clone());
    values.set("to", due.to.typed().to_owned());
    values.set("email", particulars.email.as_deref().map(plain).unwrap_or_default());
    values.set("minutes", minutes(due.purpose));
    values.set("hours", minutes(due.purpose) / 60);
    values
}

/// When, where and with which device it happened, a line for each. What a client says of itself is in none of them.
fn events(platform: &Platform, due: &Due) -> Vec<String> {
    let (language, particulars) = (due.language, &due.particulars);
    let Some(at) = particulars.at else {
        return Vec::new();
    };
    let first = Happening {
        at: Some(at),
        address: particulars.address.clone(),
        device: particulars.device.clone(),
    };
    let line = |happening: &Happening| {
        let mut values = FluentArgs::new();
        let at = happening.at.map_or_else(|| platform.clock.now(), Timestamp);
        let address: Option<IpAddr> = happening.address.as_deref().and_then(|address| address.parse().ok());
        values.set("when", platform.texts.date_time(language, at));
        values.set(
            "address",
            address.map_or_else(|| "–".to_owned(), |address| address.to_string()),
        );
        let device = match (&happening.device, address) {
            // The command line is no device.
            (None, None) => "–".to_owned(),
            (device, _) => {
                DeviceName::from_stored(device.as_deref().unwrap_or_default()).shown(&platform.texts, language)
            }
        };
        values.set("device", device);
        platform.texts.say(language, "mail-event", &values)
    };
    let mut lines: Vec<_> = std::iter::once(&first).chain(&particulars.others).map(line).collect();
    if particulars.more > 0 {
        let mut values = FluentArgs::new();
        values.set("more", particulars.more);
        lines.push(platform.texts.say(language, "mail-more", &values));
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

fn minutes(purpose: Purpose) -> i64 {
    i64::try_from(proofs::lifetime(purpose).as_secs() / 60).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Services;
    use crate::core::clock::Clock;
    use crate::core::ids::RegistrationId;
    use crate::features::outbox::Particulars;
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
                let due = Due {
                    id: uuid::Uuid::nil(),
                    purpose,
                    to: "ada@example.com".parse().unwrap(),
                    language,
                    particulars: Particulars {
                        account: None,
                        at: Some(1_795_342_500_000),
                        address: Some("192.0.2.1".to_owned()),
                        device: Some("<img src=x onerror=alert(1)>".to_owned()),
                        email: Some("new@example.com".to_owned()),
                        others: vec![Happening {
                            at: Some(1_795_342_560_000),
                            address: Some("192.0.2.2 <b>".to_owned()),
                            device: Some("Chrome on Windows".to_owned()),
                        }],
                        more: 3,
                        registration: Some(RegistrationId(uuid::Uuid::nil())),
                        ..Particulars::default()
                    },
                    attempt: 1,
                };
                let made = Made::sample();
                let mail = compose(&services, &due, Some(&made)).unwrap();
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
