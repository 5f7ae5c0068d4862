//! Signing up. Where addresses have to be proven, a sign-up waits for its mail and touches no account; the answer is the
//! same whether or not an address has one, and the truth is in the mail.

use countersign_guard::Scopes;
use countersign_store::{StoreError, Tx};

use super::Auth;
use super::ask::{Enqueued, binding};
use crate::core::caller::Caller;
use crate::core::email::NewEmail;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, RegistrationId};
use crate::core::layers::note_account;
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::core::password::{Asker, Lane, Password};
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{self, Account, AccountError, NewAccount};
use crate::features::email_challenges::REGISTRATION_LIFETIME;
use crate::features::email_challenges::registrations::{self, NewRegistration};
use crate::features::outbox::{MailParams, NewMail, Purpose};
use crate::features::sessions::{NewSession, Session};
use crate::settings::{EmailVerification, Signup};

/// What somebody signs up with.
pub struct SignUp {
    pub email: NewEmail,
    /// The password, not yet judged.
    pub password: Password,
    /// The hash of the handle of who signs up.
    pub handle: HandleHash,
}

/// What came of it. `T` is what a new account begins with.
pub enum SignedUp<T> {
    /// There is a new account.
    Made(T),
    /// Whoever reads the mail at that address goes on.
    Asked,
}

/// Why nobody was signed up.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// The operator takes no new accounts.
    #[error("sign-ups are closed")]
    Closed,
    /// Too many registrations from this network.
    #[error("too many registrations")]
    Limited(Exceeded),
    /// No account was made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account that is to be made at once.
struct ImmediateAccount {
    id: AccountId,
    password_hash: String,
    caller: Caller,
}

impl Auth {
    /// Makes an account for whoever asks, and opens no session.
    ///
    /// # Errors
    /// [`SignUpError`].
    pub async fn sign_up(&self, sign_up: SignUp, caller: &Caller) -> Result<SignedUp<Account>, SignUpError> {
        let reserved = self.reserve_sign_up(&caller.request).await?;
        let made = self.make_account(&sign_up, &reserved, caller).await;
        counted(reserved, made).await
    }

    /// The same for a browser, which is signed in at once: the account and its first session are made together. That session
    /// has no refresh token.
    ///
    /// # Errors
    /// [`SignUpError`].
    pub async fn sign_up_browser(&self, sign_up: SignUp, caller: &Caller) -> Result<SignedUp<Session>, SignUpError> {
        let reserved = self.reserve_sign_up(&caller.request).await?;
        let made = self.make_account_with_session(&sign_up, &reserved, caller).await;
        counted(reserved, made).await
    }

    async fn make_account(
        &self,
        sign_up: &SignUp,
        reserved: &Reserved,
        caller: &Caller,
    ) -> Result<SignedUp<Account>, SignUpError> {
        let Some(new) = &self.begin_sign_up(sign_up, reserved, caller).await? else {
            return Ok(SignedUp::Asked);
        };
        let made = self
            .platform
            .db
            .transact(|tx| Box::pin(async move { self.add_account(tx, sign_up, new).await }))
            .await?;
        let account = made.ok_or(AccountError::EmailTaken)?;
        note_account(account.id);
        Ok(SignedUp::Made(account))
    }

    async fn make_account_with_session(
        &self,
        sign_up: &SignUp,
        reserved: &Reserved,
        caller: &Caller,
    ) -> Result<SignedUp<Session>, SignUpError> {
        let Some(new) = &self.begin_sign_up(sign_up, reserved, caller).await? else {
            return Ok(SignedUp::Asked);
        };
        let bit = self.revocations.allocate().await?;
        let opened = self
            .revocations
            .transact(|tx| {
                Box::pin(async move {
                    if self.add_account(tx, sign_up, new).await?.is_none() {
                        return Ok(None);
                    }
                    // It is there, and nobody can have disabled it yet.
                    let versions = accounts::may_sign_in(&mut *tx, new.id)
                        .await?
                        .ok_or(StoreError::Conflict)?;
                    accounts::sign_in(tx, new.id, self.platform.clock.now(), None).await?;
                    let session = NewSession {
                        account: new.id,
                        versions,
                        amr: "pwd",
                        // Whoever has just come owns none.
                        scopes: &Scopes::default(),
                        caller: &new.caller,
                        bit,
                        refresh_token: None,
                    };
                    self.open_session(tx, &session).await.map(Some)
                })
            })
            .await?;
        Ok(SignedUp::Made(opened.ok_or(AccountError::EmailTaken)?))
    }

