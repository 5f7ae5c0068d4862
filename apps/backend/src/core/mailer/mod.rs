//! Sends emails: by SMTP or, during development, to a folder. It depends on no feature, and contains no texts and no
//! state; the outbox stores what must not be lost.

mod folder;
mod message;
mod smtp;

use std::path::Path;

use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::core::email::Email;
use crate::settings::Mail as Settings;
use folder::MailFolder;
pub use message::{Mail, Picture, SendError};
use smtp::Smtp;

/// The transport for emails. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: Transport,
    from: Mailbox,
}

#[derive(Clone)]
enum Transport {
    Smtp(Smtp),
    Folder(MailFolder),
}

impl Mailer {
    /// Creates the transport of the settings. Does not connect yet.
    ///
    /// # Errors
    /// The URL of the mail server is unusable.
    pub fn new(settings: &Settings) -> Result<Self, SendError> {
        let transport = match &settings.smtp_url {
            Some(url) => Transport::Smtp(Smtp::new(&url.expose(), settings.timeout)?),
            None => Transport::Folder(MailFolder(settings.folder.clone().into())),
        };
        let from = settings.from.mailbox().clone();
        Ok(Self { transport, from })
    }

    /// Returns the folder that emails are written to, if they are not sent.
    pub fn folder(&self) -> Option<&Path> {
        match &self.transport {
            Transport::Smtp(_) => None,
            Transport::Folder(MailFolder(path)) => Some(path),
        }
    }

    /// Sends an email. Once it returns, the mail server (or the folder) is responsible for it.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = self.message(mail)?;
        match &self.transport {
            Transport::Smtp(smtp) => smtp.send(&message).await,
            Transport::Folder(folder) => folder.keep(mail, &message.formatted()),
        }
    }

    /// Checks that emails can be sent. Sends nothing.
    ///
    /// # Errors
    /// [`SendError`] if they cannot.
    pub async fn check(&self) -> Result<(), SendError> {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.check(&self.from.email).await,
            Transport::Folder(_) => Ok(()),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, SendError> {
        let domain = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address(&mail.to)?))
            .subject(&*mail.subject)
            .message_id(Some(format!("<{}@{domain}>", mail.id)))
            // Prevents automatic replies (RFC 3834 §5).
            .header(AutoSubmitted)
            .date_now()
            .multipart(body(mail)?)
            .map_err(|error| SendError::Permanent(error.to_string()))
    }
}

/// Returns the plain-text part and the HTML part with its images.
fn body(mail: &Mail) -> Result<MultiPart, SendError> {
    let alternative = MultiPart::alternative().singlepart(SinglePart::plain(mail.text.clone()));
    let html = SinglePart::html(mail.html.clone());
    if mail.pictures.is_empty() {
        return Ok(alternative.singlepart(html));
    }
    let mut whole = MultiPart::related().singlepart(html);
    for Picture { id, logo } in &mail.pictures {
        let kind = ContentType::parse(logo.kind()).map_err(|error| SendError::Permanent(error.to_string()))?;
        whole = whole.singlepart(Attachment::new_inline((*id).to_owned()).body(logo.bytes().to_vec(), kind));
    }
    Ok(alternative.multipart(whole))
}

/// Returns the email address with its domain in ASCII, as mail servers require.
fn address(email: &Email) -> Result<Address, SendError> {
    let local = email.typed().split_once('@').map_or("", |(local, _)| local);
    let domain = email.key().rsplit_once('@').map_or("", |(_, domain)| domain);
    Address::new(local, domain).map_err(|error| SendError::Permanent(error.to_string()))
}

#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
