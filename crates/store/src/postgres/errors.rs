//! Maps PostgreSQL's errors for callers.

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::StoreError;
use crate::tx_state::TxState;

/// Returns the error for callers.
///
/// PostgreSQL includes values in some messages (`invalid input syntax for type bigint: "…"`). So the server's message
/// is kept only if it is about statements, roles or the server itself; otherwise the error contains the SQLSTATE and
/// the names.
pub(crate) fn store_error(why: &tokio_postgres::Error) -> StoreError {
    let Some(refusal) = why.as_db_error() else {
        return link_error(why);
    };
    match refusal.code() {
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => StoreError::Conflict,
        &SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::unavailable(format!(
            "it is a standby or read-only, and does not accept writes ({})",
            described(refusal)
        )),
        &SqlState::INSUFFICIENT_PRIVILEGE => StoreError::unavailable(format!(
            "the database role lacks a permission ({}); {LACKING}",
            described(refusal)
        )),
        code if passes(code) => StoreError::unavailable(described(refusal)),
        _ => StoreError::database(described(refusal)),
    }
}

pub(super) fn of_pool(why: &PoolError) -> StoreError {
    match why {
        PoolError::Backend(why) => match store_error(why) {
            StoreError::Unavailable(why) => StoreError::Unavailable(why),
            // If no connection can be established, the database is unavailable, whatever the message.
            other => StoreError::unavailable(other.to_string()),
        },
        PoolError::Closed => StoreError::unavailable("the database is closed"),
        other => StoreError::unavailable(other.to_string()),
    }
}

/// Returns the error for a transaction that could not be started. Whatever the server's message, it cannot be used for
/// writes: a hot standby reports an unsupported feature.
pub(super) fn of_beginning(why: StoreError) -> StoreError {
    match why {
        StoreError::Database(why) if why.starts_with(SqlState::FEATURE_NOT_SUPPORTED.code()) => {
            StoreError::unavailable(format!("it is a standby, and does not accept writes ({why})"))
        }
        StoreError::Database(why) => StoreError::Unavailable(why),
        other => other,
    }
}

pub(super) fn silent() -> StoreError {
    StoreError::unavailable("the server does not respond")
}

/// Returns the state of a transaction after this error of one of its statements.
pub(super) fn state_after(why: &tokio_postgres::Error) -> TxState {
    let Some(code) = why.code() else {
        return if why.is_closed() {
            TxState::Ended
        } else {
            TxState::Failed
        };
    };
    match code {
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => TxState::Conflicted,
        code if STALE.contains(code) => TxState::Stale,
        &SqlState::DUPLICATE_PSTATEMENT => TxState::MixedUp,
        // The statement with that name takes a different number of values. If the connection is closed, the pooler
        // itself has a problem.
        &SqlState::PROTOCOL_VIOLATION if is_error(why) => TxState::MixedUp,
        // A read-only session stays read-only; a new one may reach another server.
        &SqlState::READ_ONLY_SQL_TRANSACTION => TxState::ReadOnly,
        // Class 08: the connection failed, often the one between a pooler and the server.
        code if ENDED.contains(code) || code.code().starts_with("08") => TxState::Ended,
        _ => TxState::Failed,
    }
}

/// How a server rejects a prepared statement: its result types have changed ("cached plan must not change result
/// type"), or it is unknown (after `DISCARD ALL`, or on another server behind the same host name). In both cases,
/// nothing was run.
const STALE: [SqlState; 2] = [SqlState::FEATURE_NOT_SUPPORTED, SqlState::INVALID_SQL_STATEMENT_NAME];

/// How a server announces that it closes the session: it shuts down or restarts, the database is gone, or an administrator
/// or an idle limit ended the session. Nothing was run.
const ENDED: [SqlState; 5] = [
    SqlState::ADMIN_SHUTDOWN,
    SqlState::CRASH_SHUTDOWN,
    SqlState::CANNOT_CONNECT_NOW,
    SqlState::DATABASE_DROPPED,
    SqlState::IDLE_SESSION_TIMEOUT,
];

