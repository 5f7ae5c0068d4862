//! The rows of `consents`.

use countersign_guard::Scopes;
use countersign_store::{Conn, StoreError, Tx, query, row, sql};
use uuid::Uuid;

use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, uuid_v7};
use crate::core::random::SecureRandom;

row! {
    struct ConsentRow {
        client_id: String,
        audience: String,
        id: Uuid,
        scopes: String,
        given_at: Timestamp,
        updated_at: Timestamp,
    }
}

/// What a user has allowed a client at one audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub client_id: String,
    /// The identifier of an API, or the URL of the userinfo endpoint.
    pub audience: String,
    /// Another one after it was withdrawn and given again.
    pub id: Uuid,
    /// All scopes that were ever allowed and not withdrawn.
    pub scopes: Scopes,
    /// When the first of them was allowed.
    pub given_at: Timestamp,
    /// When the last of them was allowed.
    pub updated_at: Timestamp,
}

impl TryFrom<ConsentRow> for Consent {
    type Error = StoreError;

    fn try_from(row: ConsentRow) -> Result<Self, StoreError> {
        let scopes = row.scopes.parse().map_err(|_| StoreError::Inconsistent {
            table: "consents",
            column: "scopes",
        })?;
        Ok(Self {
            client_id: row.client_id,
            audience: row.audience,
            id: row.id,
            scopes,
            given_at: row.given_at,
            updated_at: row.updated_at,
        })
    }
}

/// Returns what a user has allowed a client, one entry per audience.
///
/// # Errors
/// If the database failed, as for all functions here.
pub async fn find<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    client_id: &str,
) -> Result<Vec<Consent>, StoreError> {
    let rows: Vec<ConsentRow> = query(sql!(
        "SELECT client_id, audience, id, scopes, given_at, updated_at
           FROM consents
          WHERE account_id = $1 AND client_id = $2
          ORDER BY audience"
    ))
    .bind(account)
    .bind(client_id)
    .few(conn)
    .await?;
    rows.into_iter().map(Consent::try_from).collect()
}

/// Returns what a user has allowed all clients, in the order of their ids.
pub async fn of_account<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<Vec<Consent>, StoreError> {
    let rows: Vec<ConsentRow> = query(sql!(
        "SELECT client_id, audience, id, scopes, given_at, updated_at
           FROM consents
          WHERE account_id = $1
          ORDER BY client_id, audience"
    ))
    .bind(account)
    .all(conn)
    .await?;
    rows.into_iter().map(Consent::try_from).collect()
}

/// Adds scopes to what a user has allowed a client at an audience. Scopes that were allowed before stay.
pub async fn give(
    tx: &mut Tx<'_>,
    account: AccountId,
    client_id: &str,
    audience: &str,
    scopes: &Scopes,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = find(&mut *tx, account, client_id).await?;
    let before = before.into_iter().find(|consent| consent.audience == audience);
    let before = before.map(|consent| consent.scopes).unwrap_or_default();
    let all: Scopes = before.iter().chain(scopes.iter()).map(str::to_owned).collect();
    query(sql!(
        "INSERT INTO consents (account_id, client_id, audience, id, scopes, given_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)
         ON CONFLICT (account_id, client_id, audience)
         DO UPDATE SET scopes = EXCLUDED.scopes, updated_at = EXCLUDED.updated_at"
    ))
    .bind(account)
    .bind(client_id)
    .bind(audience)
    .bind(uuid_v7(now, SecureRandom))
    .bind(all.to_string())
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Removes everything that a user has allowed any client. The caller ends the grants in the same transaction.
pub async fn withdraw_all(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    query(sql!("DELETE FROM consents WHERE account_id = $1"))
        .bind(account)
        .execute(tx)
        .await
        .map(drop)
}

/// Removes everything that a user has allowed a client. Returns whether there was anything. The caller ends the grants in the
/// same transaction.
pub async fn withdraw(tx: &mut Tx<'_>, account: AccountId, client_id: &str) -> Result<bool, StoreError> {
    let gone = query(sql!("DELETE FROM consents WHERE account_id = $1 AND client_id = $2"))
        .bind(account)
        .bind(client_id)
        .execute(tx)
        .await?;
    Ok(gone > 0)
}
