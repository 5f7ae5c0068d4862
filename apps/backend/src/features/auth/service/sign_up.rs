//! Signing up. Where addresses have to be proven, the answer is the same whether or not an address has an account, and
//! the truth is in the mail.

use countersign_store::{Error, Tx};

use crate::Context;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::origin::Origin;
use crate::core::password::{Asker, Lane, Password};
use crate::features::accounts::{self, Account, AccountError, New};
use crate::features::outbox::{self, Owed, Particulars, Purpose};
use crate::features::revocation::Revoked;
use crate::features::sessions;
use crate::settings::{EmailVerification, Signup};

const REGISTER_PER_ADDRESS: Policy = Policy::named("register_per_address");

/// What somebody signs up with.
pub struct Registration {
    /// The address.
    pub email: Email,
    /// The password, not yet judged.
    pub password: Password,
}

/// What came of it.
pub enum SignedUp {
    /// There is a new account.
    Made(Box<Account>),
    /// Whoever reads the mail at that address goes on.
    Asked,
}

/// Why nobody was signed up.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// The operator takes no new accounts.
    #[error("sign-up is closed")]
    Closed,
    /// Too many registrations from this network.
    #[error("too many registrations")]
    Limited(Exceeded),
    /// No account was made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Makes an account for whoever asks.
///
/// # Errors
/// [`SignUpError`].
pub async fn sign_up(context: &Context, registration: Registration, origin: &Origin) -> Result<SignedUp, SignUpError> {
    if context.settings.signup == Signup::Closed {
        return Err(SignUpError::Closed);
    }
    let mut reserved = context.limits.reserve();
    if let Some(prefix) = origin.prefix() {
        let rate = context.settings.limits.register_per_address;
        let key = Key::of(REGISTER_PER_ADDRESS).address(prefix);
        reserved.spend(key, rate).await.map_err(SignUpError::Limited)?;
    }
    let asker = Asker {
        lane: Lane::Others,
        began: Some(reserved.began()),
    };
    let made = make(context, registration, asker, origin).await;
    match &made {
        // Nobody was told anything: it was none.
        Err(SignUpError::Account(AccountError::Hash(_) | AccountError::Store(_)) | SignUpError::Store(_)) => {
            reserved.give_back().await;
        }
        _ => reserved.count(),
    }
    made
}

async fn make(
    context: &Context,
    registration: Registration,
    asker: Asker,
    origin: &Origin,
) -> Result<SignedUp, SignUpError> {
    let Registration { email, password } = registration;
    let password = context
        .check_password(&password, email.typed())
        .map_err(AccountError::Password)?;
    let hash = context
        .hasher
        .hash_for(password, asker)
        .await
        .map_err(AccountError::Hash)?;
    let id = AccountId::new(context.clock.now(), context.chance);
    let (made, revoked) = context
        .db
        .transact((context, &email, hash, origin), |tx, (context, email, hash, origin)| {
            Box::pin(async move {
                let new = New {
                    id,
                    email,
                    password_hash: hash,
                    origin,
                };
                let made = accounts::add(tx, context, &new).await?;
                match (&made, context.settings.email_verification) {
                    (_, EmailVerification::Off) | (None, EmailVerification::Optional) => {}
                    (Some(_), _) => drop(ask(tx, context, (Purpose::VerifyEmail, email), origin).await?),
                    (None, EmailVerification::Required) => {
                        return Ok((made, meet_existing(tx, context, &new).await?));
                    }
                }
                Ok::<_, Error>((made, Revoked::default()))
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    match (made, context.settings.email_verification) {
        (_, EmailVerification::Required) => Ok(SignedUp::Asked),
        (Some(account), _) => Ok(SignedUp::Made(Box::new(account))),
        (None, _) => Err(AccountError::EmailTaken.into()),
    }
}

/// The address has an account. One that is proven to be its owner's is told of the attempt. One that is not may have
/// been made by a stranger before the owner came: the newest password is the one that the newest mail confirms, and
/// whatever was done with the account before is over.
async fn meet_existing(tx: &mut Tx<'_>, context: &Context, new: &New<'_>) -> Result<Revoked, Error> {
    let now = context.clock.now();
    let Some(existing) = accounts::credentials_by_email(&mut *tx, new.email).await? else {
        return Ok(Revoked::default());
    };
    if existing.email_verified_at.is_some() {
        ask(tx, context, (Purpose::AlreadyRegistered, new.email), new.origin).await?;
        return Ok(Revoked::default());
    }
    // Without a mail, nothing changes: else whoever asks often enough would change it unseen.
    if !ask(tx, context, (Purpose::VerifyEmail, new.email), new.origin).await? {
        return Ok(Revoked::default());
    }
    accounts::change_password(tx, (existing.id, None), new.password_hash, now).await?;
    sessions::end_all(tx, existing.id, None, now).await
}

async fn ask(
    tx: &mut Tx<'_>,
    context: &Context,
    (purpose, to): (Purpose, &Email),
    origin: &Origin,
) -> Result<bool, Error> {
    let owed = Owed {
        purpose,
        to,
        language: origin.language,
        particulars: Particulars::default(),
    };
    outbox::ask(tx, context, &owed).await
}
