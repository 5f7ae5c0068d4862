//! The rows of `audit_events`, `audit_subjects`, `audit_erasures`, `audit_checkpoints` and `audit_head`.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};
use serde::Serialize;
use uuid::Uuid;

use super::chain::{DELETED, Hash, Salt, SealedRow, is_commitment, pseudonym};
use super::{Event, Filter, Kind};
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, AuditId, SessionId};

row! {
    /// One entry of the log.
    #[derive(Clone, Debug, Serialize)]
    pub struct Entry {
        /// Its place in the sealed log; none while it is not sealed.
        pub seq: Option<i64>,
        /// Its id.
        pub id: AuditId,
        /// When.
        pub at: Timestamp,
        /// What was done or tried.
        pub kind: String,
        /// `success` or `failure`.
        pub outcome: String,
        /// `account`, `administrator`, `operator:` and which one, `anyone` or `server`.
        pub actor: String,
        /// The account it was done to, unless it was erased.
        pub account_id: Option<AccountId>,
        /// The session it was done to or by.
        pub session_id: Option<SessionId>,
        /// From which address.
        pub address: Option<String>,
        /// With which device.
        pub user_agent: Option<String>,
        /// The request's id in the server's log.
        pub request_id: String,
        /// A few words more.
        pub detail: Option<String>,
    }
}

row! {
    /// Whose a pseudonym is.
    pub(super) struct Subject {
        pub pseudonym: Uuid,
        pub account_id: AccountId,
        pub salt: Option<Salt>,
    }
}

impl Subject {
    /// Whether the pseudonym belongs to this account. The previous version drew lots, which tell nothing.
    pub(super) fn fits(&self) -> bool {
        match self.salt {
            Some(salt) => pseudonym(salt, self.account_id) == self.pseudonym,
            None => !is_commitment(self.pseudonym),
        }
    }
}

row! {
    /// A pseudonym that nobody has any more.
    pub(super) struct Nobody {
        pub pseudonym: Uuid,
        pub at: i64,
    }
}

row! {
    /// A row by its place and its id.
    pub(super) struct Place {
        pub seq: i64,
        pub id: AuditId,
    }
}

row! {
    /// A signature over the chain.
    pub(super) struct Checkpoint {
        pub seq: i64,
        pub token: String,
    }
}

pub(super) async fn insert(tx: &mut Tx<'_>, id: AuditId, at: Timestamp, event: &Event<'_>) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_events
            (id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    ))
    .bind(id)
    .bind(at)
    .bind(event.kind.name())
    .bind(event.outcome.name())
    .bind(event.actor.name(event.account).into_owned())
    .bind(event.account)
    .bind(event.session)
    .bind(event.request.address.map(|address| address.to_string()))
    .bind(event.request.user_agent.clone())
    .bind(&*event.request.request_id)
    .bind(event.detail.clone())
    .execute(tx)
    .await
    .map(drop)
}

/// The newest `limit` entries about an account, newest first.
///
/// # Errors
/// Those of the database.
pub async fn of_account<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    query(sql!(
        "SELECT seq, id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail
           FROM audit_events
          WHERE (account_id = $1 AND seq IS NULL)
             OR subject = (SELECT pseudonym FROM audit_subjects WHERE account_id = $1)
          ORDER BY at DESC, id DESC
          LIMIT $2"
    ))
    .bind(account)
    .bind(limit)
    .all(conn)
    .await
}

/// The newest entries that the filter lets through, newest first.
pub(super) async fn list<'c>(conn: impl Into<Conn<'c>>, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
    query(sql!(
        "SELECT e.seq, e.id, e.at, e.kind, e.outcome, e.actor,
                CASE WHEN e.seq IS NULL THEN e.account_id ELSE s.account_id END AS account_id,
                e.session_id, e.address, e.user_agent, e.request_id, e.detail
           FROM audit_events e
           LEFT JOIN audit_subjects s ON s.pseudonym = e.subject
          WHERE e.at >= $1 AND e.at < $2
            AND ((e.account_id = $3 AND e.seq IS NULL) OR s.account_id = $3 OR $4)
            AND (e.kind = $5 OR $6)
          ORDER BY e.at DESC, e.id DESC
          LIMIT $7"
    ))
    .bind(filter.since)
    .bind(filter.until)
    .bind(filter.account)
    .bind(filter.account.is_none())
    .bind(filter.kind.clone())
    .bind(filter.kind.is_none())
    .bind(filter.limit)
    .all(conn)
    .await
}

