//! Actions of users on their own account: change the password, export their data, delete it.

use countersign_store::{StoreError, Tx};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Auth;
use super::attempt::subject_of;
use super::confirm::PasswordError;
use super::notices::Holder;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId, SessionRef};
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::password::Password;
use crate::features::identity::accounts::{self, Account, UserBody};
use crate::features::identity::devices;
use crate::features::identity::profiles::{self, StandardProfile};
use crate::features::messaging::outbox::{self, Purpose};
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents::{self, Consent};
use crate::features::operations::audit::{self, EntryBody, Event, EventKind};
use crate::features::sign_in::sessions::{self, GrantBody, SessionBody};

/// The maximum number of events in an export; the newest are included.
const EXPORTED_EVENTS: i64 = 10_000;

/// A password and its replacement.
pub struct PasswordChange {
    /// The current password.
    pub current: Password,
    /// The new password, not yet validated.
    pub new: Password,
}

impl Auth {
    /// Sets a new password and ends every session except the current one.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn change_password(
        &self,
        by: SessionRef,
        passwords: PasswordChange,
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        let SessionRef { account, session } = by;
        let PasswordChange { current, new } = passwords;
        let confirmed = self
            .confirm(account, current, EventKind::PasswordChanged, caller)
            .await?;
        let new = self
            .platform
            .check_password(&new, &confirmed.email)
            .map_err(PasswordError::Fault)?;
        let (stored, hash) = &confirmed.hash_new(self, new).await?;
        let now = self.platform.clock.now();
        fail::fail_point!("confirm::confirmed");
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    still_signed_in(tx, session, now).await?;
                    let seen = Some(stored.credential_version);
                    if !accounts::change_password(tx, account, seen, hash, now).await? {
                        return Err(PasswordError::Wrong);
                    }
                    sessions::end_all(tx, account, Some(session), now).await?;
                    // The devices were forgotten along with the sessions, but this one has just proved that it knows the
                    // password.
                    devices::remember(tx, account, &caller.request, self.platform.clock.now()).await?;
                    let event = Event::new(EventKind::PasswordChanged, account, caller).session(session);
                    self.audit.record(tx, event).await?;
                    self.notify(tx, account, Purpose::PasswordChanged, &caller.request)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Deletes the account and all its data; the audit log is kept.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn delete(&self, by: SessionRef, password: Password, caller: &Caller) -> Result<(), PasswordError> {
        let SessionRef { account, session } = by;
        let stored = &self
            .confirm(account, password, EventKind::AccountDeleted, caller)
            .await?
            .count();
        let (version, now) = (stored.credential_version, self.platform.clock.now());
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    still_signed_in(tx, session, now).await?;
                    forget_mails(tx, &stored.email).await?;
                    // Done before the account's sessions are deleted: their bits outlive them.
                    sessions::end_all(tx, account, None, now).await?;
                    if !accounts::delete(tx, account, Some(version)).await? {
                        return Err(PasswordError::Wrong);
                    }
                    let holder = Holder {
                        account,
                        email: &stored.email,
                        proven: stored.email_verified_at.is_some(),
                        new_email: None,
                    };
                    self.notify_at(tx, &holder, Purpose::AccountDeleted, &caller.request)
                        .await?;
                    self.audit
                        .record(tx, Event::new(EventKind::AccountDeleted, account, caller))
                        .await?;
                    self.audit.forget(tx, account).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// Forgets the emails sent to this email address; they are deleted with the account.
pub(super) async fn forget_mails(tx: &mut Tx<'_>, email: &str) -> Result<(), StoreError> {
    match email.parse() {
        Ok(email) => outbox::forget(tx, &email).await,
        Err(_) => Ok(()),
    }
}

/// Checks that the session was not ended while the password was being verified.
async fn still_signed_in(tx: &mut Tx<'_>, session: SessionId, now: Timestamp) -> Result<(), PasswordError> {
    match sessions::lock_living(tx, session, now).await? {
        Some(_) => Ok(()),
        None => Err(PasswordError::Ended),
    }
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Too many exports.
    #[error("too many exports")]
    Limited(Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All data stored about an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub struct ExportBody {
    user: UserBody,
    /// The time of the last change of the account.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The standard claims of OpenID Connect that were set for the user.
    profile: ClaimsBody,
    /// The scopes of the account.
    scopes: Vec<String>,
    /// The active sessions, newest first.
    sessions: Vec<SessionBody>,
    /// What clients may do for the user, newest first.
    grants: Vec<GrantBody>,
    /// The known devices of the account, most recently used first.
    devices: Vec<DeviceBody>,
    /// What the user has allowed other applications.
    consents: Vec<ConsentBody>,
    /// Recent emails to this address, newest first.
    emails: Vec<MailBody>,
    /// The audit log entries about the account, newest first.
    events: Vec<EntryBody>,
    /// Whether these are all entries; an export contains the newest 10,000.
    events_complete: bool,
}

/// The claims that clients can learn about the user, besides the name and the email address.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedClaims)]
pub struct ClaimsBody {
    /// As in OpenID Connect Core, section 5.1.
    #[schema(value_type = Object, example = json!({ "given_name": "Ada", "locale": "en-GB" }))]
    claims: Map<String, Value>,
    /// When the telephone number was last verified.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    phone_verified_at: Option<Timestamp>,
    /// The time of the last change; null if no claim was ever set.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    updated_at: Option<Timestamp>,
}

impl From<StandardProfile> for ClaimsBody {
    fn from(profile: StandardProfile) -> Self {
        Self {
            claims: profile.claims.to_object(),
            phone_verified_at: profile.phone_verified_at,
            updated_at: profile.updated_at,
        }
    }
}

/// A device the account has signed in with: a browser, or a client in a network. Only a hash is stored.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedDevice)]
pub struct DeviceBody {
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The time of the last sign-in with it.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<devices::KnownDevice> for DeviceBody {
    fn from(known: devices::KnownDevice) -> Self {
        Self {
            created_at: known.created_at,
            seen_at: known.seen_at,
            expires_at: known.expires_at,
        }
    }
}

/// What the user has allowed an application at one API, or at the endpoint for the claims of users.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedConsent)]
pub struct ConsentBody {
    client_id: String,
    /// The name of the application.
    name: String,
    /// The API, or the endpoint.
    audience: String,
    scopes: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    given_at: Timestamp,
    /// The time when something was last added.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ConsentBody {
    fn new(consent: Consent, client: Option<Client>) -> Self {
        Self {
            name: client.map_or_else(|| consent.client_id.clone(), |client| client.name),
            client_id: consent.client_id,
            audience: consent.audience,
            scopes: consent.scopes.iter().map(str::to_owned).collect(),
            given_at: consent.given_at,
            updated_at: consent.updated_at,
        }
    }
}

/// An email that was sent or is queued.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedEmail)]
pub struct MailBody {
    purpose: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// `sent`, or another outcome.
    #[schema(required = true)]
    outcome: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    ended_at: Option<Timestamp>,
}

impl From<outbox::MailRecord> for MailBody {
    fn from(mail: outbox::MailRecord) -> Self {
        Self {
            purpose: mail.purpose,
            created_at: mail.created_at,
            outcome: mail.outcome,
            ended_at: mail.ended_at,
        }
    }
}

impl Auth {
    /// Exports all data stored about an account. `None` if the account has just been deleted.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn export(&self, by: SessionRef, caller: &Caller) -> Result<Option<ExportBody>, ExportError> {
        let SessionRef { account, session } = by;
        let Some(user) = accounts::find(&self.platform.db, account).await? else {
            return Ok(None);
        };
        let mut reserved = self.platform.limits.reserve();
        let key = Key::of(Policy::ExportPerAccount).identifier(&subject_of(&user.email));
        let rate = key.rate(&self.platform.settings.limits);
        reserved.spend(key, rate).await.map_err(ExportError::Limited)?;
        reserved.began().now();
        let gathered = self.gather(user, session, caller).await;
        match &gathered {
            Ok(_) => reserved.count(),
            Err(_) => reserved.give_back().await,
        }
        gathered.map(Some)
    }

    async fn gather(&self, user: Account, session: SessionId, caller: &Caller) -> Result<ExportBody, ExportError> {
        let account = user.id;
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    self.audit
                        .record(tx, Event::new(EventKind::AccountExported, account, caller))
                        .await
                })
            })
            .await?;
        let sessions = self.sessions.list(account).await?;
        let grants = sessions::grants_of(&self.platform.db, account, self.platform.clock.now()).await?;
        let mails = match user.email.parse() {
            Ok(email) => self.outbox.list_for(&email).await?,
            Err(_) => Vec::new(),
        };
        let mut events = audit::of_account(&self.platform.db, account, EXPORTED_EVENTS + 1).await?;
        let events_complete = i64::try_from(events.len()).is_ok_and(|found| found <= EXPORTED_EVENTS);
        if !events_complete {
            events.pop();
        }
        Ok(ExportBody {
            updated_at: user.updated_at,
            user: user.into(),
            profile: profiles::find(&self.platform.db, account).await?.into(),
            scopes: accounts::scopes(&self.platform.db, account)
                .await?
                .iter()
                .map(str::to_owned)
                .collect(),
            sessions: sessions
                .into_iter()
                .map(|found| SessionBody::seen_by(session, found))
                .collect(),
            grants: grants.into_iter().map(GrantBody::from).collect(),
            devices: devices::list(&self.platform.db, account)
                .await?
                .into_iter()
                .map(DeviceBody::from)
                .collect(),
            consents: self.exported_consents(account).await?,
            emails: mails.into_iter().map(MailBody::from).collect(),
            events: events.into_iter().map(EntryBody::from).collect(),
            events_complete,
        })
    }

    async fn exported_consents(&self, account: AccountId) -> Result<Vec<ConsentBody>, StoreError> {
        let mut bodies = Vec::new();
        for consent in consents::of_account(&self.platform.db, account).await? {
            let client = clients::find(&self.platform.db, &consent.client_id).await?;
            bodies.push(ConsentBody::new(consent, client));
        }
        Ok(bodies)
    }
}