    async fn reserve_sign_up(&self, request: &RequestInfo) -> Result<Reserved, SignUpError> {
        if self.platform.settings.signup == Signup::Closed {
            return Err(SignUpError::Closed);
        }
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = request.prefix() {
            let key = Key::of(Policy::RegisterPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            reserved.spend(key, rate).await.map_err(SignUpError::Limited)?;
        }
        Ok(reserved)
    }

    /// Hashes the password, for an account that is to be made at once. `None`: the sign-up waits for its mail.
    async fn begin_sign_up(
        &self,
        sign_up: &SignUp,
        reserved: &Reserved,
        caller: &Caller,
    ) -> Result<Option<ImmediateAccount>, SignUpError> {
        let password = self
            .platform
            .check_password(&sign_up.password, sign_up.email.typed())
            .map_err(AccountError::Password)?;
        let asker = Asker {
            lane: Lane::Others,
            began: Some(reserved.began()),
        };
        let password_hash = self
            .platform
            .hasher
            .hash_for(password, asker)
            .await
            .map_err(AccountError::Hash)?;
        if self.platform.settings.email_verification == EmailVerification::Required {
            self.wait_for_mail(sign_up, &password_hash, &caller.request).await?;
            return Ok(None);
        }
        let id = AccountId::new(self.platform.clock.now(), self.platform.random);
        Ok(Some(ImmediateAccount {
            id,
            password_hash,
            caller: caller.proven(id),
        }))
    }

    /// Lets the sign-up wait for its mail. It looks at no account: whether there is one shows when the mail is sent, and one
    /// that there is stays as it is.
    async fn wait_for_mail(&self, sign_up: &SignUp, hash: &str, request: &RequestInfo) -> Result<(), StoreError> {
        let now = self.platform.clock.now();
        let id = RegistrationId::new(now, self.platform.random);
        let mail = &NewMail {
            purpose: Purpose::VerifyEmail,
            to: &sign_up.email,
            language: request.language,
            params: MailParams {
                registration: Some(id),
                ..MailParams::requested(request, now)
            },
        };
        let new = &NewRegistration {
            id,
            email: sign_up.email.typed(),
            email_key: sign_up.email.key(),
            password_hash: hash,
            handle: sign_up.handle,
            created_at: now,
            expires_at: now + REGISTRATION_LIFETIME,
        };
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    // Without a mail nobody could confirm it. Any for this address will do, where they signed up.
                    if self.enqueue(tx, mail, request).await? != Enqueued::Refused {
                        registrations::insert(tx, new).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Makes the account, and has its address verified where that is wanted. `None`: there is one with this address.
    async fn add_account(
        &self,
        tx: &mut Tx<'_>,
        sign_up: &SignUp,
        new: &ImmediateAccount,
    ) -> Result<Option<Account>, StoreError> {
        let new = NewAccount {
            id: new.id,
            email: &sign_up.email,
            password_hash: &new.password_hash,
            caller: &new.caller,
        };
        let made = self.accounts.add(tx, &new).await?;
        if made.is_some() && self.platform.settings.email_verification == EmailVerification::Optional {
            self.ask_to_verify(tx, &new, sign_up.handle).await?;
        }
        Ok(made)
    }

    async fn ask_to_verify(&self, tx: &mut Tx<'_>, new: &NewAccount<'_>, handle: HandleHash) -> Result<(), StoreError> {
        let state = accounts::state(&mut *tx, new.id).await?;
        let mail = NewMail {
            purpose: Purpose::VerifyEmail,
            to: new.email,
            language: new.caller.request.language,
            params: MailParams {
                binding: state.map(|state| binding(&state, Some(handle))),
                ..MailParams::requested(&new.caller.request, self.platform.clock.now())
            },
        };
        self.enqueue(tx, &mail, &new.caller.request).await.map(drop)
    }
}

/// A sign-up counts unless nobody was told anything.
async fn counted<T>(reserved: Reserved, made: Result<SignedUp<T>, SignUpError>) -> Result<SignedUp<T>, SignUpError> {
    match &made {
        Err(SignUpError::Account(AccountError::Hash(_) | AccountError::Store(_)) | SignUpError::Store(_)) => {
            reserved.give_back().await;
        }
        _ => reserved.count(),
    }
    made
}
