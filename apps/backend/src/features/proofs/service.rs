//! Making, checking and spending proofs.

use std::time::Duration;

use countersign_store::{Error, Tx};

use super::code::Code;
use super::guess::Guess;
use super::link_secret::{LinkHash, LinkSecret};
use super::store::{self, NewProof};
use crate::Context;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::origin::Origin;
use crate::core::password::{Asker, HashError, Lane};
use crate::features::accounts;
use crate::features::audit::{self, Event, Kind};
use crate::features::guesses::{self, Subject};
use crate::features::outbox::Purpose;

const CODES_PER_ADDRESS: Policy = Policy::named("codes_per_address");

/// ASVS 6.5.5: a code out of band lives ten minutes at most.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Guesses at one code.
const GUESSES: i64 = 5;
/// Guesses at the codes of one address and purpose, until its owner proves it, whatever becomes of the account meanwhile:
/// fifty in a million.
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
    // Mails are made a few at a time, and are not to wait behind a crowd of strangers.
    let lane = Lane::Known(account.0);
    let code_hash = context.hasher.rehash_for(code.as_password(), lane.into()).await?;
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

/// Whether the token of a link was spent and would be taken otherwise. Nothing is known of one that was made up, that has
/// expired, or in whose place there is a newer one.
///
/// # Errors
/// Those of the database.
pub async fn is_spent(context: &Context, purpose: Purpose, link: &LinkSecret) -> Result<bool, Error> {
    store::is_spent(&context.db, link.hash(), purpose.name(), context.clock.now()).await
}

/// Judges what a person brings. A guess at a code is counted and written down first, whoever's it is; it is given back if it
/// is right, or if nobody judges it.
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
    let mut reserved = context.limits.reserve();
    if let Some(prefix) = origin.prefix() {
        let key = Key::of(CODES_PER_ADDRESS).address(prefix);
        let rate = context.settings.limits.codes_per_address;
        reserved.spend(key, rate).await.map_err(ProofError::Limited)?;
    }
    let Some((email, code)) = guess.as_ref() else {
        reserved.count();
        return Err(ProofError::Invalid);
    };
    let asker = Asker {
        lane: Lane::Others,
        began: Some(reserved.began()),
    };
    let mut guess = Guess::new(context, reserved);
    let guessed = match count_guess(context, (purpose, email), origin).await {
        Ok(guessed) => guessed,
        Err(error) => {
            guess.give_back().await;
            return Err(error.into());
        }
    };
    if let Some(guessed) = &guessed {
        guess.at(guessed.link_hash, (purpose, email));
    }
    // A code that is not there costs the same as one that is wrong.
    let hash = guessed.as_ref().map(|guessed| guessed.code_hash.as_str());
    let verdict = context.hasher.verify_for(code.as_password(), hash, asker).await;
    match (guessed, verdict) {
        (Some(guessed), Ok(verdict)) if verdict.is_right() => {
            // Whoever knows the code is told so when what it allows is done, and not before: what fails on the way costs nothing.
            guess.give_back().await;
            Ok(Checked {
                hash: guessed.link_hash,
                account: guessed.account_id,
            })
        }
        (_, Ok(_)) => {
            guess.count();
            Err(ProofError::Invalid)
        }
        (_, Err(error)) => {
            guess.give_back().await;
            Err(error.into())
        }
    }
}

/// Counts a guess and writes it down, whoever's it is. `None`: there is no code there that may be guessed at.
async fn count_guess(
    context: &Context,
    (purpose, email): (Purpose, &Email),
    origin: &Origin,
) -> Result<Option<store::Guessed>, Error> {
    let now = context.clock.now();
    context
        .db
        .transact((context, email, origin), |tx, &(context, email, origin)| {
            Box::pin(async move {
                let whose = (email.key(), purpose.name());
                let mut guessed = store::count_guess(tx, whose, GUESSES, now).await?;
                let all = (Subject::of(email.key()), purpose.name());
                if guessed.is_some() && !guesses::take(tx, all, GUESSES_IN_ALL, now).await? {
                    guessed = None;
                }
                let event = Event {
                    account: None,
                    ..Event::new(Kind::CodeTried, AccountId(uuid::Uuid::nil()), origin)
                };
                audit::record(tx, context, event.by_anyone().detail(purpose.name())).await?;
                Ok(guessed)
            })
        })
        .await
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
    let email = parsed(&spent.email)?;
    guesses::forget(tx, (Subject::of(email.key()), purpose.name())).await?;
    Ok(Proven {
        account: spent.account_id,
        email,
    })
}

fn parsed(email: &str) -> Result<Email, Error> {
    email.parse().map_err(|_| Error::Inconsistent {
        table: "email_proofs",
        column: "email",
    })
}
