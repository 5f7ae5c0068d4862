//! Polling, and the tokens of an allowed request (RFC 8628 §3.4, §3.5).

use std::net::IpAddr;
use std::time::Duration;

use countersign_guard::Scopes;
use countersign_oauth::GrantType;
use countersign_store::{StoreError, Tx};

use super::stored::{audiences, decided, ids, inconsistent};
use super::{ALLOWED, CANCELED, DeviceAuthorization, DeviceError};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, AccountVersions};
use crate::features::oauth::authorization::{Audience, are_given, is_covered, union};
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents;
use crate::features::oauth::device_authorization::secret::DeviceCode;
use crate::features::oauth::device_authorization::store::{self, Polled};
use crate::features::sign_in::sessions::{GrantToken, NewGrant, Session};

/// By how much a poll may come early without consequences: the time between two polls varies on the way.
const EARLY: Duration = Duration::from_secs(1);
/// By how much the interval grows when a device polls too fast (RFC 8628 §3.5).
const SLOWER_MS: i64 = 5_000;

/// The grant of a device, opened once.
pub struct Redeemed {
    pub session: Session,
    pub refresh_token: Option<GrantToken>,
}

/// A device code that its user has allowed, and that has not been spent yet.
pub struct AllowedCode {
    polled: Polled,
    account: AccountId,
    audiences: Vec<Audience>,
}

impl AllowedCode {
    /// Returns the account of the user.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Returns all scopes that the user has granted.
    pub fn scopes(&self) -> Scopes {
        union(self.audiences.iter().map(|audience| &audience.scopes.0))
    }

    /// Returns the identifiers of the APIs that the device named, or what stands for them.
    pub fn resources(&self) -> Vec<&str> {
        let named = self.audiences.iter().filter(|audience| audience.named);
        named.map(|audience| audience.identifier.as_str()).collect()
    }
}

impl DeviceAuthorization {
    /// Returns a code of a device that its user has allowed, without spending it. `client` has been authenticated.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn poll(&self, device_code: &str, client: &Client) -> Result<AllowedCode, DeviceError> {
        let code: DeviceCode = device_code.parse().map_err(|_| DeviceError::InvalidGrant)?;
        let found = store::find_by_code(&self.platform.db, code.hash()).await?;
        // A code of another client is answered like an unknown one, and stays as it is.
        let Some(polled) = found.filter(|polled| polled.client_id == client.client_id) else {
            return Err(DeviceError::InvalidGrant);
        };
        let now = self.platform.clock.now();
        if polled.spent_at.is_some() {
            return Err(DeviceError::InvalidGrant);
        }
        if polled.expires_at <= now {
            return Err(DeviceError::Expired);
        }
        match (polled.decision.as_deref(), polled.account_id) {
            (None, _) => Err(self.pending(&polled, now).await?),
            (Some(ALLOWED), account) => Ok(AllowedCode {
                account: decided(account, "account_id")?,
                audiences: audiences(&polled.audiences)?,
                polled,
            }),
            (Some(CANCELED), _) => Err(DeviceError::Denied),
            (Some(_), _) => Err(inconsistent("decision").into()),
        }
    }

    /// Records the poll for a pending code of a client, if it comes no earlier than its interval allows. Returns whether it does.
    /// All other polls are left to [`poll`](Self::poll).
    ///
    /// # Errors
    /// If the database failed.
    pub async fn poll_in_time(&self, device_code: &str, client: &Client) -> Result<bool, StoreError> {
        let Ok(code) = device_code.parse::<DeviceCode>() else {
            return Ok(false);
        };
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let found = store::find_by_code(db, code.hash()).await?;
        let is_pending = |polled: &Polled| {
            polled.client_id == client.client_id
                && polled.decision.is_none()
                && polled.spent_at.is_none()
                && polled.expires_at > now
        };
        match found.filter(is_pending) {
            // A poll that is too early writes nothing here.
            Some(polled) if polled.is_due(now + EARLY) => store::poll(db, polled.id, now, now + EARLY).await,
            _ => Ok(false),
        }
    }

    async fn pending(&self, polled: &Polled, now: Timestamp) -> Result<DeviceError, StoreError> {
        if store::poll(&self.platform.db, polled.id, now, now + EARLY).await? {
            return Ok(DeviceError::Pending);
        }
        store::slow_down(&self.platform.db, polled.id, now, SLOWER_MS).await?;
        Ok(DeviceError::SlowDown)
    }
}

