//! Opening a session for an authenticated account. All ways to sign in use this.

use countersign_guard::Scopes;
use countersign_store::{StoreError, Tx};

use super::Auth;
use crate::core::caller::Actor;
use crate::core::ids::AccountId;
use crate::features::identity::accounts;
use crate::features::identity::devices;
use crate::features::messaging::outbox::Purpose;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::RevokingTx;
use crate::features::sign_in::sessions::{NewSession, Session};

impl Auth {
    /// Opens the session, records it, and notifies its owner if the device is new.
    pub(super) async fn open_session(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        new: &NewSession<'_>,
    ) -> Result<Session, StoreError> {
        self.notify_of_new_device(tx, new).await?;
        devices::remember(tx, new.account, &new.caller.request, self.platform.clock.now()).await?;
        let session = self.sessions.open(tx, new).await?;
        let event = Event::new(EventKind::SignIn, new.account, new.caller).session(session.id);
        self.audit.record(tx, event).await?;
        Ok(session)
    }

    /// Notifies the owner of a sign-in from a new device, except the first sign-in and those by an operator.
    async fn notify_of_new_device(&self, tx: &mut Tx<'_>, new: &NewSession<'_>) -> Result<(), StoreError> {
        let first = new.versions.last_sign_in_at.is_none();
        let own = new.caller.actor == Actor::Account(new.account);
        let wanted = self.platform.settings.mail.sign_in_notices && own && !first;
        let (request, now) = (&new.caller.request, self.platform.clock.now());
        if !wanted || devices::is_known(&mut *tx, new.account, request, now).await? {
            return Ok(());
        }
        self.notify(tx, new.account, Purpose::NewSignIn, request).await
    }
}

/// Returns the requested scopes that the account has, or all of its scopes if none are requested.
pub(super) async fn granted(tx: &mut Tx<'_>, account: AccountId, asked: &Scopes) -> Result<Scopes, StoreError> {
    let owned = accounts::scopes(tx, account).await?;
    Ok(match asked.is_empty() {
        true => owned,
        false => owned.intersection(asked),
    })
}
