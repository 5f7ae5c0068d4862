//! Opening a session for an account that has proven itself, whichever way: one place for all doors.

use countersign_guard::Scopes;
use countersign_store::{StoreError, Tx};

use super::Auth;
use crate::core::caller::{Actor, Caller};
use crate::core::ids::AccountId;
use crate::features::accounts::{self, AccountVersions};
use crate::features::audit::{Event, Kind};
use crate::features::devices;
use crate::features::outbox::Purpose;
use crate::features::revocation::{Bit, Revoked};
use crate::features::sessions::{Opening, RefreshSecret, Session};

/// Somebody who has proven who they are.
pub(super) struct Entrant<'a> {
    pub account: AccountId,
    /// Read in the same transaction, before this sign-in was remembered.
    pub versions: AccountVersions,
    /// How they proved it (RFC 8176); empty for the operator.
    pub amr: &'static str,
    /// The scopes asked for; empty asks for all that the account owns.
    pub asked: &'a Scopes,
    pub caller: &'a Caller,
    pub bit: Bit,
}

impl Auth {
    /// Opens the session, records it, and owes its owner a word if the device is new.
    pub(super) async fn open_session(
        &self,
        tx: &mut Tx<'_>,
        entrant: &Entrant<'_>,
        refresh_token: &RefreshSecret,
    ) -> Result<(Session, Revoked), StoreError> {
        let request = &entrant.caller.request;
        let owned = accounts::scopes(&mut *tx, entrant.account).await?;
        let scopes = if entrant.asked.is_empty() {
            owned
        } else {
            owned.intersection(entrant.asked)
        };
        let opening = Opening {
            account: entrant.account,
            epoch: entrant.versions.session_epoch,
            bit: entrant.bit,
            amr: entrant.amr,
            scopes: &scopes,
            request,
        };
        self.tell_of_new_device(tx, entrant).await?;
        devices::remember(tx, entrant.account, request, self.platform.clock.now()).await?;
        let (session, revoked) = self.sessions.open(tx, &opening, refresh_token).await?;
        let event = Event::new(Kind::SignIn, entrant.account, entrant.caller).session(session.id);
        self.audit.record(tx, event).await?;
        Ok((session, revoked))
    }

    /// Where the account itself signs in, and not an operator for it; its first sign-in is no news to anybody.
    async fn tell_of_new_device(&self, tx: &mut Tx<'_>, entrant: &Entrant<'_>) -> Result<(), StoreError> {
        let Entrant { account, caller, .. } = entrant;
        let first = entrant.versions.last_sign_in_at.is_none();
        let own = caller.actor == Actor::Account(*account);
        let wanted = self.platform.settings.mail.sign_in_notices && own && !first;
        let (request, now) = (&caller.request, self.platform.clock.now());
        if !wanted || devices::is_known(&mut *tx, *account, request, now).await? {
            return Ok(());
        }
        self.notify(tx, *account, Purpose::NewSignIn, request).await
    }
}
