//! A session opened by an operator.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::super::login::LoginError;
use super::super::opening::granted;
use super::Operator;
use crate::core::ids::AccountId;
use crate::features::identity::accounts;
use crate::features::sign_in::sessions::{NewSession, Tokens};

impl Operator {
    /// Opens a session for an account and returns its tokens, as if its owner had signed in. `None` if it is disabled.
    ///
    /// # Errors
    /// [`LoginError::Issue`] and [`LoginError::Store`].
    pub async fn issue_token(
        &self,
        id: AccountId,
        asked: &Scopes,
        ttl: Duration,
    ) -> Result<Option<Tokens>, LoginError> {
        let (refresh_token, caller) = (self.auth.sessions.first_token(), &self.caller);
        let first = &refresh_token;
        let bit = self.auth.revocations.allocate().await?;
        let opened = self
            .auth
            .revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(versions) = accounts::may_sign_in(&mut *tx, id).await? else {
                        return Ok::<_, StoreError>(None);
                    };
                    let new = NewSession {
                        account: id,
                        versions,
                        amr: "",
                        scopes: &granted(tx, id, asked).await?,
                        caller,
                        bit,
                        refresh_token: Some(first),
                    };
                    self.auth.open_session(tx, &new).await.map(Some)
                })
            })
            .await?;
        match opened {
            Some(session) => Ok(Some(self.auth.sessions.issue(&session, refresh_token, ttl).await?)),
            None => Ok(None),
        }
    }
}
