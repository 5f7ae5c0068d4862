//! The options of a guard with a remote issuer.

use std::time::Duration;

use super::addresses::Addresses;
use super::fetch::Http;
use super::issuer::Issuer;
use super::keys::Keys;
use super::{BuildError, Remote, WhenStale};
use crate::Guard;

/// Builds a [`Guard`] for an issuer that is reached over HTTP. See [`Guard::discover`].
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
    /// Starts building a guard for a service that is not the issuer itself. It discovers the keys by RFC 8414 and follows the
    /// status lists, so that tokens are rejected as soon as their session ends.
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
    /// Adds a name for which this service accepts tokens; one of them must be in a token's `aud`. Call it once per name.
    /// Default: the issuer, which is also Countersign's default.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.audience.push(name.into());
        self
    }

    /// Sets where to reach the issuer from here, such as `http://auth:8000` between containers. URLs on the issuer's origin
    /// are fetched from there. Default: the issuer. Warning: over plain HTTP, anyone on the network path can substitute keys.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the allowed difference between the issuer's clock and this machine's, in whole seconds. Default: 30 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets what to do if a status list cannot be refreshed. Default: [`WhenStale::ServeUntilExpiry`].
    pub fn when_stale(mut self, policy: WhenStale) -> Self {
        self.when_stale = policy;
        self
    }

    /// Sets whether to reject a token without `status`. Default: true. Warning: such a token cannot be revoked.
    pub fn require_status(mut self, required: bool) -> Self {
        self.require_status = required;
        self
    }

    /// Sets the minimum time between two fetches caused by tokens with unknown keys. Default: 30 s.
    pub fn unknown_key_cooldown(mut self, cooldown: Duration) -> Self {
        self.unknown_key_cooldown = cooldown;
        self
    }

    /// Sets how many verified tokens to cache, about 0.9 kB each; 0 disables the cache. Default: 10,000.
    pub fn cache_size(mut self, entries: usize) -> Self {
        self.cache_size = entries;
        self
    }

    /// Sets the function that returns the time in seconds since the epoch, for tests. Default: the system clock.
    pub fn clock(mut self, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Box::new(now);
        self
    }

    /// Builds the guard and waits up to five seconds for the issuer's keys. If they have not been fetched by then, requests
    /// get 503 until they have.
    ///
    /// Must be called on a tokio runtime that outlives the guard.
    ///
    /// # Errors
    /// [`BuildError`] if the options are invalid.
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
        Ok(Guard::with_cache(remote, self.cache_size).logging_audience())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where this crate asks the system's clock"
)]
fn system_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // Before the epoch, no token is valid.
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
