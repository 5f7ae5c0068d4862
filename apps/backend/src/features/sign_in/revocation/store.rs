//! The rows of `status_lists`, `revocations` and `revocation_counter`.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use super::Bit;
use crate::core::clock::Timestamp;

row! {
    /// A list without its bits.
    #[derive(Clone, Debug)]
    pub(super) struct ListRow {
        pub number: i64,
        pub entries: i64,
        pub version: i64,
    }
}

row! {
    /// Exclusively reserved indexes of a list: those before `reserved`. No `Debug`, because it contains the key.
    pub(super) struct Reservation {
        pub number: i64,
        pub entries: i64,
        pub reserved: i64,
        pub permutation_key: Vec<u8>,
    }
}

row! {
    /// A set bit.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct SetBit {
        pub list: i64,
        pub idx: i64,
        pub number: i64,
    }
}

row! {
    /// The state of the numbering of revocations.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Progress {
        /// The last assigned number.
        pub number: i64,
        /// 1 if there are revocations without a number.
        pub waiting: i64,
        /// The first list of this generation.
        pub first_list: i64,
        /// The version of the lists before it.
        pub first_version: i64,
    }
}

/// Reserves `count` indexes in the newest list of this reach that has as many, if any. Their tokens expire by `needed_until`.
pub(super) async fn reserve(
    conn: impl Into<Conn<'_>>,
    reach: &str,
    count: i64,
    needed_until: Timestamp,
) -> Result<Option<Reservation>, StoreError> {
    // The condition is repeated: of two concurrent statements, the second finds the row changed and checks the outer one again.
    query(sql!(
        "UPDATE status_lists
            SET reserved = reserved + $1,
                needed_until = CASE WHEN needed_until > $2 THEN needed_until ELSE $2 END
          WHERE number = (SELECT MAX(number) FROM status_lists WHERE reach = $3 AND reserved + $1 <= entries)
            AND reserved + $1 <= entries
      RETURNING number, entries, reserved, permutation_key"
    ))
    .bind(count)
    .bind(needed_until)
    .bind(reach)
    .optional(conn)
    .await
}

/// Creates another list, unless one is created concurrently.
pub(super) async fn insert_list(
    conn: impl Into<Conn<'_>>,
    reach: &str,
    entries: i64,
    permutation_key: &[u8],
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO status_lists (number, entries, reserved, permutation_key, version, needed_until, reach)
         SELECT CASE WHEN COALESCE(MAX(l.number), 0) + 1 > c.first_list THEN COALESCE(MAX(l.number), 0) + 1
                     ELSE c.first_list END, $1, 0, $2, 0, 0, $3
           FROM revocation_counter c
           LEFT JOIN status_lists l ON l.number > 0
          WHERE c.id = 1
          GROUP BY c.first_list
         ON CONFLICT (number) DO NOTHING"
    ))
    .bind(entries)
    .bind(permutation_key.to_vec())
    .bind(reach)
    .execute(conn)
    .await
    .map(drop)
}

pub(super) async fn lists<'c>(conn: impl Into<Conn<'c>>) -> Result<Vec<ListRow>, StoreError> {
    query(sql!(
        "SELECT number, entries, version FROM status_lists ORDER BY number"
    ))
    .all(conn)
    .await
}

pub(super) async fn list<'c>(conn: impl Into<Conn<'c>>, number: i64) -> Result<Option<ListRow>, StoreError> {
    query(sql!(
        "SELECT number, entries, version FROM status_lists WHERE number = $1"
    ))
    .bind(number)
    .optional(conn)
    .await
}

/// Returns how long a list is needed; `None` if it is gone.
pub(super) async fn needed_until<'c>(conn: impl Into<Conn<'c>>, list: i64) -> Result<Option<Timestamp>, StoreError> {
    query(sql!("SELECT needed_until FROM status_lists WHERE number = $1"))
        .bind(list)
        .optional(conn)
        .await
}

/// Has a list kept until `until`, or longer. Returns whether it is there.
pub(super) async fn prolong(conn: impl Into<Conn<'_>>, list: i64, until: Timestamp) -> Result<bool, StoreError> {
    let kept = query(sql!(
        "UPDATE status_lists
            SET needed_until = CASE WHEN needed_until > $2 THEN needed_until ELSE $2 END
          WHERE number = $1"
    ))
    .bind(list)
    .bind(until)
    .execute(conn)
    .await?;
    Ok(kept > 0)
}

