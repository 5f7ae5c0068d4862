//! `countersign users grant` and `ungrant`.

use countersign_guard::Scopes;
use serde_json::json;

use super::find::account;
use crate::Services;
use crate::commands::Failure;
use crate::commands::cli::WithScopes;
use crate::commands::output::Standard;
use crate::features::identity::accounts::{self, Account};

pub(super) async fn grant(given: WithScopes, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &given.account.email).await?;
    let given = services.operator.grant(account.id, &parsed(&given.scopes)).await?;
    say_scopes(&account, given.is_empty(), services, output).await
}

pub(super) async fn ungrant(taken: WithScopes, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &taken.account.email).await?;
    let taken = services.operator.ungrant(account.id, &parsed(&taken.scopes)).await?;
    say_scopes(&account, taken.is_empty(), services, output).await
}

async fn say_scopes(
    account: &Account,
    unchanged: bool,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let scopes = accounts::scopes(&services.db, account.id).await?;
    let names: Vec<_> = scopes.iter().collect();
    let mut sentence = match (unchanged, names.is_empty()) {
        (true, true) => format!("Nothing has changed: {} has no scopes.", account.email),
        (true, false) => format!("Nothing has changed: {} has the scopes {scopes}.", account.email),
        (false, true) => format!("{} now has no scopes.", account.email),
        (false, false) => format!(
            "{} now has the scopes {scopes}; its next sign-in includes them.",
            account.email
        ),
    };
    let verified = account.email_verified_at.is_some();
    // Anyone can sign up with an email address that is not theirs, before its owner does.
    if !verified && !names.is_empty() {
        sentence
            .push_str(" Its email address is not verified: make sure that the account belongs to the right person.");
    }
    let object = json!({ "id": account.id, "email_verified": verified, "scopes": names });
    Ok(output.done(&sentence, &object)?)
}

/// Converts the scopes, which the command line parser has validated.
fn parsed(scopes: &[String]) -> Scopes {
    scopes.iter().cloned().collect()
}
