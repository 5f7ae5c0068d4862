//! The rows of `registrations`: sign-ups that wait for confirmation. They affect neither accounts nor other sign-ups for the
//! same email address.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::super::link_secret::LinkHash;
use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::RegistrationId;
use crate::core::profile::{Metadata, PersonName, Profile};

row! {
    /// A pending sign-up. No `Debug`, because it contains a hash.
    pub struct Registration {
        pub id: RegistrationId,
        /// The email address as typed.
        pub email: String,
        /// A PHC string.
        pub password_hash: String,
        pub name: Option<PersonName>,
        pub metadata: Metadata,
        pub handle_hash: HandleHash,
    }
}

impl From<&Registration> for Profile {
    fn from(waiting: &Registration) -> Self {
        Self {
            name: waiting.name.clone(),
            metadata: waiting.metadata.clone(),
        }
    }
}

/// A new pending sign-up.
pub struct NewRegistration<'a> {
    pub id: RegistrationId,
    /// The email address as typed.
    pub email: &'a str,
    pub email_key: &'a str,
    /// A PHC string.
    pub password_hash: &'a str,
    pub profile: &'a Profile,
    pub handle: HandleHash,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Stores a pending sign-up. `auth` calls it.
///
/// # Errors
/// Any error of the database, as for all functions here.
pub async fn insert(tx: &mut Tx<'_>, new: &NewRegistration<'_>) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO registrations
            (id, email, email_key, password_hash, name, metadata, handle_hash, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    ))
    .bind(new.id)
    .bind(new.email)
    .bind(new.email_key)
    .bind(new.password_hash)
    .bind(new.profile.name.as_ref())
    .bind(&new.profile.metadata)
    .bind(new.handle)
    .bind(new.created_at)
    .bind(new.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns a sign-up by its id. `mail` calls it.
pub async fn find<'c>(
    conn: impl Into<Conn<'c>>,
    id: RegistrationId,
    now: Timestamp,
) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, name, metadata, handle_hash FROM registrations WHERE id = $1 AND expires_at > $2"
    ))
    .bind(id)
    .bind(now)
    .optional(conn)
    .await
}

/// Returns the newest sign-up for an email address by the holder of a handle. `verification` and `auth` call it.
pub async fn find_of(
    db: &Db,
    email_key: &str,
    handle: HandleHash,
    now: Timestamp,
) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, name, metadata, handle_hash
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

/// Returns the newest sign-up for an email address. `auth` calls it.
pub async fn find_newest(db: &Db, email_key: &str, now: Timestamp) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, name, metadata, handle_hash
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

/// Returns whether a sign-up link for an email address was sent and is active until `until`.
pub(in super::super) async fn is_live(tx: &mut Tx<'_>, email_key: &str, until: Timestamp) -> Result<bool, StoreError> {
    let live: i64 = query(sql!(
        "SELECT COUNT(*)
           FROM registrations r
           JOIN email_challenges c ON c.registration_id = r.id
          WHERE r.email_key = $1 AND r.expires_at > $2 AND c.link_expires_at > $2 AND c.sent_at IS NOT NULL"
    ))
    .bind(email_key)
    .bind(until)
    .one(tx)
    .await?;
    Ok(live > 0)
}

/// Takes the sign-up of an active link once, also under concurrency, and removes its challenges.
pub(in super::super) async fn take(
    tx: &mut Tx<'_>,
    hash: LinkHash,
    now: Timestamp,
) -> Result<Option<Registration>, StoreError> {
    query(sql!(
        "DELETE FROM registrations
          WHERE id = (SELECT registration_id FROM email_challenges WHERE link_hash = $1 AND link_expires_at > $2)
      RETURNING id, email, password_hash, name, metadata, handle_hash"
    ))
    .bind(hash)
    .bind(now)
    .optional(tx)
    .await
}

/// Removes all sign-ups for an email address that now has an account. `verification` calls it.
pub async fn forget(tx: &mut Tx<'_>, email_key: &str) -> Result<(), StoreError> {
    query(sql!("DELETE FROM registrations WHERE email_key = $1"))
        .bind(email_key)
        .execute(tx)
        .await
        .map(drop)
}

/// Removes up to `limit` expired sign-ups. `mail` calls it while sweeping.
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
