//! The rows of `former_links`: what became of links that other rows hold no more.

use countersign_store::{Conn, Db, Error, Tx, query, row, sql};

use super::super::link_secret::LinkHash;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, RegistrationId};

row! {
    /// A link that has not expired.
    pub(in super::super) struct Former {
        /// The address that it went to.
        pub email: String,
        /// As in the table.
        pub became: String,
    }
}

/// A link that no account has any more, though it was mailed.
pub(in super::super) struct Adrift<'a> {
    pub link_hash: LinkHash,
    pub purpose: &'a str,
    pub email: &'a str,
    pub email_key: &'a str,
    pub expires_at: Timestamp,
}

impl Former {
    /// Whether it, or one that came after it, has done what it was for.
    pub fn is_used(&self) -> bool {
        self.became == "used"
    }
}

pub(in super::super) async fn find(
    db: &Db,
    hash: LinkHash,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Former>, Error> {
    query(sql!(
        "SELECT email, became FROM former_links WHERE link_hash = $1 AND purpose = $2 AND expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// Notes the link of an account in whose place a newer one comes.
pub(in super::super) async fn note(tx: &mut Tx<'_>, account: AccountId, purpose: &str) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO former_links (link_hash, purpose, email, email_key, account_id, became, expires_at)
         SELECT link_hash, purpose, email, email_key, account_id,
                CASE WHEN spent_at IS NULL THEN 'replaced' ELSE 'used' END, link_expires_at
           FROM email_proofs
          WHERE account_id = $1 AND purpose = $2
         ON CONFLICT (link_hash) DO NOTHING"
    ))
    .bind(account)
    .bind(purpose)
    .execute(tx)
    .await
    .map(drop)
}

/// Notes the link of a sign-up in whose place a newer one comes.
pub(in super::super) async fn note_registration(tx: &mut Tx<'_>, id: RegistrationId) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO former_links (link_hash, purpose, email, email_key, account_id, became, expires_at)
         SELECT link_hash, 'verify_email', email, email_key, NULL, 'replaced', link_expires_at
           FROM registrations
          WHERE id = $1 AND link_hash IS NOT NULL
         ON CONFLICT (link_hash) DO NOTHING"
    ))
    .bind(id)
    .execute(tx)
    .await
    .map(drop)
}

/// A link was used: so are those that it replaced.
pub(in super::super) async fn use_up(tx: &mut Tx<'_>, account: AccountId, purpose: &str) -> Result<(), Error> {
    query(sql!(
        "UPDATE former_links SET became = 'used' WHERE account_id = $1 AND purpose = $2 AND became = 'replaced'"
    ))
    .bind(account)
    .bind(purpose)
    .execute(tx)
    .await
    .map(drop)
}

/// A sign-up has become an account: so have all that waited for the address, and their links are the account's.
pub(in super::super) async fn adopt(tx: &mut Tx<'_>, account: AccountId, email_key: &str) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO former_links (link_hash, purpose, email, email_key, account_id, became, expires_at)
         SELECT link_hash, 'verify_email', email, email_key, NULL, 'replaced', link_expires_at
           FROM registrations
          WHERE email_key = $1 AND link_hash IS NOT NULL
         ON CONFLICT (link_hash) DO NOTHING"
    ))
    .bind(email_key)
    .execute(&mut *tx)
    .await?;
    query(sql!(
        "UPDATE former_links SET became = 'used', account_id = $1
          WHERE email_key = $2 AND purpose = 'verify_email' AND account_id IS NULL AND became = 'replaced'"
    ))
    .bind(account)
    .bind(email_key)
    .execute(tx)
    .await
    .map(drop)
}

/// An account that was never proven leaves its address: its live links are whoever's who has the address next.
pub(in super::super) async fn cast_off(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO former_links (link_hash, purpose, email, email_key, account_id, became, expires_at)
         SELECT link_hash, purpose, email, email_key, NULL, 'adrift', link_expires_at
           FROM email_proofs
          WHERE account_id = $1 AND purpose <> 'change_email' AND spent_at IS NULL AND link_expires_at > $2
         ON CONFLICT (link_hash) DO NOTHING"
    ))
    .bind(account)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    query(sql!(
        "DELETE FROM email_proofs WHERE account_id = $1 AND purpose <> 'change_email'"
    ))
    .bind(account)
    .execute(tx)
    .await
    .map(drop)
}

/// The same for a link whose mail was just leaving.
pub(in super::super) async fn insert_adrift(tx: &mut Tx<'_>, link: &Adrift<'_>) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO former_links (link_hash, purpose, email, email_key, became, expires_at)
         VALUES ($1, $2, $3, $4, 'adrift', $5)
         ON CONFLICT (link_hash) DO NOTHING"
    ))
    .bind(link.link_hash)
    .bind(link.purpose)
    .bind(link.email)
    .bind(link.email_key)
    .bind(link.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// The address that a link went to whose account has left it.
pub(in super::super) async fn find_adrift(
    db: &Db,
    hash: LinkHash,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    query(sql!(
        "SELECT email FROM former_links
          WHERE link_hash = $1 AND purpose = $2 AND became = 'adrift' AND expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// Whether such a link of a kind went to an address and is good until `until`.
pub(in super::super) async fn is_adrift(
    tx: &mut Tx<'_>,
    email_key: &str,
    purpose: &str,
    until: Timestamp,
) -> Result<bool, Error> {
    let adrift: i64 = query(sql!(
        "SELECT COUNT(*) FROM former_links
          WHERE email_key = $1 AND purpose = $2 AND became = 'adrift' AND expires_at > $3"
    ))
    .bind(email_key)
    .bind(purpose)
    .bind(until)
    .one(tx)
    .await?;
    Ok(adrift > 0)
}

/// Spends such a link: once, whoever else tries.
pub(in super::super) async fn spend_adrift(
    tx: &mut Tx<'_>,
    hash: LinkHash,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    query(sql!(
        "UPDATE former_links SET became = 'used'
          WHERE link_hash = $1 AND purpose = $2 AND became = 'adrift' AND expires_at > $3
      RETURNING email"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(tx)
    .await
}

/// Removes up to `limit` links that have expired. `mail` calls it while it tidies up.
///
/// # Errors
/// Those of the database.
pub async fn remove_former(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, Error> {
    query(sql!(
        "DELETE FROM former_links
          WHERE link_hash IN (SELECT link_hash FROM former_links WHERE expires_at <= $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
