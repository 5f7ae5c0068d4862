//! The options of the server's components, derived from the settings.

use crate::core::applications::Applications;
use crate::core::language::Texts;
use crate::core::layers::{EarlyPages, LayerOptions, Middleware};
use crate::core::password::HashingOptions;
use crate::core::random::SecureRandom;
use crate::core::redis::Redis;
use crate::core::refusals::Refusals;
use crate::core::server::{ConnectionLimits, ConnectionMetrics, ServerOptions};
use crate::features::identity::accounts;
use crate::features::operations::audit::AccountLookup;
use crate::features::sign_in::revocation::{Feed, RevocationMetrics, RevocationOptions, WaiterLimits};
use crate::installation::StartError;
use crate::settings::Settings;
use countersign_store::{DatabaseKind, Db, Role};
use prometheus_client::registry::Registry;

/// Returns the account lookup for the audit log, which is built before the accounts.
pub(super) fn account_lookup() -> AccountLookup {
    AccountLookup {
        has: |db, account| Box::pin(async move { Ok(accounts::find(db, account).await?.is_some()) }),
        ids: |db, after, limit| {
            Box::pin(async move {
                let accounts = accounts::list(db, after, limit).await?;
                Ok(accounts.into_iter().map(|account| account.id).collect())
            })
        },
    }
}

pub(super) async fn open_redis(settings: &Settings, registry: &mut Registry) -> Result<Option<Redis>, StartError> {
    let Some(url) = &settings.redis_url else {
        return Ok(None);
    };
    if url.leaves_unencrypted() {
        tracing::warn!(
            "the connection to Redis leaves this machine unencrypted; use rediss:// unless the network \
                        is private"
        );
    }
    Ok(Some(
        Redis::open(url.expose(), settings.issuer.as_str(), registry).await?,
    ))
}

/// Returns how this node is notified of revocations by other nodes. Without notifications, it polls more often.
pub(super) fn revocation_feed(settings: &Settings, db: &Db, redis: Option<&Redis>) -> Feed {
    match (redis, db.kind()) {
        (Some(redis), _) => Feed::Redis(redis.clone()),
        (None, DatabaseKind::Postgres) => Feed::Postgres {
            url: settings.database.listen_url.clone(),
        },
        (None, DatabaseKind::Sqlite) => Feed::None,
    }
}

pub(super) fn hashing_options(settings: &Settings) -> HashingOptions {
    HashingOptions {
        workers: settings.hashing.workers,
        queue: settings.hashing.queue,
        memory_kib: settings.passwords.memory_kib,
        iterations: settings.passwords.iterations,
        parallelism: settings.passwords.parallelism,
    }
}

pub(super) fn layer_options(
    settings: &Settings,
    applications: &Applications,
    refusals: Refusals,
    texts: &Texts,
) -> LayerOptions {
    LayerOptions {
        issuer: settings.issuer.as_str().to_owned(),
        trusted_proxies: settings.trusted_proxies.clone(),
        applications: applications.clone(),
        body_timeout: settings.http.body_timeout,
        // A sign-out with a bearer token needs no body.
        optional_bodies: &["/api/auth/logout"],
        request_timeout: settings.http.request_timeout,
        random: SecureRandom,
        traced: settings.telemetry.otlp_endpoint.is_some(),
        refusals,
        early_pages: Some(EarlyPages {
            texts: texts.clone(),
            service: settings.pages.name.clone(),
        }),
    }
}

pub(super) fn server_options(settings: &Settings, middleware: Middleware, metrics: ConnectionMetrics) -> ServerOptions {
    let http = &settings.http;
    ServerOptions {
        limits: ConnectionLimits {
            header_timeout: http.header_timeout,
            body_timeout: http.body_timeout,
            idle_timeout: http.idle_timeout,
            drain_timeout: http.drain_timeout,
            lame_duck: http.lame_duck,
            max_connections: http.max_connections,
            max_connections_per_address: http.max_connections_per_address,
        },
        trusted_proxies: settings.trusted_proxies.clone(),
        middleware,
        metrics,
    }
}

/// Returns the options of the status lists. A command opens few sessions; a server reserves indexes for many. `room` is
/// the maximum number of connections.
pub(super) fn revocation_options(
    settings: &Settings,
    role: Role,
    room: usize,
    feed: Feed,
    metrics: RevocationMetrics,
) -> RevocationOptions {
    RevocationOptions {
        issuer: settings.issuer.as_str().to_owned(),
        entries: settings.status_lists.entries,
        ttl: settings.status_lists.ttl,
        lifetime: settings.status_lists.lifetime,
        session_ttl: settings.tokens.refresh_absolute_ttl,
        block: if role == Role::Server { 256 } else { 1 },
        // Reserve half of all connections for other clients, and half of a client's own for its other requests.
        waiters: WaiterLimits {
            total: (room / 2).max(1),
            per_address: (settings.http.max_connections_per_address.min(room) / 2).max(1),
        },
        feed,
        metrics,
    }
}
