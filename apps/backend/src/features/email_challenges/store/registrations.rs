//! Sign-ups that wait for their mail to be confirmed: the rows of `registrations`. None touches an account, nor another
//! sign-up for the same address.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::super::link_secret::LinkHash;
use super::former;
use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::RegistrationId;

row! {
    /// A sign-up that waits. No `Debug`: it holds a hash.
    pub struct Registration {
        pub id: RegistrationId,
        /// The address as it was typed.
        pub email: String,
        /// A PHC string.
        pub password_hash: String,
        pub handle_hash: HandleHash,
    }
}

row! {
    /// A code at which a guess was just counted.
    pub(in super::super) struct Guessed {
        pub id: RegistrationId,
        pub link_hash: LinkHash,
        pub code_hash: String,
    }
}

/// A sign-up that is about to wait.
pub struct NewRegistration<'a> {
    pub id: RegistrationId,
    /// The address as it was typed.
    pub email: &'a str,
    pub email_key: &'a str,
    /// A PHC string.
    pub password_hash: &'a str,
    pub handle: HandleHash,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a mail of a sign-up holds.
pub(in super::super) struct Sent<'a> {
    pub link_hash: LinkHash,
    pub code_hash: &'a str,
    pub link_expires_at: Timestamp,
    pub code_expires_at: Timestamp,
}

/// Lets a sign-up wait. `auth` calls it.
///
/// # Errors
/// Those of the database, as for all functions here.
pub async fn insert(tx: &mut Tx<'_>, new: &NewRegistration<'_>) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO registrations
            (id, email, email_key, password_hash, handle_hash, created_at, expires_at, code_attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)"
    ))
    .bind(new.id)
    .bind(new.email)
    .bind(new.email_key)
    .bind(new.password_hash)
    .bind(new.handle)
    .bind(new.created_at)
    .bind(new.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// A sign-up by its id. `mail` calls it.
pub async fn find(db: &Db, id: RegistrationId, now: Timestamp) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, handle_hash FROM registrations WHERE id = $1 AND expires_at > $2"
    ))
    .bind(id)
    .bind(now)
    .optional(db)
    .await
}

/// The newest sign-up for an address by the holder of a handle. `verification` and `auth` call it.
pub async fn find_of(
    db: &Db,
    email_key: &str,
    handle: HandleHash,
    now: Timestamp,
) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, handle_hash
           FROM registrations
          WHERE email_key = $1 AND handle_hash = $2 AND expires_at > $3
          ORDER BY created_at DESC
          LIMIT 1"
    ))
    .bind(email_key)
    .bind(handle)
    .bind(now)
    .optional(db)
    .await
}

/// The newest sign-up for an address. `auth` calls it.
pub async fn find_newest(db: &Db, email_key: &str, now: Timestamp) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, handle_hash
           FROM registrations
          WHERE email_key = $1 AND expires_at > $2
          ORDER BY created_at DESC
          LIMIT 1"
    ))
    .bind(email_key)
    .bind(now)
    .optional(db)
    .await
}

/// The sign-up that a live link confirms.
pub(in super::super) async fn find_by_link(
    db: &Db,
    hash: LinkHash,
    now: Timestamp,
) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, handle_hash
           FROM registrations
          WHERE link_hash = $1 AND link_expires_at > $2"
    ))
    .bind(hash)
    .bind(now)
    .optional(db)
    .await
}

/// Whether the link of a sign-up for an address is live until `until`.
pub(in super::super) async fn is_live(tx: &mut Tx<'_>, email_key: &str, until: Timestamp) -> Result<bool, StoreError> {
    let live: i64 = query(sql!(
        "SELECT COUNT(*) FROM registrations WHERE email_key = $1 AND link_expires_at > $2 AND expires_at > $2"
    ))
    .bind(email_key)
    .bind(until)
    .one(tx)
    .await?;
    Ok(live > 0)
}

/// Remembers what the newest mail of a sign-up holds. Says whether the sign-up still waits.
pub(in super::super) async fn send(
    tx: &mut Tx<'_>,
    id: RegistrationId,
    sent: &Sent<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    former::note_registration(tx, id).await?;
    let changed = query(sql!(
        "UPDATE registrations
            SET link_hash = $2, code_hash = $3, link_expires_at = $4, code_expires_at = $5, code_attempts = 0
          WHERE id = $1 AND expires_at > $6"
    ))
    .bind(id)
    .bind(sent.link_hash)
    .bind(sent.code_hash)
    .bind(sent.link_expires_at)
    .bind(sent.code_expires_at)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Counts a guess at the code of the newest sign-up of this handle, if it may still be guessed at.
pub(in super::super) async fn count_guess(
    tx: &mut Tx<'_>,
    email_key: &str,
    handle: Option<HandleHash>,
    most: i64,
    now: Timestamp,
) -> Result<Option<Guessed>, StoreError> {
    query(sql!(
        "UPDATE registrations
            SET code_attempts = code_attempts + 1
          WHERE id = (SELECT id FROM registrations
                       WHERE email_key = $1 AND handle_hash = $2 AND link_hash IS NOT NULL
                       ORDER BY created_at DESC
                       LIMIT 1)
            AND code_expires_at > $3 AND code_attempts < $4
      RETURNING id, link_hash, code_hash"
    ))
    .bind(email_key)
    .bind(handle)
    .bind(now)
    .bind(most)
    .optional(tx)
    .await
}

/// Gives a guess at a code back.
pub(in super::super) async fn give_guess_back(tx: &mut Tx<'_>, hash: LinkHash) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE registrations SET code_attempts = code_attempts - 1 WHERE link_hash = $1 AND code_attempts > 0"
    ))
    .bind(hash)
    .execute(tx)
    .await
    .map(drop)
}

/// Takes the sign-up that a live link confirms: once, whoever else tries. `verification` calls it.
pub(in super::super) async fn take(
    tx: &mut Tx<'_>,
    hash: LinkHash,
    now: Timestamp,
) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "DELETE FROM registrations
          WHERE link_hash = $1 AND link_expires_at > $2
      RETURNING id, email, password_hash, handle_hash"
    ))
    .bind(hash)
    .bind(now)
    .optional(tx)
    .await
}

/// Forgets all sign-ups for an address, which is an account's now. `verification` calls it.
pub async fn forget(tx: &mut Tx<'_>, email_key: &str) -> Result<(), StoreError> {
    query(sql!("DELETE FROM registrations WHERE email_key = $1"))
        .bind(email_key)
        .execute(tx)
        .await
        .map(drop)
}

/// Removes up to `limit` sign-ups that nobody confirmed in time. `mail` calls it while it sweeps.
pub async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM registrations
          WHERE id IN (SELECT id FROM registrations WHERE expires_at <= $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
