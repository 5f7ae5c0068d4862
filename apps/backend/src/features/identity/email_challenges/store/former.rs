//! The rows of `former_links`: the outcome of links that are no longer in other tables.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::super::link_secret::LinkHash;
use super::super::whose::Whose;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::features::messaging::outbox::Purpose;

/// The purpose of sign-up links.
const OF_SIGN_UPS: &str = Purpose::VerifyEmail.name();

row! {
    /// A link that has not expired.
    pub(in super::super) struct Former {
        /// The email address that it was sent to.
        pub email: String,
        pub became: String,
    }
}

impl Former {
    /// Whether it or a later one was used.
    pub fn is_used(&self) -> bool {
        self.became == "used"
    }
}

pub(in super::super) async fn find(
    db: &Db,
    hash: LinkHash,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Former>, StoreError> {
    query(sql!(
        "SELECT email, became FROM former_links WHERE link_hash = $1 AND purpose = $2 AND expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// Records the links of the other challenges of the same account or sign-up and purpose before they end: those whose emails
/// were sent or have been in progress since before `under_way`.
pub(in super::super) async fn note_others(
    tx: &mut Tx<'_>,
    whose: Whose,
    purpose: &str,
    but: LinkHash,
    under_way: Timestamp,
) -> Result<(), StoreError> {
    let (account, registration) = whose.ids();
    query(sql!(
        "INSERT INTO former_links (link_hash, purpose, email, email_key, account_id, became, expires_at)
         SELECT link_hash, purpose, email, email_key, account_id,
                CASE WHEN spent_at IS NULL THEN 'replaced' ELSE 'used' END, link_expires_at
           FROM email_challenges
          WHERE (account_id = $1 OR registration_id = $2) AND purpose = $3 AND link_hash <> $4
            AND (sent_at IS NOT NULL OR created_at < $5)
         ON CONFLICT (link_hash) DO NOTHING"
    ))
    .bind(account)
    .bind(registration)
    .bind(purpose)
    .bind(but)
    .bind(under_way)
    .execute(tx)
    .await
    .map(drop)
}

/// Marks a link and those that it replaced as used.
pub(in super::super) async fn use_up(tx: &mut Tx<'_>, account: AccountId, purpose: &str) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE former_links SET became = 'used' WHERE account_id = $1 AND purpose = $2 AND became = 'replaced'"
    ))
    .bind(account)
    .bind(purpose)
    .execute(tx)
    .await
    .map(drop)
}

/// Records the other links of all sign-ups for the email address of a link, before that link creates an account.
pub(in super::super) async fn note_sign_ups(tx: &mut Tx<'_>, confirmed: LinkHash) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO former_links (link_hash, purpose, email, email_key, account_id, became, expires_at)
         SELECT link_hash, purpose, email, email_key, NULL, 'replaced', link_expires_at
           FROM email_challenges
          WHERE email_key = (SELECT email_key FROM email_challenges WHERE link_hash = $1)
            AND registration_id IS NOT NULL AND link_hash <> $1
         ON CONFLICT (link_hash) DO NOTHING"
    ))
    .bind(confirmed)
    .execute(tx)
    .await
    .map(drop)
}

/// Assigns the links of all sign-ups for the email address to the new account.
pub(in super::super) async fn adopt(tx: &mut Tx<'_>, account: AccountId, email_key: &str) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE former_links SET became = 'used', account_id = $1
          WHERE email_key = $2 AND purpose = $3 AND account_id IS NULL AND became = 'replaced'"
    ))
    .bind(account)
    .bind(email_key)
    .bind(OF_SIGN_UPS)
    .execute(tx)
    .await
    .map(drop)
}

/// Removes up to `limit` expired links. `mail` calls it while sweeping.
pub async fn remove_former(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM former_links
          WHERE link_hash IN (SELECT link_hash FROM former_links WHERE expires_at <= $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
