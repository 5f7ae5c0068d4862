//! `[mail]`: how mail leaves, and from whom.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};

use super::database_url::masked;
use super::section::section;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;

/// The longest that [`Mail::timeout`] may be.
pub const LONGEST_MAIL_TIMEOUT: Duration = Duration::from_secs(45);

section! {
    /// Sending email.
    Mail "mail." {
        /// The mail server: `smtps://user:password@host` (implicit TLS, port 465) or `smtp://user:password@host` (STARTTLS,
        /// port 587; without TLS on loopback hosts, port 25).
        /// To keep the password out of the settings, use `mail.smtp_url_file`.
        #[default_is = "none: emails are written to `mail.folder`, and their links are printed"]
        smtp_url: Option<SmtpUrl> = "",
        /// The sender of emails, such as `Example <no-reply@example.com>`. If the domain does not authorize your mail
        /// server (SPF, DKIM), emails are likely to be marked as spam.
        #[default_is = "`no-reply@` and the issuer's host"]
        from: Sender = "no-reply@localhost",
        /// The folder to which emails are written, one file each, if `mail.smtp_url` is not set.
        #[warning = "anyone who can read it can take over all accounts; for development only"]
        folder: PathBuf = "data/mail",
        /// How long the mail server may take to accept an email, 1s to 45s. If it takes longer, the attempt fails and is
        /// retried later.
        timeout: Duration = "30s",
        /// Whether users get an email about sign-ins from new devices.
        #[warning = "without it, users do not notice when a stolen password is used"]
        sign_in_notices: bool = "true",
    }
}

impl Mail {
    pub(super) fn check(&self, values: &mut Values) {
        values.within(
            "mail.timeout",
            self.timeout,
            Duration::from_secs(1)..=LONGEST_MAIL_TIMEOUT,
        );
    }
}

/// The URL of a mail server. It may contain a password.
#[derive(Clone)]
pub struct SmtpUrl(SecretString);

impl SmtpUrl {
    /// It leads to another host, without TLS.
    pub fn leaves_unencrypted(&self) -> bool {
        self.is_plain() && !self.is_loopback()
    }

    /// The whole URL in the format of `lettre`, with its password, for connecting.
    pub fn expose(&self) -> String {
        let text = self.0.expose_secret();
        match text.strip_prefix("smtp://") {
            // Never opportunistic: an attacker on the network could remove the offer (RFC 8314 §3).
            Some(rest) if !self.is_plain() => format!("smtp://{}?tls=required", without_options(rest)),
            Some(rest) => format!("smtp://{}", without_options(rest)),
            None => text.to_owned(),
        }
    }

    fn is_plain(&self) -> bool {
        let text = self.0.expose_secret();
        text.starts_with("smtp://") && (self.is_loopback() || text.ends_with("?tls=none"))
    }

    fn is_loopback(&self) -> bool {
        let host = host(self.0.expose_secret());
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

fn without_options(rest: &str) -> &str {
    rest.split('?').next().unwrap_or_default()
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| without_options(rest));
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

impl Value for Option<SmtpUrl> {
    const FORM: &'static str = "`smtps://…` or `smtp://…`; secret";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, ValueError> {
        let fault = |what: &str| {
            let help = "expected smtps://user:password@mail.example.com, or smtp://… for STARTTLS";
            Err(ValueError::new(what, help))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() {
                Ok(None)
            } else {
                fault("is not the URL of a mail server")
            };
        };
        if !matches!(scheme, "smtp" | "smtps") {
            return fault("is not the URL of a mail server");
        }
        if host(text).is_empty() {
            return fault("the host is missing");
        }
        match rest.split_once('?') {
            None => Ok(Some(SmtpUrl(SecretString::from(text)))),
            Some((_, "tls=none")) if scheme == "smtp" => Ok(Some(SmtpUrl(SecretString::from(text)))),
            Some(_) => fault("unsupported option (only `smtp://…?tls=none` is supported)"),
        }
    }

    fn shown(text: &str) -> String {
        masked(text)
    }
}

/// Who mails are from.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

impl Sender {
    /// Name and address.
    pub fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

impl Value for Sender {
    const FORM: &'static str = "email address, or `name <email address>`";
    // RFC 5322 §3.4: `"Example, Inc." <no-reply@example.com>`.
    const QUOTES_MAY_BEGIN: bool = true;

    fn parse(text: &str) -> Result<Self, ValueError> {
        let fault = || {
            ValueError::new(
                format!("invalid sender {text:?}"),
                "expected one such as Example <no-reply@example.com>",
            )
        };
        if text.chars().any(char::is_control) {
            return Err(fault());
        }
        text.parse().map(Self).map_err(|_| fault())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> SmtpUrl {
        Option::<SmtpUrl>::parse(url).ok().flatten().expect("it is one")
    }

    #[test]
    fn a_78_email_to_another_host_is_encrypted_or_not_sent() {
        assert_eq!(
            parsed("smtp://u:p@mail.example").expose(),
            "smtp://u:p@mail.example?tls=required"
        );
        assert_eq!(
            parsed("smtps://u:p@mail.example:465").expose(),
            "smtps://u:p@mail.example:465"
        );
        assert_eq!(parsed("smtp://127.0.0.1:1025").expose(), "smtp://127.0.0.1:1025");
        assert!(!parsed("smtp://[::1]:1025").leaves_unencrypted());
        assert!(!parsed("smtp://u:p@mail.example").leaves_unencrypted());
        assert!(parsed("smtp://127.0.0.1.evil.example?tls=none").leaves_unencrypted());
        assert!(parsed("smtp://localhost@mail.example?tls=none").leaves_unencrypted());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_no_password_is_shown() {
        for url in [
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://h?tls=opportunistic",
            "smtps://h?tls=none",
        ] {
            assert!(Option::<SmtpUrl>::parse(url).is_err(), "{url}");
        }
        assert_eq!(
            <Option<SmtpUrl> as Value>::shown("smtps://ada:hunter2@h"),
            "smtps://ada:***@h"
        );
        for sender in ["", "nobody", "a@b\r\nBcc: x@y.example"] {
            assert!(Sender::parse(sender).is_err(), "{sender:?}");
        }
        assert!(Sender::parse("Example <no-reply@example.com>").is_ok());
    }
}
