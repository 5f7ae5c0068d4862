//! Requesting an email. Whether the email address has an account is checked when the email is sent, not here, so that
//! neither the response nor its timing reveals it. The current state of the account is stored with the email, which is void
//! in any other state. A worker of `mail` does the rest.

use std::time::Duration;

use countersign_store::{StoreError, Tx};
use uuid::Uuid;

use super::Auth;
use crate::core::caller::Caller;
use crate::core::email::Email;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, SessionRef};
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::request_info::RequestInfo;
use crate::core::versions::CredentialVersion;
use crate::features::identity::accounts::{self, State};
use crate::features::identity::email_challenges::{Registration, registrations};
use crate::features::messaging::outbox::{Binding, MailParams, NewMail, Purpose, Recipient, RequestContext};
use crate::features::operations::audit::{Event, EventKind};

/// How long an account counts as just created: the shortest lifetime of the links that were sent to it.
const JUST_NOW: Duration = Purpose::shortest_link_lifetime();

/// A request for an email.
pub struct Asking<'a> {
    pub purpose: Purpose,
    /// The email address, whether or not it has an account.
    pub to: &'a Email,
    /// The hash of the client's handle.
    pub handle: HandleHash,
    /// The session of the request, if it is signed in.
    pub by: Option<SessionRef>,
    /// The version of the account's password that the client has just entered, if any.
    pub password_version: Option<CredentialVersion>,
}

/// Why a request for an email failed.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Too many requests from this network.
    #[error("too many requests for emails")]
    Limited(Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Requests an email. Beyond the recipient's limit nothing is sent, and the response is the same. `recovery` and
    /// `verification` call it too.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, asking: &Asking<'_>, caller: &Caller) -> Result<(), AskError> {
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = caller.request.prefix() {
            let key = Key::of(Policy::EmailsPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            reserved.spend(key, rate).await.map_err(AskError::Limited)?;
            reserved.began().now();
        }
        let state = match asking.by {
            Some(by) => accounts::state(&self.platform.db, by.account).await?,
            None => accounts::state_by_email(&self.platform.db, asking.to).await?,
        };
        // An existing account takes precedence; pending sign-ups for its email address are ignored.
        let registration = self.waiting_sign_up(asking).await?.filter(|_| state.is_none());
        let mail = &NewMail {
            purpose: asking.purpose,
            to: asking.to,
            language: caller.request.language,
            params: MailParams {
                binding: state.map(|state| Binding {
                    session: asking.by.map(|by| by.session),
                    password_version: asking.password_version,
                    ..binding(&state, Some(asking.handle))
                }),
                registration: registration.map(|registration| registration.id),
                ..MailParams::requested(&caller.request, self.platform.clock.now())
            },
        };
        let account = asking.by.map(|by| by.account);
        let asked = self
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let event = Event::new(EventKind::EmailRequested, account, caller).detail(mail.purpose.name());
                    self.audit.record(tx, event).await?;
                    self.enqueue(tx, mail, &caller.request).await.map(drop)
                })
            })
            .await;
        match &asked {
            Ok(()) => reserved.count(),
            Err(_) => reserved.give_back().await,
        }
        Ok(asked?)
    }
}

/// The outcome of a request for an email.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Enqueued {
    Queued,
    /// Not queued, because a link for the same purpose is already in the mailbox or on its way.
    LinkAtHand,
    Refused,
}

impl Auth {
    /// Queues a requested email, within the limits of its recipient.
    pub(super) async fn enqueue(
        &self,
        tx: &mut Tx<'_>,
        mail: &NewMail<'_>,
        request: &RequestInfo,
    ) -> Result<Enqueued, StoreError> {
        let binding = mail.params.binding.as_ref();
        let account = binding.map_or(AccountId(Uuid::nil()), |binding| binding.account);
        let account = accounts::find(&mut *tx, account).await?;
        let context = RequestContext {
            from: request.prefix(),
            is_at_hand: self.challenges.is_at_hand(tx, mail.purpose, binding, mail.to).await?,
            has_reserve: account.is_none_or(|account| {
                account.email_verified_at.is_some() || account.created_at + JUST_NOW <= self.platform.clock.now()
            }),
        };
        Ok(match self.outbox.request(tx, mail, context).await? {
            true => Enqueued::Queued,
            false if context.is_at_hand => Enqueued::LinkAtHand,
            false => Enqueued::Refused,
        })
    }
}

/// Returns what an email about an account in this state is bound to.
pub(super) fn binding(state: &State, handle: Option<HandleHash>) -> Binding {
    Binding {
        account: state.id,
        credential_version: state.credential_version,
        session_epoch: state.session_epoch,
        handle,
        session: None,
        password_version: None,
    }
}

impl Auth {
    /// Returns the sign-up to send another email for: the client's own or, failing that, the newest.
    async fn waiting_sign_up(&self, asking: &Asking<'_>) -> Result<Option<Registration>, StoreError> {
        if asking.purpose.recipient() != Some(Recipient::Unverified) {
            return Ok(None);
        }
        let (key, now) = (asking.to.key(), self.platform.clock.now());
        match registrations::find_of(&self.platform.db, key, asking.handle, now).await? {
            Some(own) => Ok(Some(own)),
            None => registrations::find_newest(&self.platform.db, key, now).await,
        }
    }
}
