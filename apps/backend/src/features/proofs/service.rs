//! Making, checking and spending proofs.

use std::time::Duration;

use countersign_store::{StoreError, Tx};

use super::code::Code;
use super::guess::Guess;
use super::link_secret::{LinkHash, LinkSecret};
use super::presenter::Presenter;
use super::store::former;
use super::store::registrations::{self, Registration, Sent};
use super::store::{self, Found, NewProof};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::ids::{AccountId, RegistrationId, SessionId};
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::password::{Asker, HashError, Lane};
use crate::core::platform::Platform;
use crate::features::accounts::{self, AccountVersions, Version};
use crate::features::audit::{Audit, Event, Kind};
use crate::features::guesses::{self, Subject};
use crate::features::outbox::{self, Asked, Particulars, Purpose};

const CODES_PER_ADDRESS: Policy = Policy::named("codes_per_address");

/// ASVS 6.5.5: a code out of band lives ten minutes at most.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A link that ends sooner is as good as none for who has asked for one.
const TIME_TO_READ: Duration = Duration::from_secs(5 * 60);
/// Guesses at one code.
const GUESSES: i64 = 5;
/// Guesses at the codes of one address and purpose, until its owner proves it, whatever becomes of the account meanwhile:
/// fifty in a million.
const GUESSES_IN_ALL: i64 = 50;

/// Proofs: made when their mail is sent, judged and spent when it is answered. Cloning it is cheap.
#[derive(Clone)]
pub struct Proofs {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}

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
    pub whose: Whose,
}

impl Checked {
    /// Who has proven the address is no stranger to the queue of hashes.
    pub fn lane(&self) -> Lane {
        match self.whose {
            Whose::Account(account) => Lane::Known(account.0),
            Whose::Registration(_) => Lane::Others,
        }
    }
}

/// What a proof is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An account.
    Account(AccountId),
    /// A sign-up that waits.
    Registration(RegistrationId),
}

/// What a spent proof proves.
pub struct Proven {
    /// Whose.
    pub account: AccountId,
    /// The address that its owner holds.
    pub email: Email,
    /// The version of the account's password, now and when the mail was asked for.
    pub credential_version: Version,
    /// The session that asked for the mail, where that matters.
    pub session: Option<SessionId>,
}

/// What a mail is made of.
pub struct Made {
    /// For its link.
    pub link: LinkSecret,
    /// For people.
    pub code: Code,
    /// What is kept of it once the mail has left.
    kept: Kept,
}

/// What the database will know of a mail. Not before it has left: until then the one before is good.
struct Kept {
    whose: Whose,
    purpose: Purpose,
    email: Option<Email>,
    asked: Option<Asked>,
    code_hash: String,
}

impl Made {
    /// For tests of what mails look like.
    #[cfg(test)]
    pub fn sample() -> Self {
        use crate::core::random::SecureRandom;
        Self {
            link: LinkSecret::generate(SecureRandom),
            code: Code::generate(SecureRandom),
            kept: Kept {
                whose: Whose::Account(AccountId(uuid::Uuid::nil())),
                purpose: Purpose::SignIn,
                email: None,
                asked: None,
                code_hash: String::new(),
            },
        }
    }
}

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Unknown, expired, spent, of another purpose, or of an earlier state of the account: all the same.
    #[error("the link or the code is not valid, or not any more")]
    Invalid,
    /// A code came without the handle of whoever asked for it.
    #[error("a code without the handle of who asked for it")]
    Unbound,
    /// Too many guesses from this network.
    #[error("too many guesses")]
    Limited(Exceeded),
    /// The code could not be checked just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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

/// How long a sign-up waits: as long as its mail is worth sending, and then as long as its link is good for.
pub const REGISTRATION_LIFETIME: Duration = Duration::from_secs(4 * 24 * 60 * 60);

impl Proofs {
    /// Makes the proof of a mail that is about to be sent. The account must be in the state in which the mail was asked for.
    /// Nothing is proven by it before [`keep`](Self::keep) is called, and what was mailed before is good until then: a mail that does not
    /// arrive voids none.
    ///
    /// # Errors
    /// That hashing or the database failed. [`ProofError::Invalid`]: the account is in another state, or may not sign in.
    pub async fn make(&self, purpose: Purpose, asked: &Asked, email: &Email) -> Result<Made, ProofError> {
        let versions = accounts::may_sign_in(&self.platform.db, asked.account).await?;
        if !versions.is_some_and(|versions| holds(versions, asked.credential_version, asked.session_epoch)) {
            return Err(ProofError::Invalid);
        }
        let (link, code) = (
            LinkSecret::generate(self.platform.random),
            Code::generate(self.platform.random),
        );
        // Mails are made a few at a time, and are not to wait behind a crowd of strangers.
        let lane = Lane::Known(asked.account.0);
        let code_hash = self.platform.hasher.rehash_for(code.as_password(), lane.into()).await?;
        let kept = Kept {
            whose: Whose::Account(asked.account),
            purpose,
            email: Some(email.clone()),
            asked: Some(asked.clone()),
            code_hash,
        };
        Ok(Made { link, code, kept })
    }

