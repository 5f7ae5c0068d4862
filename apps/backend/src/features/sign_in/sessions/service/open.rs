//! Opening a session.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Sessions;
use super::end::end_with_bound;
use crate::core::caller::Caller;
use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::core::ids::{AccountId, SessionId};
use crate::core::layers::note_account;
use crate::core::limits::AddressPrefix;
use crate::core::versions::SessionEpoch;
use crate::features::identity::accounts::{self, AccountVersions};
use crate::features::sign_in::revocation::{Bit, RevokingTx};
use crate::features::sign_in::sessions::refresh_token::RefreshToken;
use crate::features::sign_in::sessions::store::{self, NewFamily, Session};

/// A session to be opened.
pub struct NewSession<'a> {
    pub account: AccountId,
    /// The versions of the account, read in the same transaction, before this sign-in was recorded.
    pub versions: AccountVersions,
    /// The authentication method (RFC 8176): `pwd`, `otp`, or none for an operator.
    pub amr: &'static str,
    pub scopes: &'a Scopes,
    /// The client and request that open it.
    pub caller: &'a Caller,
    /// Its bit in the status list, which no other session has.
    pub bit: Bit,
    /// Its first refresh token. `None` for a browser session, which has a cookie instead and never accepts refresh tokens.
    pub refresh_token: Option<&'a RefreshToken>,
}

impl Sessions {
    /// Creates the first refresh token of a new session.
    pub fn first_token(&self) -> RefreshToken {
        RefreshToken::first(self.platform.clock.now(), self.platform.random)
    }

    /// Opens a session, and ends the oldest ones beyond the limit. The caller has called `may_sign_in` in the same
    /// transaction.
    pub async fn open(&self, tx: &mut RevokingTx<'_, '_, '_>, new: &NewSession<'_>) -> Result<Session, StoreError> {
        note_account(new.account);
        let now = self.platform.clock.now();
        let (ttl, request) = (&self.platform.settings.tokens, &new.caller.request);
        let session = Session {
            id: new
                .refresh_token
                .map_or_else(|| SessionId::new(now, self.platform.random), RefreshToken::session),
            account_id: new.account,
            epoch: new.versions.session_epoch,
            client_id: FIRST_PARTY_CLIENT.to_owned(),
            parent_id: None,
            bound: false,
            auth_time: now,
            grant_type: None,
            resources: None,
            claims: None,
            amr: new.amr.to_owned(),
            scope: new.scopes.to_string(),
            user_agent: request.user_agent.clone(),
            address: request.address.map(|address| address.to_string()),
            created_at: now,
            last_seen_at: now,
            expires_at: now + ttl.refresh_absolute_ttl,
            status_list: new.bit.list,
            status_idx: new.bit.idx,
        };
        let prefix = request.prefix().map(|prefix| prefix.to_string());
        let family = new.refresh_token.map(|first| NewFamily {
            family_hash: first.family_hash(),
            refresh_hash: first.hash(),
            refresh_expires_at: session.expires_at.min(now + ttl.refresh_idle_ttl),
        });
        store::insert_session(tx, &session, prefix, family).await?;
        let others = i64::from(self.platform.settings.sessions.per_account) - 1;
        let oldest = store::end_beyond(tx, &session, others, now).await?;
        let (bits, ids): (Vec<_>, Vec<_>) = oldest.iter().map(|ended| (ended.bit(), ended.id)).unzip();
        end_with_bound(tx, bits, &ids, now).await?;
        Ok(session)
    }

    /// Whether the account signed in from this network within the absolute lifetime of a session, and since all of its
    /// sessions were last ended: an earlier sign-in may have been an attacker's. Takes the same steps for a nonexistent
    /// account.
    pub async fn signed_in_lately(&self, account: AccountId, prefix: AddressPrefix) -> Result<bool, StoreError> {
        if prefix.is_unknown() {
            return Ok(false);
        }
        let since = self.platform.clock.now() - self.platform.settings.tokens.refresh_absolute_ttl;
        let db = &self.platform.db;
        let versions = accounts::may_sign_in(db, account).await?;
        let epoch = versions.map_or(SessionEpoch::NONE, |versions| versions.session_epoch);
        store::opened_from(db, account, epoch, &prefix.to_string(), since).await
    }
}
