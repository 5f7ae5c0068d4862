//! `countersign keys …`. Each change ends with a sentence on what happens next.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use countersign_store::Db;
use serde::Serialize;

use super::Failure;
use super::cli::{Keys, Rotate, Sealing};
use super::failure::unreadable;
use super::installation::notice;
use super::output::{Output, Row};
use crate::core::caller::Caller;
use crate::core::clock::{Clock, Timestamp};
use crate::features::audit::{self, Event, Kind};
use crate::features::keys::{
    Activated, Inspected, JWKS_MAX_AGE, KeyOperator, KeysError, ListedKey, ListedSealingKey, NextKey, OperatorError,
    Revoked, check_keys, inspect,
};
use crate::installation::{Access, key_options, open_database};
use crate::settings::{Settings, write_duration};

/// How often `--wait` looks whether the time has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs a command on the keys.
///
/// # Errors
/// [`Failure`] with the sentence of the error.
pub(super) async fn run<W: Write>(
    command: Keys,
    (settings, access): (&Settings, &Access),
    output: &mut Output<W>,
) -> Result<(), Failure> {
    if let Keys::Inspect { file } = command {
        return show(file, settings, output);
    }
    let clock = Clock::system();
    if matches!(command, Keys::Generate) {
        // Before a database is made for it.
        check_keys(&key_options(settings)).await?;
    }
    let db = open_database(settings, access, &clock).await?;
    let operator = &KeyOperator::new(key_options(settings), db.clone(), clock.clone());
    let log = &Log {
        db: db.clone(),
        clock,
        caller: access.caller(),
        json: output.is_json(),
    };
    let done = match command {
        Keys::Generate => generate(operator, log, output).await,
        Keys::List => list(operator, settings, output).await,
        Keys::Rotate(Rotate { activate: true, .. }) => activate(operator, log, output).await,
        Keys::Rotate(Rotate { wait: true, .. }) => wait(operator, log, output).await,
        Keys::Rotate(_) => publish(operator, log, output).await,
        Keys::Retire { kid } => retire(operator, log, kid, output).await,
        Keys::Revoke { kid } => revoke(operator, log, &kid, output).await,
        Keys::Sealing(Sealing::Rotate) => rotate_sealing(operator, log, output).await,
        Keys::Sealing(Sealing::List) => list_sealing(operator, output).await,
        Keys::Sealing(Sealing::Retire { id }) => retire_sealing(operator, log, id, output).await,
        Keys::Inspect { .. } => Ok(()), // Done above.
    };
    db.close().await?;
    done
}

async fn list<W: Write>(operator: &KeyOperator, settings: &Settings, output: &mut Output<W>) -> Result<(), Failure> {
    let keys = operator.list().await?;
    if keys.is_empty() {
        return Err(KeysError::None(settings.keys_dir.clone()).into());
    }
    Ok(output.rows(&keys)?)
}

/// Writes down what was done to which key.
struct Log {
    db: Db,
    clock: Clock,
    caller: Caller,
    json: bool,
}

impl Log {
    /// The key has changed already, so a failure here is told and undoes nothing.
    async fn write(&self, kind: Kind, kid: &str) {
        let event = Event::new(kind, None, &self.caller).detail(kid);
        if let Err(error) = audit::record_alone(&self.db, &self.clock, event).await {
            let told = format!("it is done, but the audit log could not be written: {error}");
            notice(self.json, &told);
        }
    }
}

async fn generate<W: Write>(operator: &KeyOperator, log: &Log, output: &mut Output<W>) -> Result<(), Failure> {
    let made = operator.generate().await?;
    log.write(Kind::KeyGenerated, &made.kid).await;
    let mut sentence = format!(
        "Made the key {}. Servers on this folder sign with it from their next start on. Tokens that other keys signed \
         are refused from then on; whoever holds one refreshes it or signs in again.",
        made.kid
    );
    if let Some(id) = &made.sealing {
        log.write(Kind::SealingKeyMade, id).await;
        sentence.push_str(&format!(" Made the sealing key {id} too."));
    }
    Ok(output.done(&sentence, &made)?)
}

async fn publish<W: Write>(operator: &KeyOperator, log: &Log, output: &mut Output<W>) -> Result<(), Failure> {
    let next = prepare(operator, log).await?;
    let wait = write_duration(operator.propagation_delay());
    let sentence = match &next {
        NextKey { kid, created: true, .. } => format!(
            "Made the next key {kid}. Servers publish it within seconds; {wait} after that, let it sign with \
             `countersign keys rotate --activate`. Like every key that is made here, it is stored without a passphrase."
        ),
        NextKey {
            kid,
            ready_at: Some(at),
            ..
        } => format!(
            "The next key {kid} is published already. From {at} on, let it sign with `countersign keys rotate --activate`."
        ),
        NextKey { kid, .. } => format!(
            "The next key {kid} lies ready, but no server has published it yet: is one running on this database and \
             this folder?"
        ),
    };
    Ok(output.done(&sentence, &next)?)
}

