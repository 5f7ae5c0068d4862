//! The applications with access to an account, and removing their access.

use std::collections::BTreeMap;

use countersign_store::StoreError;

use super::Authorization;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::features::oauth::apis::{self, Api};
use crate::features::oauth::authorization::permission::{Permission, permissions};
use crate::features::oauth::authorization::request::{Audience, ScopeNames};
use crate::features::oauth::authorization::store::codes;
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions;

/// An application that has access to an account, or can get it without asking for consent.
pub struct ConnectedApp {
    pub client: Client,
    pub since: Timestamp,
    /// When one of its grants was last used; `None` if it has none.
    pub used: Option<Timestamp>,
    audiences: Vec<Audience>,
    apis: Vec<Api>,
}

impl ConnectedApp {
    /// Returns what it may do, in this language.
    pub fn permissions(&self, language: Language) -> Vec<Permission<'_>> {
        permissions(&self.audiences, &self.apis, language)
    }
}

/// What is known of a client while the list is made.
#[derive(Default)]
struct Known {
    since: Option<Timestamp>,
    used: Option<Timestamp>,
    audiences: Vec<Audience>,
}

impl Authorization {
    /// Returns the applications with consents or grants of an account, the newest first.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn connected(&self, account: AccountId) -> Result<Vec<ConnectedApp>, StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for consent in consents::of_account(db, account).await? {
            let known = known.entry(consent.client_id).or_default();
            known.since = earlier(known.since, consent.given_at);
            known.audiences.push(Audience {
                identifier: consent.audience,
                named: true,
                scopes: ScopeNames(consent.scopes),
                by_name: ScopeNames::default(),
            });
        }
        for grant in sessions::grants_of(db, account, now).await? {
            let known = known.entry(grant.client_id.clone()).or_default();
            known.since = earlier(known.since, grant.created_at);
            known.used = known.used.max(Some(grant.last_seen_at));
        }
        let apis = apis::all(db).await?;
        let mut apps = Vec::new();
        for (client_id, known) in known {
            let (Some(client), Some(since)) = (clients::find(db, &client_id).await?, known.since) else {
                continue;
            };
            apps.push(ConnectedApp {
                client,
                since,
                used: known.used,
                audiences: known.audiences,
                apis: apis.clone(),
            });
        }
        apps.sort_by_key(|app| std::cmp::Reverse(app.since));
        Ok(apps)
    }

    /// Withdraws an application: its consents and its grants end together. Returns whether there was anything to end.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn withdraw(&self, account: AccountId, client_id: &str, caller: &Caller) -> Result<bool, StoreError> {
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    codes::void(tx, account, Some(client_id)).await?;
                    let withdrawn = consents::withdraw(tx, account, client_id).await?;
                    let ended = sessions::end_grants(tx, account, client_id, now).await?;
                    if !withdrawn && ended == 0 {
                        return Ok(false);
                    }
                    let event = Event::new(EventKind::ApplicationWithdrawn, account, caller).detail(client_id);
                    self.audit.record(tx, event).await?;
                    Ok::<_, StoreError>(true)
                })
            })
            .await
    }

    /// Withdraws what a user has allowed their clients, or one of them, as an operator does: ends the grants, forgets the
    /// consents, and voids the codes that are not redeemed yet, also those of trusted clients, which have no consents. Returns
    /// the number of grants.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn revoke_grants(
        &self,
        account: AccountId,
        client_id: Option<&str>,
        caller: &Caller,
    ) -> Result<usize, StoreError> {
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    codes::void(tx, account, client_id).await?;
                    self.sessions.revoke_grants(tx, account, client_id, caller).await
                })
            })
            .await
    }
}

fn earlier(known: Option<Timestamp>, at: Timestamp) -> Option<Timestamp> {
    Some(known.map_or(at, |known| known.min(at)))
}
