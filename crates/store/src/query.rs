//! The five ways to run a statement.

use tracing::{Instrument, Span, debug_span, trace};

use crate::connection::Target;
use crate::db::Engine;
use crate::sqlite;
use crate::statement::Query;
use crate::{Conn, FromRow, StoreError};

impl Query {
    /// Returns the only row.
    ///
    /// # Errors
    /// [`StoreError::Database`] if there is none, or more than one; otherwise any error of a statement.
    pub async fn one<T: FromRow>(self, conn: impl Into<Conn<'_>>) -> Result<T, StoreError> {
        self.optional(conn)
            .await?
            .ok_or(StoreError::database("expected one row, got none"))
    }

    /// Returns the row, if there is one. On SQLite it runs on the calling thread, so the statement should look up by
    /// key.
    ///
    /// # Errors
    /// [`StoreError::Database`] if there is more than one; otherwise any error of a statement.
    pub async fn optional<T: FromRow>(self, conn: impl Into<Conn<'_>>) -> Result<Option<T>, StoreError> {
        trace!(statement = self.sql.postgres(), "optional");
        let mut rows = self.find(conn.into().0).instrument(self.span()).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            _ => Err(StoreError::database("expected at most one row, got more")),
        }
    }

    /// Returns all rows. On SQLite, outside a transaction, it runs on a separate thread, because it may be a scan.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn all<T: FromRow + Send + 'static>(self, conn: impl Into<Conn<'_>>) -> Result<Vec<T>, StoreError> {
        trace!(statement = self.sql.postgres(), "all");
        let (target, span) = (conn.into().0, self.span());
        if let Target::Db(db) = &target
            && let Engine::Sqlite(sqlite) = &db.inner.engine
        {
            return sqlite.scan(self).instrument(span).await;
        }
        self.fetch(target).instrument(span).await
    }

    /// Returns all rows, which are known to be few and are found by key or in a small table. Like
    /// [`optional`](Self::optional), it runs on the calling thread on SQLite: a thread of its own would cost more than the
    /// read.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn few<T: FromRow>(self, conn: impl Into<Conn<'_>>) -> Result<Vec<T>, StoreError> {
        trace!(statement = self.sql.postgres(), "few");
        self.find(conn.into().0).instrument(self.span()).await
    }

    /// Runs the statement and returns the number of changed rows. The change is durable when this returns.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn execute(self, conn: impl Into<Conn<'_>>) -> Result<u64, StoreError> {
        trace!(statement = self.sql.postgres(), "execute");
        let target = conn.into().0;
        let execution = async {
            match target {
                Target::Db(db) => match &db.inner.engine {
                    Engine::Sqlite(sqlite) => sqlite.execute(&self).await,
                    Engine::Postgres(postgres) => Box::pin(postgres.execute(&self)).await,
                },
                Target::Sqlite(connection, state) => sqlite::execute_within(connection, state, &self),
                Target::Postgres(session, state) => session.execute_within(state, &self).await,
            }
        };
        execution.instrument(self.span()).await
    }

    /// Returns the statement as written in the program, without its values, for traces.
    pub(crate) fn span(&self) -> Span {
        debug_span!("statement", db.query.text = self.sql.postgres())
    }

    /// Looks up rows by key, or reads a small table.
    async fn find<T: FromRow>(&self, target: Target<'_>) -> Result<Vec<T>, StoreError> {
        if let Target::Db(db) = &target
            && let Engine::Postgres(postgres) = &db.inner.engine
        {
            return Box::pin(postgres.find(self)).await;
        }
        self.fetch(target).await
    }

    async fn fetch<T: FromRow>(&self, target: Target<'_>) -> Result<Vec<T>, StoreError> {
        match target {
            Target::Db(db) => match &db.inner.engine {
                Engine::Sqlite(sqlite) => sqlite.fetch(self).await,
                // Boxed because its state is large, and reads from SQLite should not carry it.
                Engine::Postgres(postgres) => Box::pin(postgres.fetch(self)).await,
            },
            Target::Sqlite(connection, state) => sqlite::fetch_within(connection, state, self),
            Target::Postgres(session, state) => session.fetch_within(state, self).await,
        }
    }
}
