//! Asking for a mail. Whether the address has an account is looked up when the mail is sent, not here: so no answer can
//! tell, and none takes longer than another.

use countersign_store::Error;
use uuid::Uuid;

use crate::Context;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::origin::Origin;
use crate::features::audit::{self, Event, Kind};
use crate::features::outbox::{self, Owed, Particulars, Purpose};

const MAILS_PER_ADDRESS: Policy = Policy::named("mails_per_address");

/// Why nothing was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Too many requests from this network.
    #[error("too many requests for mails")]
    Limited(Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Asks for a mail of this purpose to this address, whoever has it. Beyond the limit of a recipient nothing is sent, and
/// nobody is told. `recovery` and `verification` call it too.
///
/// # Errors
/// [`AskError`].
pub async fn ask(context: &Context, purpose: Purpose, to: &Email, origin: &Origin) -> Result<(), AskError> {
    ask_for(context, (purpose, None), to, origin).await
}

/// The same, for an account that asks for itself.
///
/// # Errors
/// [`AskError`].
pub async fn ask_for(
    context: &Context,
    (purpose, account): (Purpose, Option<AccountId>),
    to: &Email,
    origin: &Origin,
) -> Result<(), AskError> {
    let mut reserved = context.limits.reserve();
    if let Some(prefix) = origin.prefix() {
        let key = Key::of(MAILS_PER_ADDRESS).address(prefix);
        let rate = context.settings.limits.mails_per_address;
        reserved.spend(key, rate).await.map_err(AskError::Limited)?;
        reserved.began().now();
    }
    let owed = Owed {
        purpose,
        to,
        language: origin.language,
        particulars: Particulars {
            account,
            ..Particulars::default()
        },
    };
    let asked = context
        .db
        .transact((context, owed, origin), |tx, (context, owed, origin)| {
            Box::pin(async move {
                let event = Event::new(Kind::MailAsked, account.unwrap_or(AccountId(Uuid::nil())), origin);
                let event = match account {
                    Some(_) => event,
                    None => Event { account, ..event }.by_anyone(),
                };
                audit::record(tx, context, event.detail(owed.purpose.name())).await?;
                outbox::ask(tx, context, owed).await.map(drop)
            })
        })
        .await;
    match &asked {
        Ok(()) => reserved.count(),
        Err(_) => reserved.give_back().await,
    }
    Ok(asked?)
}
