//! Proving the address of an account without a mail, and the mails that an operator has sent.

use countersign_store::StoreError;

use super::super::ask::binding;
use super::super::confirm::PasswordError;
use super::Operator;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::features::accounts::{self, Account, NewAccount, State};
use crate::features::audit::{Event, EventKind};
use crate::features::outbox::{self, MailParams, NewMail, Purpose};

impl Operator {
    /// Says by hand that an address is its owner's. Says whether that was news.
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

    /// Owes an account the mail by which its owner proves the address, or sets a new password, whatever was sent before.
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

    /// Makes an account that nobody knows the password of, and queues an email with which its owner sets one. `None`: there is
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
                    let new = NewAccount {
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

/// The operator asks for it, and has no handle: its code works for nobody, its link for who reads the mail.
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
