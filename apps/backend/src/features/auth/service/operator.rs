//! What the operator does to an account, on the command line. No password is asked for.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Auth;
use super::account::forget_mails;
use super::ask::asked;
use super::confirm::PasswordError;
use super::login::LoginError;
use super::notices::Holder;
use super::opening::granted;
use crate::core::caller::Caller;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::core::password::Password;
use crate::features::accounts::{self, Account, New, State};
use crate::features::audit::{Event, Kind};
use crate::features::outbox::{self, Owed, Particulars, Purpose};
use crate::features::sessions::{self, NewSession, RefreshSecret, Tokens};

/// What an operator does to accounts. Cloning it is cheap.
#[derive(Clone)]
pub struct Operator {
    pub(crate) auth: Auth,
    /// In whose name.
    pub(crate) caller: Caller,
}

impl Operator {
    /// Sets a password and ends all sessions.
    ///
    /// # Errors
    /// [`PasswordError::Fault`], or that hashing or the database failed.
    pub async fn set_password(&self, account: &Account, new: Password) -> Result<(), PasswordError> {
        let new = self
            .auth
            .platform
            .check_password(&new, &account.email)
            .map_err(PasswordError::Fault)?;
        let hash = &self.auth.platform.hasher.hash(new).await?;
        let (id, now, caller) = (account.id, self.auth.platform.clock.now(), &self.caller);
        let revoked = self
            .auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    accounts::change_password(tx, id, None, hash, now).await?;
                    let revoked = sessions::end_all(tx, id, None, now).await?;
                    self.auth
                        .audit
                        .record(tx, Event::new(Kind::PasswordChanged, id, caller))
                        .await?;
                    self.auth
                        .notify(tx, id, Purpose::PasswordChanged, &caller.request)
                        .await?;
                    Ok::<_, StoreError>(revoked)
                })
            })
            .await?;
        self.auth.revocations.announce(revoked).await;
        Ok(())
    }

    /// Disables an account with all its sessions, or enables it again. Says whether that changed anything.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_disabled(&self, id: AccountId, disabled: bool) -> Result<bool, StoreError> {
        let (now, caller) = (self.auth.platform.clock.now(), &self.caller);
        let kind = if disabled {
            Kind::AccountDisabled
        } else {
            Kind::AccountEnabled
        };
        let revoked = self
            .auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if !accounts::set_disabled(tx, id, disabled.then_some(now), now).await? {
                        return Ok::<_, StoreError>(None);
                    }
                    let revoked = sessions::end_all(tx, id, None, now).await?;
                    self.auth.audit.record(tx, Event::new(kind, id, caller)).await?;
                    Ok(Some(revoked))
                })
            })
            .await?;
        let has_changed = revoked.is_some();
        self.auth.revocations.announce(revoked.unwrap_or_default()).await;
        Ok(has_changed)
    }

    /// Deletes an account and all that hangs on it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn delete(&self, account: &Account) -> Result<(), StoreError> {
        let (id, now, caller) = (account.id, self.auth.platform.clock.now(), &self.caller);
        let revoked = self
            .auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    forget_mails(tx, &account.email).await?;
                    let revoked = sessions::end_all(tx, id, None, now).await?;
                    accounts::delete(tx, id, None).await?;
                    self.auth
                        .notify_at(tx, &Holder::from(account), Purpose::AccountDeleted, &caller.request)
                        .await?;
                    self.auth
                        .audit
                        .record(tx, Event::new(Kind::AccountDeleted, id, caller))
                        .await?;
                    self.auth.audit.forget(tx, id).await?;
                    Ok::<_, StoreError>(revoked)
                })
            })
            .await?;
        self.auth.revocations.announce(revoked).await;
        Ok(())
    }

    /// Gives scopes to an account. Says which of them are new to it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn grant(&self, id: AccountId, scopes: &Scopes) -> Result<Scopes, StoreError> {
        let (now, caller) = (self.auth.platform.clock.now(), &self.caller);
        self.auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let mut changed = Vec::new();
                    for scope in scopes.iter() {
                        if accounts::grant(tx, id, scope, now).await? {
                            changed.push(scope.to_owned());
                        }
                    }
                    let changed: Scopes = changed.into_iter().collect();
                    if !changed.is_empty() {
                        let event = Event::new(Kind::ScopesChanged, id, caller).detail(format!("granted {changed}"));
                        self.auth.audit.record(tx, event).await?;
                    }
                    Ok::<_, StoreError>(changed)
                })
            })
            .await
    }

    /// Takes scopes back from an account, and says which of them it had. Tokens that carry them go on carrying them until
    /// they end.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ungrant(&self, id: AccountId, scopes: &Scopes) -> Result<Scopes, StoreError> {
        let caller = &self.caller;
        self.auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let mut changed = Vec::new();
                    for scope in scopes.iter() {
                        if accounts::ungrant(tx, id, scope).await? {
                            changed.push(scope.to_owned());
                        }
                    }
                    let changed: Scopes = changed.into_iter().collect();
                    if !changed.is_empty() {
                        let event = Event::new(Kind::ScopesChanged, id, caller).detail(format!("took back {changed}"));
                        self.auth.audit.record(tx, event).await?;
                    }
                    Ok::<_, StoreError>(changed)
                })
            })
            .await
    }

    /// Opens a session for an account and gives its tokens, as if its owner had signed in. `None`: it is disabled.
    ///
    /// # Errors
    /// [`LoginError::Issue`] and [`LoginError::Store`].
    pub async fn issue_token(
        &self,
        id: AccountId,
        asked: &Scopes,
        ttl: Duration,
    ) -> Result<Option<Tokens>, LoginError> {
        let (refresh_token, caller) = (RefreshSecret::generate(self.auth.platform.random), &self.caller);
        let first = &refresh_token;
        let bit = self.auth.revocations.allocate().await?;
        let opened = self
            .auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let Some(versions) = accounts::may_sign_in(&mut *tx, id).await? else {
                        return Ok::<_, StoreError>(None);
                    };
                    let new = NewSession {
                        account: id,
                        versions,
                        amr: "",
                        scopes: &granted(tx, id, asked).await?,
                        caller,
                        bit,
                        refresh_token: first,
                    };
                    Ok(Some(self.auth.open_session(tx, &new).await?))
                })
            })
            .await?;
        match opened {
            Some((session, revoked)) => {
                self.auth.revocations.announce(revoked).await;
                Ok(Some(self.auth.sessions.issue(&session, refresh_token, ttl).await?))
            }
            None => Ok(None),
        }
    }

    /// Says by hand that an address is its owner's. Says whether that was news.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn verify_email(&self, account: &Account) -> Result<bool, StoreError> {
        let (now, caller) = (self.auth.platform.clock.now(), &self.caller);
        let email = &parsed(&account.email)?;
        self.auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if !accounts::set_verified(tx, account.id, email, now).await? {
                        return Ok::<_, StoreError>(false);
                    }
                    self.auth
                        .audit
                        .record(tx, Event::new(Kind::EmailVerified, account.id, caller))
                        .await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Owes an account the mail by which its owner proves the address, or sets a new password, whatever was sent before.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn owe_mail(&self, account: &Account, purpose: Purpose) -> Result<(), StoreError> {
        let (now, email, id) = (self.auth.platform.clock.now(), &parsed(&account.email)?, account.id);
        self.auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let state = accounts::state(&mut *tx, id).await?;
                    outbox::owe(tx, &mail_of(purpose, email, state.as_ref()), now).await
                })
            })
            .await
    }

    /// Makes an account that nobody knows the password of, and owes its owner a mail with which to set one. `None`: there is
    /// an account with this address.
    ///
    /// # Errors
    /// That hashing or the database failed.
    pub async fn invite(&self, email: &NewEmail) -> Result<Option<Account>, PasswordError> {
        let (hash, caller) = (&self.auth.platform.unusable_password_hash().await?, &self.caller);
        let now = self.auth.platform.clock.now();
        let id = AccountId::new(now, self.auth.platform.random);
        let made = self
            .auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let new = New {
                        id,
                        email,
                        password_hash: hash,
                        caller,
                    };
                    let Some(account) = self.auth.accounts.add(tx, &new).await? else {
                        return Ok::<_, StoreError>(None);
                    };
                    self.auth
                        .audit
                        .record(tx, Event::new(Kind::Invited, id, caller))
                        .await?;
                    let state = accounts::state(&mut *tx, id).await?;
                    outbox::owe(tx, &mail_of(Purpose::Invitation, email, state.as_ref()), now).await?;
                    Ok(Some(account))
                })
            })
            .await?;
        Ok(made)
    }
}

/// The operator asks for it, and has no handle: its code works for nobody, its link for who reads the mail.
fn mail_of<'a>(purpose: Purpose, to: &'a Email, state: Option<&State>) -> Owed<'a> {
    Owed {
        purpose,
        to,
        language: Language::default(),
        particulars: Particulars {
            asked: state.map(|state| asked(state, None)),
            ..Particulars::default()
        },
    }
}

fn parsed(email: &str) -> Result<Email, StoreError> {
    email.parse().map_err(|_| StoreError::Inconsistent {
        table: "accounts",
        column: "email",
    })
}
