//! Checks what clients and verifiers receive at the public URL: metadata, keys and status lists.

use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_jose::{JwkSet, Present, StatusListClaims, StatusListExpectation, VerifyingKey, verify};
use countersign_store::Db;
use http::header::{DATE, ETAG, IF_NONE_MATCH};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use super::clocks::compare_clocks;
use super::finding::Finding;
use crate::core::clock::Clock;
use crate::core::outbound::{Outbound, OutboundError};
use crate::features::sign_in::revocation;
use crate::settings::Settings;

const ISSUER: &str = "issuer";
const LISTS: &str = "status list";
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for a change of a status list, in seconds.
const WAIT: u64 = 2;

/// Checks that a server of this installation answers at the public URL.
pub(super) async fn check(
    settings: &Settings,
    db: Option<&Db>,
    kid: Option<&str>,
    clock: &Clock,
    findings: &mut Vec<Finding>,
) -> bool {
    let issuer = settings.issuer.as_str();
    if !settings.issuer.is_https() && !settings.issuer.is_loopback() {
        findings.push(Finding::fail(
            ISSUER,
            format!("{issuer} does not use https: tokens cross the network unencrypted"),
            "use a reverse proxy for TLS, and set `issuer` to its https URL",
        ));
    }
    let metadata = match get(&format!("{issuer}/.well-known/oauth-authorization-server"), &[]).await {
        Ok(metadata) => metadata,
        Err(error) => {
            let remedy = "check that the server is running, that the name resolves to it, and that the proxy's \
                          certificate is valid";
            findings.push(Finding::fail(ISSUER, format!("{issuer}: {error}"), remedy));
            return false;
        }
    };
    let stated: Value = serde_json::from_slice(metadata.body()).unwrap_or_default();
    if metadata.status() != StatusCode::OK || stated["issuer"] != issuer {
        let found = match stated["issuer"].as_str() {
            Some(other) => format!("{issuer} leads to a server whose issuer is {other}"),
            None => format!(
                "{issuer} does not lead to a Countersign server (status {})",
                metadata.status()
            ),
        };
        let remedy = "set the same `issuer` on every node, and have the proxy forward all paths unchanged";
        findings.push(Finding::fail(ISSUER, found, remedy));
        return false;
    }
    if let Some(date) = metadata.headers().get(DATE).and_then(|date| date.to_str().ok())
        && let Ok(date) = httpdate::parse_http_date(date)
        && let Ok(since) = date.duration_since(std::time::UNIX_EPOCH)
    {
        // The server reports truncated seconds.
        let theirs = i64::try_from(since.as_millis()).unwrap_or(0) + 500;
        findings.push(compare_clocks(
            "the clock of the server at the issuer's URL",
            theirs,
            clock.now().millis(),
        ));
    }
    findings.extend(readiness(issuer).await);
    let keys = published_keys(issuer).await;
    let is_ours = kid.is_none_or(|kid| keys.iter().any(|key| key.kid() == kid));
    findings.push(if is_ours {
        Finding::ok(ISSUER, format!("{issuer} leads to this installation"))
    } else {
        Finding::fail(
            ISSUER,
            format!("the signing keys of the server at {issuer} are not those in this keys folder"),
            "check that `issuer` is the URL of this installation, and use the same keys folder on all of its nodes",
        )
    });
    if let Some(db) = db {
        findings.extend(list(issuer, db, &keys, clock).await);
    }
    is_ours
}

/// Queries the operator's listener; `None` if there is none or it does not answer with 200.
pub(super) async fn ask_operator(settings: &Settings, path: &str) -> Option<String> {
    let address = crate::commands::health::reachable(settings.metrics_listen?);
    let answer = get(&format!("http://{address}/{path}"), &[]).await.ok()?;
    (answer.status() == StatusCode::OK).then(|| String::from_utf8_lossy(answer.body()).into_owned())
}

pub(super) async fn get(url: &str, headers: &[(&str, &str)]) -> Result<Response<Bytes>, OutboundError> {
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::default())
        .map_err(|error| OutboundError::Unusable(error.to_string()))?;
    Outbound::new()?
        .ask(request, PATIENCE + Duration::from_secs(WAIT))
        .await
}

/// Queries the readiness of the server. A proxy may not forward the path.
async fn readiness(issuer: &str) -> Option<Finding> {
    let answer = get(&format!("{issuer}/readyz"), &[]).await.ok()?;
    if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let stated: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let reason = stated["detail"].as_str().unwrap_or("no reason given");
    Some(Finding::fail(
        ISSUER,
        format!("the server at {issuer} is not ready: {reason}"),
        "check the server's log; requests that it cannot handle get 503",
    ))
}

async fn published_keys(issuer: &str) -> Vec<VerifyingKey> {
    let Ok(answer) = get(&format!("{issuer}/.well-known/jwks.json"), &[]).await else {
        return Vec::new();
    };
    let set = serde_json::from_slice::<JwkSet>(answer.body());
    set.map_or_else(
        |_| Vec::new(),
        |set| {
            set.keys
                .iter()
                .filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok())
                .collect()
        },
    )
}

/// Fetches the newest status list as a verifier does, and checks that a verifier can wait for a change.
async fn list(issuer: &str, db: &Db, keys: &[VerifyingKey], clock: &Clock) -> Option<Finding> {
    let number = revocation::newest_list(db).await.ok()??;
    let uri = format!("{issuer}/oauth2/status-lists/{number}");
    let remedy = "have the proxy forward /oauth2/status-lists/ unchanged; without it, verifiers reject all tokens";
    let answer = match get(&uri, &[]).await {
        Ok(answer) if answer.status() == StatusCode::OK => answer,
        Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
            let found = format!("the server responded to {uri} with 503");
            return Some(Finding::fail(
                LISTS,
                found,
                "check the server's log; verifiers retry until it responds",
            ));
        }
        Ok(answer) => {
            return Some(Finding::fail(
                LISTS,
                format!("{uri} responds with {}", answer.status()),
                remedy,
            ));
        }
        Err(error) => return Some(Finding::fail(LISTS, format!("{uri}: {error}"), remedy)),
    };
    let expect = StatusListExpectation {
        issuer,
        uri: &uri,
        present: Present {
            now: clock.now().seconds(),
            leeway: 30,
        },
    };
    let text = String::from_utf8_lossy(answer.body());
    let find = |kid: &str| keys.iter().find(|key| key.kid() == kid).cloned();
    if let Err(error) = verify::<StatusListClaims>(&text, find, &expect) {
        return Some(Finding::fail(LISTS, format!("{uri} does not verify: {error}"), remedy));
    }
    let etag = answer.headers().get(ETAG)?.to_str().ok()?.to_owned();
    let (began, wait) = (Instant::now(), format!("wait={WAIT}"));
    let waited = get(&uri, &[(IF_NONE_MATCH.as_str(), &etag), ("prefer", &wait)]).await;
    let is_held = waited.is_ok_and(|answer| {
        // The list changed in the meantime, so waiting works.
        answer.status() == StatusCode::OK
            || answer.status() == StatusCode::NOT_MODIFIED && began.elapsed() >= Duration::from_millis(WAIT * 900)
    });
    Some(if is_held {
        Finding::ok(LISTS, "verifiers can fetch it and wait for changes")
    } else {
        Finding::warn(
            LISTS,
            "verifiers can fetch it, but cannot wait for changes, so they only learn of revocations when they poll",
            "configure the proxy to forward `Prefer` and `If-None-Match`, to wait at least 90 s for a response, and not to cache it",
        )
    })
}
