//! Verifying an email address by hand, and emails requested by an operator.

use countersign_store::StoreError;

use super::super::ask::binding;
use super::super::confirm::PasswordError;
use super::Operator;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::core::profile::Profile;
use crate::features::identity::accounts::{self, Account, NewAccount, State};
use crate::features::messaging::outbox::{self, MailParams, NewMail, Purpose};
use crate::features::operations::audit::{Event, EventKind};

impl Operator {
    /// Marks an email address as verified. Returns whether that changed anything.
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
                        .record(tx, Event::new(EventKind::EmailVerified, account.id, caller))
                        .await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Queues the email with which the owner confirms the email address or sets a new password, regardless of what was sent
    /// before.
    pub async fn send_mail(&self, account: &Account, purpose: Purpose) -> Result<(), StoreError> {
        let (now, email, id) = (self.auth.platform.clock.now(), &parsed(&account.email)?, account.id);
        self.auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let state = accounts::state(&mut *tx, id).await?;
                    outbox::enqueue(tx, &mail_of(purpose, email, state.as_ref()), now).await
                })
            })
            .await
    }

    /// Creates an account without a usable password, and queues an email with which its owner sets one. `None`: the email
    /// address already has an account.
    ///
    /// # Errors
    /// If hashing or the database failed.
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
                    let new = NewAccount {
                        id,
                        email,
                        profile: &Profile::default(),
                        password_hash: hash,
                        caller,
                    };
                    let Some(account) = self.auth.accounts.add(tx, &new).await? else {
                        return Ok::<_, StoreError>(None);
                    };
                    self.auth
                        .audit
                        .record(tx, Event::new(EventKind::Invited, id, caller))
                        .await?;
                    let state = accounts::state(&mut *tx, id).await?;
                    outbox::enqueue(tx, &mail_of(Purpose::Invitation, email, state.as_ref()), now).await?;
                    Ok(Some(account))
                })
            })
            .await?;
        Ok(made)
    }
}

/// Builds an email requested by an operator. It is bound to no handle, so its code cannot be used, only its link.
fn mail_of<'a>(purpose: Purpose, to: &'a Email, state: Option<&State>) -> NewMail<'a> {
    NewMail {
        purpose,
        to,
        language: Language::default(),
        params: MailParams {
            binding: state.map(|state| binding(state, None)),
            ..MailParams::default()
        },
    }
}

fn parsed(email: &str) -> Result<Email, StoreError> {
    email.parse().map_err(|_| StoreError::Inconsistent {
        table: "accounts",
        column: "email",
    })
}
