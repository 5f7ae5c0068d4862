//! `countersign sessions`: seeing them and ending them.

use serde::Serialize;
use serde_json::json;

use super::Failure;
use super::cli::{RevokeSessions, Sessions};
use super::output::{Row, Standard};
use super::users::account;
use crate::Services;
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;
use crate::features::audit::{Event, Kind};
use crate::features::sessions::{self, Session};

pub(super) async fn run(command: Sessions, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    match command {
        Sessions::List(whose) => {
            let account = account(services, &whose.email).await?;
            let rows: Vec<_> = services
                .sessions
                .list(account.id)
                .await?
                .into_iter()
                .map(Listed::from)
                .collect();
            Ok(output.rows(&rows)?)
        }
        Sessions::Revoke(RevokeSessions { all: Some(email), .. }) => {
            let account = account(services, &email).await?;
            let ended = services.auth.logout_all(account.id, services.command_line()).await?;
            let sentence = match ended {
                0 => format!("{} has no session; nothing has changed.", account.email),
                ended => format!("Ended every session of {}: {ended}.", account.email),
            };
            Ok(output.done(&sentence, &json!({ "account": account.id, "sessions": ended }))?)
        }
        Sessions::Revoke(RevokeSessions { id: Some(id), .. }) => {
            if !services
                .sessions
                .revoke(SessionId(id), None, services.command_line())
                .await?
            {
                return Err(Failure::not_found(format!(
                    "there is no session {id} that has not ended; `countersign sessions list EMAIL` shows those of an account"
                )));
            }
            Ok(output.done(&format!("Ended the session {id}."), &json!({ "session": id }))?)
        }
        Sessions::Revoke(RevokeSessions { .. }) => {
            let event = Event::new(Kind::EverythingRevoked, None, services.command_line());
            let ended = sessions::end_everything(&services.db, services.clock.now(), event).await?;
            let sentence = format!(
                "Ended {ended} sessions, and refused every token that was issued before; verifiers learn of it as of any \
                 revocation. Everybody signs in again."
            );
            Ok(output.done(&sentence, &json!({ "sessions": ended }))?)
        }
    }
}

/// A session as the operator sees it.
#[derive(Serialize)]
pub(super) struct Listed {
    id: SessionId,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    address: Option<String>,
    device: Option<String>,
    scope: String,
}

impl From<Session> for Listed {
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

impl Row for Listed {
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
