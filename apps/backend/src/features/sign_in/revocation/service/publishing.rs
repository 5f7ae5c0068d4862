//! A list as sent to verifiers: a signed JWT, created once per change and shared by all clients.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use countersign_jose::StatusListClaims;
use countersign_store::StoreError;
use http::HeaderValue;

use super::Revocations;
use super::list::{List, PublishedList};
use crate::core::clock::Timestamp;
use crate::features::operations::keys::IssueError;

/// How many times a list is signed within its lifetime.
const SIGNINGS: u32 = 4;

/// Why a list cannot be returned.
#[derive(Debug, thiserror::Error)]
pub(in crate::features::sign_in::revocation) enum PublishError {
    /// There is no list of this number.
    #[error("unknown status list")]
    Unknown,
    /// It could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// It has more entries than allowed.
    #[error("the status list has too many entries")]
    TooLarge,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Revocations {
    /// Returns the current list of this number.
    pub(in crate::features::sign_in::revocation) async fn published(
        &self,
        number: i64,
    ) -> Result<Arc<PublishedList>, PublishError> {
        let list = self.find(number).await?.ok_or(PublishError::Unknown)?;
        self.publish(&list).await
    }

    /// Returns the list once it differs from what `has` recognizes; `None` if it has not changed after `wait` or when
    /// `stopping` completes.
    pub(in crate::features::sign_in::revocation) async fn changed(
        &self,
        number: i64,
        has: impl Fn(&HeaderValue) -> bool,
        wait: Duration,
        stopping: impl Future<Output = ()>,
    ) -> Result<Option<Arc<PublishedList>>, PublishError> {
        let list = self.find(number).await?.ok_or(PublishError::Unknown)?;
        let mut changes = list.changes();
        let ended = tokio::time::sleep(wait);
        tokio::pin!(ended, stopping);
        loop {
            let published = self.publish(&list).await?;
            if !has(&published.etag) {
                return Ok(Some(published));
            }
            tokio::select! {
                () = &mut ended => return Ok(None),
                () = &mut stopping => return Ok(None),
                _ = changes.changed() => {}
                () = tokio::time::sleep(self.until_next_signing()) => {}
            }
        }
    }

    async fn publish(&self, list: &List) -> Result<Arc<PublishedList>, PublishError> {
        let published = self.current(list).await?;
        let age = self.0.clock.now().millis() - published.signed_at.millis();
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        self.0.options.metrics.handed_out(age);
        Ok(published)
    }

    async fn current(&self, list: &List) -> Result<Arc<PublishedList>, PublishError> {
        let is_current = |published: &Arc<PublishedList>| published.etag == self.etag(list);
        if let Some(published) = list.last_published().filter(is_current) {
            return Ok(published);
        }
        let _publishing = list.publishing.lock().await;
        if let Some(published) = list.last_published().filter(is_current) {
            return Ok(published);
        }
        // The version is read before the bits: bits set meanwhile may be included, but none that the version promises is
        // missing.
        let etag = self.etag(list);
        let version = list.version();
        let published = Arc::new(PublishedList {
            body: self.sign(list, version).await?.into(),
            etag,
            signed_at: self.0.clock.now(),
        });
        *list.published.write().unwrap_or_else(PoisonError::into_inner) = Some(published.clone());
        Ok(published)
    }

    async fn sign(&self, list: &List, version: i64) -> Result<String, PublishError> {
        let options = &self.0.options;
        let now = self.0.clock.now();
        let lifetime = i64::try_from(options.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = StatusListClaims {
            iss: options.issuer.clone(),
            sub: self.uri(list.number),
            iat: now.seconds(),
            exp: now.seconds() + lifetime,
            ttl: options.ttl.as_secs(),
            version: u64::try_from(version).unwrap_or(0),
            status_list: list.bits().ok_or(PublishError::TooLarge)?,
        };
        Ok(self.0.keys.issue_list(&claims, now).await?)
    }

    /// Returns the number of the current signing period, which is the same on every server.
    fn signing(&self) -> i64 {
        self.0.clock.now().millis() / self.signing_span()
    }

    fn signing_span(&self) -> i64 {
        let span = self.0.options.lifetime / SIGNINGS;
        i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    fn until_next_signing(&self) -> Duration {
        let next = Timestamp((self.signing() + 1).saturating_mul(self.signing_span()));
        let millis = next.millis() - self.0.clock.now().millis();
        Duration::from_millis(u64::try_from(millis).unwrap_or(0)) + Duration::from_millis(1)
    }

    fn etag(&self, list: &List) -> HeaderValue {
        let key: String = self.0.keys.signing_kid().chars().take(8).collect();
        let etag = format!("\"{}-{}-{key}\"", list.version(), self.signing());
        HeaderValue::try_from(etag).expect("numbers and base64url in quotes are a header's value")
    }
}