async fn prepare(operator: &KeyOperator, log: &Log) -> Result<NextKey, OperatorError> {
    let next = operator.publish_next().await?;
    if next.created {
        log.write(Kind::KeyPrepared, &next.kid).await;
    }
    Ok(next)
}

async fn activate<W: Write>(operator: &KeyOperator, log: &Log, output: &mut Output<W>) -> Result<(), Failure> {
    let activated = operator.activate().await?;
    log.write(Kind::KeyActivated, &activated.current).await;
    Ok(report(&activated, output)?)
}

/// Publishes, waits until every verifier can know the key, activates. It may be interrupted and begun again.
async fn wait<W: Write>(operator: &KeyOperator, log: &Log, output: &mut Output<W>) -> Result<(), Failure> {
    prepare(operator, log).await?;
    let mut told = String::new();
    loop {
        let reason = match operator.activate().await {
            Err(error @ (OperatorError::TooEarly { .. } | OperatorError::Unpublished(_))) => error.to_string(),
            done => {
                let activated = done?;
                log.write(Kind::KeyActivated, &activated.current).await;
                return Ok(report(&activated, output)?);
            }
        };
        if reason != told {
            notice(log.json, &format!("waiting: {reason}"));
            told = reason;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn report<W: Write>(activated: &Activated, output: &mut Output<W>) -> io::Result<()> {
    let sentence = format!(
        "The key {current} signs from now on. {retired} goes on verifying what it signed; servers drop it after {at}, \
         and `countersign keys retire {retired}` then removes its file.",
        current = activated.current,
        retired = activated.retired,
        at = activated.retirable_at,
    );
    output.done(&sentence, activated)
}

async fn retire<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    kid: String,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    operator.retire(&kid).await?;
    log.write(Kind::KeyRetired, &kid).await;
    let retired = Named { kid };
    Ok(output.done(
        &format!("Removed the retired key {}. No living token needs it.", retired.kid),
        &retired,
    )?)
}

async fn revoke<W: Write>(operator: &KeyOperator, log: &Log, kid: &str, output: &mut Output<W>) -> Result<(), Failure> {
    let revoked = operator.revoke(kid).await?;
    if !revoked.changed {
        return Ok(output.done(
            &format!("The key {kid} was revoked before; nothing has changed."),
            &revoked,
        )?);
    }
    log.write(Kind::KeyRevoked, kid).await;
    let max_age = write_duration(JWKS_MAX_AGE);
    let mut sentence = format!(
        "Revoked the key {kid}. Servers refuse every token that it signed within seconds, other verifiers when their \
         copy of the keys ends, in {max_age} at most."
    );
    if let Revoked {
        replaced_by: Some(new), ..
    } = &revoked
    {
        sentence.push_str(&format!(
            " {new} signs in its place; verifiers that do not know it yet refuse its tokens for as long. Refresh tokens \
             stay good: whoever has one gets a new access token."
        ));
    }
    Ok(output.done(&sentence, &revoked)?)
}

async fn rotate_sealing<W: Write>(operator: &KeyOperator, log: &Log, output: &mut Output<W>) -> Result<(), Failure> {
    let made = operator.rotate_sealing().await?;
    log.write(Kind::SealingKeyMade, &made.id).await;
    let sentence = match (&made.replaces, made.retirable_at) {
        (Some(old), Some(retirable_at)) => format!(
            "Made the sealing key {}. Servers read it within seconds and use it from {} on. From {retirable_at} on, remove \
             the one that it replaces with `countersign keys sealing retire {old}`.",
            made.id, made.active_at
        ),
        _ => format!(
            "Made the sealing key {}. Servers on this folder use it at once.",
            made.id
        ),
    };
    Ok(output.done(&sentence, &made)?)
}

async fn list_sealing<W: Write>(operator: &KeyOperator, output: &mut Output<W>) -> Result<(), Failure> {
    Ok(output.rows(&operator.list_sealing().await?)?)
}

async fn retire_sealing<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    id: String,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    operator.retire_sealing(&id).await?;
    log.write(Kind::SealingKeyRetired, &id).await;
    let sentence = format!("Retired the sealing key {id}. Servers stop using it within seconds.");
    Ok(output.done(&sentence, &Retired { id })?)
}

fn show<W: Write>(file: Option<PathBuf>, settings: &Settings, output: &mut Output<W>) -> Result<(), Failure> {
    let path = file.unwrap_or_else(|| settings.keys_dir.join("private.pem"));
    let found = inspect(&path, settings.keys_passphrase.as_ref()).map_err(|error| match error {
        KeysError::File { path, source, .. } => {
            let wanted = "a key in PEM, such as secrets/jwt/public.pem";
            Failure::of_configuration(unreadable(&path, &source, wanted))
        }
        error => error.into(),
    })?;
    let (holds, algorithm, kid) = match found {
        Inspected::Private(key) => ("private key", ES256, key.kid().to_owned()),
        Inspected::Public(key) => ("public key", ES256, key.kid().to_owned()),
        Inspected::Sealing(id) => ("sealing key", "256 random bits", id),
    };
    let row = Seen {
        file: path,
        holds,
        algorithm,
        kid,
    };
    Ok(output.row(&row)?)
}

const ES256: &str = "ES256 (P-256)";

/// A sealing key that was retired.
#[derive(Serialize)]
struct Retired {
    id: String,
}

/// What a change was made to.
#[derive(Serialize)]
struct Named {
    kid: String,
}

/// A key file that was looked at.
#[derive(Serialize)]
struct Seen {
    file: PathBuf,
    holds: &'static str,
    algorithm: &'static str,
    kid: String,
}

impl Row for Seen {
    const COLUMNS: &'static [&'static str] = &["file", "holds", "algorithm", "kid"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.file.display().to_string(),
            self.holds.to_owned(),
            self.algorithm.to_owned(),
            self.kid.clone(),
        ]
    }
}

