//! Opening a session for an account that has proven itself, whichever way: one place for all doors.

use countersign_guard::Scopes;
use countersign_store::{Error, Tx};

use crate::Context;
use crate::core::ids::AccountId;
use crate::core::origin::Origin;
use crate::features::accounts::{self, Standing};
use crate::features::audit::{self, Event, Kind};
use crate::features::devices;
use crate::features::outbox::{self, Owed, Particulars, Purpose};
use crate::features::revocation::{Bit, Revoked};
use crate::features::sessions::{self, Opening, RefreshSecret, Session};

/// Somebody who has proven who they are.
pub(super) struct Entrant<'a> {
    pub account: AccountId,
    /// Read in the same transaction, before this sign-in was remembered.
    pub standing: Standing,
    /// How they proved it (RFC 8176); empty for the operator.
    pub amr: &'static str,
    /// The scopes asked for; empty asks for all that the account owns.
    pub asked: &'a Scopes,
    pub origin: &'a Origin,
    pub bit: Bit,
}

/// Opens the session, records it, and owes its owner a word if the device is new.
pub(super) async fn open_session(
    tx: &mut Tx<'_>,
    context: &Context,
    entrant: &Entrant<'_>,
    refresh_token: &RefreshSecret,
) -> Result<(Session, Revoked), Error> {
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
        origin: entrant.origin,
    };
    tell_of_new_device(tx, context, entrant).await?;
    devices::remember(tx, context, entrant.account, entrant.origin).await?;
    let (session, revoked) = sessions::open(tx, context, &opening, refresh_token).await?;
    let event = Event::new(Kind::SignIn, entrant.account, entrant.origin).session(session.id);
    audit::record(tx, context, event).await?;
    Ok((session, revoked))
}

/// A first sign-in is no news to anybody, and an operator's is none of a device.
async fn tell_of_new_device(tx: &mut Tx<'_>, context: &Context, entrant: &Entrant<'_>) -> Result<(), Error> {
    let first = entrant.standing.last_sign_in_at.is_none();
    let wanted = context.settings.mail.sign_in_notices && entrant.origin.address.is_some() && !first;
    if !wanted || devices::is_known(&mut *tx, context, entrant.account, entrant.origin).await? {
        return Ok(());
    }
    notify(tx, context, (entrant.account, Purpose::NewSignIn), entrant.origin).await
}

/// Owes the account's owner a notice of what just happened, from where and when.
///
/// # Errors
/// Those of the database.
pub async fn notify(
    tx: &mut Tx<'_>,
    context: &Context,
    (account, purpose): (AccountId, Purpose),
    origin: &Origin,
) -> Result<(), Error> {
    // At an address that nobody has proven, nobody is told: it may be a stranger's.
    let found = accounts::find(&mut *tx, account).await?;
    let Some(found) = found.filter(|found| found.email_verified_at.is_some()) else {
        return Ok(());
    };
    let Ok(to) = found.email.parse() else {
        return Ok(());
    };
    let now = context.clock.now();
    let owed = Owed {
        purpose,
        to: &to,
        language: origin.language,
        particulars: Particulars {
            account: Some(account),
            at: Some(now.millis()),
            address: origin.address.map(|address| address.to_string()),
            device: origin.user_agent.clone(),
            ..Particulars::default()
        },
    };
    outbox::owe(tx, &owed, now).await
}
