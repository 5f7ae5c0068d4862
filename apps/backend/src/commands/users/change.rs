//! Changes to an account other than its password and scopes: `countersign users edit`, `verify`, `send-mail`, `disable`,
//! `enable` and `delete`.

use serde_json::json;

use super::find::account;
use crate::Services;
use crate::commands::cli::{Account as Named, EditUser};
use crate::commands::output::Standard;
use crate::commands::{Failure, prompt};
use crate::core::profile::{Change, ProfileChange};
use crate::features::messaging::outbox::Purpose;

pub(super) async fn verify(whose: Named, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    let sentence = match services.operator.verify_email(&account).await? {
        // The person who signed up may not own the mailbox.
        true => format!(
            "Marked the email address {0} as verified. The account's password and sessions stay valid; to replace \
             them, run `countersign users set-password {0}`.",
            account.email
        ),
        false => format!(
            "The email address {} was already verified; nothing has changed.",
            account.email
        ),
    };
    Ok(output.done(&sentence, &json!({ "id": account.id, "email_verified": true }))?)
}

pub(super) async fn edit(changes: EditUser, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let before = account(services, &changes.account.email).await?;
    let change = ProfileChange {
        name: changed(changes.name, changes.no_name),
        metadata: changed(changes.metadata, changes.no_metadata),
    };
    let after = services
        .accounts
        .change_profile(before.id, &change, services.command_line())
        .await
        .map_err(Failure::new)?;
    let same = (&before.name, &before.metadata) == (&after.name, &after.metadata);
    let sentence = match same {
        true => format!("Nothing has changed: {} already has this profile.", after.email),
        false => format!(
            "Changed the profile of {}; its next token includes the change.",
            after.email
        ),
    };
    let object = json!({ "id": after.id, "name": after.name, "metadata": after.metadata });
    Ok(output.done(&sentence, &object)?)
}

fn changed<T>(value: Option<T>, remove: bool) -> Change<T> {
    match value {
        Some(value) => Change::Set(value),
        None if remove => Change::Remove,
        None => Change::Keep,
    }
}

pub(super) async fn send_mail(
    whose: Named,
    purpose: Purpose,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    services.operator.send_mail(&account, purpose).await?;
    let sentence = format!(
        "The server will send the email to {}; `countersign mail list` shows its outcome.",
        account.email
    );
    Ok(output.done(&sentence, &json!({ "id": account.id, "purpose": purpose }))?)
}

pub(super) async fn set_disabled(
    whose: Named,
    disabled: bool,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    let has_changed = services.operator.set_disabled(account.id, disabled).await?;
    let sentence = match (disabled, has_changed) {
        (true, true) => format!("Disabled {} and revoked all its sessions.", account.email),
        (false, true) => format!("Enabled {}; its user has to sign in again.", account.email),
        (true, false) => format!("{} was already disabled; nothing has changed.", account.email),
        (false, false) => format!("{} was not disabled; nothing has changed.", account.email),
    };
    Ok(output.done(&sentence, &json!({ "id": account.id, "disabled": disabled }))?)
}

pub(super) async fn delete(whose: Named, yes: bool, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    if !yes && !prompt::confirm(&format!("Delete {} and all of its personal data?", account.email))? {
        return Err(Failure::new("nothing was deleted"));
    }
    services.operator.delete(&account).await?;
    Ok(output.done(&format!("Deleted {}.", account.email), &json!({ "id": account.id }))?)
}
