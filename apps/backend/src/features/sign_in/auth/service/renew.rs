//! A signed-in user proves again who they are. The session stays the same, with a new time and method of authentication.
//!
//! What a second factor proves ends here too.

use countersign_store::StoreError;
use http::HeaderValue;

use super::Auth;
use super::confirm::PasswordError;
use super::login::LoginError;
use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::ids::SessionRef;
use crate::core::password::Password;
use crate::features::identity::accounts;
use crate::features::identity::email_challenges::{Answer, ChallengeError, Presenter, Whose};
use crate::features::messaging::outbox::Purpose;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::RevokingTx;
use crate::features::sign_in::sessions;

impl Auth {
    /// Renews a session with the account's password. Returns the header of its new cookie.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn renew_with_password(
        &self,
        by: SessionRef,
        password: Password,
        caller: &Caller,
    ) -> Result<HeaderValue, PasswordError> {
        let confirmed = self
            .confirm(by.account, password, EventKind::SessionRenewed, caller)
            .await?;
        let stored = &confirmed.count();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let versions = accounts::may_sign_in(&mut *tx, by.account)
                        .await?
                        .ok_or(PasswordError::Ended)?;
                    let seen = (stored.credential_version, stored.session_epoch);
                    if (versions.credential_version, versions.session_epoch) != seen {
                        return Err(PasswordError::Wrong);
                    }
                    self.renew(tx, by, "pwd", caller).await?.ok_or(PasswordError::Ended)
                })
            })
            .await
    }

    /// Renews a session with an emailed code, which this browser has asked for. Returns the header of its new cookie.
    ///
    /// # Errors
    /// [`LoginError::Challenge`], or if the database failed.
    pub async fn renew_with_code(
        &self,
        by: SessionRef,
        answer: Answer,
        handle: HandleHash,
        caller: &Caller,
    ) -> Result<HeaderValue, LoginError> {
        let purpose = Purpose::SignIn;
        let presenter = Presenter {
            handle: Some(handle),
            account: None,
        };
        let checked = &self.challenges.check(purpose, &answer, &presenter, caller).await?;
        if !matches!(checked.whose, Whose::Account(account) if account == by.account) {
            return Err(ChallengeError::Invalid.into());
        }
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let proven = self.challenges.spend(tx, purpose, checked).await?;
                    let renewed = match proven.account == by.account {
                        true => self.renew(tx, by, "otp", caller).await?,
                        false => None,
                    };
                    renewed.ok_or(LoginError::from(ChallengeError::Invalid))
                })
            })
            .await
    }

    /// Notes the authentication in the session, and replaces its cookie. `None` if the session has ended.
    async fn renew(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        by: SessionRef,
        amr: &'static str,
        caller: &Caller,
    ) -> Result<Option<HeaderValue>, StoreError> {
        let now = self.platform.clock.now();
        let session = sessions::renew(tx, by.session, amr, now).await?;
        let Some(session) = session.filter(|session| session.account_id == by.account) else {
            return Ok(None);
        };
        let event = Event::new(EventKind::SessionRenewed, by.account, caller).session(session.id);
        self.audit.record(tx, event).await?;
        self.browsers.renew(tx, session.id).await.map(Some)
    }
}
