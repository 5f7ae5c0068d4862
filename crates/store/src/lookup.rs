//! Lookups of rows by id. On PostgreSQL, ids that are requested at the same time are looked up in one statement, because
//! processing the statement costs more than reading a row: docs/adr/0025-lookups-share-statements.md.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tracing::{Instrument, trace};
use uuid::Uuid;

use crate::db::Engine;
use crate::statement::Query;
use crate::{Db, FromRow, Sql, StoreError, query};

/// The maximum number of statements at a time. While they run, requests collect for the next one.
const STATEMENTS: usize = 2;
/// The maximum number of ids in a statement.
const IDS: usize = 256;

/// Looks up rows by id. Cloning is cheap.
pub struct Lookup<T> {
    db: Db,
    one: &'static Sql,
    several: &'static Sql,
    id: fn(&T) -> Uuid,
    requests: Arc<Mutex<Requests<T>>>,
}

struct Requests<T> {
    waiting: Vec<Request<T>>,
    /// The number of tasks that run statements.
    tasks: usize,
}

struct Request<T> {
    id: Uuid,
    response: oneshot::Sender<Result<Option<T>, StoreError>>,
}

impl<T: FromRow + Clone + Send + 'static> Lookup<T> {
    /// Creates a lookup. The only placeholder of `one` is an id (`WHERE id = $1`), that of `several` is an array of ids, on
    /// PostgreSQL only (`WHERE id = ANY ($1)`). `id` returns the id of a row, which must be unique.
    #[must_use]
    pub fn new(db: Db, one: &'static Sql, several: &'static Sql, id: fn(&T) -> Uuid) -> Self {
        let requests = Requests {
            waiting: Vec::new(),
            tasks: 0,
        };
        Self {
            db,
            one,
            several,
            id,
            requests: Arc::new(Mutex::new(requests)),
        }
    }

    /// Returns the row with this id, if there is one. It sees everything committed before the call.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn find(&self, id: Uuid) -> Result<Option<T>, StoreError> {
        if let Engine::Sqlite(_) = self.db.inner.engine {
            return self.by_id(id).optional(&self.db).await;
        }
        trace!(statement = self.one.postgres(), "lookup");
        // The span measures the wait: the statement belongs to no single request.
        let waiting = self.request(id).instrument(query(self.one).span());
        match waiting.await {
            Ok(found) => found,
            // The row of another request may be the reason why the statement failed.
            Err(_) => self.by_id(id).optional(&self.db).await,
        }
    }

    fn request(&self, id: Uuid) -> oneshot::Receiver<Result<Option<T>, StoreError>> {
        let (response, found) = oneshot::channel();
        let begins = {
            let mut requests = held(&self.requests);
            requests.waiting.push(Request { id, response });
            let begins = requests.tasks < STATEMENTS;
            requests.tasks += usize::from(begins);
            begins
        };
        if begins {
            let task = Task {
                lookup: self.clone(),
                has_ended: false,
            };
            tokio::spawn(task.run());
        }
        found
    }

    fn by_id(&self, id: Uuid) -> Query {
        query(self.one).bind(id)
    }

    async fn respond(self, requests: Vec<Request<T>>) {
        let Engine::Postgres(postgres) = &self.db.inner.engine else {
            return;
        };
        let found = match &*requests {
            [Request { id, .. }] => postgres.find::<T>(&self.by_id(*id)).await,
            requests => {
                let ids = requests.iter().map(|request| request.id).collect();
                postgres.find::<T>(&Query::by_ids(self.several, ids)).await
            }
        };
        let rows = match found {
            Ok(rows) => Ok(rows
                .into_iter()
                .map(|row| ((self.id)(&row), row))
                .collect::<HashMap<_, _>>()),
            Err(StoreError::Unavailable(why)) => Err(why),
            // Dropping the senders makes each caller read its own row.
            Err(_) => return,
        };
        for Request { id, response } in requests {
            let found = match &rows {
                Ok(rows) => Ok(rows.get(&id).cloned()),
                Err(why) => Err(StoreError::Unavailable(why.clone())),
            };
            // Its receiver may be gone.
            drop(response.send(found));
        }
    }
}

/// A task that runs statements until no request is waiting.
struct Task<T> {
    lookup: Lookup<T>,
    /// Whether it is no longer counted.
    has_ended: bool,
}

impl<T: FromRow + Clone + Send + 'static> Task<T> {
    async fn run(mut self) {
        // Tasks that are ready to run come first, so that their requests are included.
        tokio::task::yield_now().await;
        while let Some(requests) = self.next() {
            // In its own task, because a panic must not end this one.
            drop(tokio::spawn(self.lookup.clone().respond(requests)).await);
        }
    }

    /// Returns the next requests. `None`: there are none, and this task ends.
    fn next(&mut self) -> Option<Vec<Request<T>>> {
        let mut requests = held(&self.lookup.requests);
        // The callers of the others have left.
        requests.waiting.retain(|request| !request.response.is_closed());
        if requests.waiting.is_empty() {
            requests.tasks -= 1;
            self.has_ended = true;
            return None;
        }
        let count = requests.waiting.len().min(IDS);
        Some(requests.waiting.drain(..count).collect())
    }
}

/// If the runtime stops, the lookup may still be used on another one.
impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if !self.has_ended {
            held(&self.lookup.requests).tasks -= 1;
        }
    }
}

impl<T> Clone for Lookup<T> {
    fn clone(&self) -> Self {
        Self {
            db: self.db.clone(),
            requests: self.requests.clone(),
            ..*self
        }
    }
}

fn held<T>(requests: &Mutex<Requests<T>>) -> MutexGuard<'_, Requests<T>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
