//! Hashing and verifying passwords, in the pool. Every question costs the same hashes, whether there is an account or not,
//! and however old its hash is.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::argon2id::{Argon2id, SALT};
use super::error::{HashError, HasherStartError};
use super::memory::Memory;
use super::metrics::HashingMetrics;
use super::pool::{Pool, PoolSize};
use super::queue::Lane;
use super::schemes::Schemes;
use super::secret::{MOST_CODE_POINTS, NewPassword, Password};
use super::stored::StoredHash;
use crate::core::limits::Began;
use crate::core::random::SecureRandom;

/// Size of the pool and cost of a new hash.
#[derive(Clone, Copy, Debug)]
pub struct HashingOptions {
    /// Threads that hash; more than there are cores only cost.
    pub workers: usize,
    /// Jobs that may wait in each lane, for all workers together.
    pub queue: usize,
    /// Argon2id's memory for one hash, in KiB. The whole pool takes `workers` times as much, and no more.
    pub memory_kib: u32,
    /// Argon2id's passes.
    pub iterations: u32,
    /// Argon2id's lanes, which are computed one after the other.
    pub parallelism: u32,
}

/// Hashes and verifies passwords. Clones share one pool, which ends with the last of them.
#[derive(Clone)]
pub struct Hasher {
    pool: Arc<Pool>,
    ours: Argon2id,
    schemes: Schemes,
    meter: HashingMetrics,
    random: SecureRandom,
}

/// For whom something is hashed.
#[derive(Clone, Default)]
pub struct Asker {
    pub lane: Lane,
    /// Told when the hash is begun.
    pub began: Option<Began>,
}

impl From<Lane> for Asker {
    fn from(lane: Lane) -> Self {
        Self { lane, began: None }
    }
}

/// What a stored hash says about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// It is the password, and its hash should be made anew: other parameters, another scheme, or not of the NFC form.
    RightButOutdated,
    /// It is not, or there is no account, or its hash is unusable (which the log says).
    Wrong,
}

impl Hasher {
    /// Starts the threads and registers the metrics `countersign_hashing_…`.
    ///
    /// # Errors
    /// Parameters that Argon2id does not know, or no thread to be had.
    pub fn start(
        options: HashingOptions,
        random: SecureRandom,
        registry: &mut Registry,
    ) -> Result<Self, HasherStartError> {
        let ours = Argon2id::new(options.memory_kib, options.iterations, options.parallelism)
            .map_err(HasherStartError::Parameters)?;
        let dummy = ours
            .dummy()
            .ok_or(HasherStartError::Parameters(argon2::Error::AlgorithmInvalid))?;
        let dummy =
            StoredHash::parse(&dummy).map_err(|_| HasherStartError::Parameters(argon2::Error::AlgorithmInvalid))?;
        let size = PoolSize::new(options.workers, options.queue, ours.block_count());
        let meter = HashingMetrics::registered(registry);
        let pool = Arc::new(Pool::start(size, meter.clone())?);
        Ok(Self {
            pool,
            ours,
            schemes: Schemes::new(&dummy),
            meter,
            random,
        })
    }

    /// The PHC string of a new password, with a salt of its own.
    ///
    /// # Errors
    /// See [`HashError`]; `Overloaded` comes at once when the queue is full.
    pub async fn hash(&self, password: NewPassword) -> Result<String, HashError> {
        self.hash_for(password, Asker::default()).await
    }

