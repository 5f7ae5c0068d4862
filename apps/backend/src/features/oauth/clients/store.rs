//! The rows of `clients` and `client_secrets`.

use countersign_oauth::ClientMetadata;
use countersign_store::{Conn, FromRow, Row, StoreError, Tx, query, row, sql};
use uuid::Uuid;

use super::client::Client;
use super::secret::SecretHash;
use crate::core::clock::Timestamp;
use crate::features::oauth::apis::Origin;
use crate::features::sign_in::revocation::Bit;

row! {
    struct ClientRow {
        client_id: String,
        origin: Origin,
        trusted: bool,
        metadata: String,
        status_list: Option<i64>,
        status_idx: Option<i64>,
        epoch: Uuid,
        created_at: Timestamp,
        updated_at: Timestamp,
        disabled_at: Option<Timestamp>,
    }
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let metadata: ClientMetadata = serde_json::from_str(&row.metadata).map_err(|_| unreadable())?;
        let bit = row.status_list.zip(row.status_idx);
        Ok(Self {
            name: metadata.client_name.clone().unwrap_or_else(|| row.client_id.clone()),
            client_id: row.client_id,
            origin: row.origin,
            trusted: row.trusted,
            metadata,
            epoch: row.epoch,
            created_at: row.created_at,
            updated_at: row.updated_at,
            disabled_at: row.disabled_at,
            machine_bit: bit.map(|(list, idx)| Bit { list, idx }),
        })
    }
}

row! {
    /// A secret of a client.
    #[derive(Clone, Debug)]
    pub struct StoredSecret {
        pub(super) id: Uuid,
        pub(super) hash: SecretHash,
        pub created_at: Timestamp,
        /// When it expires; `None` if it does not.
        pub expires_at: Option<Timestamp>,
    }
}

/// A new row.
pub(super) struct NewRow<'a> {
    pub client_id: &'a str,
    pub origin: Origin,
    pub trusted: bool,
    pub metadata: &'a ClientMetadata,
}

/// Whether a client is disabled, and its epoch from now on.
pub(super) struct Switched {
    pub disabled_at: Option<Timestamp>,
    pub epoch: Uuid,
}

/// SQL: the client is enabled. `sessions` uses it in its `WHERE` clauses.
macro_rules! is_enabled {
    ($client_id:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM clients WHERE clients.client_id = ",
            $client_id,
            " AND clients.disabled_at IS NULL)"
        )
    };
}

pub(crate) use is_enabled;

/// Returns a client, even if it is disabled.
///
/// # Errors
/// If the database failed, as for all functions here.
pub async fn find<'c>(conn: impl Into<Conn<'c>>, client_id: &str) -> Result<Option<Client>, StoreError> {
    let row: Option<ClientRow> = query(sql!(
        "SELECT client_id, origin, trusted, metadata, status_list, status_idx, epoch, created_at, updated_at, disabled_at
           FROM clients
          WHERE client_id = $1"
    ))
    .bind(client_id)
    .optional(conn)
    .await?;
    row.map(Client::try_from).transpose()
}

/// A client, with one of its secrets if it has any.
struct WithSecret {
    client: ClientRow,
    hash: Option<SecretHash>,
}

impl FromRow for WithSecret {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            client: ClientRow::from_row(row)?,
            hash: row.column("client_secrets", "secret_hash")?,
        })
    }
}

/// Returns a client, even if it is disabled, with the hashes of its secrets that have not expired, oldest first.
pub(super) async fn find_with_secrets<'c>(
    conn: impl Into<Conn<'c>>,
    client_id: &str,
    now: Timestamp,
) -> Result<Option<(Client, Vec<SecretHash>)>, StoreError> {
    let rows: Vec<WithSecret> = query(sql!(
        "SELECT clients.client_id AS client_id, clients.origin AS origin, clients.trusted AS trusted,
                clients.metadata AS metadata, clients.status_list AS status_list, clients.status_idx AS status_idx,
                clients.epoch AS epoch, clients.created_at AS created_at, clients.updated_at AS updated_at,
                clients.disabled_at AS disabled_at, client_secrets.hash AS secret_hash
           FROM clients
           LEFT JOIN client_secrets
             ON client_secrets.client_id = clients.client_id
            AND (client_secrets.expires_at IS NULL OR client_secrets.expires_at > $2)
          WHERE clients.client_id = $1
          ORDER BY client_secrets.id"
    ))
    .bind(client_id)
    .bind(now)
    .few(conn)
    .await?;
    let hashes = rows.iter().filter_map(|row| row.hash).collect();
    let Some(first) = rows.into_iter().next() else {
        return Ok(None);
    };
    Ok(Some((first.client.try_into()?, hashes)))
}

/// Returns all clients, also disabled ones, in the order of their ids.
pub async fn all<'c>(conn: impl Into<Conn<'c>>) -> Result<Vec<Client>, StoreError> {
    let rows: Vec<ClientRow> = query(sql!(
        "SELECT client_id, origin, trusted, metadata, status_list, status_idx, epoch, created_at, updated_at, disabled_at
           FROM clients
          ORDER BY client_id"
    ))
    .all(conn)
    .await?;
    rows.into_iter().map(Client::try_from).collect()
}