    /// Makes what the mail of a sign-up proves, once it is kept.
    ///
    /// # Errors
    /// That hashing failed.
    pub async fn make_for_registration(&self, id: RegistrationId) -> Result<Made, ProofError> {
        let (link, code) = (
            LinkSecret::generate(self.platform.random),
            Code::generate(self.platform.random),
        );
        let code_hash = self.platform.hasher.rehash(code.as_password()).await?;
        let kept = Kept {
            whose: Whose::Registration(id),
            purpose: Purpose::VerifyEmail,
            email: None,
            asked: None,
            code_hash,
        };
        Ok(Made { link, code, kept })
    }

    /// Its mail has left: from now on it proves something, in place of the one before. Unless the account or the sign-up has
    /// changed meanwhile: then it never does.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep(&self, made: &Made) -> Result<(), StoreError> {
        let (hash, kept, now) = (made.link.hash(), &made.kept, self.platform.clock.now());
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let lifetime = lifetime(kept.purpose);
                    let ends = (now + lifetime, now + CODE_LIFETIME.min(lifetime));
                    match (kept.whose, &kept.email, &kept.asked) {
                        (Whose::Registration(id), ..) => {
                            let sent = Sent {
                                link_hash: hash,
                                code_hash: &kept.code_hash,
                                link_expires_at: ends.0,
                                code_expires_at: ends.1,
                            };
                            registrations::send(tx, id, &sent, now).await.map(drop)
                        }
                        (Whose::Account(account), Some(email), Some(asked)) => {
                            let versions = accounts::may_sign_in(&mut *tx, account).await?;
                            if !versions
                                .is_some_and(|versions| holds(versions, asked.credential_version, asked.session_epoch))
                            {
                                return Ok(());
                            }
                            let new = NewProof {
                                account,
                                purpose: kept.purpose.name(),
                                email: email.typed(),
                                email_key: email.key(),
                                link_hash: hash,
                                code_hash: &kept.code_hash,
                                credential_version: asked.credential_version,
                                session_epoch: asked.session_epoch,
                                handle: asked.handle,
                                session: asked.session,
                                created_at: now,
                                link_expires_at: ends.0,
                                code_expires_at: ends.1,
                            };
                            store::replace(tx, &new).await
                        }
                        (Whose::Account(_), ..) => Ok(()),
                    }
                })
            })
            .await
    }
}

impl Proofs {
    /// Whose live proof the token of a link is, and for which address, without spending it.
    ///
    /// # Errors
    /// [`ProofError::Invalid`], or that the database failed.
    pub async fn peek(&self, purpose: Purpose, link: &LinkSecret) -> Result<Proven, ProofError> {
        let found = store::find(
            &self.platform.db,
            link.hash(),
            purpose.name(),
            self.platform.clock.now(),
        )
        .await?;
        proven(found.ok_or(ProofError::Invalid)?)
    }

