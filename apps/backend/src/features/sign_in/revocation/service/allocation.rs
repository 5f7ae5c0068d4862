//! Allocates bits. A server reserves indexes in blocks with a separate statement, so that sign-ins do not contend for a
//! counter.

use std::time::Duration;

use countersign_store::StoreError;

use super::permutation::Permutation;
use super::{Bit, Reach, Revocations};
use crate::core::clock::Timestamp;
use crate::features::sign_in::revocation::store::{self, Reservation};

/// A reserved block is used within this time or dropped, because a list must know how long it is needed.
const BLOCK_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an access token of a client can live: the longest that its setting allows.
const ACCESS_TOKEN_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The indexes reserved by this process.
pub(super) struct Block {
    list: i64,
    permutation: Permutation,
    positions: std::ops::Range<u64>,
    good_until: Timestamp,
}

impl Revocations {
    /// Returns a bit that no session has had. Do not call it in a transaction, because it sometimes writes to the database.
    pub async fn allocate(&self) -> Result<Bit, StoreError> {
        self.allocate_for(Reach::Session).await
    }

    /// Like [`allocate`](Self::allocate), for tokens that live this long.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn allocate_for(&self, reach: Reach) -> Result<Bit, StoreError> {
        let now = self.0.clock.now();
        let mut block = self.0.blocks[reach as usize].lock().await;
        loop {
            let first_list = self.first_list();
            let current = block.as_mut().filter(|block| block.list >= first_list);
            if let Some(bit) = current.and_then(|block| block.next(now)) {
                return Ok(bit);
            }
            *block = Some(self.reserve(reach, now).await?);
        }
    }

    /// Keeps the list of a bit until `until`, for a token that lives as long. Returns `false` if the list is gone, or of an
    /// earlier generation: then the token needs another bit.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn keep(&self, bit: Bit, until: Timestamp) -> Result<bool, StoreError> {
        if bit.list < self.first_list() {
            return Ok(false);
        }
        match store::needed_until(&self.0.db, bit.list).await? {
            Some(needed_until) if needed_until >= until => Ok(true),
            // Further than asked, so that the row is seldom written.
            Some(_) => store::prolong(&self.0.db, bit.list, until + BLOCK_LIFETIME).await,
            None => Ok(false),
        }
    }

    async fn reserve(&self, reach: Reach, now: Timestamp) -> Result<Block, StoreError> {
        let options = &self.0.options;
        let good_until = now + BLOCK_LIFETIME;
        let needed_until = match reach {
            Reach::Session => good_until + options.session_ttl,
            Reach::AccessToken => good_until + ACCESS_TOKEN_TTL,
        };
        loop {
            let reserved = store::reserve(&self.0.db, reach.name(), options.block, needed_until).await?;
            if let Some(reserved) = reserved {
                self.follow_list(reserved.number).await?;
                return Ok(Block::of(reserved, options.block, good_until));
            }
            let key = self.0.random.bytes::<32>();
            store::insert_list(&self.0.db, reach.name(), i64::from(options.entries), &key).await?;
        }
    }
}

impl Block {
    fn of(reserved: Reservation, count: i64, good_until: Timestamp) -> Self {
        let position = |number: i64| u64::try_from(number).unwrap_or(0);
        Self {
            list: reserved.number,
            positions: position(reserved.reserved - count)..position(reserved.reserved),
            permutation: Permutation::new(reserved.permutation_key, position(reserved.entries)),
            good_until,
        }
    }

    fn next(&mut self, now: Timestamp) -> Option<Bit> {
        if now >= self.good_until {
            return None;
        }
        let place = self.permutation.place(self.positions.next()?);
        Some(Bit {
            list: self.list,
            idx: i64::try_from(place).ok()?,
        })
    }
}
