//! The PostgreSQL server: a connection pool, statements that are prepared once, and serializable transactions with
//! retries.

mod answer;
mod errors;
mod inspection;
mod listen;
mod pooler;
mod retries;
mod rights;
mod script;
mod session;
mod shared;
mod tls;
mod transact;
mod url;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio::time::timeout;
use tracing::warn;

pub(crate) use errors::store_error;
pub use listen::Listener;
pub use rights::{Lack, Shortfall};
pub(crate) use script::SchemaLock;
pub(crate) use session::Session;
pub use url::{PARAMETERS, unknown_parameter};

use crate::options::PATIENCE;
use crate::statement::Query;
use crate::tx_state::TxState;
use crate::{DatabaseOptions, FromRow, OpenError, PoolStatus, Sql, StoreError};
use answer::answered;
use shared::Shared;
use url::Target;

pub(crate) struct Postgres {
    pool: Pool,
    shared: Shared,
    /// Whether statements are prepared once per connection. Turned off when a pooler mixes them up.
    prepared: AtomicBool,
    /// The URL of the pool, for separate connections.
    url: String,
    allow_unencrypted: bool,
    /// Transactions that have conflicted several times run one at a time.
    lane: tokio::sync::Mutex<()>,
}

/// How long a statement may run before the server cancels it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a transaction may be idle before the server ends it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// The warning if prepared statements cannot be used.
const SHARED: &str = "a pooler shares PostgreSQL sessions between connections and mixes up their prepared \
                      statements; not using prepared statements from now on. Set `database.prepared_statements = \
                      false`, or have the pooler track them (PgBouncer 1.21 or newer: `max_prepared_statements`)";

impl Postgres {
    pub(crate) async fn open(options: &DatabaseOptions, warnings: &mut Vec<String>) -> Result<Self, OpenError> {
        let Target { mut config, security } = url::parse(&options.url, options.allow_unencrypted)?;
        warnings.extend(security.warning());
        config.connect_timeout(PATIENCE).application_name("countersign");
        // Placed before the URL's own options, so that those take precedence.
        let limits = format!(
            "-c statement_timeout={} -c idle_in_transaction_session_timeout={} {}",
            STATEMENT_TIMEOUT.as_millis(),
            IDLE_TIMEOUT.as_millis(),
            config.get_options().unwrap_or_default()
        );
        config.options(limits);
        let manager = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let tls = tls::connector(&security)?;
        let connections = options.pool_size.unwrap_or_else(default_size);
        let lanes = Shared::of(connections);
        let shared = Shared::new(config.clone(), tls.clone(), lanes);
        let manager = Manager::from_config(config, tls, manager);
        let pool = Pool::builder(manager).max_size(connections - lanes).build();
        let pool = pool.map_err(|why| StoreError::unavailable(why.to_string()))?;
        let postgres = Self {
            pool,
            shared,
            prepared: AtomicBool::new(options.prepared),
            url: options.url.clone(),
            allow_unencrypted: options.allow_unencrypted,
            lane: tokio::sync::Mutex::new(()),
        };
        warnings.extend(postgres.inspect().await?);
        if options.prepared && postgres.statements_are_mixed_up().await? {
            postgres.prepared.store(false, Ordering::Relaxed);
            warnings.push(SHARED.to_owned());
        }
        Ok(postgres)
    }

    /// Reads a row by key on a shared connection if possible. Otherwise like [`fetch`](Self::fetch).
    pub(crate) async fn find<T: FromRow>(&self, query: &Query) -> Result<Vec<T>, StoreError> {
        if query.sql.reads()
            && let Some(lane) = self.lane().await
        {
            let mut state = TxState::Sound;
            let rows = Session::of(&lane, self.prepared())
                .fetch_within(&mut state, query)
                .await;
            if state.is_of_connection() || state.is_of_statements() {
                self.shared.forget(&lane);
            }
            if state.is_of_statements() {
                self.forget_statements(state);
            }
            // A read can be repeated if its session has ended or its statements are stale. It is not if the server was silent.
            if state != TxState::Ended && !state.is_of_statements() && !lane.is_closed() {
                return rows;
            }
        }
        self.fetch(query).await
    }

    async fn lane(&self) -> Option<Arc<ClientWrapper>> {
        match self.pool.is_closed() {
            true => None,
            false => self.shared.lane().await,
        }
    }

