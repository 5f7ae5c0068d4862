//! The options of a guard whose issuer is somewhere else.

use std::time::Duration;

use super::addresses::Addresses;
use super::fetch::Http;
use super::issuer::Issuer;
use super::keys::Keys;
use super::{BuildError, Remote, WhenStale};
use crate::Guard;

/// Sets up a [`Guard`] for an issuer that is reached over HTTP. See [`Guard::discover`].
#[must_use = "nothing is set up before `build`"]
pub struct GuardBuilder {
    issuer: String,
    audience: Vec<String>,
    base_url: Option<String>,
    leeway: Duration,
    when_stale: WhenStale,
    require_status: bool,
    unknown_key_cooldown: Duration,
    cache_size: usize,
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Guard {
    /// Sets up a guard for a service that is not the issuer itself: its keys are found by RFC 8414, and its status lists
    /// are followed, so that a session that ends is refused here at once.
    ///
    /// ```no_run
    /// # async fn build() -> Result<(), countersign_guard::BuildError> {
    /// use countersign_guard::Guard;
    ///
    /// let guard = Guard::discover("https://auth.example.com")
    ///     .audience("https://api.example.com")
    ///     .build()
    ///     .await?;
    /// # drop(guard); Ok(())
    /// # }
    /// ```
    pub fn discover(issuer: impl Into<String>) -> GuardBuilder {
        GuardBuilder {
            issuer: issuer.into(),
            audience: Vec::new(),
            base_url: None,
            leeway: Duration::from_secs(30),
            when_stale: WhenStale::default(),
            require_status: true,
            unknown_key_cooldown: Duration::from_secs(30),
            cache_size: 10_000,
            clock: Box::new(system_seconds),
        }
    }
}

impl GuardBuilder {
    /// A name under which this service accepts tokens; one of them must be in a token's `aud`. May be called for each of
    /// several. Default: the issuer, which is what Countersign writes unless it is told otherwise.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.audience.push(name.into());
        self
    }

    /// Where the issuer is reached from here, such as `http://auth:8000` between containers. What lies on the issuer's
    /// origin is asked for there instead. Default: the issuer. Danger: over plain HTTP whoever is in between can hand out
    /// keys of his own.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// By how much the clocks of the issuer and of this machine may differ, in whole seconds. Default: 30 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// What happens when a status list cannot be refreshed. Default: [`WhenStale::ServeUntilExpiry`].
    pub fn when_stale(mut self, policy: WhenStale) -> Self {
        self.when_stale = policy;
        self
    }

    /// Whether a token without `status` is refused. Default: true. Danger: such a token cannot be taken back.
    pub fn require_status(mut self, required: bool) -> Self {
        self.require_status = required;
        self
    }

    /// In which time keys are fetched at most once because a token names one that is not known. Default: 30 s.
    pub fn unknown_key_cooldown(mut self, cooldown: Duration) -> Self {
        self.unknown_key_cooldown = cooldown;
        self
    }

    /// How many verified tokens are remembered, each in about 1.1 kB; 0 for none. Default: 10,000.
    pub fn cache_size(mut self, entries: usize) -> Self {
        self.cache_size = entries;
        self
    }

    /// The time in seconds since the epoch, for tests. Default: the system's.
    pub fn clock(mut self, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Box::new(now);
        self
    }

    /// Builds the guard and begins to fetch the issuer's keys, for which it waits up to five seconds. If they are not
    /// there by then, it builds all the same: requests are answered 503 until they are.
    ///
    /// Must be called on a tokio runtime that lives as long as the guard.
    ///
    /// # Errors
    /// [`BuildError`] for options that cannot be right.
    pub async fn build(self) -> Result<Guard, BuildError> {
        let addresses = Addresses::new(self.issuer, self.base_url.as_deref())?;
        let audience = match self.audience {
            none if none.is_empty() => vec![addresses.issuer().to_owned()],
            audience => audience,
        };
        let issuer = Issuer {
            http: Http::new(&addresses)?,
            addresses,
            leeway: u32::try_from(self.leeway.as_secs()).unwrap_or(u32::MAX),
            when_stale: self.when_stale,
            clock: self.clock,
            keys: Keys::new(self.unknown_key_cooldown),
        };
        let remote = Remote::start(issuer, audience, self.require_status).await;
        Ok(Guard::with_cache(remote, self.cache_size))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where this crate asks the system's clock"
)]
fn system_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // Before the epoch no token is valid yet.
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
