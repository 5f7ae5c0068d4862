//! `countersign users set-password`, and reading passwords.

use std::io;

use secrecy::ExposeSecret;
use serde_json::json;

use super::find::account;
use crate::Services;
use crate::commands::cli::WithPassword;
use crate::commands::output::Standard;
use crate::commands::{Failure, prompt};
use crate::core::password::Password;

pub(super) async fn set_password(
    whose: WithPassword,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let account = account(services, &whose.account.email).await?;
    services
        .operator
        .set_password(&account, asked_for(whose.password_stdin)?)
        .await?;
    let sentence = format!("Set the password of {} and revoked all its sessions.", account.email);
    Ok(output.done(&sentence, &json!({ "id": account.id }))?)
}

pub(super) fn asked_for(from_stdin: bool) -> Result<Password, Failure> {
    let password = if from_stdin {
        prompt::password_from(io::stdin())?
    } else {
        prompt::new_password()?
    };
    Ok(Password::from(password.expose_secret().to_owned()))
}
