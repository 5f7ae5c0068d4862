//! An installation, that is, its database and its keys, as servers and commands open or create it.

use std::path::PathBuf;
use std::sync::Arc;

use countersign_store::{
    DatabaseOptions, Db, FileContents, MigrateError, OpenError, Role, Schema, StoreError, file_contents,
};

use crate::core::caller::Caller;
use crate::core::clock::Clock;
use crate::core::mailer::SendError;
use crate::core::password::{self, PasswordPolicy};
use crate::features::operations::keys::{JWKS_MAX_AGE, KeyOptions, KeysError};
use crate::features::sign_in::auth::ApplyError;
use crate::migrations;
use crate::settings::{self, CHECK_PATHS, Settings};

/// What to do if there is no installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Fail. Writes nothing to an existing one either, so it works on a standby and with a read-only role.
    Reading,
    /// Fail, without creating a folder, database, table or key.
    Existing,
    /// Create the database, the schema and the first key.
    OrCreate,
}

/// How an installation is opened.
#[derive(Clone, Debug)]
pub struct Access {
    /// Whether this process is a server or an administrative command.
    pub role: Role,
    /// What to do if there is no installation.
    pub opening: Opening,
    /// The operator, for the audit log.
    pub operator: Option<Arc<str>>,
}

impl Access {
    /// Returns the operator on the command line as a caller.
    pub(crate) fn caller(&self) -> Caller {
        Caller::operator(self.operator.clone())
    }
}

/// Why the server cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A command found a schema that this version would have to upgrade.
    #[error("the database schema is {0} migration(s) behind this version; run `countersign migrate` first")]
    Behind(usize),
    /// There is no installation, and the command does not create one.
    #[error(
        "no Countersign database at {0}, and this command does not create one; {CHECK_PATHS}. To create a database, run \
         `countersign serve` or `countersign migrate`"
    )]
    Nothing(String),
    /// A restore or a move into this database was interrupted.
    #[error(
        "the database is incomplete because a restore or move into it was interrupted; drop it (or remove its \
         file), create an empty one, and start over"
    )]
    Unfinished,
    /// Checkpoints would be written to the database file.
    #[error("`audit.checkpoint_file` ({}) is the database file; use a separate file, on another disk", .0.display())]
    CheckpointFile(PathBuf),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The status lists cannot be loaded.
    #[error("failed to load the status lists")]
    Revocations(#[from] StoreError),
    /// The kinds of password hashes cannot be read.
    #[error("failed to read the kinds of stored password hashes")]
    Accounts(#[source] StoreError),
    /// The clients and APIs of the settings file cannot be registered.
    #[error(transparent)]
    Declared(#[from] ApplyError),
    /// The URL of Redis is invalid.
    #[error("invalid redis_url: {0}")]
    Redis(#[from] redis::RedisError),
    /// The settings for email are invalid.
    #[error(transparent)]
    Mailer(#[from] SendError),
    /// The threads for password hashing cannot be started.
    #[error(transparent)]
    Hasher(#[from] password::HasherStartError),
}

/// Opens the database. Applies missing migrations if the process is a server or creates the schema.
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
        match db.pending(migrations::known()).await? {
            Schema::Absent => {
                if access.opening != Opening::OrCreate {
                    return Err(StartError::Nothing(place_of(settings)));
                }
            }
            // A command creates a schema, but does not upgrade one, because a server may be running.
            Schema::Behind(missing) => return Err(StartError::Behind(missing)),
            Schema::Newer(version) => return Err(MigrateError::Newer(version).into()),
            Schema::Current => return Ok(db),
        }
    }
    db.migrate(migrations::known(), clock.now().millis()).await?;
    if access.role == Role::Server {
        // If the schema was current, nothing has been written yet.
        db.check_writable().await.map_err(MigrateError::from)?;
    }
    Ok(db)
}

/// Returns the contents of the file of an `sqlite://` URL; [`FileContents::Ours`] for any other URL.
///
/// # Errors
/// [`OpenError::Foreign`] if the file belongs to another program; it is not changed.
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

/// Returns the database URL without its password; for a file, with its absolute path.
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

/// Returns the options for opening the database.
pub(crate) fn database_options(settings: &Settings, access: &Access) -> DatabaseOptions {
    let url = settings.database_url.expose().to_owned();
    // SQLite uses as many readers as there are cores.
    let pool_size = (!url.starts_with("sqlite:")).then_some(settings.database.pool_size);
    DatabaseOptions {
        url,
        role: access.role,
        pool_size,
        prepared: settings.database.prepared_statements,
        allow_unencrypted: settings.allow_unencrypted,
        create: access.opening == Opening::OrCreate,
        only_reads: access.opening == Opening::Reading,
    }
}

/// Returns the password rules of these settings.
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

/// Returns the location of the keys of these settings.
pub(crate) fn key_options(settings: &Settings) -> KeyOptions {
    KeyOptions {
        issuer: settings.issuer.as_str().to_owned(),
        dir: settings.keys_dir.clone(),
        passphrase: settings.keys_passphrase.clone(),
        access_ttl: settings.tokens.access_ttl,
        max_age: JWKS_MAX_AGE,
        replay_window: settings.tokens.refresh_replay_window,
    }
}
