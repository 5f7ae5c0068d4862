//! `countersign token`: issues, verifies and inspects access tokens.

use std::io::{self, Read};

use countersign_guard::{AccessTokenClaims, Scopes};
use countersign_jose::{MAX_TOKEN_LENGTH, decode_without_verifying};
use serde_json::{Value, json};

use super::Failure;
use super::cli::{IssueToken, PresentedToken, TokenCommand};
use super::installation::Installation;
use super::output::Standard;
use super::process::Process;
use super::users::account;
use crate::Services;
use crate::features::identity::accounts;
use crate::installation::Opening;

pub(super) fn run(command: TokenCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        TokenCommand::Issue(asked) => {
            process.administer(Opening::Existing, async |services| issue(asked, services, output).await)
        }
        TokenCommand::Verify(presented) => process.with_installation(Opening::Reading, async |at| {
            Box::pin(verify(&presented, at, output)).await
        }),
        TokenCommand::Inspect(presented) => process.with_settings(async |_| inspect(&presented, output)),
    }
}

async fn issue(asked: IssueToken, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let longest = services.settings.tokens.access_ttl;
    let ttl = asked.ttl.unwrap_or(longest);
    if ttl > longest {
        return Err(Failure::new(
            "--ttl exceeds tokens.access_ttl; raise that setting, or use a shorter lifetime",
        ));
    }
    let account = account(services, &asked.account.email).await?;
    let scopes: Scopes = asked.scopes.join(" ").parse().map_err(Failure::new)?;
    let owned = accounts::scopes(&services.db, account.id).await?;
    let foreign: Vec<_> = scopes.iter().filter(|scope| !owned.contains(scope)).collect();
    if !foreign.is_empty() {
        return Err(Failure::new(format!(
            "{} does not have the scopes {}; `countersign users show` lists its scopes",
            account.email,
            foreign.join(" ")
        )));
    }
    let Some(tokens) = services.operator.issue_token(account.id, &scopes, ttl).await? else {
        return Err(Failure::new(format!("{} is disabled", account.email)));
    };
    let object = json!({
        "access_token": tokens.access_token, "token_type": "Bearer",
        "expires_in": tokens.expires_in, "scope": tokens.scope,
    });
    Ok(output.done(&tokens.access_token, &object)?)
}

async fn verify(presented: &PresentedToken, at: Installation, output: &mut Standard) -> Result<(), Failure> {
    let token = text_of(presented)?;
    at.administer(async |services| {
        let verified = services
            .guard
            .verify(&token)
            .await
            .map_err(|denied| Failure::new(denied.reason))?;
        print(&claims(verified.claims()), output)
    })
    .await
}

fn inspect(presented: &PresentedToken, output: &mut Standard) -> Result<(), Failure> {
    let unverified = decode_without_verifying(&text_of(presented)?).map_err(Failure::new)?;
    print(
        &json!({ "verified": false, "header": unverified.header, "claims": unverified.claims }),
        output,
    )
}

fn claims(claims: &AccessTokenClaims) -> Value {
    json!({ "verified": true, "claims": claims })
}

fn print(object: &Value, output: &mut Standard) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(object).map_err(Failure::new)?;
    Ok(output.document(format!("{text}\n").as_bytes())?)
}

/// Returns the argument, or the first line of the standard input.
fn text_of(presented: &PresentedToken) -> Result<String, Failure> {
    if let Some(token) = &presented.token {
        return Ok(token.clone());
    }
    let mut text = String::new();
    let limit = u64::try_from(MAX_TOKEN_LENGTH).unwrap_or(u64::MAX).saturating_mul(2);
    io::stdin().take(limit).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