    /// The sign-up that a live link confirms, without confirming it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn peek_registration(&self, checked: &Checked) -> Result<Option<Registration>, StoreError> {
        registrations::find_by_link(&self.platform.db, checked.hash, self.platform.clock.now()).await
    }

    /// Whether what a link is for is done: by the link itself, by a newer one that came in its place, or, where it is for proving
    /// an address, in any other way. Nothing is known of one that was made up or has expired.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_done(&self, purpose: Purpose, link: &LinkSecret) -> Result<bool, StoreError> {
        let (hash, now) = (link.hash(), self.platform.clock.now());
        let email = match store::known(&self.platform.db, hash, purpose.name(), now).await? {
            Some(known) if known.spent_at.is_some() => return Ok(true),
            Some(known) => Some(known.email),
            None => match former::find(&self.platform.db, hash, purpose.name(), now).await? {
                Some(former) if former.is_used() => return Ok(true),
                former => former.map(|former| former.email),
            },
        };
        if purpose != Purpose::VerifyEmail {
            return Ok(false);
        }
        let email = match email {
            Some(email) => Some(email),
            None => registrations::find_by_link(&self.platform.db, hash, now)
                .await?
                .map(|waiting| waiting.email),
        };
        let Some(Ok(email)) = email.map(|email| email.parse()) else {
            return Ok(false);
        };
        let account = accounts::find_by_email(&self.platform.db, &email).await?;
        Ok(account.is_some_and(|account| account.email_verified_at.is_some()))
    }

    /// Whether a link of this kind that works, and goes on working for a while, is in the mailbox or on its way there: one for
    /// the account that `asked` names, or for a sign-up that waits.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_at_hand(
        &self,
        tx: &mut Tx<'_>,
        purpose: Purpose,
        asked: Option<&Asked>,
        to: &Email,
    ) -> Result<bool, StoreError> {
        let until = self.platform.clock.now() + TIME_TO_READ;
        let account = asked.map_or(AccountId(uuid::Uuid::nil()), |asked| asked.account);
        let current = accounts::may_sign_in(&mut *tx, account).await?;
        let works = |versions: (Version, Version), session: Option<SessionId>| {
            let is_holding = current.is_some_and(|current| holds(current, versions.0, versions.1));
            is_holding && (purpose != Purpose::ChangeEmail || asked.is_some_and(|asked| asked.session == session))
        };
        let comes = |owed: &Particulars| match &owed.asked {
            Some(owed) => owed.account == account && works((owed.credential_version, owed.session_epoch), owed.session),
            None => asked.is_none() && owed.registration.is_some(),
        };
        if outbox::on_the_way(tx, purpose, to).await?.iter().any(comes) {
            return Ok(true);
        }
        let live = store::live(tx, account, purpose.name(), to.key(), until).await?;
        let waits = purpose == Purpose::VerifyEmail && registrations::is_live(tx, to.key(), until).await?;
        let is_live = live.is_some_and(|found| {
            let versions = found.session_epoch.map(|epoch| (found.credential_version, epoch));
            versions.is_some_and(|versions| works(versions, found.session_id))
        });
        Ok(is_live || (waits && asked.is_none()))
    }

    /// Judges what a person brings. A guess at a code is counted and written down first, whoever's it is; it is given back if it
    /// is right, or if nobody judges it.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn check(
        &self,
        purpose: Purpose,
        answer: &Answer,
        presenter: &Presenter,
        caller: &Caller,
    ) -> Result<Checked, ProofError> {
        let guess = match answer {
            // Looked at first: nothing costly is done for a link that somebody made up.
            Answer::Link(link) => return self.find(purpose, link.hash()).await,
            Answer::Code(_) if presenter.handle.is_none() && presenter.account.is_none() => {
                return Err(ProofError::Unbound);
            }
            Answer::Code(guess) => guess,
        };
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = caller.request.prefix() {
            let key = Key::of(CODES_PER_ADDRESS).address(prefix);
            let rate = self.platform.settings.limits.codes_per_address;
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
        // A code that is not there costs the same as one that is wrong.
        let hash = guessed.as_ref().map(|(_, code_hash)| code_hash.as_str());
        let verdict = self.platform.hasher.verify_for(code.as_password(), hash, asker).await;
        match (guessed, verdict) {
            (Some((checked, _)), Ok(verdict)) if verdict.is_right() => {
                // Whoever knows the code is told so when what it allows is done, and not before: what fails on the way costs nothing.
                guess.give_back().await;
                Ok(checked)
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

    /// Counts a guess and writes it down, whoever's it is. `None`: there is no code there that may be guessed at, or none that
    /// was sent because they asked for it.
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
                    let mut guessed = guessed_at(tx, purpose, email, presenter, now).await?;
                    let whose = Subject::of(email.key());
                    if guessed.is_some() && !guesses::take(tx, whose, purpose.name(), GUESSES_IN_ALL, now).await? {
                        guessed = None;
                    }
                    let event = Event::new(Kind::CodeTried, None, caller).by_anyone();
                    self.audit.record(tx, event.detail(purpose.name())).await?;
                    Ok(guessed)
                })
            })
            .await
    }

    async fn find(&self, purpose: Purpose, hash: LinkHash) -> Result<Checked, ProofError> {
        let now = self.platform.clock.now();
        if let Some(found) = store::find(&self.platform.db, hash, purpose.name(), now).await? {
            let whose = Whose::Account(found.account_id);
            return Ok(Checked { hash, whose });
        }
        let waiting = match purpose {
            Purpose::VerifyEmail => registrations::find_by_link(&self.platform.db, hash, now).await?,
            _ => None,
        };
        let whose = Whose::Registration(waiting.ok_or(ProofError::Invalid)?.id);
        Ok(Checked { hash, whose })
    }
}

