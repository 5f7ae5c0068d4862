//! `countersign grants`: lists and revokes what clients may do for users.

use serde::Serialize;
use serde_json::json;

use super::Failure;
use super::cli::{GrantsCommand, ListGrants, RevokeGrants};
use super::failure::FailureCode;
use super::output::{Row, Standard};
use super::process::Process;
use super::users::account;
use crate::Services;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};
use crate::features::sign_in::sessions::{self, LogoutNotice, Session};
use crate::installation::Opening;

pub(super) fn run(command: GrantsCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        GrantsCommand::List(asked) => {
            process.administer(Opening::Reading, async |services| list(&asked, services, output).await)
        }
        GrantsCommand::Revoke(which) => process.administer(Opening::Existing, async |services| {
            revoke(&which, services, output).await
        }),
    }
}

async fn list(asked: &ListGrants, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let client = asked.client.as_deref();
    let grants = match &asked.user {
        Some(whose) => {
            let account = account(services, whose).await?;
            let mut grants = sessions::grants_of(&services.db, account.id, services.clock.now()).await?;
            grants.retain(|grant| client.is_none_or(|client| grant.client_id == client));
            grants.truncate(usize::try_from(asked.limit).unwrap_or(usize::MAX));
            grants
        }
        None => services.sessions.list_grants(client, asked.limit.into()).await?,
    };
    let rows: Vec<_> = grants.into_iter().map(ListedGrant::from).collect();
    Ok(output.rows(&rows)?)
}

async fn revoke(which: &RevokeGrants, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    match which {
        RevokeGrants { id: Some(id), .. } => revoke_one(SessionId(*id), services, output).await,
        RevokeGrants { user: Some(whose), .. } => {
            revoke_of_user(whose, which.client.as_deref(), services, output).await
        }
        RevokeGrants {
            client: Some(client), ..
        } => revoke_of_client(client, services, output).await,
        // The command line parser rejects this combination.
        RevokeGrants {
            id: None,
            user: None,
            client: None,
        } => Err(Failure::coded(
            FailureCode::Usage,
            "specify a grant, --user or --client",
        )),
    }
}

async fn revoke_one(id: SessionId, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let caller = services.command_line();
    if !services.sessions.revoke_grant(id, LogoutNotice::Send, caller).await? {
        return Err(Failure::not_found(format!(
            "no active grant {id}; `countersign grants list` shows the newest, and `countersign sessions revoke` ends \
             a user's session"
        )));
    }
    Ok(output.done(&format!("Revoked the grant {id}."), &json!({ "grant": id }))?)
}

async fn revoke_of_user(
    whose: &str,
    client: Option<&str>,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let account = account(services, whose).await?;
    let caller = services.command_line();
    let ended = services.authorization.revoke_grants(account.id, client, caller).await?;
    let of = client.map_or_else(
        || account.email.clone(),
        |client| format!("{} at {client}", account.email),
    );
    let sentence = match ended {
        0 => format!("{of} has no active grants. Codes that are not redeemed yet are void."),
        ended => format!("Revoked {ended} grant(s) of {of}."),
    };
    Ok(output.done(
        &sentence,
        &json!({ "account": account.id, "client": client, "grants": ended }),
    )?)
}

async fn revoke_of_client(client: &str, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let ended = services.operator.revoke_grants_of_client(client).await?;
    let sentence = match ended {
        0 => format!("{client} has no active grants. Codes that it has not redeemed yet are void."),
        ended => format!("Revoked {ended} grant(s) of {client}."),
    };
    Ok(output.done(&sentence, &json!({ "client": client, "grants": ended }))?)
}

/// A grant as shown to the operator.
#[derive(Serialize)]
struct ListedGrant {
    id: SessionId,
    client: String,
    account: AccountId,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    /// Whether it ends with the browser session in which it was granted.
    ends_with_session: bool,
    scope: String,
    resources: String,
}

impl From<Session> for ListedGrant {
    fn from(grant: Session) -> Self {
        Self {
            id: grant.id,
            client: grant.client_id,
            account: grant.account_id,
            created_at: grant.created_at,
            last_used_at: grant.last_seen_at,
            expires_at: grant.expires_at,
            ends_with_session: grant.bound,
            scope: grant.scope,
            resources: grant.resources.unwrap_or_default(),
        }
    }
}

impl Row for ListedGrant {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "client",
        "account",
        "created at",
        "last used at",
        "expires at",
        "ends with session",
        "scope",
        "resources",
    ];

    fn cells(&self) -> Vec<String> {
        let ends_with_session = if self.ends_with_session { "yes" } else { "no" };
        vec![
            self.id.to_string(),
            self.client.clone(),
            self.account.to_string(),
            self.created_at.to_string(),
            self.last_used_at.to_string(),
            self.expires_at.to_string(),
            ends_with_session.to_owned(),
            self.scope.clone(),
            self.resources.clone(),
        ]
    }
}
