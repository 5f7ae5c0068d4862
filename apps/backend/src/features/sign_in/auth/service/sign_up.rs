//! Signing up. If email verification is required, a sign-up is stored until its email is confirmed and changes no account.
//! The response is the same whether or not the email address has an account; only the email differs.

use countersign_guard::Scopes;
use countersign_store::{StoreError, Tx};

use super::Auth;
use super::ask::{Enqueued, binding};
use super::login::LoginError;
use crate::core::caller::Caller;
use crate::core::email::NewEmail;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, RegistrationId};
use crate::core::layers::note_account;
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::core::password::{Asker, Lane, Password};
use crate::core::profile::Profile;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, Account, AccountError, NewAccount};
use crate::features::identity::email_challenges::REGISTRATION_LIFETIME;
use crate::features::identity::email_challenges::registrations::{self, NewRegistration};
use crate::features::messaging::outbox::{MailParams, NewMail, Purpose};
use crate::features::sign_in::sessions::{NewSession, Session};
use crate::settings::{EmailVerification, Signup};

/// The data of a sign-up.
pub struct SignUp {
    pub email: NewEmail,
    /// The password, not yet validated.
    pub password: Password,
    /// The name and metadata.
    pub profile: Profile,
    /// The hash of the client's handle.
    pub handle: HandleHash,
}

/// The outcome of a sign-up. `T` is what is created with the account.
pub enum SignedUp<T> {
    /// The account was created.
    Made(T),
    /// The sign-up continues with the email.
    Asked,
}

impl<T> SignedUp<T> {
    /// Converts what was created.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> SignedUp<U> {
        match self {
            Self::Made(made) => SignedUp::Made(convert(made)),
            Self::Asked => SignedUp::Asked,
        }
    }
}

/// Why a sign-up failed.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Sign-ups are closed.
    #[error("sign-ups are closed")]
    Closed,
    /// Too many sign-ups from this network.
    #[error("too many registrations")]
    Limited(Exceeded),
    /// The account could not be created.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The account was created, but its browser could not be signed in.
    #[error("the account was created, but not signed in: {0}")]
    SignIn(#[source] LoginError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account to be created immediately.
struct ImmediateAccount {
    id: AccountId,
    password_hash: String,
    caller: Caller,
}

impl Auth {
    /// Signs up without opening a session.
    ///
    /// # Errors
    /// [`SignUpError`].
    pub async fn sign_up(&self, sign_up: SignUp, caller: &Caller) -> Result<SignedUp<Account>, SignUpError> {
        let reserved = self.reserve_sign_up(&caller.request).await?;
        let made = self.make_account(&sign_up, &reserved, caller).await;
        counted(reserved, made).await
    }

    /// Signs up in a browser and signs it in: the account and its first session are created together. The session has no
    /// refresh token.
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
                    // The account was just created, and cannot have been disabled.
                    let versions = accounts::may_sign_in(&mut *tx, new.id)
                        .await?
                        .ok_or(StoreError::Conflict)?;
                    accounts::sign_in(tx, new.id, self.platform.clock.now(), None).await?;
                    let session = NewSession {
                        account: new.id,
                        versions,
                        amr: "pwd",
                        // A new account has no scopes.
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

    /// Hashes the password of an account to be created immediately. `None`: the sign-up waits for its email.
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

    /// Stores the sign-up until its email is confirmed. Whether an account exists is checked when the email is sent; an
    /// existing account is not changed.
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
            profile: &sign_up.profile,
            handle: sign_up.handle,
            created_at: now,
            expires_at: now + REGISTRATION_LIFETIME,
        };
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    // Without an email, the sign-up could never be confirmed, so it is stored only if one is queued.
                    if self.enqueue(tx, mail, request).await? != Enqueued::Refused {
                        registrations::insert(tx, new).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Creates the account, and requests a verification email if configured. `None`: the email address has an account.
    async fn add_account(
        &self,
        tx: &mut Tx<'_>,
        sign_up: &SignUp,
        new: &ImmediateAccount,
    ) -> Result<Option<Account>, StoreError> {
        let new = NewAccount {
            id: new.id,
            email: &sign_up.email,
            profile: &sign_up.profile,
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

/// Counts a sign-up, unless the server failed and the response revealed nothing.
async fn counted<T>(reserved: Reserved, made: Result<SignedUp<T>, SignUpError>) -> Result<SignedUp<T>, SignUpError> {
    match &made {
        Err(SignUpError::Account(AccountError::Hash(_) | AccountError::Store(_)) | SignUpError::Store(_)) => {
            reserved.give_back().await;
        }
        _ => reserved.count(),
    }
    made
}
