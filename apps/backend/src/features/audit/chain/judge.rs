//! Judges a log: rows in the order of their places, checkpoints each after its last row. It says what is wrong first,
//! and with which row.

use countersign_jose::{AuditCheckpointClaims, VerifyingKey, decode_without_verifying, verify_audit_checkpoint};
use serde::Serialize;

use super::tampering::{RowName, Tampering};
use super::{Hash, SealedRow, genesis};

/// Reads a log once, from its beginning. Rows are held only until their checkpoint comes.
pub struct Judge {
    keys: Vec<VerifyingKey>,
    kept: Vec<Kept>,
    /// The end of what has been judged.
    end: End,
    /// Where the log begins; 0 unless old rows were removed.
    began_after: i64,
    pending: Vec<SealedRow>,
    rows: u64,
    erased: u64,
    checkpoints: u64,
}

/// What a sound log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Soundness {
    /// Rows that hold.
    pub rows: u64,
    /// Those of them whose address and device were erased, because the person was.
    pub erased: u64,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Up to which place rows were removed because they were old; 0 if none were.
    pub removed_through: i64,
    /// The last place that is sealed; 0 if none is.
    pub last: i64,
    /// When the newest checkpoint was signed, in seconds since the epoch.
    pub signed_at: Option<i64>,
}

/// A checkpoint that somebody kept elsewhere.
struct Kept {
    token: String,
    last: i64,
    found: bool,
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
    /// The key that is missing to believe it.
    unknown_key: Option<String>,
}

impl Judge {
    /// Judges with these public keys. The newest checkpoint must be signed by one of them; older ones are held by the
    /// newer ones, also if their keys are gone.
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        Self {
            keys,
            kept: Vec::new(),
            end: End {
                last: 0,
                hash: genesis(),
                checkpoint: None,
            },
            began_after: 0,
            pending: Vec::new(),
            rows: 0,
            erased: 0,
            checkpoints: 0,
        }
    }

    /// Also asks whether the log still has what this checkpoint sealed.
    ///
    /// # Errors
    /// [`Tampering::NoCheckpoint`].
    pub fn against(mut self, token: &str) -> Result<Self, Tampering> {
        let token = token.trim().to_owned();
        let claims = claims_of(&token).ok_or(Tampering::NoCheckpoint)?;
        self.unknown_key(claims.last, &token)
            .map_err(|_| Tampering::NoCheckpoint)?;
        self.kept.push(Kept {
            token,
            last: claims.last,
            found: false,
        });
        Ok(self)
    }

    /// Begins behind this checkpoint: what it sealed was removed because it was old.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn begin_after(&mut self, token: &str) -> Result<(), Tampering> {
        let claims = claims_of(token).ok_or(Tampering::Forged(0, "it cannot be read"))?;
        self.began_after = claims.last;
        self.accept(token, &claims)
    }

    /// The next row.
    pub fn row(&mut self, row: SealedRow) {
        self.pending.push(row);
    }

    /// How many rows wait for their checkpoint.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The next checkpoint, which stands in the log behind the row `seq`.
    ///
    /// # Errors
    /// What is wrong with it, or with the rows that it seals.
    pub fn checkpoint(&mut self, seq: i64, token: &str) -> Result<(), Tampering> {
        let forged = |why| Tampering::Forged(seq, why);
        let claims = claims_of(token).ok_or(forged("it cannot be read"))?;
        let previous = self.end.checkpoint.as_ref().map(|newest| newest.hash);
        if claims.last != seq || claims.first != self.end.last + 1 {
            return Err(forged("it does not follow the one before it"));
        }
        if claims.previous.as_deref().map(Hash::parse) != previous.map(Some) {
            return Err(forged("it names another one before it"));
        }
        let unknown_key = self.unknown_key(seq, token)?;
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

    /// All was read.
    ///
    /// # Errors
    /// What is wrong with the end of the log.
    pub fn finish(self) -> Result<Soundness, Tampering> {
        if let Some(row) = self.pending.first() {
            return Err(Tampering::Inserted(RowName::of(row)));
        }
        if let Some(kept) = self
            .kept
            .iter()
            .find(|kept| !kept.found && kept.last > self.began_after)
        {
            return Err(match kept.last > self.end.last {
                true => Tampering::Tail(self.end.last, kept.last),
                false => Tampering::OtherHistory(kept.last),
            });
        }
        if let Some(newest) = &self.end.checkpoint {
            if let Some(kid) = &newest.unknown_key {
                return Err(Tampering::UnknownKey(kid.clone()));
            }
            if newest.removed_through < self.began_after {
                return Err(Tampering::Removed(newest.removed_through + 1));
            }
        }
        Ok(Soundness {
            rows: self.rows,
            erased: self.erased,
            checkpoints: self.checkpoints,
            removed_through: self.began_after,
            last: self.end.last,
            signed_at: self.end.checkpoint.map(|newest| newest.signed_at),
        })
    }

    /// The hash at a place, if the right row of those stands there.
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
            None => self.erased += 1,
        }
        self.rows += 1;
        Ok(row.hash)
    }

    fn accept(&mut self, token: &str, claims: &AuditCheckpointClaims) -> Result<(), Tampering> {
        let forged = |why| Tampering::Forged(claims.last, why);
        let unknown_key = self.unknown_key(claims.last, token)?;
        self.end = End {
            last: claims.last,
            hash: Hash::parse(&claims.head).ok_or(forged("its hash is none"))?,
            checkpoint: Some(Newest {
                hash: Hash::of(token),
                removed_through: claims.removed_through,
                signed_at: claims.iat,
                unknown_key,
            }),
        };
        self.checkpoints += 1;
        for kept in self.kept.iter_mut().filter(|kept| kept.token == token) {
            kept.found = true;
        }
        Ok(())
    }

    /// The name of the key that signed it, if that is none of ours; an error if ours did not sign it.
    fn unknown_key(&self, seq: i64, token: &str) -> Result<Option<String>, Tampering> {
        let kid = kid_of(token).ok_or(Tampering::Forged(seq, "it cannot be read"))?;
        if self.keys.iter().all(|key| key.kid() != kid) {
            return Ok(Some(kid));
        }
        let find = |kid: &str| self.keys.iter().find(|key| key.kid() == kid);
        match verify_audit_checkpoint(token, find) {
            Ok(_) => Ok(None),
            Err(_) => Err(Tampering::Forged(seq, "its signature is not right")),
        }
    }
}

/// The rows that stand before a checkpoint, and how many it sealed.
struct Batch<'r> {
    rows: &'r [SealedRow],
    sealed: usize,
}

impl Batch<'_> {
    /// Why a row does not fit where it stands: the row that does may be another one of the same batch.
    fn diagnose(&self, row: &SealedRow, previous: Hash) -> Tampering {
        let name = RowName::of(row);
        let fits_here = |other: &&SealedRow| {
            let hash = other.hash_at(row.seq, previous);
            other.id != row.id && (hash == other.hash || hash == row.hash)
        };
        match self.rows.iter().find(fits_here) {
            Some(_) if self.rows.len() > self.sealed => Tampering::Inserted(name),
            Some(_) => Tampering::Moved(name),
            // Those behind the gap moved up, and took their hashes along.
            None if self.rows.len() < self.sealed => Tampering::Removed(row.seq),
            None => Tampering::Changed(name),
        }
    }
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
