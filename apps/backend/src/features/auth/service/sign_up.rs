//! Signing up. Where addresses have to be proven, a sign-up waits for its mail and touches no account; the answer is the
//! same whether or not an address has one, and the truth is in the mail.

use countersign_store::{StoreError, Tx};

use super::Auth;
use super::ask::{Owing, asked};
use crate::core::caller::Caller;
use crate::core::email::NewEmail;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, RegistrationId};
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::password::{Asker, Lane, Password};
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{self, Account, AccountError, New};
use crate::features::outbox::{Owed, Particulars, Purpose};
use crate::features::proofs::REGISTRATION_LIFETIME;
use crate::features::proofs::registrations::{self, NewRegistration};
use crate::settings::{EmailVerification, Signup};

const REGISTER_PER_ADDRESS: Policy = Policy::named("register_per_address");

/// What somebody signs up with.
pub struct Registration {
    /// The address.
    pub email: NewEmail,
    /// The password, not yet judged.
    pub password: Password,
    /// The hash of the handle of who signs up.
    pub handle: HandleHash,
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
    Store(#[from] StoreError),
}

impl Auth {
    /// Makes an account for whoever asks.
    ///
    /// # Errors
    /// [`SignUpError`].
    pub async fn sign_up(&self, registration: Registration, caller: &Caller) -> Result<SignedUp, SignUpError> {
        if self.platform.settings.signup == Signup::Closed {
            return Err(SignUpError::Closed);
        }
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = caller.request.prefix() {
            let rate = self.platform.settings.limits.register_per_address;
            let key = Key::of(REGISTER_PER_ADDRESS).address(prefix);
            reserved.spend(key, rate).await.map_err(SignUpError::Limited)?;
        }
        let asker = Asker {
            lane: Lane::Others,
            began: Some(reserved.began()),
        };
        let made = self.begin_sign_up(registration, asker, caller).await;
        match &made {
            // Nobody was told anything: it was none.
            Err(SignUpError::Account(AccountError::Hash(_) | AccountError::Store(_)) | SignUpError::Store(_)) => {
                reserved.give_back().await;
            }
            _ => reserved.count(),
        }
        made
    }

    async fn begin_sign_up(
        &self,
        registration: Registration,
        asker: Asker,
        caller: &Caller,
    ) -> Result<SignedUp, SignUpError> {
        let password = self
            .platform
            .check_password(&registration.password, registration.email.typed())
            .map_err(AccountError::Password)?;
        let hash = self
            .platform
            .hasher
            .hash_for(password, asker)
            .await
            .map_err(AccountError::Hash)?;
        if self.platform.settings.email_verification == EmailVerification::Required {
            self.wait_for_mail(&registration, &hash, &caller.request).await?;
            return Ok(SignedUp::Asked);
        }
        let made = self.make_account(&registration, &hash, caller).await?;
        made.map(|account| SignedUp::Made(Box::new(account)))
            .ok_or_else(|| AccountError::EmailTaken.into())
    }

    /// Lets the sign-up wait for its mail. It looks at no account: whether there is one shows when the mail is sent, and one
    /// that there is stays as it is.
    async fn wait_for_mail(
        &self,
        registration: &Registration,
        hash: &str,
        request: &RequestInfo,
    ) -> Result<(), StoreError> {
        let now = self.platform.clock.now();
        let id = RegistrationId::new(now, self.platform.random);
        let owed = &Owed {
            purpose: Purpose::VerifyEmail,
            to: &registration.email,
            language: request.language,
            particulars: Particulars {
                registration: Some(id),
                ..Particulars::default()
            },
        };
        let new = &NewRegistration {
            id,
            email: registration.email.typed(),
            email_key: registration.email.key(),
            password_hash: hash,
            handle: registration.handle,
            created_at: now,
            expires_at: now + REGISTRATION_LIFETIME,
        };
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    // Without a mail nobody could confirm it. Any for this address will do, where they signed up.
                    if self.owe(tx, owed, request).await? != Owing::Refused {
                        registrations::insert(tx, new).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Makes the account at once. `None`: there is one with this address.
    async fn make_account(
        &self,
        registration: &Registration,
        hash: &str,
        caller: &Caller,
    ) -> Result<Option<Account>, StoreError> {
        let id = AccountId::new(self.platform.clock.now(), self.platform.random);
        let new = &New {
            id,
            email: &registration.email,
            password_hash: hash,
            caller: &caller.proven(id),
        };
        let (asks, handle) = (
            self.platform.settings.email_verification == EmailVerification::Optional,
            registration.handle,
        );
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let made = self.accounts.add(tx, new).await?;
                    if made.is_some() && asks {
                        self.ask_to_verify(tx, new, handle).await?;
                    }
                    Ok(made)
                })
            })
            .await
    }

    async fn ask_to_verify(&self, tx: &mut Tx<'_>, new: &New<'_>, handle: HandleHash) -> Result<(), StoreError> {
        let state = accounts::state(&mut *tx, new.id).await?;
        let owed = Owed {
            purpose: Purpose::VerifyEmail,
            to: new.email,
            language: new.caller.request.language,
            particulars: Particulars {
                asked: state.map(|state| asked(&state, Some(handle))),
                ..Particulars::default()
            },
        };
        self.owe(tx, &owed, &new.caller.request).await.map(drop)
    }
}
