//! Assembles the server: the platform, then the features from the bottom up, in the order of `features/mod.rs`. No
//! other module knows all of them, and a feature can only use what is passed to it here.

mod options;
mod services;

use std::sync::{Arc, Mutex};

use countersign_guard::Guard;
use countersign_store::{Role, belongs_to_database};
use prometheus_client::registry::Registry;

use self::services::Parts;
pub use self::services::Services;
use crate::core::applications::Applications;
use crate::core::caller::Caller;
use crate::core::clock::Clock;
use crate::core::language::Texts;
use crate::core::layers::{self, Middleware};
use crate::core::limits::RateLimits;
use crate::core::mailer::Mailer;
use crate::core::metrics::{self, ServiceMetrics};
use crate::core::oauth_endpoints::userinfo_audience;
use crate::core::password::Hasher;
use crate::core::platform::{self, Platform};
use crate::core::probes::Probes;
use crate::core::random::SecureRandom;
use crate::core::refusals::Refusals;
use crate::core::server::{ConnectionMetrics, Readiness};
use crate::features::identity::accounts::{Accounts, Profiles};
use crate::features::identity::email_challenges::EmailChallenges;
use crate::features::identity::profiles::UserClaims;
use crate::features::identity::recovery::Recovery;
use crate::features::identity::verification::Verification;
use crate::features::messaging::mail::Delivery;
use crate::features::messaging::outbox::Outbox;
use crate::features::oauth::apis::Apis;
use crate::features::oauth::authorization::Authorization;
use crate::features::oauth::backchannel_logout::BackchannelLogout;
use crate::features::oauth::clients::Clients;
use crate::features::oauth::device_authorization::DeviceAuthorization;
use crate::features::oauth::discovery::ServerMetadata;
use crate::features::oauth::end_session::EndSession;
use crate::features::oauth::token::Tokens;
use crate::features::oauth::userinfo::UserInfo;
use crate::features::operations::audit::Audit;
use crate::features::operations::health::Health;
use crate::features::operations::keys::{Keys, Publication, check_keys};
use crate::features::pages::{self, Assets, Pages};
use crate::features::sign_in::auth::{Auth, Differences, Operator, Turns};
use crate::features::sign_in::browser_sessions::BrowserSessions;
use crate::features::sign_in::forward::Forward;
use crate::features::sign_in::revocation::{RevocationMetrics, Revocations, StatusLists};
use crate::features::sign_in::sessions::{AcceptedClients, ServerAuthority, Sessions};
use crate::installation::{Access, Opening, StartError, key_options, open_database, password_policy};
use crate::settings::Settings;
use options::{
    account_lookup, hashing_options, layer_options, open_redis, revocation_feed, revocation_options, server_options,
};

/// The number of verified tokens that are cached to save signature verifications. About 7 MB when full.
const VERIFIED_TOKENS: usize = 8_192;

impl Services {
    /// Opens the database (as a server or as an administrative command), applies missing migrations and loads the keys,
    /// which are created at the first start.
    ///
    /// # Errors
    /// [`StartError`]; each variant says what to do.
    pub async fn open(settings: Settings, role: Role, clock: Clock) -> Result<Self, StartError> {
        let access = Access {
            role,
            opening: Opening::OrCreate,
            operator: None,
        };
        Self::open_as(settings, access, clock).await
    }

