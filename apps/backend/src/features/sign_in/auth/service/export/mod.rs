//! Exporting everything that is stored about an account.

mod body;

use countersign_store::StoreError;

pub use self::body::ExportBody;
use self::body::{ConsentBody, DeviceBody, MailBody};
use super::Auth;
use super::attempt::subject_of;
use crate::core::caller::Caller;
use crate::core::ids::{AccountId, SessionId, SessionRef};
use crate::core::limits::{Exceeded, Key, Policy};
use crate::features::identity::accounts::{self, Account};
use crate::features::identity::{devices, profiles};
use crate::features::oauth::{clients, consents};
use crate::features::operations::audit::{self, EntryBody, Event, EventKind};
use crate::features::sign_in::sessions::{self, GrantBody, SessionBody};

/// The maximum number of events in an export; the newest are included.
const EXPORTED_EVENTS: i64 = 10_000;

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
        let mails = self.outbox.list_for(account).await?;
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
