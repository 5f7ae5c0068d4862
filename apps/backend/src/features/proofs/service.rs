//! Making, checking and spending proofs.

use std::time::Duration;

use countersign_store::{Error, Tx};

use super::code::Code;
use super::link_secret::{LinkHash, LinkSecret};
use super::store::{self, NewProof};
use crate::Context;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::origin::Origin;
use crate::core::password::HashError;
use crate::features::accounts;
use crate::features::audit::{self, Event, Kind};
use crate::features::outbox::Purpose;

const CODES_PER_ADDRESS: Policy = Policy::named("codes_per_address");

/// ASVS 6.5.5: a code out of band lives ten minutes at most.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Guesses at one code.
const GUESSES: i64 = 5;
/// Guesses at the codes of one account and purpose, until a link proves the address: fifty in a million.
const GUESSES_IN_ALL: i64 = 50;

/// What a person brings from a mail.
pub enum Answer {
    /// The token of its link.
    Link(LinkSecret),
    /// Its code, and the address that it went to. `None`: what was typed is no code, or no address.
    Code(Option<(Email, Code)>),
}

/// What was checked, and can be spent.
pub struct Checked {
    hash: LinkHash,
    /// Whose it is.
    pub account: AccountId,
}

/// What a spent proof proves.
pub struct Proven {
    /// Whose.
    pub account: AccountId,
    /// The address that its owner holds.
    pub email: Email,
}

/// What a mail is made of.
pub struct Made {
    /// For its link.
    pub link: LinkSecret,
    /// For people.
    pub code: Code,
}

impl Made {
    /// For tests of what mails look like.
    #[cfg(test)]
    pub fn sample() -> Self {
        use crate::core::chance::Chance;
        Self {
            link: LinkSecret::generate(Chance),
            code: Code::generate(Chance),
        }
    }
}

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Unknown, expired, spent, of another purpose, or of an earlier state of the account: all the same.
    #[error("the link or the code is not valid, or not any more")]
    Invalid,
    /// Too many guesses from this network.
    #[error("too many guesses")]
    Limited(Exceeded),
    /// The code could not be checked just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// How long the link of a purpose lives after its mail was sent.
pub fn lifetime(purpose: Purpose) -> Duration {
    let minutes = match purpose {
        Purpose::ResetPassword | Purpose::SignIn => 15,
        Purpose::ChangeEmail => 60,
        Purpose::Invitation => 3 * 24 * 60,
        _ => 24 * 60,
    };
    Duration::from_secs(60 * minutes)
}

/// Makes the proof of a mail that is about to be sent, in place of the one before.
///
/// # Errors
/// That hashing or the database failed. [`ProofError::Invalid`]: the account may not sign in.
pub async fn make(context: &Context, purpose: Purpose, account: AccountId, email: &Email) -> Result<Made, ProofError> {
    let (link, code) = (LinkSecret::generate(context.chance), Code::generate(context.chance));
    let code_hash = context.hasher.rehash(code.as_password()).await?;
    let (hash, now) = (link.hash(), context.clock.now());
    let made = context
        .db
        .transact((email, code_hash), |tx, (email, code_hash)| {
            Box::pin(async move {
                let Some(standing) = accounts::may_sign_in(&mut *tx, account).await? else {
                    return Ok::<_, Error>(false);
                };
                let new = NewProof {
                    account,
                    purpose: purpose.name(),
                    email: email.typed(),
                    email_key: email.key(),
                    link_hash: hash,
                    code_hash,
                    credential_version: standing.credential_version,
                    created_at: now,
                    link_expires_at: now + lifetime(purpose),
                    code_expires_at: now + CODE_LIFETIME.min(lifetime(purpose)),
                };
                store::replace(tx, &new).await?;
                Ok(true)
            })
        })
        .await?;
    if made {
        Ok(Made { link, code })
    } else {
        Err(ProofError::Invalid)
    }
}

/// Whose live proof the token of a link is, and for which address, without spending it.
///
/// # Errors
/// [`ProofError::Invalid`], or that the database failed.
pub async fn peek(context: &Context, purpose: Purpose, link: &LinkSecret) -> Result<Proven, ProofError> {
    let found = store::find(&context.db, link.hash(), purpose.name(), context.clock.now()).await?;
    let found = found.ok_or(ProofError::Invalid)?;
    Ok(Proven {
        account: found.account_id,
        email: parsed(&found.email)?,
    })
}

/// Judges what a person brings. A guess at a code is counted and written down first, whoever's it is.
///
/// # Errors
/// [`ProofError`].
pub async fn check(
    context: &Context,
    purpose: Purpose,
    answer: &Answer,
    origin: &Origin,
) -> Result<Checked, ProofError> {
    let guess = match answer {
        Answer::Link(link) => {
            // Looked at first: nothing costly is done for a link that somebody made up.
            let hash = link.hash();
            let found = store::find(&context.db, hash, purpose.name(), context.clock.now()).await?;
            let account = found.ok_or(ProofError::Invalid)?.account_id;
            return Ok(Checked { hash, account });
        }
        Answer::Code(guess) => guess,
    };
    if let Some(prefix) = origin.prefix() {
        let key = Key::of(CODES_PER_ADDRESS).address(prefix);
        let rate = context.settings.limits.codes_per_address;
        context.limits.spend(key, rate).await.map_err(ProofError::Limited)?;
    }
    let (email, code) = guess.as_ref().ok_or(ProofError::Invalid)?;
    let now = context.clock.now();
    let guessed = context
        .db
        .transact((context, email, origin), |tx, &(context, email, origin)| {
            Box::pin(async move {
                let whose = (email.key(), purpose.name());
                let guessed = store::count_guess(tx, whose, (GUESSES, GUESSES_IN_ALL), now).await?;
                let event = Event {
                    account: None,
                    ..Event::new(Kind::CodeTried, AccountId(uuid::Uuid::nil()), origin)
                };
                audit::record(tx, context, event.by_anyone().detail(purpose.name())).await?;
                Ok::<_, Error>(guessed)
            })
        })
        .await?;
    // A code that is not there costs the same as one that is wrong.
    let hash = guessed.as_ref().map(|guessed| guessed.code_hash.as_str());
    let verdict = context.hasher.verify(code.as_password(), hash).await?;
    match guessed {
        Some(guessed) if verdict.is_right() => Ok(Checked {
            hash: guessed.link_hash,
            account: guessed.account_id,
        }),
        _ => Err(ProofError::Invalid),
    }
}

/// Spends a proof, in the transaction that does what it allows. The account's state must be that of when the mail was
/// sent.
///
/// # Errors
/// [`ProofError::Invalid`], or that the database failed: then the transaction must end, and nothing is spent.
pub async fn spend(
    tx: &mut Tx<'_>,
    context: &Context,
    purpose: Purpose,
    checked: &Checked,
) -> Result<Proven, ProofError> {
    let now = context.clock.now();
    let spent = store::spend(tx, checked.hash, purpose.name(), now)
        .await?
        .ok_or(ProofError::Invalid)?;
    let standing = accounts::may_sign_in(&mut *tx, spent.account_id)
        .await?
        .ok_or(ProofError::Invalid)?;
    if spent.credential_version != standing.credential_version {
        return Err(ProofError::Invalid);
    }
    Ok(Proven {
        account: spent.account_id,
        email: parsed(&spent.email)?,
    })
}

fn parsed(email: &str) -> Result<Email, Error> {
    email.parse().map_err(|_| Error::Inconsistent {
        table: "email_proofs",
        column: "email",
    })
}
