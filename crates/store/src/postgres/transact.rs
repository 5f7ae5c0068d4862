//! Serializable transactions with retries after conflicts.

use deadpool_postgres::{Object, Transaction};
use tokio_postgres::IsolationLevel;

use super::answer::answered;
use super::retries::Retries;
use super::{Postgres, Session, errors};
use crate::transaction::TxSession;
use crate::tx_state::TxState;
use crate::{Scoped, StoreError, Work};

enum Attempt<T, E> {
    Ended(Result<T, E>),
    Conflicted,
    /// A prepared statement is unknown, or another one has its name.
    Stale(TxState),
}

impl Postgres {
    pub(crate) async fn transact<'env, T, E, F>(&self, work: &F) -> Result<T, E>
    where
        F: for<'c, 't> Fn(&'c mut Scoped<'t, 'env>) -> Work<'c, T, E>,
        E: From<StoreError>,
    {
        let mut retries = Retries::new();
        let mut prepared = self.prepared();
        loop {
            let lane = if retries.are_many() {
                Some(self.lane.lock().await)
            } else {
                None
            };
            match self.attempt(prepared, work).await {
                Attempt::Ended(outcome) => return outcome,
                Attempt::Conflicted => {
                    drop(lane);
                    retries.pause().await?;
                }
                Attempt::Stale(state) => {
                    self.forget_statements(state);
                    // Sent unprepared, no statement can be stale again.
                    prepared = false;
                }
            }
        }
    }

    /// Dropping it at any point rolls the transaction back.
    async fn attempt<'env, T, E, F>(&self, prepared: bool, work: &F) -> Attempt<T, E>
    where
        F: for<'c, 't> Fn(&'c mut Scoped<'t, 'env>) -> Work<'c, T, E>,
        E: From<StoreError>,
    {
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(why) => return Attempt::Ended(Err(why.into())),
        };
        let (attempt, state) = attempt_on(&mut connection, prepared, work).await;
        self.give_back(connection, state);
        attempt
    }
}

async fn attempt_on<'env, T, E, F>(connection: &mut Object, prepared: bool, work: &F) -> (Attempt<T, E>, TxState)
where
    F: for<'c, 't> Fn(&'c mut Scoped<'t, 'env>) -> Work<'c, T, E>,
    E: From<StoreError>,
{
    let begin = connection
        .build_transaction()
        .isolation_level(IsolationLevel::Serializable);
    let transaction = match answered(begin.start()).await {
        Ok(transaction) => transaction,
        Err(why) => return (Attempt::Ended(Err(errors::of_beginning(why).into())), TxState::Lost),
    };
    let mut tx = Scoped::new(TxSession::Postgres(Session::within(&transaction, prepared)));
    let outcome = work(&mut tx).await;
    let state = tx.state;
    match (outcome, state) {
        // Whatever `work` did with the error, this attempt does not count.
        (_, TxState::Conflicted) => (Attempt::Conflicted, state),
        (_, state) if state.is_of_statements() => (Attempt::Stale(state), state),
        (Err(why), _) => (Attempt::Ended(Err(why)), state),
        (Ok(value), _) => match state.proceed() {
            Ok(()) => commit(transaction, value).await,
            Err(why) => (Attempt::Ended(Err(why.into())), state),
        },
    }
}

async fn commit<T, E: From<StoreError>>(transaction: Transaction<'_>, value: T) -> (Attempt<T, E>, TxState) {
    match answered(transaction.commit()).await {
        Ok(()) => (Attempt::Ended(Ok(value)), TxState::Sound),
        Err(StoreError::Conflict) => (Attempt::Conflicted, TxState::Conflicted),
        // The commit may have succeeded, so it must not be repeated.
        Err(why) => (Attempt::Ended(Err(why.into())), TxState::Lost),
    }
}