/// The number by which servers take turns. Nothing that is signed comes of `audit_head`: it is not protected.
pub(super) async fn revision<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<i64>, StoreError> {
    query(sql!("SELECT revision FROM audit_head WHERE id = 1"))
        .optional(conn)
        .await
}

/// The checkpoint that seals the last place.
pub(super) async fn newest_checkpoint<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Checkpoint>, StoreError> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints ORDER BY seq DESC LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// The first checkpoint that is still there.
pub(super) async fn oldest_checkpoint<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Checkpoint>, StoreError> {
    query(sql!("SELECT seq, token FROM audit_checkpoints ORDER BY seq LIMIT 1"))
        .optional(conn)
        .await
}

/// The last place at which something stands, be it a row or a checkpoint, at one moment; 0 for an empty log.
pub(super) async fn end<'c>(conn: impl Into<Conn<'c>>) -> Result<i64, StoreError> {
    query(sql!(
        "SELECT COALESCE(MAX(seq), 0)
           FROM (SELECT MAX(seq) AS seq FROM audit_events UNION ALL SELECT MAX(seq) AS seq FROM audit_checkpoints) AS ends"
    ))
    .one(conn)
    .await
}

/// A sealed row that names an account beside its pseudonym: sealing takes the account away.
pub(super) async fn attributed<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Place>, StoreError> {
    query(sql!(
        "SELECT seq, id FROM audit_events WHERE seq IS NOT NULL AND account_id IS NOT NULL ORDER BY seq LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// A row at a place that nothing is sealed at: the first is 1.
pub(super) async fn before_the_first<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Place>, StoreError> {
    query(sql!(
        "SELECT seq, id FROM audit_events WHERE seq < 1 ORDER BY seq LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// Pseudonyms of sealed rows that stand for nobody, although no deletion of their account is sealed; each with the
/// time of its last row.
pub(super) async fn nobodies<'c>(conn: impl Into<Conn<'c>>) -> Result<Vec<Nobody>, StoreError> {
    query(sql!(
        "SELECT e.subject AS pseudonym, MAX(e.at) AS at
           FROM audit_events e
           LEFT JOIN audit_subjects s ON s.pseudonym = e.subject
          WHERE e.seq IS NOT NULL AND e.subject IS NOT NULL AND s.pseudonym IS NULL
            AND NOT EXISTS (SELECT 1 FROM audit_events d
                             WHERE d.subject = e.subject AND d.seq IS NOT NULL
                               AND d.kind = $1 AND d.outcome = 'success')
          GROUP BY e.subject"
    ))
    .bind(DELETED)
    .all(conn)
    .await
}

/// Whose pseudonyms are, in the order of those.
pub(super) async fn subjects<'c>(
    conn: impl Into<Conn<'c>>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Subject>, StoreError> {
    query(sql!(
        "SELECT pseudonym, account_id, salt FROM audit_subjects WHERE pseudonym > $1 ORDER BY pseudonym LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

/// The accounts behind one and up to another of which the log has the registration, sealed or not yet.
pub(super) async fn registered<'c>(
    conn: impl Into<Conn<'c>>,
    after: AccountId,
    last: AccountId,
) -> Result<Vec<AccountId>, StoreError> {
    query(sql!(
        "SELECT s.account_id
           FROM audit_subjects s
           JOIN audit_events e ON e.subject = s.pseudonym
          WHERE s.account_id > $1 AND s.account_id <= $2
            AND e.seq IS NOT NULL AND e.kind = $3 AND e.outcome = 'success'
          UNION
         SELECT account_id
           FROM audit_events
          WHERE account_id > $1 AND account_id <= $2 AND seq IS NULL AND kind = $3 AND outcome = 'success'"
    ))
    .bind(after)
    .bind(last)
    .bind(Kind::AccountRegistered.name())
    .all(conn)
    .await
}

/// Whether it is sealed that the account of a pseudonym was deleted.
pub(super) async fn is_deleted<'c>(conn: impl Into<Conn<'c>>, pseudonym: Uuid) -> Result<bool, StoreError> {
    let found: Option<i64> = query(sql!(
        "SELECT at FROM audit_events
          WHERE subject = $1 AND seq IS NOT NULL AND kind = $2 AND outcome = 'success' LIMIT 1"
    ))
    .bind(pseudonym)
    .bind(DELETED)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Rows that have no place yet, oldest first.
pub(super) async fn unsealed<'c>(conn: impl Into<Conn<'c>>, limit: i64) -> Result<Vec<Entry>, StoreError> {
    query(sql!(
        "SELECT seq, id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail
           FROM audit_events
          WHERE seq IS NULL
          ORDER BY id
          LIMIT $1"
    ))
    .bind(limit)
    .all(conn)
    .await
}

/// Since when something waits to be sealed.
pub(super) async fn oldest_unsealed<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Timestamp>, StoreError> {
    query(sql!(
        "SELECT at FROM audit_events WHERE seq IS NULL ORDER BY id LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// How many rows wait to be sealed.
pub(super) async fn count_unsealed<'c>(conn: impl Into<Conn<'c>>) -> Result<i64, StoreError> {
    query(sql!("SELECT COUNT(*) FROM audit_events WHERE seq IS NULL"))
        .one(conn)
        .await
}

/// When the newest entry was written.
pub async fn newest<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Timestamp>, StoreError> {
    query(sql!("SELECT at FROM audit_events ORDER BY at DESC LIMIT 1"))
        .optional(conn)
        .await
}

pub(super) async fn has_unsealed<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<bool, StoreError> {
    let found: Option<i64> = query(sql!(
        "SELECT at FROM audit_events WHERE account_id = $1 AND seq IS NULL LIMIT 1"
    ))
    .bind(account)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}

/// The number after this one. Whoever wrote the largest there is does not keep servers from taking turns.
fn next(revision: i64) -> i64 {
    revision.wrapping_add(1)
}

/// Moves the end of the chain, if nobody else has moved it.
pub(super) async fn advance(tx: &mut Tx<'_>, revision: i64, seq: i64, hash: Hash) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE audit_head SET revision = $4, seq = $2, hash = $3 WHERE id = 1 AND revision = $1"
    ))
    .bind(revision)
    .bind(seq)
    .bind(hash)
    .bind(next(revision))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Keeps all others from working on the log, if nobody else has worked on it.
pub(super) async fn touch(tx: &mut Tx<'_>, revision: i64) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE audit_head SET revision = $2 WHERE id = 1 AND revision = $1"
    ))
    .bind(revision)
    .bind(next(revision))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Notes up to where rows are to be removed. Only a server of the previous version goes by it.
pub(super) async fn intend(tx: &mut Tx<'_>, revision: i64, through: i64) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE audit_head SET revision = $3, removed_through = $2 WHERE id = 1 AND revision = $1"
    ))
    .bind(revision)
    .bind(through)
    .bind(next(revision))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Gives a row its place. Its account becomes a pseudonym.
pub(super) async fn seal(tx: &mut Tx<'_>, row: &SealedRow) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE audit_events
            SET seq = $2, subject = $3, account_id = NULL, salt = $4, particulars = $5, hash = $6
          WHERE id = $1 AND seq IS NULL"
    ))
    .bind(row.id)
    .bind(row.seq)
    .bind(row.subject)
    .bind(row.salt)
    .bind(row.particulars)
    .bind(row.hash)
    .execute(tx)
    .await
    .map(drop)
}

/// Sealed rows behind a place, in their order.
pub(super) async fn rows<'c>(conn: impl Into<Conn<'c>>, after: i64, limit: i64) -> Result<Vec<SealedRow>, StoreError> {
    query(sql!(
        "SELECT seq, id, at, kind, outcome, actor, subject, session_id, request_id, detail, address, user_agent, salt,
                particulars, hash
           FROM audit_events
          WHERE seq > $1
          ORDER BY seq
          LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

pub(super) async fn first_place<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<i64>, StoreError> {
    query(sql!(
        "SELECT seq FROM audit_events WHERE seq IS NOT NULL ORDER BY seq LIMIT 1"
    ))
    .optional(conn)
    .await
}

pub(super) async fn checkpoints<'c>(
    conn: impl Into<Conn<'c>>,
    after: i64,
    limit: i64,
) -> Result<Vec<Checkpoint>, StoreError> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints WHERE seq > $1 ORDER BY seq LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

pub(super) async fn checkpoint_at<'c>(conn: impl Into<Conn<'c>>, seq: i64) -> Result<Option<String>, StoreError> {
    query(sql!("SELECT token FROM audit_checkpoints WHERE seq = $1"))
        .bind(seq)
        .optional(conn)
        .await
}

/// Checkpoints that the webhook has not got yet, oldest first.
pub(super) async fn unsent<'c>(conn: impl Into<Conn<'c>>, limit: i64) -> Result<Vec<Checkpoint>, StoreError> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints WHERE sent_at IS NULL ORDER BY seq LIMIT $1"
    ))
    .bind(limit)
    .all(conn)
    .await
}

