//! The rows of `email_challenges`.

pub mod former;
pub mod registrations;

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::link_secret::LinkHash;
use super::presenter::Presenter;
use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, SessionId};
use crate::core::versions::{CredentialVersion, SessionEpoch};

/// A challenge that is about to be made.
pub(super) struct NewRow<'a> {
    pub account: AccountId,
    pub purpose: &'static str,
    pub email: &'a str,
    pub email_key: &'a str,
    pub link_hash: LinkHash,
    pub code_hash: &'a str,
    pub credential_version: CredentialVersion,
    pub session_epoch: SessionEpoch,
    pub handle: Option<HandleHash>,
    pub session: Option<SessionId>,
    pub created_at: Timestamp,
    pub link_expires_at: Timestamp,
    pub code_expires_at: Timestamp,
}

row! {
    /// A challenge that was found, or spent.
    pub(super) struct Found {
        pub account_id: AccountId,
        pub email: String,
        pub credential_version: CredentialVersion,
        pub session_epoch: SessionEpoch,
        pub session_id: Option<SessionId>,
    }
}

row! {
    /// A challenge, and whether it was spent.
    pub(super) struct Known {
        pub email: String,
        pub spent_at: Option<Timestamp>,
    }
}

row! {
    /// A code at which a guess was just counted.
    pub(super) struct Guessed {
        pub account_id: AccountId,
        pub link_hash: LinkHash,
        pub code_hash: String,
    }
}

/// Puts a challenge in the place of the one before it, which is noted.
pub(super) async fn replace(tx: &mut Tx<'_>, new: &NewRow<'_>) -> Result<(), StoreError> {
    former::note(tx, new.account, new.purpose).await?;
    query(sql!(
        "INSERT INTO email_challenges
            (account_id, purpose, email, email_key, link_hash, code_hash, credential_version, created_at,
             link_expires_at, code_expires_at, code_attempts, session_epoch, handle_hash, session_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13)
         ON CONFLICT (account_id, purpose) DO UPDATE
            SET email = excluded.email, email_key = excluded.email_key, link_hash = excluded.link_hash,
                code_hash = excluded.code_hash, credential_version = excluded.credential_version,
                session_epoch = excluded.session_epoch, handle_hash = excluded.handle_hash,
                session_id = excluded.session_id, created_at = excluded.created_at, link_expires_at = excluded.link_expires_at,
                code_expires_at = excluded.code_expires_at, code_attempts = 0, spent_at = NULL"
    ))
    .bind(new.account)
    .bind(new.purpose)
    .bind(new.email)
    .bind(new.email_key)
    .bind(new.link_hash)
    .bind(new.code_hash)
    .bind(new.credential_version)
    .bind(new.created_at)
    .bind(new.link_expires_at)
    .bind(new.code_expires_at)
    .bind(new.session_epoch)
    .bind(new.handle)
    .bind(new.session)
    .execute(tx)
    .await
    .map(drop)
}

/// Looks at a live challenge without spending it.
pub(super) async fn find(db: &Db, hash: LinkHash, purpose: &str, now: Timestamp) -> Result<Option<Found>, StoreError> {
    query(sql!(
        "SELECT account_id, email, credential_version, session_epoch, session_id
           FROM email_challenges
          WHERE link_hash = $1 AND purpose = $2 AND spent_at IS NULL AND link_expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// A challenge that has not expired, spent or not.
pub(super) async fn known(db: &Db, hash: LinkHash, purpose: &str, now: Timestamp) -> Result<Option<Known>, StoreError> {
    query(sql!(
        "SELECT email, spent_at FROM email_challenges WHERE link_hash = $1 AND purpose = $2 AND link_expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// The challenge of an account that is live until `until`, if it is for this address.
pub(super) async fn live(
    tx: &mut Tx<'_>,
    account: AccountId,
    purpose: &str,
    email_key: &str,
    until: Timestamp,
) -> Result<Option<Found>, StoreError> {
    query(sql!(
        "SELECT account_id, email, credential_version, session_epoch, session_id
           FROM email_challenges
          WHERE account_id = $1 AND purpose = $2 AND email_key = $3 AND spent_at IS NULL AND link_expires_at > $4"
    ))
    .bind(account)
    .bind(purpose)
    .bind(email_key)
    .bind(until)
    .optional(tx)
    .await
}

/// Counts a guess at the newest live code that went to an address because the presenter had asked for it, if it may still
/// be guessed at: before the guess is judged, so that of any number of guesses at once no more than `most` are.
pub(super) async fn count_guess(
    tx: &mut Tx<'_>,
    email_key: &str,
    purpose: &str,
    presenter: &Presenter,
    most: i64,
    now: Timestamp,
) -> Result<Option<Guessed>, StoreError> {
    query(sql!(
        "UPDATE email_challenges
            SET code_attempts = code_attempts + 1
          WHERE link_hash = (SELECT link_hash FROM email_challenges
                              WHERE email_key = $1 AND purpose = $2
                                AND (handle_hash = $5 OR account_id = $6)
                              ORDER BY created_at DESC
                              LIMIT 1)
            AND spent_at IS NULL AND code_expires_at > $3 AND code_attempts < $4
      RETURNING account_id, link_hash, code_hash"
    ))
    .bind(email_key)
    .bind(purpose)
    .bind(now)
    .bind(most)
    .bind(presenter.handle)
    .bind(presenter.account)
    .optional(tx)
    .await
}

/// Gives a guess at a code back.
pub(super) async fn give_guess_back(tx: &mut Tx<'_>, hash: LinkHash) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE email_challenges SET code_attempts = code_attempts - 1 WHERE link_hash = $1 AND code_attempts > 0"
    ))
    .bind(hash)
    .execute(tx)
    .await
    .map(drop)
}

/// Spends a live challenge: once, whoever else tries.
pub(super) async fn spend(
    tx: &mut Tx<'_>,
    hash: LinkHash,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    query(sql!(
        "UPDATE email_challenges
            SET spent_at = $3
          WHERE link_hash = $1 AND purpose = $2 AND spent_at IS NULL AND link_expires_at > $3
      RETURNING account_id, email, credential_version, session_epoch, session_id"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(tx)
    .await
}

/// Ends all challenges and sign-ups of everybody, whatever mails are under way. Ending everything calls it.
pub async fn void_all(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    query(sql!("DELETE FROM registrations")).execute(&mut *tx).await?;
    query(sql!("DELETE FROM former_links")).execute(&mut *tx).await?;
    query(sql!("DELETE FROM email_challenges")).execute(tx).await.map(drop)
}

/// Removes up to `limit` challenges that ended before `before`. `mail` calls it while it sweeps.
pub async fn remove_ended(conn: impl Into<Conn<'_>>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM email_challenges
          WHERE link_hash IN (SELECT link_hash FROM email_challenges WHERE link_expires_at < $1 LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await
}