impl Row for ListedKey {
    const COLUMNS: &'static [&'static str] =
        &["kid", "state", "published since", "last token expires", "may sign from"];

    fn cells(&self) -> Vec<String> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        vec![
            self.kid.clone(),
            self.state.name().to_owned(),
            time(self.since),
            time(self.last_token_expires_at),
            time(self.ready_at),
        ]
    }
}

impl Row for ListedSealingKey {
    const COLUMNS: &'static [&'static str] = &["id", "state", "since", "active from", "can be retired from"];

    fn cells(&self) -> Vec<String> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        vec![
            self.id.clone(),
            self.state.name().to_owned(),
            time(self.since),
            time(self.active_at),
            time(self.retirable_at),
        ]
    }
}

#[cfg(test)]
mod tests {
    use countersign_store::Role;

    use super::*;
    use crate::installation::Opening;
    use crate::settings::{SettingsFile, Sources};

    /// Runs a command and gives what it printed, or the sentence with which it failed.
    async fn run_in(dir: &std::path::Path, command: Keys, json: bool) -> Result<String, String> {
        let text = format!(
            "database_url = \"sqlite://{0}/db\"\nkeys_dir = \"{0}/keys\"\n",
            dir.display()
        );
        let file = SettingsFile {
            path: "countersign.toml".into(),
            text: Ok(text),
        };
        let Ok(loaded) = Settings::load(&Sources {
            file: Some(file),
            ..Sources::default()
        }) else {
            panic!("the settings are sound");
        };
        let mut printed = Vec::new();
        let access = Access {
            role: Role::Admin,
            opening: Opening::OrCreate,
            operator: None,
        };
        let done = run(
            command,
            (&loaded.settings, &access),
            &mut Output::to(json, &mut printed),
        )
        .await;
        done.map(|()| String::from_utf8(printed).unwrap())
            .map_err(|failure| failure.to_string())
    }

    const ROTATE: Rotate = Rotate {
        activate: false,
        wait: false,
    };

    #[tokio::test]
    async fn each_change_says_what_happens_next() {
        let dir = tempfile::tempdir().unwrap();
        let run = |command| run_in(dir.path(), command, false);
        assert!(run(Keys::Generate).await.unwrap().starts_with("Made the key "));
        assert!(
            run(Keys::Generate)
                .await
                .unwrap_err()
                .contains("`countersign keys rotate`")
        );
        let table = run(Keys::List).await.unwrap();
        assert!(table.contains("STATE") && table.contains("current"), "{table}");
        let kid = table.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let rotated = run(Keys::Rotate(ROTATE)).await.unwrap();
        assert!(
            rotated.contains("10m after that") && rotated.contains("rotate --activate"),
            "{rotated}"
        );
        let activated = run(Keys::Rotate(Rotate {
            activate: true,
            ..ROTATE
        }))
        .await
        .unwrap_err();
        assert!(activated.contains("no server has published"), "{activated}");
        assert!(
            run(Keys::Retire { kid: kid.clone() })
                .await
                .unwrap_err()
                .contains("is in use")
        );
        let revoked = run(Keys::Revoke { kid: kid.clone() }).await.unwrap();
        assert!(
            revoked.contains(&kid) && revoked.contains("signs in its place"),
            "{revoked}"
        );
    }

    #[tokio::test]
    async fn inspecting_shows_no_private_part() {
        let dir = tempfile::tempdir().unwrap();
        let made: serde_json::Value =
            serde_json::from_str(&run_in(dir.path(), Keys::Generate, true).await.unwrap()).unwrap();
        let seen = run_in(dir.path(), Keys::Inspect { file: None }, false).await.unwrap();
        assert!(
            seen.contains("private key") && seen.contains(made["kid"].as_str().unwrap()),
            "{seen}"
        );
        let pem = std::fs::read_to_string(dir.path().join("keys/private.pem")).unwrap();
        assert!(pem.lines().all(|line| !seen.contains(line)));
        let missing = run_in(
            dir.path(),
            Keys::Inspect {
                file: Some("no.pem".into()),
            },
            false,
        )
        .await
        .unwrap_err();
        assert!(missing.contains("there is no file no.pem"), "{missing}");
    }
}