    /// Like [`open`](Self::open), with the role and permissions of `access`.
    ///
    /// # Errors
    /// [`StartError`]; each variant says what to do.
    pub async fn open_as(settings: Settings, access: Access, clock: Clock) -> Result<Self, StartError> {
        if let Some(file) = &settings.audit.checkpoint_file
            && belongs_to_database(settings.database_url.expose(), file)
        {
            return Err(StartError::CheckpointFile(file.clone()));
        }
        // Check everything that needs no database first, so that a failure here creates nothing.
        let mailer = Mailer::new(&settings.mail)?;
        let mut registry = Registry::with_prefix(metrics::PREFIX);
        let redis = open_redis(&settings, &mut registry).await?;
        if access.opening == Opening::OrCreate {
            check_keys(&key_options(&settings)).await?;
        }
        let db = open_database(&settings, &access, &clock).await?;
        let Access {
            role,
            opening,
            operator,
        } = access;

        let (refusals, readiness) = (Refusals::default(), Readiness::default());
        let hasher = Hasher::start(hashing_options(&settings), SecureRandom, &mut registry)?;
        let metrics = ServiceMetrics::register(&mut registry);
        let texts = Texts::default();
        let applications = Applications::of(&settings);
        let middleware = Middleware::new(
            layer_options(&settings, &applications, refusals.clone(), &texts),
            layers::Metrics::register(&mut registry),
        );
        let server = server_options(
            &settings,
            middleware.clone(),
            ConnectionMetrics::register(&mut registry),
        );
        let limits = RateLimits::new(settings.limits.enabled, clock.clone(), redis.clone());
        limits.register(&mut registry);
        let keys = match opening {
            Opening::OrCreate => Keys::open(key_options(&settings), db.clone(), clock.clone()).await?,
            Opening::Existing => Keys::open_existing(key_options(&settings), db.clone(), clock.clone()).await?,
            Opening::Reading => Keys::open_to_read(key_options(&settings), db.clone(), clock.clone()).await?,
        };
        keys.register(&mut registry);
        let platform = Platform::new(platform::Parts {
            passwords: password_policy(&settings),
            random: SecureRandom,
            sealing: keys.sealing(),
            settings,
            applications,
            clock,
            db,
            hasher,
            limits,
            mailer,
            texts,
            metrics,
        });
        let (settings, db, clock) = (&platform.settings, &platform.db, &platform.clock);

        let audit = Audit::new(platform.clone(), keys.clone(), refusals, account_lookup());
        let outbox = Outbox {
            platform: platform.clone(),
        };
        let feed = revocation_feed(settings, db, redis.as_ref());
        let lists = RevocationMetrics::register(&mut registry);
        let lists = revocation_options(settings, role, server.limits.room(), feed, lists);
        let revocations = Revocations::open(lists, db.clone(), keys.clone(), clock.clone(), SecureRandom).await?;
        let accounts = Accounts {
            platform: platform.clone(),
            audit: audit.clone(),
        };
        if role == Role::Server {
            accounts.learn_schemes().await.map_err(StartError::Accounts)?;
        }
        let claims = UserClaims {
            platform: platform.clone(),
            audit: audit.clone(),
        };
        let challenges = EmailChallenges {
            platform: platform.clone(),
            audit: audit.clone(),
        };
        let apis = Apis {
            platform: platform.clone(),
            audit: audit.clone(),
        };
        let clients = Clients {
            platform: platform.clone(),
            audit: audit.clone(),
            keys: keys.clone(),
            revocations: revocations.clone(),
        };
        let logout_notices = BackchannelLogout {
            platform: platform.clone(),
            keys: keys.clone(),
            audit: audit.clone(),
        };
        let sessions = Sessions {
            platform: platform.clone(),
            keys: keys.clone(),
            audit: audit.clone(),
            revocations: revocations.clone(),
        };
        let browsers = BrowserSessions {
            platform: platform.clone(),
            sessions: sessions.clone(),
        };
        let authority = ServerAuthority {
            issuer: settings.issuer.as_str().to_owned(),
            audience: settings.tokens.audience.clone(),
            clients: AcceptedClients::FirstParty,
            clock: clock.clone(),
            keys: keys.clone(),
            revocations: revocations.clone(),
        };
        let guard = Guard::with_cache(authority, VERIFIED_TOKENS);
        let profiles = Profiles::new(accounts.clone(), guard.clone());
        let auth = Auth {
            platform: platform.clone(),
            audit: audit.clone(),
            outbox: outbox.clone(),
            revocations: revocations.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            sessions: sessions.clone(),
            browsers: browsers.clone(),
            guard: guard.clone(),
            turns: Turns::default(),
        };
        let operator = Operator {
            auth: auth.clone(),
            apis: apis.clone(),
            clients: clients.clone(),
            caller: Caller::operator(operator),
        };
        if role == Role::Server && settings.provider.enabled {
            let differences = operator.apply_declared(false, &Caller::server()).await?;
            report(&differences);
        }
        let verification = Verification {
            platform: platform.clone(),
            audit: audit.clone(),
            revocations: revocations.clone(),
            accounts: accounts.clone(),
            challenges: challenges.clone(),
            auth: auth.clone(),
        };
        let recovery = Recovery {
            platform: platform.clone(),
            revocations: revocations.clone(),
            challenges: challenges.clone(),
            auth: auth.clone(),
        };
        let mail = Delivery {
            platform: platform.clone(),
            outbox: outbox.clone(),
            challenges: challenges.clone(),
        };
        let forward = Forward {
            platform: platform.clone(),
            audit: audit.clone(),
            profiles: profiles.clone(),
            guard: guard.clone(),
            sessions: sessions.clone(),
            browsers: browsers.clone(),
            auth: auth.clone(),
            keys: keys.clone(),
            revocations: revocations.clone(),
        };
        let userinfo = UserInfo {
            platform: platform.clone(),
            keys: keys.clone(),
            guard: Guard::new(ServerAuthority {
                issuer: settings.issuer.as_str().to_owned(),
                audience: vec![userinfo_audience(settings.issuer.as_str())],
                clients: AcceptedClients::All,
                clock: clock.clone(),
                keys: keys.clone(),
                revocations: revocations.clone(),
            }),
        };
        let metadata = ServerMetadata {
            platform: platform.clone(),
            keys: keys.clone(),
        };
        let authorization = Authorization {
            platform: platform.clone(),
            keys: keys.clone(),
            audit: audit.clone(),
            revocations: revocations.clone(),
            sessions: sessions.clone(),
        };
        let device_authorization = DeviceAuthorization {
            platform: platform.clone(),
            audit: audit.clone(),
            revocations: revocations.clone(),
            clients: clients.clone(),
            sessions: sessions.clone(),
        };
        let tokens = Tokens {
            platform: platform.clone(),
            keys: keys.clone(),
            revocations: revocations.clone(),
            clients: clients.clone(),
            sessions: sessions.clone(),
            authorization: authorization.clone(),
            device_authorization: device_authorization.clone(),
        };
        let end_session = EndSession {
            platform: platform.clone(),
            keys: keys.clone(),
        };
        let registry = Arc::new(Mutex::new(registry));
        let health = Health {
            db: db.clone(),
            keys: keys.clone(),
            revocations: revocations.clone(),
            registry: registry.clone(),
            readiness: readiness.clone(),
            probes: Probes::default(),
        };
        let pages = Pages::new(pages::Parts {
            platform: platform.clone(),
            assets: Assets::new(&settings.pages),
            sessions: sessions.clone(),
            browsers: browsers.clone(),
            challenges: challenges.clone(),
            accounts: accounts.clone(),
            auth: auth.clone(),
            verification: verification.clone(),
            recovery: recovery.clone(),
            authorization: authorization.clone(),
            device_authorization: device_authorization.clone(),
            end_session,
        });
        Ok(Self(Arc::new(Parts {
            publication: Publication::new(keys.clone()),
            status_lists: StatusLists {
                revocations: revocations.clone(),
                ttl: settings.status_lists.ttl,
                trusted_proxies: settings.trusted_proxies.clone().into(),
                readiness: readiness.clone(),
            },
            redis,
            middleware,
            server,
            registry,
            readiness,
            keys,
            audit,
            outbox,
            revocations,
            accounts,
            claims,
            challenges,
            apis,
            clients,
            logout_notices,
            tokens,
            sessions,
            browsers,
            guard,
            profiles,
            auth,
            operator,
            verification,
            recovery,
            mail,
            forward,
            userinfo,
            metadata,
            authorization,
            device_authorization,
            health,
            pages,
            platform,
        })))
    }
}

/// Logs what differed from the settings file. Another server with another file would change it back when it starts.
fn report(differences: &Differences) {
    for difference in &differences.apis {
        let (api, change) = (&difference.name, difference.applied.name());
        tracing::info!(api, change, "applied an API from the settings file");
    }
    for difference in &differences.clients {
        let (client, change) = (&difference.name, difference.applied.name());
        tracing::info!(client, change, "applied a client from the settings file");
    }
}