    pub(crate) async fn fetch<T: FromRow>(&self, query: &Query) -> Result<Vec<T>, StoreError> {
        let connection = self.connection().await?;
        let mut state = TxState::Sound;
        let mut rows = Session::of(&connection, self.prepared())
            .fetch_within(&mut state, query)
            .await;
        if state.is_of_statements() {
            self.forget_statements(state);
            state = TxState::Sound;
            rows = Session::of(&connection, false).fetch_within(&mut state, query).await;
        }
        self.give_back(connection, state);
        rows
    }

    pub(crate) async fn execute(&self, query: &Query) -> Result<u64, StoreError> {
        let connection = self.connection().await?;
        let mut state = TxState::Sound;
        let mut changed = Session::of(&connection, self.prepared())
            .execute_within(&mut state, query)
            .await;
        if state.is_of_statements() {
            self.forget_statements(state);
            state = TxState::Sound;
            changed = Session::of(&connection, false).execute_within(&mut state, query).await;
        }
        self.give_back(connection, state);
        changed
    }

    fn prepared(&self) -> bool {
        self.prepared.load(Ordering::Relaxed)
    }

    /// Drops every statement of every connection: whatever made one of them stale affects the others too.
    ///
    /// If a pooler has mixed them up, no more statements are prepared: the next mix-up might match by chance and run a
    /// different statement.
    fn forget_statements(&self, why: TxState) {
        match why {
            TxState::MixedUp if self.prepared.swap(false, Ordering::Relaxed) => warn!("{SHARED}"),
            TxState::MixedUp => {}
            _ => warn!(
                "the database lost a prepared statement (after a schema change, or behind a pooler that resets \
                 sessions); preparing all statements again"
            ),
        }
        self.pool.manager().statement_caches.clear();
    }

    async fn statements_are_mixed_up(&self) -> Result<bool, StoreError> {
        let (one, other) = (self.own_connection().await?, self.connection().await?);
        pooler::mixes_statements_up(&one, &other).await
    }

    /// Begins a transaction like all others and rolls it back, in one round trip, without writing anything.
    pub(crate) async fn check_writable(&self, nothing: &str) -> Result<(), StoreError> {
        let writing = format!("BEGIN ISOLATION LEVEL SERIALIZABLE; {nothing}; ROLLBACK");
        self.simple(&writing).await.map_err(errors::of_beginning)
    }

    /// Runs statements without values or results, as text. If one fails, the connection may still be in the failed
    /// transaction, so it is closed.
    pub(crate) async fn simple(&self, statements: &str) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let (outcome, state) = match timeout(PATIENCE, connection.batch_execute(statements)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => (Err(errors::store_error(&why)), errors::state_after(&why)),
            Err(_) => (Err(errors::silent()), TxState::Lost),
        };
        abandon(connection);
        self.close_read_only(state);
        outcome
    }

    pub(crate) async fn prepare(&self, sql: &'static Sql) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        answered(connection.prepare(sql.postgres())).await.map(drop)
    }

    /// Returns a connection from the pool for work that changes its session. It is closed afterwards.
    pub(crate) async fn own_connection(&self) -> Result<deadpool_postgres::ClientWrapper, StoreError> {
        Ok(Object::take(self.connection().await?))
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let status = self.pool.status();
        PoolStatus {
            size: status.size,
            in_use: status.size.saturating_sub(status.available),
            waiting: status.waiting,
        }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
        self.shared.close();
    }

    pub(crate) async fn connection(&self) -> Result<Object, StoreError> {
        match timeout(PATIENCE, self.pool.get()).await {
            Ok(taken) => taken.map_err(|why| errors::of_pool(&why)),
            Err(_) => Err(StoreError::unavailable("timed out waiting for a database connection")),
        }
    }

    fn give_back(&self, connection: Object, state: TxState) {
        if state.is_of_connection() {
            abandon(connection);
        }
        self.close_read_only(state);
    }

    /// Closes the idle connections if a session turned out to be read-only. Theirs may have begun at the same time, and would
    /// stay read-only after the server accepts writes again.
    fn close_read_only(&self, state: TxState) {
        if state == TxState::ReadOnly {
            self.pool.retain(|_, _| false);
        }
    }
}

/// Closes a connection on which a statement may still be running, instead of reusing it.
fn abandon(connection: Object) {
    drop(Object::take(connection));
}

fn default_size() -> usize {
    std::thread::available_parallelism().map_or(8, |cores| (cores.get() * 4).clamp(8, 32))
}
