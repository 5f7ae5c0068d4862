//! Verifies a log: rows in order, each checkpoint after its last row. Reports the first error and its row.

use std::collections::{HashMap, HashSet};

use countersign_jose::{VerifyingKey, decode_without_verifying, verify};
use uuid::Uuid;

use super::super::event::{EventKind, EventOutcome};
use super::batch::Batch;
use super::summary::LogSummary;
use super::tampering::{RowName, Tampering};
use super::{AuditCheckpointClaims, Hash, SealedRow, genesis};

/// By when requests in progress at a deletion have ended, in milliseconds.
const AFTERWARDS: i64 = 10 * 60 * 1000;
/// The entry without which no person is forgotten.
pub(in super::super) const DELETED: &str = EventKind::AccountDeleted.name();

/// Reads a log once, from its beginning. Rows are kept only until their checkpoint.
pub struct LogVerifier {
    keys: Vec<VerifyingKey>,
    /// Checkpoints not found yet, by hash.
    kept: HashMap<Hash, Kept>,
    /// The end of the verified part.
    end: End,
    /// Where the log begins; 0 unless old rows were removed.
    began_after: i64,
    /// When the checkpoint before the beginning of the log was signed.
    began_at: Option<i64>,
    /// Whether a checkpoint was found that explains the removed beginning.
    beginning_is_explained: bool,
    /// Persons whose IP address and device are erased, with the last entry of each.
    forgotten: HashMap<Uuid, (RowName, i64)>,
    /// Persons whose deletion is in the log.
    deleted: HashSet<Uuid>,
    pending: Vec<SealedRow>,
    rows: u64,
    erased: u64,
    checkpoints: u64,
}

/// A checkpoint that was kept elsewhere.
#[derive(Clone, Copy)]
struct Kept {
    last: i64,
    signed_at: i64,
}

/// The chain up to a checkpoint.
struct End {
    last: i64,
    hash: Hash,
    checkpoint: Option<Newest>,
}

struct Newest {
    hash: Hash,
    removed_through: i64,
    signed_at: i64,
    /// The missing key that signed it.
    unknown_key: Option<String>,
}

