//! Grants: what one client may do for a user. A grant is a session with a client other than the first party.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_store::{Conn, StoreError};

use super::Sessions;
use super::active::{find_active, lock_active};
use super::end::{LogoutNotice, end_rows};
use super::rotate::{By, RefreshError};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};
use crate::core::layers::note_account;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::AccountVersions;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::{Bit, RevokingTx};
use crate::features::sign_in::sessions::refresh_token::GrantToken;
use crate::features::sign_in::sessions::store::{self, NewFamily, Session};

/// A grant to be opened.
pub struct NewGrant<'a> {
    /// Made by [`Sessions::new_grant_id`] for its refresh token.
    pub id: SessionId,
    pub account: AccountId,
    /// The versions of the account, read in the same transaction.
    pub versions: AccountVersions,
    pub client_id: &'a str,
    /// The browser session in which the user granted it. It must still be active.
    pub parent: Option<SessionId>,
    /// Whether the grant ends with that session.
    pub bound: bool,
    /// The `grant_type` that it came from (RFC 6749 §4).
    pub grant_type: &'a str,
    pub scopes: &'a Scopes,
    /// The identifiers of its APIs, which contain no spaces.
    pub resources: &'a [&'a str],
    /// The `claims` of the authorization request, as JSON (OpenID Connect Core §5.5).
    pub claims: Option<&'a str>,
    /// When the user was authenticated, and how (RFC 8176), separated by spaces.
    pub auth_time: Timestamp,
    pub amr: &'a str,
    /// The request of the user's browser, which the grant is shown with. Not that of the client's server.
    pub request: &'a RequestInfo,
    /// Its bit in the status list, which no other session has.
    pub bit: Bit,
    /// Its first refresh token. `None` for a client without refresh tokens.
    pub refresh_token: Option<&'a GrantToken>,
    /// How long it lasts without a refresh, and in total, if the client has shorter times than the settings.
    pub idle_ttl: Option<Duration>,
    pub absolute_ttl: Option<Duration>,
}

/// The client that presents a refresh token of a grant.
#[derive(Clone, Copy, Debug)]
pub struct Redeemer<'a> {
    pub client_id: &'a str,
    /// Whether each use gives it a new token. Without, one token is used until the grant ends.
    pub rotates: bool,
    /// How long the grant lasts without a refresh, if the client has a shorter time than the settings.
    pub idle_ttl: Option<Duration>,
}

/// The active grant of a presented refresh token.
pub struct PresentedGrant {
    pub session: Session,
    /// Whether the token can be used: it is the current one of its grant, and has not expired.
    pub is_usable: bool,
    /// When the current token expires.
    pub refresh_expires_at: Timestamp,
}

impl Sessions {
    /// Creates the first refresh token of a new grant.
    pub fn first_grant_token(&self) -> GrantToken {
        GrantToken::first(self.platform.clock.now(), self.platform.random)
    }

    /// Returns the id of a new grant, which its first refresh token contains, if it gets one.
    pub fn new_grant_id(&self, refresh_token: Option<&GrantToken>) -> SessionId {
        refresh_token.map_or_else(
            || SessionId::new(self.platform.clock.now(), self.platform.random),
            GrantToken::session,
        )
    }