impl DeviceAuthorization {
    /// Opens the grant of an allowed code, once. The caller has already read everything that it needs for its response,
    /// so that a fault afterwards costs no grant.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn redeem(&self, code: &AllowedCode, client: &Client, caller: &Caller) -> Result<Redeemed, DeviceError> {
        let refresh_token = client
            .metadata
            .may_use(GrantType::RefreshToken)
            .then(|| self.sessions.first_grant_token());
        let bit = self.revocations.allocate().await?;
        fail::fail_point!("device_authorization::redeem");
        let (polled, refresh, now) = (&code.polled, refresh_token.as_ref(), self.platform.clock.now());
        let amr = decided(polled.amr.as_deref(), "amr")?;
        let request = &device(polled, &caller.request)?;
        let opened = self
            .revocations
            .transact(|tx| {
                Box::pin(async move {
                    if !store::spend(tx, polled.id, now).await? {
                        return Err(DeviceError::InvalidGrant);
                    }
                    let Some(allowed) = self.still_allowed(tx, code).await? else {
                        return Ok(None);
                    };
                    let new = NewGrant {
                        id: self.sessions.new_grant_id(refresh),
                        account: code.account,
                        versions: allowed.versions,
                        client_id: &client.client_id,
                        // The browser may be a borrowed one, in which the user signs out at once.
                        parent: None,
                        bound: false,
                        grant_type: GrantType::DeviceCode.as_str(),
                        scopes: &code.scopes(),
                        resources: &code.resources(),
                        claims: None,
                        auth_time: allowed.auth_time,
                        amr,
                        request,
                        bit,
                        refresh_token: refresh,
                        idle_ttl: client.metadata.refresh_idle_ttl.map(Duration::from),
                        absolute_ttl: client.metadata.refresh_absolute_ttl.map(Duration::from),
                    };
                    Ok(self.sessions.open_grant(tx, &new).await?)
                })
            })
            .await?;
        // The user may no longer sign in, so the code is spent.
        let session = opened.ok_or(DeviceError::Denied)?;
        Ok(Redeemed { session, refresh_token })
    }

    /// Returns how and when the user was authenticated who allowed a request, if the user may still sign in, has not ended all
    /// sessions since, and has not withdrawn the consent.
    async fn still_allowed(&self, tx: &mut Tx<'_>, code: &AllowedCode) -> Result<Option<Allowed>, StoreError> {
        let AllowedCode {
            polled,
            account,
            audiences,
        } = code;
        let epoch = decided(polled.epoch, "epoch")?;
        let auth_time = decided(polled.auth_time, "auth_time")?;
        let client_epoch = decided(polled.client_epoch, "client_epoch")?;
        let on = ids(decided(polled.consent_ids.as_deref(), "consent_ids")?)?;
        let Some(versions) = accounts::may_sign_in(&mut *tx, *account).await? else {
            return Ok(None);
        };
        let client = clients::may_use(&mut *tx, &polled.client_id).await?;
        // A permission that has ended stays void when the client is enabled again or the user consents again.
        let is_same = client.is_some_and(|client| client.epoch == client_epoch);
        if versions.session_epoch != epoch || !is_same {
            return Ok(None);
        }
        let given = consents::find(&mut *tx, *account, &polled.client_id).await?;
        // Trusted clients, too: on a device, everyone is asked.
        if !are_given(&on, &given) || !is_covered(audiences, &given) {
            return Ok(None);
        }
        Ok(Some(Allowed { versions, auth_time }))
    }
}

impl Polled {
    /// Returns whether the next poll is due by then.
    fn is_due(&self, by: Timestamp) -> bool {
        let wait = Duration::from_millis(self.wait_ms.try_into().unwrap_or_default());
        self.polled_at.is_none_or(|polled_at| polled_at + wait <= by)
    }
}

/// The authentication of the user who allowed a request, and the versions of the account.
struct Allowed {
    versions: AccountVersions,
    auth_time: Timestamp,
}

/// The request of the device, which the grant is shown with.
fn device(polled: &Polled, poll: &RequestInfo) -> Result<RequestInfo, StoreError> {
    let address = polled.address.as_deref().map(str::parse::<IpAddr>).transpose();
    Ok(RequestInfo {
        address: address.map_err(|_| inconsistent("address"))?,
        user_agent: polled.user_agent.clone(),
        ..poll.clone()
    })
}
