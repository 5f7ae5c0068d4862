//! The rows of `profiles`.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;

row! {
    /// The claims of a user as they are stored.
    pub(super) struct ProfileRow {
        /// A JSON object.
        pub claims: String,
        pub phone_verified_at: Option<Timestamp>,
        pub updated_at: Timestamp,
    }
}

pub(super) async fn find<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<Option<ProfileRow>, StoreError> {
    query(sql!(
        "SELECT claims, phone_verified_at, updated_at FROM profiles WHERE account_id = $1"
    ))
    .bind(account)
    .optional(conn)
    .await
}

pub(super) async fn put(tx: &mut Tx<'_>, account: AccountId, row: &ProfileRow) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO profiles (account_id, claims, phone_verified_at, updated_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id) DO UPDATE SET claims = $2, phone_verified_at = $3, updated_at = $4"
    ))
    .bind(account)
    .bind(row.claims.as_str())
    .bind(row.phone_verified_at)
    .bind(row.updated_at)
    .execute(tx)
    .await
    .map(drop)
}
