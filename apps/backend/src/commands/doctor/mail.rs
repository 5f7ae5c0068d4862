//! Whether mail leaves.

use super::finding::Finding;
use crate::core::mailer::Mailer;
use crate::settings::{EmailVerification, Settings};

const MAIL: &str = "mail";

/// Connects to the mail server, as far as signing in to it. No mail is sent.
pub(super) async fn check(settings: &Settings, findings: &mut Vec<Finding>) {
    let mailer = match Mailer::new(&settings.mail) {
        Ok(mailer) => mailer,
        Err(error) => return findings.push(Finding::fail(MAIL, error.to_string(), "correct `mail.smtp_url`")),
    };
    if let Some(folder) = mailer.folder() {
        let found = format!("there is no mail server: mails are written into {}", folder.display());
        let remedy = "set `mail.smtp_url`, or nobody can set a forgotten password";
        return findings.push(match settings.email_verification {
            EmailVerification::Required => Finding::fail(MAIL, found, "set `mail.smtp_url`, or nobody can sign up"),
            EmailVerification::Optional | EmailVerification::Off => Finding::warn(MAIL, found, remedy),
        });
    }
    findings.push(match mailer.check().await {
        Ok(()) => Finding::ok(
            MAIL,
            format!(
                "the mail server takes mails from {}",
                settings.mail.from.mailbox().email
            ),
        ),
        Err(error) => {
            let remedy = "is `mail.smtp_url` right (host, port, user, password), and may this machine reach it?";
            Finding::fail(MAIL, format!("the mail server does not let us in: {error}"), remedy)
        }
    });
}
