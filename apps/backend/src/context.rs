//! What is passed in to everything: no globals.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_guard::Guard;
use countersign_store::{
    Db, Error, FileContents, Kind, MigrateError, OpenError, Options, Role, Schema, belongs_to_database, file_contents,
};
use prometheus_client::registry::Registry;
use uuid::Uuid;

use crate::core::chance::Chance;
use crate::core::clock::Clock;
use crate::core::ids::AccountId;
use crate::core::language::Texts;
use crate::core::layers::{self, EarlyPages, LayerOptions, Shell};
use crate::core::limits::Limits;
use crate::core::mailer::{Mailer, SendError};
use crate::core::metrics::{self, Metrics};
use crate::core::origin::Origin;
use crate::core::password::{self, Hasher, HashingOptions, PasswordPolicy};
use crate::core::platform::{self, Platform};
use crate::core::probes::Probes;
use crate::core::redis::Redis;
use crate::core::refusals::Refusals;
use crate::core::server::{self, Readiness, ServerOptions};
use crate::features::accounts;
use crate::features::audit;
use crate::features::keys::{JWKS_MAX_AGE, KeyOptions, Keys, KeysError, check_keys};
use crate::features::mail;
use crate::features::pages::{self, Assets};
use crate::features::revocation::{self, Feed, Revocations, WaiterLimits};
use crate::features::sessions::{self, ServerAuthority};
use crate::migrations;
use crate::settings::{self, Settings};

/// Everything a request may need. Cloning it is cheap.
#[derive(Clone)]
pub struct Context(Arc<Parts>);

/// The parts of a [`Context`].
pub struct Parts {
    /// What all features are built on.
    pub platform: Platform,
    /// Who administers; none in a server.
    pub operator: Option<Arc<str>>,
    /// The signing keys.
    pub keys: Keys,
    /// Which sessions have ended.
    pub revocations: Revocations,
    /// The guard of our own routes.
    pub guard: Guard,
    /// The style sheet and the script of the pages.
    pub assets: Assets,
    /// What nodes share beside the database, if it is set.
    pub redis: Option<Redis>,
    /// Who was turned away, for the audit log.
    pub refusals: Refusals,
    /// What this process knows of the audit log beside the database.
    pub witness: audit::Witness,
    /// What the doctor asked.
    pub probes: Probes,
    /// The layers around every route.
    pub shell: Shell,
    /// How connections are treated.
    pub server: ServerOptions,
    /// All metrics, for the operator's listener.
    pub registry: Mutex<Registry>,
    /// Whether traffic is welcome.
    pub readiness: Readiness,
}

/// What to do where there is no installation yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Refuse, and write nothing where there is one: it works on a standby, and with a role that may only read.
    Reading,
    /// Refuse: nothing is made, neither a folder nor a database, a table or a key.
    Existing,
    /// Make the database, the schema and the first key.
    OrCreate,
}

/// As what an installation is opened.
#[derive(Clone, Debug)]
pub struct Access {
    /// Whether this process serves, or only administers.
    pub role: Role,
    /// What to do where there is no installation yet.
    pub opening: Opening,
    /// Who administers, for the audit log.
    pub operator: Option<Arc<str>>,
}

impl Access {
    /// Where an act on the command line comes from.
    pub(crate) fn origin(&self) -> Origin {
        of_operator(self.operator.as_ref())
    }
}

fn of_operator(name: Option<&Arc<str>>) -> Origin {
    match name {
        Some(name) => Origin::of_operator(name.clone()),
        None => Origin::command_line(),
    }
}

