//! Checks the server before it is used.

use tokio_postgres::SimpleQueryMessage;

use super::Postgres;
use super::answer::answered;
use crate::OpenError;

/// PostgreSQL 13, in the format of `server_version_num`.
const OLDEST: u32 = 130_000;

/// Not prepared, because a pooler may send the parts of a prepared statement to different sessions.
const ASKED: &str = "SELECT current_setting('server_version_num'), current_setting('server_encoding'),
                            current_setting('client_encoding'), current_setting('synchronous_commit', true),
                            current_setting('fsync', true), current_database()";

impl Postgres {
    /// Refuses a server that is too old and a database that cannot store all of Unicode, and warns about a server that
    /// may lose committed data.
    pub(super) async fn inspect(&self) -> Result<Vec<String>, OpenError> {
        let connection = self.connection().await?;
        let messages = answered(connection.simple_query(ASKED)).await?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let answer = |column: usize| row.and_then(|row| row.get(column)).unwrap_or_default();
        if answer(0).parse().is_ok_and(|number: u32| number < OLDEST) {
            let major = answer(0).parse().unwrap_or(0) / 10_000;
            return Err(OpenError::TooOld(major.to_string()));
        }
        let (encoding, between) = (answer(1), answer(2));
        if encoding != UTF8 {
            return Err(OpenError::Encoding {
                database: answer(5).to_owned(),
                encoding: encoding.to_owned(),
            });
        }
        if between != UTF8 {
            return Err(OpenError::ClientEncoding(between.to_owned()));
        }
        let lossy = [("synchronous_commit", answer(3)), ("fsync", answer(4))];
        let lossy = lossy.into_iter().filter(|(_, value)| *value == "off");
        Ok(lossy
            .map(|(name, _)| {
                format!(
                    "PostgreSQL runs with {name} = off and may lose committed transactions when it crashes; turn it on"
                )
            })
            .collect())
    }
}

/// In PostgreSQL's spelling.
const UTF8: &str = "UTF8";