    /// Opens a grant, and ends the oldest ones of the account and client beyond the limit. `None` if the browser session in
    /// which it was granted has ended. The caller has called `accounts::may_sign_in` and `clients::may_use` in the same
    /// transaction.
    ///
    /// # Errors
    /// If the database failed, as for all functions here.
    pub async fn open_grant(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        new: &NewGrant<'_>,
    ) -> Result<Option<Session>, StoreError> {
        note_account(new.account);
        let now = self.platform.clock.now();
        let ttl = &self.platform.settings.tokens;
        let mut expires_at = now + shorter(new.absolute_ttl, ttl.refresh_absolute_ttl);
        if let Some(parent) = new.parent {
            // A statement that ends the parent either comes first, so that no grant is opened, or waits and then sees the
            // grant.
            let parent = lock_active(tx, parent, now).await?;
            let Some(parent) = parent.filter(|parent| parent.account_id == new.account && !parent.is_grant()) else {
                return Ok(None);
            };
            if new.bound {
                expires_at = expires_at.min(parent.expires_at);
            }
        }
        let session = Session {
            id: new.id,
            account_id: new.account,
            epoch: new.versions.session_epoch,
            client_id: new.client_id.to_owned(),
            parent_id: new.parent,
            bound: new.bound && new.parent.is_some(),
            auth_time: new.auth_time,
            grant_type: Some(new.grant_type.to_owned()),
            resources: (!new.resources.is_empty()).then(|| new.resources.join(" ")),
            claims: new.claims.map(str::to_owned),
            amr: new.amr.to_owned(),
            scope: new.scopes.to_string(),
            user_agent: new.request.user_agent.clone(),
            address: new.request.address.map(|address| address.to_string()),
            created_at: now,
            last_seen_at: now,
            expires_at,
            status_list: new.bit.list,
            status_idx: new.bit.idx,
        };
        let prefix = new.request.prefix().map(|prefix| prefix.to_string());
        let family = new.refresh_token.map(|first| NewFamily {
            family_hash: first.family_hash(),
            refresh_hash: first.hash(),
            refresh_expires_at: expires_at.min(now + shorter(new.idle_ttl, ttl.refresh_idle_ttl)),
        });
        store::insert_session(tx, &session, prefix, family).await?;
        fail::fail_point!("grant::opened");
        let others = i64::from(self.platform.settings.sessions.grants_per_client) - 1;
        let oldest = store::end_grants_beyond(tx, &session, others, now).await?;
        // Reaching the limit is not a sign-out.
        end_rows(tx, &oldest, LogoutNotice::Omit, now).await?;
        let caller = Caller::account(new.account, new.request.clone());
        let event = Event::new(EventKind::GrantOpened, new.account, &caller);
        self.audit
            .record(tx, event.session(session.id).detail(new.client_id))
            .await?;
        Ok(Some(session))
    }

    /// Uses a refresh token of a grant: exchanges it for the next one, or keeps it if the client does not rotate. A token in
    /// the hands of another client, or a spent one, ends the grant.
    ///
    /// # Errors
    /// [`RefreshError`]. Responses must not distinguish `Invalid`, `Reused` and `ForeignClient`.
    pub async fn rotate_grant(
        &self,
        presented: &GrantToken,
        by: &Redeemer<'_>,
        caller: &Caller,
    ) -> Result<(Session, Option<GrantToken>), RefreshError> {
        let by = By {
            client_id: by.client_id,
            rotates: by.rotates,
            idle_ttl: shorter(by.idle_ttl, self.platform.settings.tokens.refresh_idle_ttl),
        };
        self.exchange(presented, &by, caller).await
    }

    /// Returns the active grant of a refresh token, current or already spent. `None` for a token of no active grant. The
    /// caller compares the client.
    pub async fn find_grant(&self, presented: &GrantToken) -> Result<Option<PresentedGrant>, StoreError> {
        let now = self.platform.clock.now();
        let Some(family) = store::find_family(&self.platform.db, presented.session()).await? else {
            return Ok(None);
        };
        if !presented.is_of(family.family_hash) {
            return Ok(None);
        }
        let session = find_active(&self.platform.db, presented.session(), now).await?;
        Ok(session.map(|session| PresentedGrant {
            session,
            is_usable: family.refresh_hash == presented.hash() && family.refresh_expires_at > now,
            refresh_expires_at: family.refresh_expires_at,
        }))
    }
}

/// The time of a client, if it has one that is shorter than the setting.
fn shorter(clients: Option<Duration>, setting: Duration) -> Duration {
    clients.map_or(setting, |clients| clients.min(setting))
}

/// Returns the active grants of an account, newest first.
pub async fn grants_of<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    store::list_grants(conn, account, now).await
}
