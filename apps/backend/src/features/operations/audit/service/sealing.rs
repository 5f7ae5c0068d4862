//! The sealer: assigns positions to rows, chains them and signs the chain.
//!
//! It does not block writers: they only insert, and it only updates committed rows. Of several nodes, one seals at a time:
//! each names the revision of the head that it has read, and fails if another node has changed it since.

use std::collections::HashMap;

use countersign_store::StoreError;
use uuid::Uuid;

use super::super::chain::{
    AuditCheckpointClaims, EarlierCheckpoint, Hash, Salt, SealedRow, commitment, genesis, pseudonym,
};
use super::super::event::EventKind;
use super::super::store::people::{self, Subject};
use super::super::store::{self, Entry, sealed};
use super::witness::End;
use super::{Audit, SealError};
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::platform::Platform;

/// The maximum number of rows per checkpoint.
const BATCH: i64 = 250;
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
/// The text before the position in an entry about a removal.
const ROWS_UP_TO: &str = "rows up to ";

/// Rows with their positions, and the signature over them.
struct Sealed {
    rows: Vec<SealedRow>,
    /// New pseudonyms, with their accounts.
    people: Vec<(AccountId, Uuid, Salt)>,
    token: String,
    at: Timestamp,
}

impl Audit {
    /// Seals all new entries. Returns their number.
    ///
    /// # Errors
    /// [`SealError`]. Nothing is lost; the next call seals the same rows.
    pub async fn seal(&self) -> Result<u64, SealError> {
        let mut sealed = 0;
        loop {
            let revision = sealed::revision(&self.platform.db).await?.ok_or(SealError::NoHead)?;
            let end = self.end().await?;
            let rows = store::unsealed(&self.platform.db, BATCH).await?;
            let found = rows.len();
            if found == 0 {
                return Ok(sealed);
            }
            let batch = self.prepare(end.as_ref(), rows).await?;
            if self.write(revision, &batch).await? {
                sealed += u64::try_from(found).unwrap_or(0);
                self.platform.metrics.audit_sealed(found);
            }
            if i64::try_from(found).is_ok_and(|found| found < BATCH) {
                return Ok(sealed);
            }
        }
    }

    async fn prepare(&self, end: Option<&End>, rows: Vec<Entry>) -> Result<Sealed, SealError> {
        let at = self.platform.clock.now();
        let mut people = People::default();
        let (first, mut hash) = match end {
            Some(end) => (
                end.claims.last + 1,
                Hash::parse(&end.claims.head).ok_or(SealError::Broken(end.claims.last))?,
            ),
            None => (1, genesis()),
        };
        let removed_through = self.removed_through(end, &rows, at).await?;
        let mut sealed = Vec::with_capacity(rows.len());
        for (row, seq) in rows.into_iter().zip(first..) {
            let subject = match row.account_id {
                Some(account) => Some(people.pseudonym(&self.platform, account).await?),
                None => None,
            };
            let mut row = place(row, seq, subject, Salt(self.platform.random.bytes()));
            hash = row.hash_at(seq, hash);
            row.hash = hash;
            sealed.push(row);
        }
        let retention = self.platform.settings.audit.retention();
        let claims = AuditCheckpointClaims {
            iss: self.platform.settings.issuer.as_str().to_owned(),
            iat: at.seconds(),
            first,
            last: first - 1 + i64::try_from(sealed.len()).unwrap_or(0),
            head: hash.to_string(),
            previous: end.map(|end| Hash::of(&end.token).to_string()),
            removed_through,
            retention: retention.map(|retention| i64::try_from(retention.as_secs()).unwrap_or(i64::MAX)),
            day_before: end.and_then(|end| day_before(end, at)),
            unvouched: end.is_some_and(|end| !end.vouched),
        };
        if claims.unvouched {
            tracing::warn!(
                place = first - 1,
                "the newest audit checkpoint is signed with a key that this server does not have; pass its public \
                 key to `countersign audit verify` from now on"
            );
        }
        Ok(Sealed {
            rows: sealed,
            people: people.new,
            token: self.keys.issue_lasting(&claims)?,
            at,
        })
    }
}

