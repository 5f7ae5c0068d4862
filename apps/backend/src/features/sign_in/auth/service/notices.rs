//! Notices to the owner of an account.

use std::time::Duration;

use countersign_store::{StoreError, Tx};

use super::Auth;
use super::ask::binding;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, Account};
use crate::features::messaging::outbox::{MailParams, NewMail, Purpose};

/// The minimum time between two emails saying that passwords are not accepted from unknown devices and networks.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Auth {
    /// Notifies the account's owner of an event, with its origin and time. Unverified email addresses get no notice, because they
    /// may belong to another person.
    pub async fn notify(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        purpose: Purpose,
        request: &RequestInfo,
    ) -> Result<(), StoreError> {
        match accounts::find(&mut *tx, account).await? {
            Some(found) => self.notify_at(tx, &Holder::from(&found), purpose, request).await,
            None => Ok(()),
        }
    }
}

/// The recipient of a notice if the account has another email address by now, or is deleted.
pub struct Holder<'a> {
    pub account: AccountId,
    pub email: &'a str,
    pub proven: bool,
    /// The new email address, if it was changed.
    pub new_email: Option<&'a Email>,
}

impl<'a> From<&'a Account> for Holder<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            account: account.id,
            email: &account.email,
            proven: account.email_verified_at.is_some(),
            new_email: None,
        }
    }
}

impl Auth {
    /// The same, to an email address that the account no longer has.
    pub async fn notify_at(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder<'_>,
        purpose: Purpose,
        request: &RequestInfo,
    ) -> Result<(), StoreError> {
        let Some(to) = holder.email.parse().ok().filter(|_| holder.proven) else {
            return Ok(());
        };
        let mail = NewMail {
            purpose,
            to: &to,
            language: request.language,
            params: MailParams {
                email: holder.new_email.map(|email| email.typed().to_owned()),
                ..MailParams::of(holder.account, request, self.platform.clock.now())
            },
        };
        self.outbox.notify(tx, &mail).await
    }

    /// Emails the account's owner a way to sign in, because passwords are not accepted from unknown devices and networks: at
    /// most once a day. Also to an unverified email address, because nothing else opens the account again. In the default
    /// language, because the attacker may have requested another.
    pub(super) async fn notify_of_failures(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        email: &str,
    ) -> Result<(), StoreError> {
        let (Ok(to), Some(state)) = (email.parse(), accounts::state(&mut *tx, account).await?) else {
            return Ok(());
        };
        let mail = NewMail {
            purpose: Purpose::SignInBlocked,
            to: &to,
            language: Language::default(),
            params: MailParams {
                // The client that failed has no handle, so the email has a link and no code.
                binding: Some(binding(&state, None)),
                ..MailParams::default()
            },
        };
        self.outbox.notify_once(tx, &mail, DAY).await
    }
}
