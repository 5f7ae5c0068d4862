//! Opening a session.

use countersign_guard::Scopes;
use countersign_store::{StoreError, Tx};

use super::{FIRST_PARTY_CLIENT, Sessions};
use crate::core::ids::{AccountId, SessionId};
use crate::core::limits::AddressPrefix;
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{self, Version};
use crate::features::revocation::{self, Bit, Revoked};
use crate::features::sessions::refresh_secret::RefreshSecret;
use crate::features::sessions::store::{self, Ended, NewToken, Session};

/// A session that is about to be opened.
pub struct Opening<'a> {
    /// Whose it will be.
    pub account: AccountId,
    /// The epoch of the account, read in the same transaction.
    pub epoch: Version,
    /// Its bit, which no other session has.
    pub bit: Bit,
    /// How its owner proved who they are (RFC 8176): `pwd`, or nothing for the operator.
    pub amr: &'static str,
    /// What it may do.
    pub scopes: &'a Scopes,
    /// By which request.
    pub request: &'a RequestInfo,
}

impl Sessions {
    /// Opens a session with `first` as its first refresh token, and ends the oldest ones beyond the allowed number.
    /// The caller has asked `may_sign_in` in the same transaction, and announces after it what was ended.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open(
        &self,
        tx: &mut Tx<'_>,
        opening: &Opening<'_>,
        first: &RefreshSecret,
    ) -> Result<(Session, Revoked), StoreError> {
        let now = self.platform.clock.now();
        let ttl = &self.platform.settings.tokens;
        let session = Session {
            id: SessionId::new(now, self.platform.random),
            account_id: opening.account,
            epoch: opening.epoch,
            client_id: FIRST_PARTY_CLIENT.to_owned(),
            amr: opening.amr.to_owned(),
            scope: opening.scopes.to_string(),
            user_agent: opening.request.user_agent.clone(),
            address: opening.request.address.map(|address| address.to_string()),
            created_at: now,
            last_seen_at: now,
            expires_at: now + ttl.refresh_absolute_ttl,
            status_list: Some(opening.bit.list),
            status_idx: Some(opening.bit.idx),
        };
        store::insert_session(tx, &session, opening.request.prefix().map(|prefix| prefix.to_string())).await?;
        let token = NewToken {
            hash: first.hash(),
            parent_hash: None,
            session_id: session.id,
            expires_at: session.expires_at.min(now + ttl.refresh_idle_ttl),
        };
        store::insert_token(tx, &token).await?;
        let others = i64::from(self.platform.settings.sessions.per_account) - 1;
        let oldest = store::end_beyond(tx, &session, others, now).await?;
        let bits = oldest.iter().filter_map(Ended::bit).collect();
        Ok((session, revocation::revoke(tx, bits, now).await?))
    }

    /// Whether the account signed in from this network within the absolute lifetime of a session, and since all of its sessions
    /// were last ended: one of those before may have been a thief's. For no account it makes the same steps.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn signed_in_lately(&self, account: AccountId, prefix: AddressPrefix) -> Result<bool, StoreError> {
        if prefix.is_unknown() {
            return Ok(false);
        }
        let since = self.platform.clock.now() - self.platform.settings.tokens.refresh_absolute_ttl;
        let db = &self.platform.db;
        let versions = accounts::may_sign_in(db, account).await?;
        let epoch = versions.map_or(-1, |versions| versions.session_epoch);
        store::opened_from(db, account, epoch, &prefix.to_string(), since).await
    }
}