/// Why there is no context.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A command met a schema that this version would have to upgrade.
    #[error("the database's schema lacks {0} migration(s) of this version; run `countersign migrate` first")]
    Behind(usize),
    /// There is nothing to work on, and nothing was to be made.
    #[error(
        "there is no Countersign database at {0}, and this command makes none. Name the settings of the installation \
         (--config FILE) and run it in the folder that their paths start from; `countersign serve` and `countersign \
         migrate` make a new database"
    )]
    Nothing(String),
    /// A restore or a move into this database was broken off.
    #[error(
        "a restore or a move into this database did not end: it holds a part only. Drop it (or remove its file), make \
         an empty one, and begin again"
    )]
    Unfinished,
    /// Checkpoints would be written into the database's own file.
    #[error("`audit.checkpoint_file` leads to the database itself ({}): name a file of its own, on another disk", .0.display())]
    CheckpointFile(PathBuf),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The status lists cannot be loaded.
    #[error("the status lists cannot be loaded")]
    Revocations(#[from] Error),
    /// The accounts cannot be looked through.
    #[error("the kinds of password hashes that are stored cannot be told")]
    Accounts(#[source] Error),
    /// The address of Redis cannot be used.
    #[error("redis_url cannot be used: {0}")]
    Redis(#[from] redis::RedisError),
    /// The way for mails cannot be used.
    #[error(transparent)]
    Mailer(#[from] SendError),
    /// The threads that hash passwords cannot be started.
    #[error(transparent)]
    Hasher(#[from] password::StartError),
}

impl Context {
    /// Opens the database (as a server, or as a command that only administers), applies what migrations are
    /// missing, and loads the keys, which are made at the very first start.
    ///
    /// # Errors
    /// [`StartError`]; each says what to do.
    pub async fn open(settings: Settings, role: Role, clock: Clock) -> Result<Self, StartError> {
        let access = Access {
            role,
            opening: Opening::OrCreate,
            operator: None,
        };
        Self::open_as(settings, access, clock).await
    }

    /// The same, as `access` says.
    ///
    /// # Errors
    /// [`StartError`]; each says what to do.
    pub async fn open_as(settings: Settings, access: Access, clock: Clock) -> Result<Self, StartError> {
        if let Some(file) = &settings.audit.checkpoint_file
            && belongs_to_database(settings.database_url.expose(), file)
        {
            return Err(StartError::CheckpointFile(file.clone()));
        }
        // What does not need the database is looked at first: what fails here makes nothing.
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
        let keys = match opening {
            Opening::OrCreate => Keys::open(key_options(&settings), db.clone(), clock.clone()).await?,
            Opening::Existing => Keys::open_existing(key_options(&settings), db.clone(), clock.clone()).await?,
            Opening::Reading => Keys::open_to_read(key_options(&settings), db.clone(), clock.clone()).await?,
        };
        let hasher = Hasher::start(hashing_options(&settings), Chance, &mut registry)?;
        let metrics = Metrics::register(&mut registry);
        let (refusals, texts) = (Refusals::default(), Texts::default());
        let shell = Shell::new(
            layer_options(&settings, refusals.clone(), &texts),
            layers::Metrics::register(&mut registry),
        );
        let server = server_options(&settings, shell.clone(), server::Metrics::register(&mut registry));
        let follow = (db.clone(), keys.clone());
        let feed = revocation_feed(&settings, &db, redis.as_ref());
        let lists = (feed, revocation::Metrics::register(&mut registry));
        let lists = revocation_options(&settings, role, server.limits.room(), lists);
        let revocations = Revocations::open(lists, follow, (clock.clone(), Chance)).await?;
        let limits = Limits::new(settings.limits.enabled, clock.clone(), redis.clone());
        limits.register(&mut registry);
        let authority = ServerAuthority {
            issuer: settings.issuer.as_str().to_owned(),
            audience: settings.tokens.audience.clone(),
            clock: clock.clone(),
            keys: keys.clone(),
            revocations: revocations.clone(),
            db: db.clone(),
        };
        if role == Role::Server {
            learn_schemes(&db, &hasher).await.map_err(StartError::Accounts)?;
        }
        let guard = Guard::with_cache(authority, VERIFIED_TOKENS);
        Ok(Self(Arc::new(Parts {
            assets: Assets::new(&settings.pages),
            platform: Platform::new(platform::Parts {
                passwords: password_policy(&settings),
                mailer,
                texts,
                limits,
                settings,
                clock,
                chance: Chance,
                db,
                hasher,
                metrics,
            }),
            redis,
            operator,
            keys,
            revocations,
            guard,
            refusals,
            witness: audit::Witness::default(),
            probes: Probes::default(),
            shell,
            server,
            registry: Mutex::new(registry),
            readiness: Readiness::default(),
        })))
    }

    /// What a server does beside answering: it removes what has ended, follows the folder of the keys and the
    /// revocations of other processes, seals the audit log, sends mails, and keeps the link to Redis. It never returns.
    /// `countersign serve` runs it; an application that mounts [`app`](fn@crate::app) spawns it once.
    pub async fn maintain(self) {
        tokio::join!(
            sessions::sweep_forever(self.clone()),
            self.keys.clone().watch_forever(),
            self.revocations.clone().follow_forever(),
            audit::keep_forever(self.clone()),
            mail::deliver_forever(self.clone()),
            pages::sweep_forever(self.clone()),
            self.clone().learn_schemes_forever(),
            self.revocations.clone().listen_forever(),
            async {
                if let Some(redis) = self.redis.clone() {
                    redis.keep_forever().await;
                }
            },
        );
    }

    /// Looks which kinds of password hashes are stored, so that each question about a password costs as much as for any of
    /// them. It is done at the start and then every hour: hashes come by an import, and go when their owners sign in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn learn_schemes(&self) -> Result<(), Error> {
        learn_schemes(&self.db, &self.hasher).await
    }

    async fn learn_schemes_forever(self) {
        loop {
            tokio::time::sleep(LEARN_EVERY).await;
            if let Err(error) = self.learn_schemes().await {
                tracing::warn!(%error, "the kinds of stored password hashes could not be told; trying again");
            }
        }
    }

    /// Where an act on the command line comes from.
    pub fn command_line(&self) -> Origin {
        of_operator(self.operator.as_ref())
    }

    /// Whether there is an account with this id.
    pub(crate) async fn has_account(&self, account: AccountId) -> Result<bool, Error> {
        Ok(accounts::find(&self.db, account).await?.is_some())
    }

    /// The ids of the accounts behind this one, in their order.
    pub(crate) async fn account_ids(&self, after: AccountId, limit: i64) -> Result<Vec<AccountId>, Error> {
        let accounts = accounts::list(&self.db, after, limit).await?;
        Ok(accounts.into_iter().map(|account| account.id).collect())
    }
}

impl Deref for Context {
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

impl AsRef<Platform> for Context {
    fn as_ref(&self) -> &Platform {
        &self.platform
    }
}

/// Opens the database, and applies what migrations are missing if it may make a database.
pub(crate) async fn open_database(settings: &Settings, access: &Access, clock: &Clock) -> Result<Db, StartError> {
    if look_at_file(settings.database_url.expose())? == FileContents::Nothing && access.opening != Opening::OrCreate {
        return Err(StartError::Nothing(place_of(settings)));
    }
    let opened = Db::open(&database_options(settings, access)).await;
    let db = opened.map_err(|error| match error {
        OpenError::Missing { .. } => StartError::Nothing(place_of(settings)),
        error => error.into(),
    })?;
    if db.is_unfinished().await.map_err(MigrateError::from)? {
        return Err(StartError::Unfinished);
    }
    if access.role == Role::Admin {
        match db.pending(migrations::ALL).await? {
            Schema::Behind(missing) if missing == migrations::ALL.len() => {
                if access.opening != Opening::OrCreate {
                    return Err(StartError::Nothing(place_of(settings)));
                }
            }
            // A command brings a schema into being, but it does not upgrade one under a server that is running.
            Schema::Behind(missing) => return Err(StartError::Behind(missing)),
            Schema::Newer(version) => return Err(MigrateError::Newer(version).into()),
            Schema::Current => return Ok(db),
        }
    }
    db.migrate(migrations::ALL, clock.now().millis()).await?;
    if access.role == Role::Server {
        // Where the schema was current, nothing has been written yet.
        db.check_writable().await.map_err(MigrateError::from)?;
    }
    Ok(db)
}

/// What the file of an `sqlite://` URL holds, and [`FileContents::Ours`] for any other URL.
///
/// # Errors
/// [`OpenError::Foreign`] for the file of another program: it is left as it is.
pub(crate) fn look_at_file(url: &str) -> Result<FileContents, OpenError> {
    if !url.starts_with("sqlite:") {
        return Ok(FileContents::Ours);
    }
    match file_contents(url)? {
        FileContents::Foreign => Err(OpenError::Foreign {
            path: url.trim_start_matches("sqlite://").into(),
        }),
        contents => Ok(contents),
    }
}

/// How many verified tokens are remembered: what is saved is the work of a signature. A few megabytes when all are used.
const VERIFIED_TOKENS: usize = 8_192;

/// How often it is looked which kinds of password hashes are stored.
const LEARN_EVERY: Duration = Duration::from_secs(60 * 60);
/// Hashes that are read at a time.
const LEARN_AT_A_TIME: i64 = 1_000;

/// Reads the hashes that are not current, of which there are none most of the time, and keeps one of each kind.
async fn learn_schemes(db: &Db, hasher: &Hasher) -> Result<(), Error> {
    let (current, mut kinds, mut after) = (hasher.current_prefix(), Vec::<String>::new(), AccountId(Uuid::nil()));
    loop {
        let outdated = accounts::outdated_hashes(db, (&current, after), LEARN_AT_A_TIME).await?;
        let Some(last) = outdated.last() else { break };
        after = last.id;
        for found in outdated {
            if !kinds.iter().any(|kind| Hasher::are_alike(kind, &found.password_hash)) {
                kinds.push(found.password_hash);
            }
        }
    }
    hasher.learn(&kinds);
    Ok(())
}

/// The database's URL without its password; of a file, also where it would be.
pub(crate) fn place_of(settings: &Settings) -> String {
    let url = settings.database_url.to_string();
    let absolute = url
        .strip_prefix("sqlite://")
        .filter(|path| !path.starts_with('/'))
        .and_then(|path| std::path::absolute(path).ok());
    match absolute {
        Some(path) => format!("{url} ({})", path.display()),
        None => url,
    }
}

/// How the database of these settings is opened.
pub(crate) fn database_options(settings: &Settings, access: &Access) -> Options {
    let url = settings.database_url.expose().to_owned();
    // SQLite takes as many readers as there are cores.
    let pool_size = (!url.starts_with("sqlite:")).then_some(settings.database.pool_size);
    Options {
        url,
        role: access.role,
        pool_size,
        prepared: settings.database.prepared_statements,
        allow_unencrypted: settings.allow_unencrypted,
        create: access.opening == Opening::OrCreate,
        only_reads: access.opening == Opening::Reading,
    }
}

async fn open_redis(settings: &Settings, registry: &mut Registry) -> Result<Option<Redis>, StartError> {
    let Some(url) = &settings.redis_url else {
        return Ok(None);
    };
    if url.leaves_unencrypted() {
        tracing::warn!("The connection to Redis is not encrypted and leaves this machine.");
    }
    Ok(Some(
        Redis::open(url.expose(), settings.issuer.as_str(), registry).await?,
    ))
}

/// How this node hears of the revocations of others at once. Where it hears nothing, it looks more often.
fn revocation_feed(settings: &Settings, db: &Db, redis: Option<&Redis>) -> Feed {
    match (redis, db.kind()) {
        (Some(redis), _) => Feed::Redis(redis.clone()),
        (None, Kind::Postgres) => Feed::Postgres {
            url: settings.database.listen_url.clone(),
        },
        (None, Kind::Sqlite) => Feed::None,
    }
}

fn hashing_options(settings: &Settings) -> HashingOptions {
    HashingOptions {
        workers: settings.hashing.workers,
        queue: settings.hashing.queue,
        memory_kib: settings.passwords.memory_kib,
        iterations: settings.passwords.iterations,
        parallelism: settings.passwords.parallelism,
    }
}

pub(crate) fn password_policy(settings: &Settings) -> PasswordPolicy {
    PasswordPolicy {
        min_length: settings.passwords.min_length,
        max_length: settings.passwords.max_length,
        breached: match settings.passwords.breached {
            settings::Breached::Offline => password::Breached::Offline,
            settings::Breached::Off => password::Breached::Off,
        },
    }
}

fn layer_options(settings: &Settings, refusals: Refusals, texts: &Texts) -> LayerOptions {
    LayerOptions {
        issuer: settings.issuer.as_str().to_owned(),
        trusted_proxies: settings.trusted_proxies.clone(),
        cors_origins: settings
            .cors_origins
            .iter()
            .map(|origin| origin.as_str().to_owned())
            .collect(),
        body_timeout: settings.http.body_timeout,
        // With a bearer, signing out needs nothing more.
        optional_bodies: &["/api/auth/logout"],
        request_timeout: settings.http.request_timeout,
        chance: Chance,
        traced: settings.telemetry.otlp_endpoint.is_some(),
        refusals,
        early_pages: Some(EarlyPages {
            texts: texts.clone(),
            service: settings.pages.name.clone(),
        }),
    }
}

fn server_options(settings: &Settings, shell: Shell, metrics: server::Metrics) -> ServerOptions {
    let http = &settings.http;
    ServerOptions {
        limits: server::Limits {
            header_timeout: http.header_timeout,
            body_timeout: http.body_timeout,
            idle_timeout: http.idle_timeout,
            drain_timeout: http.drain_timeout,
            lame_duck: http.lame_duck,
            max_connections: http.max_connections,
            max_connections_per_address: http.max_connections_per_address,
        },
        trusted_proxies: settings.trusted_proxies.clone(),
        shell,
        metrics,
    }
}

/// How the lists of these settings are kept. A command opens few sessions; a server reserves places for many. `room` is
/// how many connections there can be.
fn revocation_options(
    settings: &Settings,
    role: Role,
    room: usize,
    (feed, metrics): (Feed, revocation::Metrics),
) -> revocation::Options {
    revocation::Options {
        issuer: settings.issuer.as_str().to_owned(),
        entries: settings.status_lists.entries,
        ttl: settings.status_lists.ttl,
        lifetime: settings.status_lists.lifetime,
        session_ttl: settings.tokens.refresh_absolute_ttl,
        block: if role == Role::Server { 256 } else { 1 },
        // Half of the connections stay for everybody else, and half of a client's own for what else it asks.
        waiters: WaiterLimits {
            total: (room / 2).max(1),
            per_address: (settings.http.max_connections_per_address.min(room) / 2).max(1),
        },
        feed,
        metrics,
    }
}

/// Where the keys of these settings are.
pub(crate) fn key_options(settings: &Settings) -> KeyOptions {
    KeyOptions {
        dir: settings.keys_dir.clone(),
        passphrase: settings.keys_passphrase.clone(),
        access_ttl: settings.tokens.access_ttl,
        max_age: JWKS_MAX_AGE,
    }
}
