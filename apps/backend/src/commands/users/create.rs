//! `countersign users create` and `invite`. What is to be made is looked at before anything is.

use super::list::Listed;
use super::password::asked_for;
use crate::Services;
use crate::commands::Failure;
use crate::commands::cli::Users;
use crate::commands::output::Standard;
use crate::core::email::NewEmail;
use crate::core::password::{Password, PasswordContext};
use crate::features::accounts::AccountError;
use crate::installation::password_policy;
use crate::settings::Settings;

/// A command whose arguments are known to be right.
pub(in crate::commands) enum Prepared {
    /// An account with a password that the rules allow.
    Create { email: NewEmail, password: Password },
    /// An account whose owner sets the password.
    Invite(NewEmail),
    /// A command that makes no installation, and looks at what it was given when it has opened one.
    Other(Users),
}

/// Looks at what is to be made before anything is.
pub(in crate::commands) fn prepare(command: Users, settings: &Settings) -> Result<Prepared, Failure> {
    Ok(match command {
        Users::Create(new) => {
            let email: NewEmail = new.account.email.parse()?;
            let password = asked_for(new.password_stdin)?;
            let about = PasswordContext {
                email: email.typed(),
                issuer_host: settings.issuer.host(),
            };
            let judged = password_policy(settings).check(&password, &about);
            judged.map_err(AccountError::Password)?;
            Prepared::Create { email, password }
        }
        Users::Invite(whom) => Prepared::Invite(whom.email.parse()?),
        other => Prepared::Other(other),
    })
}

pub(super) async fn create(
    email: NewEmail,
    password: Password,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let account = services
        .accounts
        .register(email, password, services.command_line())
        .await?;
    let sentence = format!("Made the account {} for {}.", account.id, account.email);
    Ok(output.done(&sentence, &Listed::from(account))?)
}

pub(super) async fn invite(email: NewEmail, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let made = services.operator.invite(&email).await?;
    let account = made.ok_or_else(|| Failure::new(format!("there is an account with the address {email} already")))?;
    let sentence = format!(
        "Made the account {} for {}; the server mails a link to set a password.",
        account.id, account.email
    );
    Ok(output.done(&sentence, &Listed::from(account))?)
}