impl LogVerifier {
    /// Creates a verifier with these public keys. One of them must have signed the newest checkpoint, which confirms the older
    /// ones even if their keys are gone.
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        Self {
            keys,
            kept: HashMap::new(),
            end: End {
                last: 0,
                hash: genesis(),
                checkpoint: None,
            },
            began_after: 0,
            began_at: None,
            beginning_is_explained: false,
            forgotten: HashMap::new(),
            deleted: HashSet::new(),
            pending: Vec::new(),
            rows: 0,
            erased: 0,
            checkpoints: 0,
        }
    }

    /// Also checks that the log still contains what this checkpoint sealed. May be called several times.
    ///
    /// # Errors
    /// [`Tampering::NoCheckpoint`].
    pub fn against(mut self, token: &str) -> Result<Self, Tampering> {
        let token = token.trim();
        let claims = claims_of(token).ok_or(Tampering::NoCheckpoint)?;
        self.unknown_key(claims.last, token)
            .map_err(|_| Tampering::NoCheckpoint)?;
        let kept = Kept {
            last: claims.last,
            signed_at: claims.iat,
        };
        self.kept.insert(Hash::of(token), kept);
        Ok(self)
    }

    /// Starts after this checkpoint, whose entries were removed as old.
    ///
    /// # Errors
    /// The reason why it is invalid.
    pub fn begin_after(&mut self, token: &str) -> Result<(), Tampering> {
        let claims = claims_of(token).ok_or(Tampering::Forged(0, "it cannot be read"))?;
        self.began_after = claims.last;
        self.began_at = Some(claims.iat);
        self.accept(token, &claims)
    }

    pub fn row(&mut self, row: SealedRow) {
        self.pending.push(row);
    }

    /// Returns how many rows wait for their checkpoint.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Reads the next checkpoint, which follows the row `seq`.
    ///
    /// # Errors
    /// The reason why it, or a row that it seals, is invalid.
    pub fn checkpoint(&mut self, seq: i64, token: &str) -> Result<(), Tampering> {
        let forged = |why| Tampering::Forged(seq, why);
        let claims = claims_of(token).ok_or(forged("it cannot be read"))?;
        let previous = self.end.checkpoint.as_ref().map(|newest| newest.hash);
        if claims.last != seq || claims.first != self.end.last + 1 {
            return Err(forged("it does not follow the one before it"));
        }
        if claims.previous.as_deref().map(Hash::parse) != previous.map(Some) {
            return Err(forged("it names a different predecessor"));
        }
        let unknown_key = self.unknown_key(seq, token)?;
        self.believe_what_is_before(&claims)?;
        self.explain_beginning(&claims)?;
        let rows = std::mem::take(&mut self.pending);
        let batch = Batch {
            rows: &rows,
            sealed: usize::try_from(claims.last - claims.first + 1).unwrap_or(usize::MAX),
        };
        let mut hash = self.end.hash;
        for place in claims.first..=claims.last {
            hash = self.place(place, hash, &batch)?;
        }
        if let Some(row) = rows.iter().find(|row| !(claims.first..=claims.last).contains(&row.seq)) {
            return Err(Tampering::Inserted(RowName::of(row)));
        }
        if Hash::parse(&claims.head) != Some(hash) {
            return Err(match unknown_key {
                None => Tampering::Rewritten(claims.first, claims.last),
                Some(_) => forged("it seals other rows"),
            });
        }
        self.accept(token, &claims)
    }

    /// Finishes after everything was read.
    ///
    /// # Errors
    /// The reason why the end of the log is invalid.
    pub fn finish(self) -> Result<LogSummary, Tampering> {
        if let Some(row) = self.pending.first() {
            return Err(Tampering::Inserted(RowName::of(row)));
        }
        self.judge_kept()?;
        if let Some(newest) = &self.end.checkpoint {
            if let Some(kid) = &newest.unknown_key {
                return Err(Tampering::UnknownKey(kid.clone()));
            }
            if newest.removed_through < self.began_after {
                return Err(Tampering::Removed(newest.removed_through + 1));
            }
        }
        let begins_at = self.began_at;
        let unexplained = |(subject, (_, at)): &(&Uuid, &(RowName, i64))| {
            !self.deleted.contains(subject) && !is_at_beginning(*at, begins_at)
        };
        if let Some((_, (row, _))) = self.forgotten.iter().find(unexplained) {
            return Err(Tampering::Erased(*row));
        }
        Ok(LogSummary {
            rows: self.rows,
            erased: self.erased,
            checkpoints: self.checkpoints,
            removed_through: self.began_after,
            begins_at,
            last: self.end.last,
            signed_at: self.end.checkpoint.map(|newest| newest.signed_at),
        })
    }

    /// Returns why kept checkpoints are not in the log. Of several, a missing end is reported first, then the earliest.
    fn judge_kept(&self) -> Result<(), Tampering> {
        let mut missing: Vec<Kept> = self.kept.values().copied().collect();
        missing.sort_unstable_by_key(|kept| kept.last);
        if let Some(kept) = missing.last().filter(|kept| kept.last > self.end.last) {
            return Err(Tampering::Tail(self.end.last, kept.last));
        }
        for kept in missing {
            // At an earlier position, it was signed earlier.
            match self.began_at {
                Some(began_at) if kept.last < self.began_after => {
                    if kept.signed_at > began_at {
                        return Err(Tampering::KeptRemoved(kept.last));
                    }
                }
                _ => return Err(Tampering::OtherHistory(kept.last)),
            }
        }
        Ok(())
    }

    /// Returns the hash at a position, if the right row is there.
    fn place(&mut self, place: i64, previous: Hash, rows: &Batch<'_>) -> Result<Hash, Tampering> {
        let mut here = rows.rows.iter().filter(|row| row.seq == place);
        let Some(row) = here.next() else {
            return Err(Tampering::Removed(place));
        };
        let fits = |row: &SealedRow| row.hash_at(place, previous) == row.hash;
        if let Some(other) = here.next() {
            return Err(Tampering::Inserted(RowName::of(if fits(row) { other } else { row })));
        }
        if !fits(row) {
            return Err(rows.diagnose(row, previous));
        }
        match row.keeps_its_commitment() {
            Some(true) => {}
            Some(false) => return Err(Tampering::Changed(RowName::of(row))),
            None => {
                let subject = row.subject.ok_or(Tampering::Erased(RowName::of(row)))?;
                self.forgotten.insert(subject, (RowName::of(row), row.at));
                self.erased += 1;
            }
        }
        if let Some(subject) = row
            .subject
            .filter(|_| row.kind == DELETED && row.outcome == EventOutcome::Success.name())
        {
            self.deleted.insert(subject);
        }
        self.rows += 1;
        Ok(row.hash)
    }

    /// A checkpoint confirms those before it, unless its signer could not verify them.
    fn believe_what_is_before(&self, claims: &AuditCheckpointClaims) -> Result<(), Tampering> {
        let Some(newest) = self.end.checkpoint.as_ref() else {
            return Ok(());
        };
        match &newest.unknown_key {
            Some(kid) if claims.unvouched => Err(Tampering::Unvouched(self.end.last, kid.clone())),
            _ if claims.removed_through < newest.removed_through && !claims.unvouched => Err(Tampering::Forged(
                claims.last,
                "it contradicts the removal of old entries",
            )),
            _ => Ok(()),
        }
    }

    /// The first checkpoint that announces the removal of the beginning also gives the time and the minimum age.
    fn explain_beginning(&mut self, claims: &AuditCheckpointClaims) -> Result<(), Tampering> {
        let Some(began_at) = self.began_at else { return Ok(()) };
        if self.beginning_is_explained || claims.removed_through < self.began_after {
            return Ok(());
        }
        self.beginning_is_explained = true;
        let age = claims.iat - began_at;
        match claims.retention {
            Some(retention) if age >= retention => Ok(()),
            retention => Err(Tampering::RemovedEarly {
                through: self.began_after,
                age,
                retention,
            }),
        }
    }

    fn accept(&mut self, token: &str, claims: &AuditCheckpointClaims) -> Result<(), Tampering> {
        let forged = |why| Tampering::Forged(claims.last, why);
        let unknown_key = self.unknown_key(claims.last, token)?;
        let own = Hash::of(token);
        self.end = End {
            last: claims.last,
            hash: Hash::parse(&claims.head).ok_or(forged("its hash is malformed"))?,
            checkpoint: Some(Newest {
                hash: own,
                removed_through: claims.removed_through,
                signed_at: claims.iat,
                unknown_key,
            }),
        };
        self.checkpoints += 1;
        self.kept.remove(&own);
        Ok(())
    }

    /// Returns the id of the signing key if it is not one of ours, or an error if our key did not sign it.
    fn unknown_key(&self, seq: i64, token: &str) -> Result<Option<String>, Tampering> {
        let kid = kid_of(token).ok_or(Tampering::Forged(seq, "it cannot be read"))?;
        if self.keys.iter().all(|key| key.kid() != kid) {
            return Ok(Some(kid));
        }
        let find = |kid: &str| self.keys.iter().find(|key| key.kid() == kid).cloned();
        match verify::<AuditCheckpointClaims>(token, find, &()) {
            Ok(_) => Ok(None),
            Err(_) => Err(Tampering::Forged(seq, "its signature is invalid")),
        }
    }
}

/// Returns whether an entry is so old that the deletion that explains it may have been removed with the beginning of the log.
pub fn is_at_beginning(at: i64, begins_at: Option<i64>) -> bool {
    begins_at.is_some_and(|begins_at| at <= begins_at.saturating_mul(1000).saturating_add(AFTERWARDS))
}

fn claims_of(token: &str) -> Option<AuditCheckpointClaims> {
    serde_json::from_value(decode_without_verifying(token).ok()?.claims).ok()
}

fn kid_of(token: &str) -> Option<String> {
    Some(
        decode_without_verifying(token)
            .ok()?
            .header
            .get("kid")?
            .as_str()?
            .to_owned(),
    )
}
