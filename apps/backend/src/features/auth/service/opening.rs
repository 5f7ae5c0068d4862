//! Opening a session for an account that has proven itself, whichever way: one place for all doors.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_store::{StoreError, Tx};

use super::Auth;
use super::ask::asked;
use crate::core::caller::{Actor, Caller};
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{self, Account, Standing};
use crate::features::audit::{Event, Kind};
use crate::features::devices;
use crate::features::outbox::{Owed, Particulars, Purpose};
use crate::features::revocation::{Bit, Revoked};
use crate::features::sessions::{Opening, RefreshSecret, Session};

/// Somebody who has proven who they are.
pub(super) struct Entrant<'a> {
    pub account: AccountId,
    /// Read in the same transaction, before this sign-in was remembered.
    pub standing: Standing,
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
            epoch: entrant.standing.session_epoch,
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
        let first = entrant.standing.last_sign_in_at.is_none();
        let own = caller.actor == Actor::Account(*account);
        let wanted = self.platform.settings.mail.sign_in_notices && own && !first;
        let (request, now) = (&caller.request, self.platform.clock.now());
        if !wanted || devices::is_known(&mut *tx, *account, request, now).await? {
            return Ok(());
        }
        self.notify(tx, *account, Purpose::NewSignIn, request).await
    }

    /// Owes the account's owner a notice of what just happened, from where and when. Nobody is told at an address that nobody
    /// has proven: it may be a stranger's.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn notify(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        purpose: Purpose,
        request: &RequestInfo,
    ) -> Result<(), StoreError> {
        match accounts::find(&mut *tx, account).await? {
            Some(found) => self.notify_at(tx, &Holder::from(&found), purpose, request).await,
            None => Ok(()),
        }
    }
}

/// Whose address a notice goes to, where the account has another by now, or is gone.
pub struct Holder<'a> {
    /// The account.
    pub account: AccountId,
    /// The address.
    pub email: &'a str,
    /// Whether it was proven.
    pub proven: bool,
    /// The new address, where that is what happened.
    pub new_email: Option<&'a Email>,
}

impl<'a> From<&'a Account> for Holder<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            account: account.id,
            email: &account.email,
            proven: account.email_verified_at.is_some(),
            new_email: None,
        }
    }
}

impl Auth {
    /// The same, to an address that is not the account's any more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn notify_at(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder<'_>,
        purpose: Purpose,
        request: &RequestInfo,
    ) -> Result<(), StoreError> {
        let Some(to) = holder.email.parse().ok().filter(|_| holder.proven) else {
            return Ok(());
        };
        let owed = Owed {
            purpose,
            to: &to,
            language: request.language,
            particulars: Particulars {
                email: holder.new_email.map(|email| email.typed().to_owned()),
                ..Particulars::of(holder.account, request, self.platform.clock.now())
            },
        };
        self.outbox.tell(tx, &owed).await
    }

    /// Owes the account's owner a way in, because passwords are not taken from new places any more: once a day at most, however
    /// often that comes. To an address that nobody has proven too, since nobody else could open the account again. In no
    /// language but the default: whoever failed may have asked for any.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn tell_of_failures(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        email: &str,
    ) -> Result<(), StoreError> {
        let (Ok(to), Some(state)) = (email.parse(), accounts::state(&mut *tx, account).await?) else {
            return Ok(());
        };
        let owed = Owed {
            purpose: Purpose::SignInBlocked,
            to: &to,
            language: Language::default(),
            particulars: Particulars {
                // Whoever failed has no handle for it: it has a link, and no code.
                asked: Some(asked(&state, None)),
                ..Particulars::default()
            },
        };
        self.outbox.tell_once(tx, &owed, DAY).await
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
