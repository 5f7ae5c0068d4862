//! `countersign sessions`: lists and revokes sessions.

use serde::Serialize;
use serde_json::json;

use super::Failure;
use super::cli::{Account, RevokeSessions, SessionsCommand};
use super::failure::FailureCode;
use super::output::{Row, Standard};
use super::process::Process;
use super::users::account;
use crate::Services;
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;
use crate::features::oauth::{authorization, device_authorization};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions::{self, Session};
use crate::installation::Opening;

pub(super) fn run(command: SessionsCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        SessionsCommand::List(whose) => {
            process.administer(Opening::Reading, async |services| list(&whose, services, output).await)
        }
        SessionsCommand::Revoke(which) => process.administer(Opening::Existing, async |services| {
            revoke(&which, services, output).await
        }),
    }
}

async fn list(whose: &Account, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    let sessions = services.sessions.list(account.id).await?;
    let rows: Vec<_> = sessions.into_iter().map(ListedSession::from).collect();
    Ok(output.rows(&rows)?)
}

async fn revoke(which: &RevokeSessions, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    match which {
        RevokeSessions { everyone: true, .. } => revoke_everything(services, output).await,
        RevokeSessions { all: Some(whose), .. } => revoke_all(whose, services, output).await,
        RevokeSessions { id: Some(id), .. } => revoke_one(SessionId(*id), services, output).await,
        // The command line parser rejects this combination.
        RevokeSessions {
            everyone: false,
            all: None,
            id: None,
        } => Err(Failure::coded(
            FailureCode::Usage,
            "specify a session, --all or --everyone",
        )),
    }
}

async fn revoke_one(id: SessionId, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    if !services.sessions.revoke(id, None, services.command_line()).await? {
        return Err(Failure::not_found(format!(
            "no active session {id}; `countersign sessions list EMAIL` lists an account's sessions, and `countersign \
             grants list` lists clients' grants"
        )));
    }
    Ok(output.done(&format!("Revoked the session {id}."), &json!({ "session": id }))?)
}

async fn revoke_all(whose: &str, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, whose).await?;
    let ended = services.auth.logout_all(account.id, services.command_line()).await?;
    let sentence = match ended {
        0 => format!("{} has no sessions; nothing has changed.", account.email),
        ended => format!("Revoked {ended} session(s) of {}.", account.email),
    };
    Ok(output.done(&sentence, &json!({ "account": account.id, "sessions": ended }))?)
}

async fn revoke_everything(services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let event = Event::new(EventKind::AllSessionsRevoked, None, services.command_line());
    authorization::void_all(&services.db).await?;
    device_authorization::void_all(&services.db).await?;
    let ended = sessions::end_everything(&services.db, services.clock.now(), event).await?;
    let sentence = format!(
        "Revoked {ended} sessions and all tokens issued before; verifiers learn of this as they learn of any other \
         revocation. All users have to sign in again."
    );
    Ok(output.done(&sentence, &json!({ "sessions": ended }))?)
}

/// A session as shown to the operator.
#[derive(Serialize)]
pub(super) struct ListedSession {
    id: SessionId,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    address: Option<String>,
    device: Option<String>,
    scope: String,
}

impl From<Session> for ListedSession {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            address: session.address,
            device: session.user_agent,
            scope: session.scope,
        }
    }
}

impl Row for ListedSession {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "created at",
        "last seen at",
        "expires at",
        "address",
        "device",
        "scope",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.created_at.to_string(),
            self.last_seen_at.to_string(),
            self.expires_at.to_string(),
            self.address.clone().unwrap_or_default(),
            self.device.clone().unwrap_or_default(),
            self.scope.clone(),
        ]
    }
}
