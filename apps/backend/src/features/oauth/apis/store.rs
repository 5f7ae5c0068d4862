//! The rows of `apis`.

use countersign_oauth::{ApiMetadata, ResourceIndicator};
use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use super::api::{Api, Origin};
use crate::core::clock::Timestamp;

row! {
    struct ApiRow {
        origin: Origin,
        metadata: String,
        created_at: Timestamp,
        updated_at: Timestamp,
        disabled_at: Option<Timestamp>,
    }
}

impl TryFrom<ApiRow> for Api {
    type Error = StoreError;

    fn try_from(row: ApiRow) -> Result<Self, StoreError> {
        Ok(Self {
            metadata: serde_json::from_str(&row.metadata).map_err(|_| unreadable())?,
            origin: row.origin,
            created_at: row.created_at,
            updated_at: row.updated_at,
            disabled_at: row.disabled_at,
        })
    }
}

/// Returns all APIs, also disabled ones, in the order of their identifiers.
///
/// # Errors
/// If the database failed, as for all functions here.
pub async fn all<'c>(conn: impl Into<Conn<'c>>) -> Result<Vec<Api>, StoreError> {
    let rows: Vec<ApiRow> = query(sql!(
        "SELECT origin, metadata, created_at, updated_at, disabled_at FROM apis ORDER BY identifier"
    ))
    .few(conn)
    .await?;
    rows.into_iter().map(Api::try_from).collect()
}

/// Returns the enabled API that a client means by a resource indicator (RFC 8707 §2). Identifiers are the same if they differ
/// in the case of scheme and host, a default port or a single trailing slash only.
pub async fn resolve<'c>(conn: impl Into<Conn<'c>>, identifier: &str) -> Result<Option<Api>, StoreError> {
    let Ok(wanted) = identifier.parse::<ResourceIndicator>() else {
        return Ok(None);
    };
    let mut apis = all(conn).await?.into_iter();
    Ok(apis.find(|api| api.disabled_at.is_none() && api.is_named(&wanted)))
}

/// Returns the API with this identifier as it was registered, even if it is disabled. The command line calls it.
pub async fn find<'c>(conn: impl Into<Conn<'c>>, identifier: &str) -> Result<Option<Api>, StoreError> {
    let row: Option<ApiRow> = query(sql!(
        "SELECT origin, metadata, created_at, updated_at, disabled_at FROM apis WHERE identifier = $1"
    ))
    .bind(identifier)
    .optional(conn)
    .await?;
    row.map(Api::try_from).transpose()
}

pub(super) async fn insert(
    tx: &mut Tx<'_>,
    metadata: &ApiMetadata,
    origin: Origin,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO apis (identifier, origin, metadata, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)"
    ))
    .bind(&metadata.identifier)
    .bind(origin)
    .bind(written(metadata)?)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Sets an API's metadata.
pub(super) async fn update(tx: &mut Tx<'_>, metadata: &ApiMetadata, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE apis SET metadata = $2, updated_at = $3 WHERE identifier = $1"
    ))
    .bind(&metadata.identifier)
    .bind(written(metadata)?)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Disables or enables an API.
pub(super) async fn set_disabled(
    tx: &mut Tx<'_>,
    identifier: &str,
    disabled_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE apis SET disabled_at = $2, updated_at = $3 WHERE identifier = $1"
    ))
    .bind(identifier)
    .bind(disabled_at)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn delete(tx: &mut Tx<'_>, identifier: &str) -> Result<(), StoreError> {
    query(sql!("DELETE FROM apis WHERE identifier = $1"))
        .bind(identifier)
        .execute(tx)
        .await
        .map(drop)
}

fn written(metadata: &ApiMetadata) -> Result<String, StoreError> {
    serde_json::to_string(metadata).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Inconsistent {
        table: "apis",
        column: "metadata",
    }
}
