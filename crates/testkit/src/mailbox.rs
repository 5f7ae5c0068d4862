//! Emails sent by a server, as their recipients see them.

use std::path::Path;

use mail_parser::MessageParser;

/// A delivered email.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    /// The recipient.
    pub to: String,
    /// The sender.
    pub from: String,
    /// The subject.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Its `Message-ID`.
    pub id: String,
}

impl ReceivedMail {
    pub(crate) fn read(path: &Path) -> Self {
        let raw = std::fs::read(path).expect("the file was listed just now");
        Self::parse(&raw)
    }

    /// Parses the bytes that a mail server received.
    pub fn parse(raw: &[u8]) -> Self {
        let message = MessageParser::default().parse(raw).expect("it is a mail");
        let address = |of: Option<&mail_parser::Address<'_>>| {
            let mut all = of.iter().flat_map(|addresses| addresses.iter());
            let one = all.next().and_then(|one| one.address()).unwrap_or_default().to_owned();
            assert!(all.next().is_none(), "it has one");
            one
        };
        Self {
            to: address(message.to()),
            from: address(message.from()),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
            id: message.message_id().unwrap_or_default().to_owned(),
        }
    }

    /// Returns its only link.
    pub fn link(&self) -> String {
        let link = self.text.lines().map(str::trim).find(|line| line.starts_with("http"));
        link.unwrap_or_else(|| panic!("no link: {}", self.text)).to_owned()
    }

    /// Returns the token of its link.
    pub fn token(&self) -> String {
        let link = self.link();
        let (_, token) = link.split_once("?token=").unwrap_or_else(|| panic!("no token: {link}"));
        token.to_owned()
    }

    /// Returns its six-digit code.
    pub fn code(&self) -> String {
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        let code = self.text.lines().map(str::trim).find(is_code);
        code.unwrap_or_else(|| panic!("no code: {}", self.text)).to_owned()
    }
}