pub(super) async fn mark_sent(conn: impl Into<Conn<'_>>, seq: i64, now: Timestamp) -> Result<(), StoreError> {
    query(sql!("UPDATE audit_checkpoints SET sent_at = $2 WHERE seq = $1"))
        .bind(seq)
        .bind(now)
        .execute(conn)
        .await
        .map(drop)
}

pub(super) async fn insert_checkpoint(tx: &mut Tx<'_>, seq: i64, at: Timestamp, token: &str) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_checkpoints (seq, token, sealed_at) VALUES ($1, $2, $3)"
    ))
    .bind(seq)
    .bind(token)
    .bind(at)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn remove_rows(conn: impl Into<Conn<'_>>, through: i64, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM audit_events
          WHERE seq IN (SELECT seq FROM audit_events WHERE seq <= $1 ORDER BY seq LIMIT $2)"
    ))
    .bind(through)
    .bind(limit)
    .execute(conn)
    .await
}

/// The last one stays: the log begins behind it.
pub(super) async fn remove_checkpoints(conn: impl Into<Conn<'_>>, through: i64) -> Result<(), StoreError> {
    query(sql!("DELETE FROM audit_checkpoints WHERE seq < $1"))
        .bind(through)
        .execute(conn)
        .await
        .map(drop)
}