/// Returns the last checkpoint of an earlier day.
fn day_before(end: &End, now: Timestamp) -> Option<EarlierCheckpoint> {
    let day = |seconds: i64| seconds.div_euclid(SECONDS_PER_DAY);
    match &end.claims {
        _ if !end.vouched => None,
        claims if day(claims.iat) < day(now.seconds()) => Some(EarlierCheckpoint {
            last: claims.last,
            hash: Hash::of(&end.token).to_string(),
        }),
        claims => claims.day_before.clone(),
    }
}

impl Audit {
    /// Returns the position up to which entries are about to be removed: that of the previous checkpoint or, if an entry
    /// being sealed requests more and signed times show that it has expired, a later one. An attacker who can write to the
    /// database can write such an entry.
    async fn removed_through(&self, end: Option<&End>, rows: &[Entry], now: Timestamp) -> Result<i64, StoreError> {
        let Some(end) = end else { return Ok(0) };
        let before = match end.vouched {
            true => end.claims.removed_through,
            false => end.claims.removed_through.min(self.gone(end).await?),
        };
        let asked = rows.iter().filter(|row| row.kind == EventKind::AuditTrimmed.name());
        let places = asked.filter_map(|row| row.detail.as_ref()?.strip_prefix(ROWS_UP_TO)?.parse::<i64>().ok());
        match places.max() {
            Some(place) if end.vouched && place > before => {
                let due = self.old_through(&end.claims, now).await?;
                Ok(before.max(place.min(due)))
            }
            _ => Ok(before),
        }
    }

    /// Returns the position up to which no rows remain. A checkpoint signed with an unknown key cannot have more removed.
    async fn gone(&self, end: &End) -> Result<i64, StoreError> {
        let first = sealed::first_place(&self.platform.db).await?;
        let gone = first.map_or(end.claims.last, |first| first.saturating_sub(1));
        Ok(gone.clamp(0, end.claims.last.max(0)))
    }
}

/// Returns the detail of an entry about a removal.
pub(super) fn trimmed_through(place: i64) -> String {
    format!("{ROWS_UP_TO}{place}")
}

/// The pseudonyms of one batch.
#[derive(Default)]
struct People {
    known: HashMap<AccountId, Uuid>,
    new: Vec<(AccountId, Uuid, Salt)>,
}

impl People {
    /// Returns the pseudonym of an account. Creates one if it has none, or one that does not match it.
    async fn pseudonym(&mut self, platform: &Platform, account: AccountId) -> Result<Uuid, StoreError> {
        if let Some(pseudonym) = self.known.get(&account) {
            return Ok(*pseudonym);
        }
        let found = people::subject(&platform.db, account).await?;
        let found = found.filter(Subject::fits);
        let pseudonym = match found {
            Some(found) => found.pseudonym,
            None => {
                let salt = Salt(platform.random.bytes());
                let pseudonym = pseudonym(salt, account);
                self.new.push((account, pseudonym, salt));
                pseudonym
            }
        };
        self.known.insert(account, pseudonym);
        Ok(pseudonym)
    }
}

/// Builds the row at its position, without its hash.
fn place(row: Entry, seq: i64, subject: Option<Uuid>, salt: Salt) -> SealedRow {
    SealedRow {
        seq,
        id: row.id,
        at: row.at.millis(),
        kind: row.kind,
        outcome: row.outcome,
        actor: row.actor,
        subject,
        session_id: row.session_id,
        request_id: row.request_id,
        detail: row.detail,
        particulars: commitment(salt, row.address.as_deref(), row.user_agent.as_deref()),
        address: row.address,
        user_agent: row.user_agent,
        salt: Some(salt),
        hash: genesis(),
    }
}

impl Audit {
    /// Writes the batch. Returns whether it was written; not if another node was faster.
    async fn write(&self, revision: i64, batch: &Sealed) -> Result<bool, StoreError> {
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let Some(last) = batch.rows.last() else {
                        return Ok(false);
                    };
                    if !sealed::take_turn(tx, revision).await? {
                        return Ok(false);
                    }
                    for (account, pseudonym, salt) in &batch.people {
                        people::remember(tx, *pseudonym, *salt, *account).await?;
                    }
                    for row in &batch.rows {
                        sealed::seal(tx, row).await?;
                    }
                    sealed::insert_checkpoint(tx, last.seq, batch.at, &batch.token).await?;
                    Ok(true)
                })
            })
            .await
    }
}
