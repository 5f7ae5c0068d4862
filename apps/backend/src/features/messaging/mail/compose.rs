//! Composes an email from its purpose: an HTML part and a plain-text part, in the recipient's language.

use std::time::Duration;

use askama::Template;

use super::details::{self, Row};
use crate::core::applications::with_return_to;
use crate::core::brand::{Brand, Palette};
use crate::core::language::{FluentArgs, Language};
use crate::core::mailer::{Mail, Picture};
use crate::core::platform::Platform;
use crate::features::identity::email_challenges::{CODE_LIFETIME, NewChallenge};
use crate::features::messaging::outbox::{ClaimedMail, Purpose, Recipient};
use crate::settings::{ApplicationUrl, MailLinks, Pages};

/// What the two parts of an email show.
struct Content {
    language: Language,
    /// The side on which lines begin, `left` or `right`: Outlook doesn't know `start`.
    start: &'static str,
    font: String,
    light: Button,
    dark: Button,
    radius: u32,
    service: String,
    /// The first letter of the service, shown where there is no logo.
    initial: String,
    logo: Option<&'static str>,
    /// The logo on dark screens, if it is another one.
    logo_dark: Option<&'static str>,
    subject: String,
    /// The preview that inboxes show next to the subject.
    preview: String,
    title: String,
    text: String,
    action: String,
    link: String,
    link_label: String,
    code_label: String,
    code: Option<String>,
    /// How long the link and the code work.
    expiry: Option<String>,
    /// What to do if it was someone else.
    otherwise: String,
    /// Whether it reports an event, rather than asking for confirmation.
    is_notice: bool,
    requested: String,
    /// Time, device and IP address of the request, or of each event.
    details: Vec<Vec<Row>>,
    /// How many more events there were.
    more: Option<String>,
    /// Why the recipient gets it.
    why: String,
    issuer: String,
    host: String,
}