fn is_error(why: &tokio_postgres::Error) -> bool {
    why.as_db_error()
        .is_some_and(|refusal| refusal.parsed_severity() == Some(Severity::Error))
}

/// An error that did not come from the server: the connection, its encryption, or a value that does not fit a
/// placeholder.
fn link_error(why: &tokio_postgres::Error) -> StoreError {
    let cause = std::error::Error::source(why)
        .map(ToString::to_string)
        .unwrap_or_default();
    let text = match cause.as_str() {
        "" => why.to_string(),
        cause if UNRESOLVED.iter().any(|start| cause.starts_with(start)) => format!("{why}: {cause}; {CHECK_HOST}"),
        cause => format!("{why}: {cause}"),
    };
    let statement = text.starts_with("error serializing") || text.starts_with("expected");
    if statement {
        StoreError::database(text)
    } else {
        StoreError::unavailable(text)
    }
}

/// How errors begin when a host name cannot be resolved: those of the standard library and of the driver.
const UNRESOLVED: [&str; 2] = [
    "failed to lookup address information",
    "could not resolve any addresses",
];
const CHECK_HOST: &str =
    "check the host in the database URL, and if the password contains special characters, percent-encode them";

/// Since PostgreSQL 15, only the owner of a database may create tables in it, unless its other roles are granted that.
const LACKING: &str = "make it the owner of the database (`ALTER DATABASE … OWNER TO …`), or grant what it lacks: if \
                       the tables exist, `countersign doctor` prints the statements";

/// Class 08: connection. 53: resources. 55: something is not ready or in use. 57: operator intervention. 58: the system
/// below the server. 28 and 3D: a role or database that does not exist (yet). 25006: a standby or read-only server.
/// 25P03 and 25P04: a transaction that took too long. 42501: a privilege that the role does not have (yet). 3F and
/// 42P01: a schema or table that does not exist or is not visible to the role.
fn passes(code: &SqlState) -> bool {
    let code = code.code();
    ["08", "53", "55", "57", "58", "28", "3D", "3F"]
        .iter()
        .any(|class| code.starts_with(class))
        || ["25006", "25P03", "25P04", "42501", "42P01"].contains(&code)
}

fn described(refusal: &DbError) -> String {
    let code = refusal.code().code();
    if WITHOUT_VALUES.iter().any(|class| code.starts_with(class)) {
        return format!("{code} {}", refusal.message());
    }
    let named = [refusal.table(), refusal.column(), refusal.constraint()];
    let named: Vec<&str> = named.into_iter().flatten().collect();
    if named.is_empty() {
        format!("SQLSTATE {code}")
    } else {
        format!("SQLSTATE {code} ({})", named.join(", "))
    }
}

/// Classes whose messages contain no values: connection, feature, transaction state, statement name, role, database,
/// syntax and privileges, resources, readiness, intervention, system.
const WITHOUT_VALUES: [&str; 12] = ["08", "0A", "25", "26", "28", "3D", "3F", "42", "53", "55", "57", "58"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Each SQLSTATE, and whether it can pass without a change to the program.
    #[test]
    fn what_passes_and_what_does_not() {
        let passing = [
            "08000", "08006", "25006", "25P03", "25P04", "28000", "28P01", "3D000", "3F000", "42501", "42P01", "53100",
            "53200", "53300", "55000", "55006", "55P03", "57014", "57P01", "57P02", "57P03", "58000", "58030",
        ];
        let lasting = [
            "0A000", "22001", "22P02", "22021", "23502", "23503", "23505", "25000", "25P01", "25P02", "26000", "40001",
            "40P01", "42601", "42703", "54000", "XX000",
        ];
        for code in passing {
            assert!(passes(&SqlState::from_code(code)), "{code}");
        }
        for code in lasting {
            assert!(!passes(&SqlState::from_code(code)), "{code}");
        }
    }
}