pub(super) async fn subject<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<Option<Subject>, StoreError> {
    query(sql!(
        "SELECT pseudonym, account_id, salt FROM audit_subjects WHERE account_id = $1"
    ))
    .bind(account)
    .optional(conn)
    .await
}

/// Remembers whose a new pseudonym is, in the place of one that was none of ours.
pub(super) async fn remember(
    tx: &mut Tx<'_>,
    pseudonym: Uuid,
    salt: Salt,
    account: AccountId,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_subjects (pseudonym, account_id, salt) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET pseudonym = excluded.pseudonym, salt = excluded.salt"
    ))
    .bind(pseudonym)
    .bind(account)
    .bind(salt)
    .execute(tx)
    .await
    .map(drop)
}

/// Asks for an account to be forgotten.
pub(super) async fn ask_erasure(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_erasures (account_id, asked_at) VALUES ($1, $2) ON CONFLICT (account_id) DO NOTHING"
    ))
    .bind(account)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn erasures<'c>(
    conn: impl Into<Conn<'c>>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    query(sql!(
        "SELECT account_id FROM audit_erasures WHERE asked_at < $1 ORDER BY asked_at LIMIT $2"
    ))
    .bind(before)
    .bind(limit)
    .all(conn)
    .await
}

pub(super) async fn erase_particulars(tx: &mut Tx<'_>, pseudonym: Uuid) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE audit_events SET address = NULL, user_agent = NULL, salt = NULL WHERE subject = $1"
    ))
    .bind(pseudonym)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn forget_pseudonym(tx: &mut Tx<'_>, pseudonym: Uuid) -> Result<(), StoreError> {
    query(sql!("DELETE FROM audit_subjects WHERE pseudonym = $1"))
        .bind(pseudonym)
        .execute(tx)
        .await
        .map(drop)
}

pub(super) async fn forget_erasure(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    query(sql!("DELETE FROM audit_erasures WHERE account_id = $1"))
        .bind(account)
        .execute(tx)
        .await
        .map(drop)
}
