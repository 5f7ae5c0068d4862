//! Checking links and codes.

use countersign_store::StoreError;

use super::super::code::Code;
use super::super::guess::Guess;
use super::super::link_secret::{LinkHash, LinkSecret};
use super::super::presenter::Presenter;
use super::super::store;
use super::super::store::Live;
use super::super::whose::Whose;
use super::{ChallengeError, EmailChallenges, holds};
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::limits::{Key, Policy};
use crate::core::password::{Asker, Lane};
use crate::core::versions::CredentialVersion;
use crate::features::identity::accounts;
use crate::features::identity::guesses::{self, EmailDigest};
use crate::features::messaging::outbox::Purpose;
use crate::features::operations::audit::{Event, EventKind};

/// The maximum number of guesses at one code.
const GUESSES: i64 = 5;
/// The maximum number of guesses at the codes of one email address and purpose until its owner proves it, even if the
/// account is recreated meanwhile: a chance of 50 in a million.
const GUESSES_IN_ALL: i64 = 50;

/// The client's answer to an email.
pub enum Answer {
    /// The token of its link.
    Link(LinkSecret),
    /// Its code and the email address it was sent to. `None`: the input is not a code or not an email address.
    Code(Option<(Email, Code)>),
}

/// A checked answer that can be spent.
pub struct Checked {
    pub(super) hash: LinkHash,
    pub whose: Whose,
    pub(super) return_to: Option<String>,
    /// The version of the password that the same client had entered when it requested the email, if any.
    pub password_version: Option<CredentialVersion>,
}

impl Checked {
    fn new(live: &Live, presenter: &Presenter) -> Result<Self, StoreError> {
        let same_client = live.handle_hash.is_some() && live.handle_hash == presenter.handle;
        Ok(Self {
            hash: live.link_hash,
            whose: live.whose()?,
            return_to: live.return_to.clone(),
            password_version: live.password_version.filter(|_| same_client),
        })
    }

    /// Returns the lane for hashing: a client that has proved an account's email address is a known one.
    pub fn lane(&self) -> Lane {
        match self.whose {
            Whose::Account(account) => Lane::Known(account.0),
            Whose::Registration(_) => Lane::Others,
        }
    }
}

impl EmailChallenges {
    /// Checks an answer. A guess at a code is first counted and recorded, whether or not the code exists. It does not
    /// count in the end if it is right or cannot be checked.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub async fn check(
        &self,
        purpose: Purpose,
        answer: &Answer,
        presenter: &Presenter,
        caller: &Caller,
    ) -> Result<Checked, ChallengeError> {
        let guess = match answer {
            // Checked first, so that an invalid link costs no hashing.
            Answer::Link(link) => return self.find(purpose, link.hash(), presenter).await,
            Answer::Code(_) if presenter.handle.is_none() && presenter.account.is_none() => {
                return Err(ChallengeError::Unbound);
            }
            Answer::Code(guess) => guess,
        };
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = caller.request.prefix() {
            let key = Key::of(Policy::CodesPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            reserved.spend(key, rate).await.map_err(ChallengeError::Limited)?;
        }
        let Some((email, code)) = guess.as_ref() else {
            reserved.count();
            return Err(ChallengeError::Invalid);
        };
        let asker = Asker {
            lane: Lane::Others,
            began: Some(reserved.began()),
        };
        let mut guess = Guess::new(self.platform.db.clone(), reserved);
        let guessed = match self.count_guess(purpose, email, presenter, caller).await {
            Ok(guessed) => guessed,
            Err(error) => {
                guess.give_back().await;
                return Err(error.into());
            }
        };
        if let Some((checked, _)) = &guessed {
            guess.at(checked.hash, purpose, email);
        }
        // A nonexistent code costs the same as a wrong one.
        let hash = guessed.as_ref().map(|(_, code_hash)| code_hash.as_str());
        let verdict = self.platform.hasher.verify_for(code.as_password(), hash, asker).await;
        match (guessed, verdict) {
            (Some((checked, _)), Ok(verdict)) if verdict.is_right() => {
                // A correct code does not count, so an error in its action costs no guess.
                guess.give_back().await;
                Ok(checked)
            }
            (_, Ok(_)) => {
                guess.count();
                Err(ChallengeError::Invalid)
            }
            (_, Err(error)) => {
                guess.give_back().await;
                Err(error.into())
            }
        }
    }

    /// Counts and records a guess, whether or not the code exists. `None`: there is no code that this client requested and
    /// may still guess.
    async fn count_guess(
        &self,
        purpose: Purpose,
        email: &Email,
        presenter: &Presenter,
        caller: &Caller,
    ) -> Result<Option<(Checked, String)>, StoreError> {
        let now = self.platform.clock.now();
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let (key, name) = (email.key(), purpose.name());
                    let mut guessed = store::count_guess(tx, key, name, presenter, GUESSES, now).await?;
                    let digest = EmailDigest::of(key);
                    if guessed.is_some() && !guesses::take(tx, digest, purpose, GUESSES_IN_ALL, now).await? {
                        guessed = None;
                    }
                    let event = Event::new(EventKind::CodeEntered, None, caller).by_anyone();
                    self.audit.record(tx, event.detail(purpose.name())).await?;
                    match guessed {
                        Some(guessed) => Ok(Some((Checked::new(&guessed, presenter)?, guessed.code_hash))),
                        None => Ok(None),
                    }
                })
            })
            .await
    }

    /// Finds the active challenge of a link. As when it is spent, the account must be in the same state as when the email was
    /// requested, so that a page does not offer a link that cannot be redeemed.
    pub(super) async fn find(
        &self,
        purpose: Purpose,
        hash: LinkHash,
        presenter: &Presenter,
    ) -> Result<Checked, ChallengeError> {
        let db = &self.platform.db;
        let found = store::find(db, hash, purpose.name(), self.platform.clock.now()).await?;
        let found = found.ok_or(ChallengeError::Invalid)?;
        let checked = Checked::new(&found, presenter)?;
        if let Whose::Account(account) = checked.whose {
            let versions = accounts::may_sign_in(db, account).await?;
            let versions = versions.ok_or(ChallengeError::Invalid)?;
            if !holds(versions, found.credential_version, found.session_epoch) {
                return Err(ChallengeError::Invalid);
            }
        }
        Ok(checked)
    }
}
