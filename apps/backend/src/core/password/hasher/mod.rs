//! Hashes and verifies passwords in the pool. Every verification computes the same set of hashes, whether or not the
//! account exists and however old its hash is.

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

/// The size of the pool and the cost of a new hash.
#[derive(Clone, Copy, Debug)]
pub struct HashingOptions {
    /// The number of hashing threads. More than there are cores brings no benefit.
    pub workers: usize,
    /// The number of jobs that may wait in each lane, for all workers together.
    pub queue: usize,
    /// The memory of Argon2id for one hash, in KiB. The pool uses at most `workers` times as much.
    pub memory_kib: u32,
    /// The number of passes of Argon2id.
    pub iterations: u32,
    /// The number of lanes of Argon2id, which are computed one after another.
    pub parallelism: u32,
}

/// Hashes and verifies passwords. Clones share one pool, which stops when the last is dropped.
#[derive(Clone)]
pub struct Hasher {
    pool: Arc<Pool>,
    ours: Argon2id,
    schemes: Schemes,
    meter: HashingMetrics,
    random: SecureRandom,
}

/// The client that a password is hashed for.
#[derive(Clone, Default)]
pub struct Asker {
    pub lane: Lane,
    /// Set when hashing begins.
    pub began: Option<Began>,
}

impl From<Lane> for Asker {
    fn from(lane: Lane) -> Self {
        Self { lane, began: None }
    }
}

/// The result of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// The password is correct, but its hash should be replaced: other parameters, another scheme, or not of the NFC
    /// form.
    RightButOutdated,
    /// The password is wrong, there is no account, or its hash is unusable (which is logged).
    Wrong,
}

impl Hasher {
    /// Starts the threads and registers the metrics `countersign_hashing_…`.
    ///
    /// # Errors
    /// The Argon2id parameters are invalid, or a thread cannot be created.
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

    /// Returns the PHC string of a new password with its own salt.
    ///
    /// # Errors
    /// See [`HashError`]; returns `Overloaded` at once if the queue is full.
    pub async fn hash(&self, password: NewPassword) -> Result<String, HashError> {
        self.hash_for(password, Asker::default()).await
    }

    /// Like [`hash`](Self::hash), for this client.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn hash_for(&self, password: NewPassword, asker: Asker) -> Result<String, HashError> {
        let (ours, salt) = (self.ours.clone(), self.random.bytes::<SALT>());
        self.run(asker, move |memory| ours.hash(&password, salt, memory)).await
    }

    /// Hashes a password again that was just verified. It is not checked against the policy again.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn rehash(&self, password: Password) -> Result<String, HashError> {
        self.rehash_for(password, Asker::default()).await
    }

    /// Like [`rehash`](Self::rehash), for this client.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn rehash_for(&self, password: Password, asker: Asker) -> Result<String, HashError> {
        self.hash_for(NewPassword::accepted(password.normalised()), asker).await
    }

    /// Verifies a password against a stored hash; without one (if there is no account), the cost is the same.
    ///
    /// The password is tried in NFC, the form of our own hashes. If it was not sent in NFC, it is also tried as
    /// received, for imported hashes. This applies with any hash and without one, so the time reveals nothing.
    ///
    /// # Errors
    /// See [`HashError`]; returns `Overloaded` at once if the queue is full.
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verdict, HashError> {
        self.verify_for(password, stored, Asker::default()).await
    }

    /// Like [`verify`](Self::verify), for this client.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn verify_for(
        &self,
        password: Password,
        stored: Option<&str>,
        asker: Asker,
    ) -> Result<Verdict, HashError> {
        // Such a password is never accepted, so nothing is hashed (ASVS 6.2.9).
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

    /// Returns the prefix of all hashes with the current parameters.
    pub fn current_prefix(&self) -> String {
        let dummy = self.ours.dummy().unwrap_or_default();
        let end = dummy.match_indices('$').nth(3).map_or(0, |(at, _)| at + 1);
        dummy[..end].to_owned()
    }

    /// Sets the kinds of stored hashes that are not current; `stored` contains all such hashes or one of each kind.
    /// From now on, every verification costs as much as for any of them. A kind added later is learned at its first
    /// verification.
    pub fn learn(&self, stored: &[String]) {
        let readable: Vec<_> = stored.iter().filter_map(|hash| StoredHash::parse(hash).ok()).collect();
        self.schemes.replace(&readable);
    }

    /// Returns whether two stored hashes are of the same kind, and therefore cost the same.
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

    /// Stops accepting jobs, and returns when the waiting ones are done.
    pub async fn shut_down(&self) {
        self.pool.drain().await;
    }
}

impl Verdict {
    /// Returns whether the password is correct.
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

/// Computes one hash of each stored kind: the stored hash, and dummies for the other kinds, or for all if there is no
/// usable hash. `None` if memory is exhausted, which says nothing about the password.
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

/// Tries the password in NFC and, if it was sent in another form, as received.
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
    // The caller's span identifies the request and so the account; the hash itself is not logged.
    StoredHash::parse(stored)
        .inspect_err(|fault| {
            tracing::error!(%fault, "a stored password hash is invalid; its account cannot sign in \
             with a password");
        })
        .ok()
}

#[cfg(test)]
mod tests;
