//! `countersign users create` and `invite`. Input is validated before anything is created.

use super::list::ListedAccount;
use super::password::asked_for;
use crate::Services;
use crate::commands::Failure;
use crate::commands::cli::NewUser;
use crate::commands::output::Standard;
use crate::core::email::NewEmail;
use crate::core::password::{Password, PasswordContext};
use crate::core::profile::{Metadata, Profile};
use crate::features::identity::accounts::AccountError;
use crate::installation::password_policy;
use crate::settings::Settings;

/// A new account whose password meets the rules.
pub(super) struct NewAccount {
    email: NewEmail,
    password: Password,
    profile: Profile,
}

/// Prompts for the password and checks it against the rules.
pub(super) fn parse(new: NewUser, settings: &Settings) -> Result<NewAccount, Failure> {
    let email: NewEmail = new.new.email.parse()?;
    let metadata = new.metadata.as_ref().map(Metadata::new).transpose();
    let profile = Profile {
        name: new.name,
        metadata: metadata.map_err(Failure::new)?.unwrap_or_default(),
    };
    let password = asked_for(new.password_stdin)?;
    let about = PasswordContext {
        email: email.typed(),
        issuer_host: settings.issuer.host(),
    };
    let judged = password_policy(settings).check(&password, &about);
    judged.map_err(AccountError::Password)?;
    Ok(NewAccount {
        email,
        password,
        profile,
    })
}

pub(super) async fn create(new: NewAccount, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = services
        .accounts
        .register(new.email, new.password, &new.profile, services.command_line())
        .await?;
    let sentence = format!("Created the account {} for {}.", account.id, account.email);
    Ok(output.done(&sentence, &ListedAccount::from(account))?)
}

pub(super) async fn invite(email: NewEmail, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let made = services.operator.invite(&email).await?;
    let account =
        made.ok_or_else(|| Failure::new(format!("an account with the email address {email} already exists")))?;
    let sentence = format!(
        "Created the account {} for {}; the server will email a link to set a password.",
        account.id, account.email
    );
    Ok(output.done(&sentence, &ListedAccount::from(account))?)
}