/// A guess at the code of an account or of a sign-up, and the hash that it is judged by.
async fn guessed_at(
    tx: &mut Tx<'_>,
    purpose: Purpose,
    email: &Email,
    presenter: &Presenter,
    now: Timestamp,
) -> Result<Option<(Checked, String)>, StoreError> {
    if let Some(guessed) = store::count_guess(tx, email.key(), purpose.name(), presenter, GUESSES, now).await? {
        let whose = Whose::Account(guessed.account_id);
        let hash = guessed.link_hash;
        return Ok(Some((Checked { hash, whose }, guessed.code_hash)));
    }
    if purpose != Purpose::VerifyEmail {
        return Ok(None);
    }
    let guessed = registrations::count_guess(tx, email.key(), presenter.handle, GUESSES, now).await?;
    Ok(guessed.map(|guessed| {
        let whose = Whose::Registration(guessed.id);
        let hash = guessed.link_hash;
        (Checked { hash, whose }, guessed.code_hash)
    }))
}

impl Proofs {
    /// Spends a proof of an account, in the transaction that does what it allows. The account's state must be that of when the
    /// mail was asked for.
    ///
    /// # Errors
    /// [`ProofError::Invalid`], or that the database failed: then the transaction must end, and nothing is spent.
    pub async fn spend(&self, tx: &mut Tx<'_>, purpose: Purpose, checked: &Checked) -> Result<Proven, ProofError> {
        let now = self.platform.clock.now();
        let spent = store::spend(tx, checked.hash, purpose.name(), now).await?;
        let spent = spent.ok_or(ProofError::Invalid)?;
        former::use_up(tx, spent.account_id, purpose.name()).await?;
        let versions = accounts::may_sign_in(&mut *tx, spent.account_id)
            .await?
            .ok_or(ProofError::Invalid)?;
        let epoch = spent.session_epoch.ok_or(ProofError::Invalid)?;
        if !holds(versions, spent.credential_version, epoch) {
            return Err(ProofError::Invalid);
        }
        let proven = Proven {
            credential_version: versions.credential_version,
            ..proven(spent)?
        };
        guesses::forget(tx, Subject::of(proven.email.key()), purpose.name()).await?;
        Ok(proven)
    }

    /// Takes the sign-up that was checked, in the transaction that makes its account: once, whoever else tries.
    ///
    /// # Errors
    /// [`ProofError::Invalid`], or that the database failed: then the transaction must end, and the sign-up waits on.
    pub async fn take(&self, tx: &mut Tx<'_>, checked: &Checked) -> Result<Registration, ProofError> {
        let taken = registrations::take(tx, checked.hash, self.platform.clock.now()).await?;
        let taken = taken.ok_or(ProofError::Invalid)?;
        if let Ok(email) = taken.email.parse::<Email>() {
            guesses::forget(tx, Subject::of(email.key()), Purpose::VerifyEmail.name()).await?;
        }
        Ok(taken)
    }

    /// Remembers that a link made this account, for who opens it again. `verification` calls it in the same transaction.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark_spent(
        &self,
        tx: &mut Tx<'_>,
        checked: &Checked,
        account: AccountId,
        email: &Email,
    ) -> Result<(), StoreError> {
        let (now, purpose) = (self.platform.clock.now(), Purpose::VerifyEmail);
        let new = NewProof {
            account,
            purpose: purpose.name(),
            email: email.typed(),
            email_key: email.key(),
            link_hash: checked.hash,
            code_hash: "",
            credential_version: 0,
            session_epoch: 0,
            handle: None,
            session: None,
            created_at: now,
            link_expires_at: now + lifetime(purpose),
            code_expires_at: now,
        };
        store::replace(tx, &new).await?;
        store::spend(tx, checked.hash, purpose.name(), now).await?;
        former::adopt(tx, account, email.key()).await
    }
}

/// Whether a mail that was asked for in a state of the account still holds: nothing that ends its password, its address or all
/// of its sessions came between.
fn holds(versions: AccountVersions, credential_version: Version, session_epoch: Version) -> bool {
    versions.credential_version == credential_version && versions.session_epoch == session_epoch
}

fn proven(found: Found) -> Result<Proven, ProofError> {
    let email = found.email.parse().map_err(|_| StoreError::Inconsistent {
        table: "email_proofs",
        column: "email",
    })?;
    Ok(Proven {
        account: found.account_id,
        email,
        credential_version: found.credential_version,
        session: found.session_id,
    })
}