    /// The same, for somebody.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn hash_for(&self, password: NewPassword, asker: Asker) -> Result<String, HashError> {
        let (ours, salt) = (self.ours.clone(), self.random.bytes::<SALT>());
        self.run(asker, move |memory| ours.hash(&password, salt, memory)).await
    }

    /// Hashes a password once more that was just verified: it was accepted when it was new, and is not judged again.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn rehash(&self, password: Password) -> Result<String, HashError> {
        self.rehash_for(password, Asker::default()).await
    }

    /// The same, for somebody.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn rehash_for(&self, password: Password, asker: Asker) -> Result<String, HashError> {
        self.hash_for(NewPassword::accepted(password.normalised()), asker).await
    }

    /// Asks whether this is the password of a stored hash; of no hash where there is no account, which costs as much.
    ///
    /// The password is tried in NFC, as our own hashes were made. If it was not sent in that form, it is also tried as
    /// received, for hashes that were made elsewhere. That happens for every hash and for none, so it tells nothing.
    ///
    /// # Errors
    /// See [`HashError`]; `Overloaded` comes at once when the queue is full.
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verdict, HashError> {
        self.verify_for(password, stored, Asker::default()).await
    }

    /// The same, for somebody.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn verify_for(
        &self,
        password: Password,
        stored: Option<&str>,
        asker: Asker,
    ) -> Result<Verdict, HashError> {
        // No such password was ever accepted, whoever asks: nothing is hashed for it (SECURITY.md §6.5).
        if password.length_up_to(MOST_CODE_POINTS) > MOST_CODE_POINTS {
            return Ok(Verdict::Wrong);
        }
        let question = Question {
            stored: stored.map(str::to_owned),
            ours: self.ours.clone(),
            schemes: self.schemes.clone(),
            meter: self.meter.clone(),
        };
        self.run(asker, move |memory| judge(&password, &question, memory)).await
    }

    /// What stored hashes begin with that are current.
    pub fn current_prefix(&self) -> String {
        let dummy = self.ours.dummy().unwrap_or_default();
        let end = dummy.match_indices('$').nth(3).map_or(0, |(at, _)| at + 1);
        dummy[..end].to_owned()
    }

    /// These are all the hashes that are stored and not current, or one of each kind: from now on every question costs as
    /// much as it does for any of them. A kind that comes later is met, and remembered, when it is first asked about.
    pub fn learn(&self, stored: &[String]) {
        let readable: Vec<_> = stored.iter().filter_map(|hash| StoredHash::parse(hash).ok()).collect();
        self.schemes.replace(&readable);
    }

    /// Whether two stored hashes are of one kind, and so cost the same.
    pub fn are_alike(one: &str, other: &str) -> bool {
        match (StoredHash::parse(one), StoredHash::parse(other)) {
            (Ok(one), Ok(other)) => one.scheme() == other.scheme(),
            (one, other) => one.is_err() && other.is_err(),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        Asker { lane, began }: Asker,
        work: impl FnOnce(&mut Memory) -> Option<T> + Send + 'static,
    ) -> Result<T, HashError> {
        let begin = move |memory: &mut Memory| {
            if let Some(began) = began {
                began.now();
            }
            work(memory)
        };
        self.pool.run(lane, begin).await?.ok_or(HashError::Failed)
    }

    /// Takes no more work and returns when what waits is done.
    pub async fn shut_down(&self) {
        self.pool.drain().await;
    }
}

impl Verdict {
    /// Whether it is the password.
    pub fn is_right(self) -> bool {
        self != Self::Wrong
    }
}

struct Question {
    stored: Option<String>,
    ours: Argon2id,
    schemes: Schemes,
    meter: HashingMetrics,
}

/// Computes a hash of each kind that is stored: the stored one, and dummies for the other kinds, or for all of them where
/// there is none or it is unusable. `None`: there was no memory for it, which says nothing about the password.
fn judge(password: &Password, question: &Question, memory: &mut Memory) -> Option<Verdict> {
    let stored = question.stored.as_deref().and_then(usable);
    let scheme = stored.as_ref().map(StoredHash::scheme);
    let mut verdict = Verdict::Wrong;
    for kind in question.schemes.with(stored.as_ref()) {
        let its_own = stored.as_ref().filter(|_| scheme.as_ref() == Some(&kind.scheme));
        let found = compare(password, its_own.unwrap_or(&kind.dummy), question, memory)?;
        if its_own.is_some() {
            verdict = found;
        }
    }
    Some(verdict)
}

/// Tries the password in its normal form and, where it was not sent so, as it was sent.
fn compare(password: &Password, hash: &StoredHash, question: &Question, memory: &mut Memory) -> Option<Verdict> {
    let mut matches = |text: &str| {
        question.meter.computed(hash.family());
        hash.matches(text, memory)
    };
    let normalised = password.normalised();
    let as_set = matches(&normalised)?;
    let right = as_set || (*normalised != password.as_received() && matches(password.as_received())?);
    Some(match (right, as_set && hash.is_current(&question.ours)) {
        (true, true) => Verdict::Right,
        (true, false) => Verdict::RightButOutdated,
        (false, _) => Verdict::Wrong,
    })
}

fn usable(stored: &str) -> Option<StoredHash> {
    // The caller's span says which request, and so which account; the hash itself stays out of the log.
    StoredHash::parse(stored)
        .inspect_err(|fault| {
            tracing::error!(%fault, "a stored password hash is invalid; its account cannot sign in \
             with a password");
        })
        .ok()
}

#[cfg(test)]
mod tests;