pub(super) async fn insert(tx: &mut Tx<'_>, new: &NewRow<'_>, epoch: Uuid, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO clients (client_id, origin, trusted, metadata, epoch, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)"
    ))
    .bind(new.client_id)
    .bind(new.origin)
    .bind(new.trusted)
    .bind(written(new.metadata)?)
    .bind(epoch)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Sets a client's metadata, and whether it is trusted.
pub(super) async fn update(
    tx: &mut Tx<'_>,
    client_id: &str,
    trusted: bool,
    metadata: &ClientMetadata,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE clients SET trusted = $2, metadata = $3, updated_at = $4 WHERE client_id = $1"
    ))
    .bind(client_id)
    .bind(trusted)
    .bind(written(metadata)?)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Disables or enables a client.
pub(super) async fn set_disabled(
    tx: &mut Tx<'_>,
    client_id: &str,
    switched: &Switched,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE clients SET disabled_at = $2, epoch = $3, updated_at = $4 WHERE client_id = $1"
    ))
    .bind(client_id)
    .bind(switched.disabled_at)
    .bind(switched.epoch)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Replaces the epoch of a client. Returns whether there is such a client.
pub(super) async fn set_epoch(tx: &mut Tx<'_>, client_id: &str, epoch: Uuid) -> Result<bool, StoreError> {
    let changed = query(sql!("UPDATE clients SET epoch = $2 WHERE client_id = $1"))
        .bind(client_id)
        .bind(epoch)
        .execute(tx)
        .await?;
    Ok(changed > 0)
}

/// Deletes a client with its secrets and its consents.
pub(super) async fn delete(tx: &mut Tx<'_>, client_id: &str) -> Result<(), StoreError> {
    query(sql!("DELETE FROM clients WHERE client_id = $1"))
        .bind(client_id)
        .execute(tx)
        .await
        .map(drop)
}

/// Gives a client the bit of its machine tokens, if it still has the one that was `seen` and is enabled. Returns the bit that
/// it has then; `None` if it has none.
pub(super) async fn set_bit(
    tx: &mut Tx<'_>,
    client_id: &str,
    seen: Option<Bit>,
    bit: Bit,
) -> Result<Option<Bit>, StoreError> {
    query(sql!(
        "UPDATE clients
            SET status_list = $2, status_idx = $3
          WHERE client_id = $1
            AND disabled_at IS NULL
            AND COALESCE(status_list, -1) = $4
            AND COALESCE(status_idx, -1) = $5"
    ))
    .bind(client_id)
    .bind(bit.list)
    .bind(bit.idx)
    .bind(seen.map_or(-1, |seen| seen.list))
    .bind(seen.map_or(-1, |seen| seen.idx))
    .execute(&mut *tx)
    .await?;
    Ok(find(tx, client_id).await?.and_then(|client| client.machine_bit))
}

/// Takes the bit of its machine tokens from a client.
pub(super) async fn clear_bit(tx: &mut Tx<'_>, client_id: &str) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE clients SET status_list = NULL, status_idx = NULL WHERE client_id = $1"
    ))
    .bind(client_id)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns the secrets of a client that have not expired, oldest first.
pub async fn secrets<'c>(
    conn: impl Into<Conn<'c>>,
    client_id: &str,
    now: Timestamp,
) -> Result<Vec<StoredSecret>, StoreError> {
    query(sql!(
        "SELECT id, hash, created_at, expires_at
           FROM client_secrets
          WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)
          ORDER BY id"
    ))
    .bind(client_id)
    .bind(now)
    .few(conn)
    .await
}

pub(super) async fn insert_secret(
    tx: &mut Tx<'_>,
    id: Uuid,
    client_id: &str,
    hash: SecretHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO client_secrets (id, client_id, hash, created_at) VALUES ($1, $2, $3, $4)"
    ))
    .bind(id)
    .bind(client_id)
    .bind(hash)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Lets a secret expire.
pub(super) async fn expire_secret(tx: &mut Tx<'_>, id: Uuid, expires_at: Timestamp) -> Result<(), StoreError> {
    query(sql!("UPDATE client_secrets SET expires_at = $2 WHERE id = $1"))
        .bind(id)
        .bind(expires_at)
        .execute(tx)
        .await
        .map(drop)
}

/// Deletes the secrets of a client except `kept`, expired ones too. [`Uuid::nil`] keeps none.
pub(super) async fn delete_secrets(tx: &mut Tx<'_>, client_id: &str, kept: Uuid) -> Result<(), StoreError> {
    query(sql!("DELETE FROM client_secrets WHERE client_id = $1 AND id <> $2"))
        .bind(client_id)
        .bind(kept)
        .execute(tx)
        .await
        .map(drop)
}

fn written(metadata: &ClientMetadata) -> Result<String, StoreError> {
    serde_json::to_string(metadata).map_err(|_| unreadable())
}

/// The error for metadata that cannot be read or written.
pub(super) fn unreadable() -> StoreError {
    StoreError::Inconsistent {
        table: "clients",
        column: "metadata",
    }
}
