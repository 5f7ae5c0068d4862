//! Which person sits before a browser.

use std::time::Duration;

use countersign_store::Error;

use super::secret::CookieSecret;
use super::store;
use crate::Context;
use crate::core::ids::SessionId;
use crate::features::accounts::{self, Account};
use crate::features::sessions::{self, Session};

/// A cookie that is in use is written anew at most this often, and at most so often in its lifetime.
const EXTEND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const EXTENDED_IN_A_LIFETIME: u32 = 10;
/// How often cookies that have ended are removed, and how many rows go in one statement.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 500;

/// Who a cookie stands for.
pub(super) struct Found {
    pub who: SignedIn,
    /// For how long the cookie lives from now on, if that has changed: the browser is to be told.
    pub extended: Option<Duration>,
}

/// Somebody who is signed in to the pages.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub account: Account,
    pub session: Session,
}

/// Gives a browser a cookie that stands for a session: a new one for each, so that none that was there before counts.
pub(super) async fn admit(context: &Context, session: SessionId) -> Result<CookieSecret, Error> {
    let (secret, now) = (CookieSecret::generate(context.chance), context.clock.now());
    let expires_at = now + context.settings.tokens.refresh_idle_ttl;
    store::insert(&context.db, secret.hash(), session, (now, expires_at)).await?;
    Ok(secret)
}

/// Who a cookie stands for, if its session lives.
pub(super) async fn find(context: &Context, secret: &CookieSecret) -> Result<Option<Found>, Error> {
    let now = context.clock.now();
    let Some(found) = store::find(&context.db, secret.hash(), now).await? else {
        return Ok(None);
    };
    let Some(session) = sessions::find_living(&context.db, found.session_id, now).await? else {
        return Ok(None);
    };
    let Some(account) = accounts::find(&context.db, session.account_id).await? else {
        return Ok(None);
    };
    let lifetime = context.settings.tokens.refresh_idle_ttl;
    let expires_at = now + lifetime;
    let rest = EXTEND_AFTER.min(lifetime / EXTENDED_IN_A_LIFETIME);
    let mut extended = expires_at > found.expires_at + rest;
    if extended && let Err(error) = store::extend(&context.db, secret.hash(), expires_at).await {
        // The session is good for as long as it was: on a database that is read-only, people stay signed in.
        tracing::warn!(%error, "a browser's cookie could not be extended; the next page tries again");
        extended = false;
    }
    Ok(Some(Found {
        who: SignedIn { account, session },
        extended: extended.then_some(lifetime),
    }))
}

/// Removes cookies that have ended, until the process ends. Nothing relies on it.
pub async fn sweep_forever(context: Context) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        match store::remove_ended(&context.db, context.clock.now(), BATCH).await {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old cookies could not be removed; trying again"),
        }
    }
}