/// Returns the indexes of a list whose bits are set.
pub(super) async fn set_bits<'c>(conn: impl Into<Conn<'c>>, list: i64) -> Result<Vec<i64>, StoreError> {
    query(sql!("SELECT idx FROM revocations WHERE list = $1"))
        .bind(list)
        .all(conn)
        .await
}

/// Sets a bit if it was not set.
pub(super) async fn insert(tx: &mut Tx<'_>, bit: Bit, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO revocations (list, idx, revoked_at) VALUES ($1, $2, $3) ON CONFLICT (list, idx) DO NOTHING"
    ))
    .bind(bit.list)
    .bind(bit.idx)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns the state of the numbering.
pub(super) async fn progress<'c>(conn: impl Into<Conn<'c>>) -> Result<Progress, StoreError> {
    query(sql!(
        "SELECT number,
                CAST(CASE WHEN EXISTS (SELECT 1 FROM revocations WHERE number IS NULL) THEN 1 ELSE 0 END AS BIGINT)
                    AS waiting,
                first_list, first_version
           FROM revocation_counter
          WHERE id = 1"
    ))
    .one(conn)
    .await
}

/// Returns the next number and locks the counter until the transaction ends, so that numbers commit in order.
pub(super) async fn next_number(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    query(sql!(
        "UPDATE revocation_counter SET number = number + 1 WHERE id = 1 RETURNING number"
    ))
    .one(tx)
    .await
}

/// Begins a generation after all existing and possible earlier lists: lists are created at most once a second, and numbers
/// assigned at most once a millisecond.
pub(super) async fn begin_generation(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE revocation_counter
            SET number = CASE WHEN number >= $1 THEN number + 1 ELSE $1 END,
                first_version = CASE WHEN number >= $1 THEN number + 1 ELSE $1 END,
                first_list = CASE WHEN (SELECT COALESCE(MAX(number), 0) FROM status_lists) >= $2
                                  THEN (SELECT COALESCE(MAX(number), 0) FROM status_lists) + 1
                                  WHEN first_list >= $2 THEN first_list + 1
                                  ELSE $2 END
          WHERE id = 1"
    ))
    .bind(now)
    .bind(now.seconds())
    .execute(&mut *tx)
    .await?;
    // The next sweep removes their bits.
    query(sql!("DELETE FROM status_lists")).execute(tx).await.map(drop)
}

/// Assigns `number` to all revocations without one. Returns the list of each.
pub(super) async fn give_number(tx: &mut Tx<'_>, number: i64) -> Result<Vec<i64>, StoreError> {
    query(sql!(
        "UPDATE revocations SET number = $1 WHERE number IS NULL RETURNING list"
    ))
    .bind(number)
    .all(tx)
    .await
}

pub(super) async fn set_version(tx: &mut Tx<'_>, list: i64, version: i64) -> Result<(), StoreError> {
    query(sql!("UPDATE status_lists SET version = $2 WHERE number = $1"))
        .bind(list)
        .bind(version)
        .execute(tx)
        .await
        .map(drop)
}

/// Returns the revocations with a number greater than `number`.
pub(super) async fn since<'c>(conn: impl Into<Conn<'c>>, number: i64) -> Result<Vec<SetBit>, StoreError> {
    query(sql!(
        "SELECT list, idx, number FROM revocations WHERE number > $1 ORDER BY number"
    ))
    .bind(number)
    .all(conn)
    .await
}

/// Removes and returns the lists that no valid token names, except the newest, which is still being filled.
pub(super) async fn remove_unneeded(conn: impl Into<Conn<'_>>, now: Timestamp) -> Result<Vec<i64>, StoreError> {
    query(sql!(
        "DELETE FROM status_lists
          WHERE needed_until < $1 AND number < (SELECT MAX(number) FROM status_lists)
      RETURNING number"
    ))
    .bind(now)
    .all(conn)
    .await
}

/// Removes up to `limit` bits of removed lists.
pub(super) async fn remove_orphans(conn: impl Into<Conn<'_>>, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM revocations
          WHERE (list, idx) IN (SELECT list, idx
                                  FROM revocations
                                 WHERE list NOT IN (SELECT number FROM status_lists)
                                 LIMIT $1)"
    ))
    .bind(limit)
    .execute(conn)
    .await
}
