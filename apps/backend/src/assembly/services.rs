//! All services of a server, and its background tasks.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use countersign_guard::Guard;
use prometheus_client::registry::Registry;

use crate::core::caller::Caller;
use crate::core::layers::Middleware;
use crate::core::platform::Platform;
use crate::core::redis::Redis;
use crate::core::server::{Readiness, ServerOptions};
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
use crate::features::oauth::token::Tokens;
use crate::features::oauth::userinfo::UserInfo;
use crate::features::operations::audit::Audit;
use crate::features::operations::dev::Dev;
use crate::features::operations::health::Health;
use crate::features::operations::keys::{Keys, Publication};
use crate::features::pages::Pages;
use crate::features::sign_in::auth::{Auth, Operator};
use crate::features::sign_in::browser_sessions::BrowserSessions;
use crate::features::sign_in::forward::Forward;
use crate::features::sign_in::revocation::{Revocations, StatusLists};
use crate::features::sign_in::sessions::Sessions;

/// All services of the server. Cheap to clone.
#[derive(Clone)]
pub struct Services(pub(super) Arc<Parts>);

/// The parts of [`Services`].
pub struct Parts {
    /// The base of all features.
    pub platform: Platform,
    /// The Redis connection shared by all nodes, if configured.
    pub redis: Option<Redis>,
    /// The layers around every route.
    pub middleware: Middleware,
    pub server: ServerOptions,
    /// All metrics, for the operator's listener.
    pub registry: Arc<Mutex<Registry>>,
    pub readiness: Readiness,
    pub keys: Keys,
    /// The state of the key routes.
    pub publication: Publication,
    pub audit: Audit,
    /// The queue of emails.
    pub outbox: Outbox,
    pub revocations: Revocations,
    /// The state of the revocation routes.
    pub status_lists: StatusLists,
    /// Creates accounts.
    pub accounts: Accounts,
    /// The claims of users.
    pub claims: UserClaims,
    /// The links and codes sent by email.
    pub challenges: EmailChallenges,
    /// The APIs that clients may request access to.
    pub apis: Apis,
    /// Registers and authenticates clients.
    pub clients: Clients,
    /// The sender of logout notices.
    pub logout_notices: BackchannelLogout,
    /// Issues, revokes and introspects the tokens of clients.
    pub tokens: Tokens,
    pub sessions: Sessions,
    /// The cookies of browsers.
    pub browsers: BrowserSessions,
    /// The guard of our own routes.
    pub guard: Guard,
    /// The accounts behind tokens that the guard has verified.
    pub profiles: Profiles,
    /// Signing up, in and out.
    pub auth: Auth,
    /// The operator's actions on accounts.
    pub operator: Operator,
    /// Verifying and changing email addresses.
    pub verification: Verification,
    /// Setting a new password without the old one.
    pub recovery: Recovery,
    pub mail: Delivery,
    /// Authenticates requests for reverse proxies.
    pub forward: Forward,
    /// The claims of users, for clients.
    pub userinfo: UserInfo,
    /// The state of the metadata routes.
    pub metadata: ServerMetadata,
    /// Authorization requests of applications, and their codes.
    pub authorization: Authorization,
    /// Access for devices without a browser.
    pub device_authorization: DeviceAuthorization,
    pub health: Health,
    pub pages: Pages,
}

impl Services {
    /// Runs the background tasks: removes expired data, watches the key folder and the revocations of other processes,
    /// seals the audit log, sends emails and logout notices, and maintains the connection to Redis. Never returns. `countersign serve`
    /// runs it; an application that mounts [`app`](fn@crate::app) spawns it once.
    pub async fn maintain(self) {
        tokio::join!(
            self.sessions.clone().sweep_forever(),
            self.keys.clone().watch_forever(),
            self.revocations.clone().follow_forever(),
            self.audit.clone().keep_forever(),
            self.mail.clone().deliver_forever(),
            self.logout_notices.clone().deliver_forever(),
            self.browsers.clone().sweep_forever(),
            self.forward.clone().sweep_forever(),
            self.authorization.clone().sweep_forever(),
            self.device_authorization.clone().sweep_forever(),
            self.accounts.clone().learn_schemes_forever(),
            self.revocations.clone().listen_forever(),
            async {
                if let Some(redis) = self.redis.clone() {
                    redis.keep_forever().await;
                }
            },
        );
    }

    /// Returns the caller of administrative commands.
    pub fn command_line(&self) -> &Caller {
        &self.operator.caller
    }

    /// Returns the state of the routes that `countersign dev` adds.
    pub(crate) fn dev(&self) -> Dev {
        Dev {
            platform: self.platform.clone(),
            audit: self.audit.clone(),
            revocations: self.revocations.clone(),
            accounts: self.accounts.clone(),
            sessions: self.sessions.clone(),
            operator: self.operator.clone(),
        }
    }
}

impl Deref for Services {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Deref for Parts {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        &self.platform
    }
}
