//! What PostgreSQL's errors mean to a caller.

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};

use crate::Error;
use crate::transaction::Fate;

/// The error as a caller sees it.
///
/// PostgreSQL puts values into its texts (`invalid input syntax for type bigint: "…"`), so the server's text is shown
/// only where it speaks of statements, roles and the server itself; else the code and the names.
pub(crate) fn told(why: &tokio_postgres::Error) -> Error {
    let Some(refusal) = why.as_db_error() else {
        return told_by_link(why);
    };
    match refusal.code() {
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => Error::Conflict,
        code if passes(code) => Error::unavailable(described(refusal)),
        _ => Error::database(described(refusal)),
    }
}

pub(super) fn of_pool(why: &PoolError) -> Error {
    match why {
        PoolError::Backend(why) => match told(why) {
            Error::Unavailable(why) => Error::Unavailable(why),
            // A connection that cannot be made is a database that is not there, whatever it says.
            other => Error::unavailable(other.to_string()),
        },
        PoolError::Closed => Error::unavailable("the database is closed"),
        other => Error::unavailable(other.to_string()),
    }
}

pub(super) fn silent() -> Error {
    Error::Unavailable(SILENT.into())
}

/// What a transaction has come to by this error of one of its statements.
pub(super) fn fate_after(why: &Error) -> Fate {
    match why {
        Error::Conflict => Fate::Conflicted,
        Error::Unavailable(why) if why == SILENT => Fate::Silent,
        _ => Fate::Failed,
    }
}

const SILENT: &str = "the server does not answer";

/// An error that the server did not send: the connection, its encryption, or a value that did not fit a placeholder.
fn told_by_link(why: &tokio_postgres::Error) -> Error {
    let cause = std::error::Error::source(why)
        .map(ToString::to_string)
        .unwrap_or_default();
    let text = if cause.is_empty() {
        why.to_string()
    } else {
        format!("{why}: {cause}")
    };
    let statement = text.starts_with("error serializing") || text.starts_with("expected");
    if statement {
        Error::database(text)
    } else {
        Error::unavailable(text)
    }
}

/// Class 08 connection, 53 resources, 57 intervention, 25006 a server that has become a standby, 25P03 idle too long,
/// 55P03 a lock that is held, 28 and 3D a role or database that is not (yet) there.
fn passes(code: &SqlState) -> bool {
    let code = code.code();
    ["08", "53", "57", "28", "3D"]
        .iter()
        .any(|class| code.starts_with(class))
        || ["25006", "25P03", "55P03"].contains(&code)
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

/// Classes whose texts name no value: connection, feature, statement name, role, database, syntax, resources,
/// intervention.
const WITHOUT_VALUES: [&str; 8] = ["08", "0A", "26", "28", "3D", "42", "53", "57"];
