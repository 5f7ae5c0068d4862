//! Checks that mail can be sent.

use super::finding::Finding;
use crate::core::mailer::Mailer;
use crate::settings::{EmailVerification, Settings};

const MAIL: &str = "mail";

/// Connects and authenticates to the mail server. Sends nothing.
pub(super) async fn check(settings: &Settings, findings: &mut Vec<Finding>) {
    let mailer = match Mailer::new(&settings.mail) {
        Ok(mailer) => mailer,
        Err(error) => return findings.push(Finding::fail(MAIL, error.to_string(), "fix `mail.smtp_url`")),
    };
    if let Some(folder) = mailer.folder() {
        let found = format!(
            "no mail server is configured; emails are written to {}",
            folder.display()
        );
        let remedy = "set `mail.smtp_url`; without it, users cannot reset their password";
        return findings.push(match settings.email_verification {
            EmailVerification::Required => Finding::fail(
                MAIL,
                found,
                "set `mail.smtp_url`; without it, users \
                 cannot sign up",
            ),
            EmailVerification::Optional | EmailVerification::Off => Finding::warn(MAIL, found, remedy),
        });
    }
    findings.push(match mailer.check().await {
        Ok(()) => Finding::ok(
            MAIL,
            format!(
                "the mail server accepts emails from {}",
                settings.mail.from.mailbox().email
            ),
        ),
        Err(error) => {
            let remedy = "check host, port, user and password in `mail.smtp_url`, and that this machine can reach \
                          the mail server";
            Finding::fail(MAIL, format!("cannot log in to the mail server: {error}"), remedy)
        }
    });
}
