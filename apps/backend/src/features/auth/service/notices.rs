//! What an account's owner is told by mail of what happened to it.

use std::time::Duration;

use countersign_store::{StoreError, Tx};

use super::Auth;
use super::ask::binding;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{self, Account};
use crate::features::outbox::{MailParams, NewMail, Purpose};

/// How often an owner is told that passwords are not taken from new places any more.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Auth {
    /// Notifies the account's owner of what just happened, from where and when. Nobody is told at an address that nobody
    /// has proven: it may be a stranger's.
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

/// Whose address a notice goes to, where the account has another by now, or is gone.
pub struct Holder<'a> {
    pub account: AccountId,
    pub email: &'a str,
    pub proven: bool,
    /// The new address, where that is what happened.
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
    /// The same, to an address that is not the account's any more.
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

    /// Sends the account's owner a way in, because passwords are not taken from new places any more: once a day at most, however
    /// often that comes. To an address that nobody has proven too, since nobody else could open the account again. In no
    /// language but the default: whoever failed may have asked for any.
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
                // Whoever failed has no handle for it: it has a link, and no code.
                binding: Some(binding(&state, None)),
                ..MailParams::default()
            },
        };
        self.outbox.notify_once(tx, &mail, DAY).await
    }
}