/// The colors of the button.
struct Button {
    fill: String,
    text: String,
    edge: String,
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

/// Composes the email. `challenge` is the link and the code that it carries, if any.
pub(super) fn compose(
    platform: &Platform,
    mail: &ClaimedMail,
    challenge: Option<&NewChallenge>,
) -> Result<Mail, askama::Error> {
    let pictures = pictures(&platform.settings.pages);
    let content = content(platform, mail, challenge, &pictures);
    Ok(Mail {
        id: mail.id,
        to: mail.to.clone(),
        text: Text { content: &content }.render()?,
        html: Html { content: &content }.render()?,
        subject: content.subject,
        link: Some(content.link),
        pictures,
    })
}

fn content(platform: &Platform, mail: &ClaimedMail, challenge: Option<&NewChallenge>, pictures: &[Picture]) -> Content {
    let (language, purpose, pages) = (mail.language, mail.purpose, &platform.settings.pages);
    let values = values(platform, mail);
    let shared = |message: &str| platform.texts.render(language, message, &values);
    let own = |part: &str| shared(&format!("{}-{part}", purpose.name().replace('_', "-")));
    let brand = Brand::new(pages);
    let code = challenge
        .filter(|_| takes_code(mail))
        .map(|challenge| challenge.code.reveal().to_owned());
    let expiry = match &code {
        Some(_) => "mail-expiry-code",
        None => "mail-expiry",
    };
    Content {
        language,
        start: match language.direction() {
            "rtl" => "right",
            _ => "left",
        },
        font: font(pages),
        light: Button::of(&brand.light),
        dark: Button::of(&brand.dark),
        radius: pages.radius,
        service: pages.name.clone(),
        initial: initial(&pages.name),
        logo: pictures.first().map(|picture| picture.id),
        logo_dark: pictures.get(1).map(|picture| picture.id),
        subject: own("subject"),
        preview: own("preview"),
        title: own("title"),
        text: own("text"),
        action: own("action"),
        link: link(platform, mail, challenge),
        link_label: shared("mail-link"),
        code_label: shared("mail-code"),
        code,
        expiry: purpose.challenge().map(|_| shared(expiry)),
        otherwise: own("otherwise"),
        is_notice: purpose.challenge().is_none(),
        requested: shared("mail-requested"),
        details: details::of(platform, mail),
        more: details::more(platform, mail),
        why: shared(match purpose.recipient() {
            // The email address may belong to someone else.
            Some(Recipient::Unverified | Recipient::NewAddress) => "mail-why-entered",
            Some(Recipient::Account) | None => "mail-why-account",
        }),
        issuer: platform.settings.issuer.as_str().to_owned(),
        host: host(platform.settings.issuer.as_str()).to_owned(),
    }
}

impl Button {
    fn of(palette: &Palette) -> Self {
        Self {
            fill: palette.button.css(),
            text: palette.on_button.css(),
            edge: palette.button_edge.css(),
        }
    }
}

/// The logo and its dark variant. Mail programs don't show SVG.
fn pictures(pages: &Pages) -> Vec<Picture> {
    let both = [("logo", &pages.logo), ("logo-dark", &pages.logo_dark)];
    let shown = both.into_iter().map_while(|(id, logo)| {
        let logo = logo.clone().filter(|logo| logo.kind() == "image/png")?;
        Some(Picture { id, logo })
    });
    shown.collect()
}

fn initial(name: &str) -> String {
    let letter = name.chars().find(|letter| letter.is_alphanumeric());
    letter.map(|letter| letter.to_uppercase().collect()).unwrap_or_default()
}

/// Fonts that devices come with; each system falls back to its own for other scripts.
fn font(pages: &Pages) -> String {
    let own = pages
        .font
        .css()
        .map(|font| font.replace('"', "'") + ",")
        .unwrap_or_default();
    format!("{own}-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans',sans-serif")
}

fn host(issuer: &str) -> &str {
    issuer.split_once("://").map_or(issuer, |(_, host)| host)
}

/// Whether the email carries a code. A code works only with the requester's handle, and an operator has none.
fn takes_code(mail: &ClaimedMail) -> bool {
    let binding = mail.params.binding.as_ref();
    let handle = binding.is_some_and(|binding| binding.handle.is_some()) || mail.params.registration.is_some();
    handle && mail.purpose.challenge().is_some_and(|challenge| challenge.has_code)
}

/// The URL of the button: built from the settings, never from a request's headers. Opening it changes nothing.
fn link(platform: &Platform, mail: &ClaimedMail, challenge: Option<&NewChallenge>) -> String {
    let hosted = format!("{}{}", platform.settings.issuer.as_str(), mail.purpose.page());
    match (challenge, &mail.params.return_to) {
        (Some(challenge), return_to) => {
            let application = platform.applications.of_destination(return_to.as_deref());
            let own = application.and_then(|application| page_of(&application.mail_links, mail.purpose));
            let page = own.map_or(hosted, |own| own.as_str().to_owned());
            let separator = if page.contains('?') { '&' } else { '?' };
            format!("{page}{separator}token={}", challenge.link.reveal())
        }
        (None, Some(return_to)) if mail.purpose == Purpose::AlreadyRegistered => with_return_to(&hosted, return_to),
        (None, _) => hosted,
    }
}

/// The application's own page for the link of an email, if it has one.
fn page_of(links: &MailLinks, purpose: Purpose) -> Option<&ApplicationUrl> {
    match purpose {
        Purpose::VerifyEmail => links.verify.as_ref(),
        Purpose::ResetPassword => links.recover.as_ref(),
        Purpose::Invitation => links.invite.as_ref(),
        Purpose::SignIn | Purpose::SignInBlocked => links.sign_in.as_ref(),
        Purpose::ChangeEmail => links.change_email.as_ref(),
        Purpose::AlreadyRegistered
        | Purpose::NewSignIn
        | Purpose::PasswordChanged
        | Purpose::EmailChanged
        | Purpose::AccountDeleted => None,
    }
}

fn values(platform: &Platform, mail: &ClaimedMail) -> FluentArgs<'static> {
    let mut values = FluentArgs::new();
    let params = &mail.params;
    values.set("service", platform.settings.pages.name.clone());
    values.set("to", plain(mail.to.typed()));
    values.set("email", params.email.as_deref().map(plain).unwrap_or_default());
    values.set("when", details::when(platform, mail.language, params.at));
    values.set(
        "lifetime",
        lifetime(platform, mail.language, mail.purpose.link_lifetime()),
    );
    values.set("code-lifetime", lifetime(platform, mail.language, CODE_LIFETIME));
    values
}

/// A lifetime in the unit that people use: 15 minutes, 24 hours, 3 days.
fn lifetime(platform: &Platform, language: Language, lifetime: Duration) -> String {
    const HOUR: u64 = 60;
    const DAY: u64 = 24 * HOUR;
    let minutes = lifetime.as_secs() / 60;
    let (unit, count) = match minutes {
        minutes if minutes > DAY && minutes.is_multiple_of(DAY) => ("lifetime-days", minutes / DAY),
        minutes if minutes >= HOUR && minutes.is_multiple_of(HOUR) => ("lifetime-hours", minutes / HOUR),
        minutes => ("lifetime-minutes", minutes),
    };
    let mut values = FluentArgs::new();
    values.set("count", count);
    platform.texts.render(language, unit, &values)
}

/// An email address for display. An attacker may have chosen it: the local part is left out if it could pass for text or a link.
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
