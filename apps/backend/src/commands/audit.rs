//! `countersign audit`: seeing the log, taking it along, and proving that it is whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use countersign_jose::{JwkSet, VerifyingKey, decode_without_verifying};
use countersign_store::belongs_to_database;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::Failure;
use super::cli::{Audit, ExportAudit, ListAudit, ListKinds, VerifyAudit};
use super::failure::Code;
use super::failure::unreadable;
use super::output::{Output, Row, Standard};
use super::users::account;
use crate::Services;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, AuditId, SessionId};
use crate::features::accounts;
use crate::features::audit::chain::{LogSummary, LogVerifier, SealedRow, Tampering};
use crate::features::audit::{self, Entry, Filter, Piece, VerifyError, Waiting};

/// What the first line of an export says it is.
const FORMAT: &str = "countersign-audit-1";

pub(super) async fn run(command: Audit, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    match command {
        Audit::List(asked) => list(asked, services, output).await,
        Audit::Kinds(_) => Ok(()), // Needs no installation: done before.
        Audit::Export(asked) => export(&asked, services, output).await,
        Audit::Verify(asked) => verify(&asked, services, output).await,
    }
}

async fn list(asked: ListAudit, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let since = asked.since.unwrap_or(Timestamp(0));
    let until = asked.until.unwrap_or(Timestamp(i64::MAX));
    if until <= since {
        return Err(Failure::coded(Code::Usage, "--until is not later than --since"));
    }
    let account = match asked.account {
        Some(text) => Some(match text.parse() {
            // It need not be there any more.
            Ok(id) => AccountId(id),
            Err(_) => account(services, &text).await?.id,
        }),
        None => None,
    };
    let filter = Filter {
        account,
        kind: asked.kind,
        since,
        until,
        limit: asked.limit.into(),
    };
    let entries = services.audit.list(&filter).await?;
    let mut addresses: HashMap<AccountId, Option<String>> = HashMap::new();
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let email = match entry.account_id {
            Some(id) => match addresses.get(&id) {
                Some(known) => known.clone(),
                None => {
                    let found = accounts::find(&services.db, id).await?.map(|account| account.email);
                    addresses.insert(id, found.clone());
                    found
                }
            },
            None => None,
        };
        rows.push(Shown { entry, email });
    }
    Ok(output.rows(&rows)?)
}

/// `countersign audit kinds`.
pub(super) fn kinds(asked: &ListKinds, output: &mut Standard) -> Result<(), Failure> {
    if asked.reference {
        return Ok(output.document(audit::reference().as_bytes())?);
    }
    let mut kinds: Vec<_> = audit::Kind::ALL
        .iter()
        .map(|kind| KindOfEntry {
            kind: kind.name(),
            meaning: kind.meaning(),
        })
        .collect();
    kinds.sort_by_key(|kind| kind.kind);
    Ok(output.rows(&kinds)?)
}

/// A kind of entry.
#[derive(Serialize)]
struct KindOfEntry {
    kind: &'static str,
    meaning: &'static str,
}

impl Row for KindOfEntry {
    const COLUMNS: &'static [&'static str] = &["kind", "meaning"];

    fn cells(&self) -> Vec<String> {
        vec![self.kind.to_owned(), self.meaning.to_owned()]
    }
}

/// An entry with the address of its account, where that is still known.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    email: Option<String>,
}

/// A line of an export.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<Loose> {
    /// The first one.
    Log {
        format: String,
        issuer: String,
        exported_at: String,
    },
    /// Behind this checkpoint the log begins.
    Base(String),
    Row(Box<SealedRow>),
    Checkpoint {
        seq: i64,
        token: String,
    },
    /// Not sealed yet.
    Unsealed(Box<Loose>),
}

/// An entry that is not sealed yet, and names nobody: as a sealed row, but without a place and all that comes with it.
#[derive(Serialize)]
struct Unsealed {
    id: AuditId,
    at: Timestamp,
    kind: String,
    outcome: String,
    actor: String,
    session_id: Option<SessionId>,
    address: Option<String>,
    user_agent: Option<String>,
    request_id: String,
    detail: Option<String>,
}

impl From<Entry> for Unsealed {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            outcome: entry.outcome,
            actor: entry.actor,
            session_id: entry.session_id,
            address: entry.address,
            user_agent: entry.user_agent,
            request_id: entry.request_id,
            detail: entry.detail,
        }
    }
}

async fn export(asked: &ExportAudit, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    if asked.file.as_os_str() == "-" {
        write_export(services, &mut BufWriter::new(io::stdout())).await?;
        return Ok(());
    }
    let name = asked.file.display();
    if belongs_to_database(services.settings.database_url.expose(), &asked.file) {
        return Err(Failure::new(format!(
            "{name} is a name that the database itself uses; name another file"
        )));
    }
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&asked.file);
    let file = file.map_err(|error| Failure::new(format!("{name} cannot be made: {error}")))?;
    let mut writer = BufWriter::new(file);
    let counts = write_export(services, &mut writer).await?;
    let file = writer.into_inner().map_err(|error| Failure::new(error.to_string()))?;
    file.sync_all()?;
    let sentence = format!(
        "Wrote {} sealed entries, {} that are not sealed yet, and {} checkpoints to {name}. It names nobody: who a \
         pseudonym is stays in the database.",
        counts.rows, counts.unsealed, counts.checkpoints
    );
    Ok(output.done(&sentence, &counts)?)
}

#[derive(Default, Serialize)]
struct Counts {
    rows: u64,
    unsealed: u64,
    checkpoints: u64,
}

async fn write_export(services: &Services, to: &mut impl Write) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let mut write = |line: &Line<Unsealed>| -> Result<(), Failure> {
        serde_json::to_writer(&mut *to, line).map_err(Failure::new)?;
        Ok(to.write_all(b"\n")?)
    };
    write(&Line::Log {
        format: FORMAT.to_owned(),
        issuer: services.settings.issuer.as_str().to_owned(),
        exported_at: services.clock.now().to_string(),
    })?;
    services
        .audit
        .read(|piece| {
            let (count, line) = match piece {
                Piece::Base(token) => (&mut counts.checkpoints, Line::Base(token)),
                Piece::Row(row) => (&mut counts.rows, Line::Row(row.into())),
                Piece::Checkpoint { seq, token } => (&mut counts.checkpoints, Line::Checkpoint { seq, token }),
                Piece::Unsealed(entry) => (&mut counts.unsealed, Line::Unsealed(Box::new(entry.into()))),
            };
            *count += 1;
            write(&line)
        })
        .await?;
    to.flush()?;
    Ok(counts)
}

async fn verify(asked: &VerifyAudit, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let mut keys = given_keys(asked)?;
    keys.extend(services.keys.public_keys());
    let sound = services.audit.verify(verifier(asked, keys)?).await;
    let sound = sound.map_err(|error| match error {
        VerifyError::Tampered(tampering) => failed(&tampering),
        VerifyError::Store(error) => error.into(),
    })?;
    let waiting = services.audit.waiting().await?;
    tell((&sound, waiting), asked, output)
}

/// Verifies an export: no database, no settings.
pub(super) fn verify_export(asked: &VerifyAudit, output: &mut Standard) -> Result<(), Failure> {
    let keys = given_keys(asked)?;
    if keys.is_empty() {
        return Err(Failure::new(
            "to verify an export, say whose signatures are believed: --public-key FILE, or --jwks FILE",
        ));
    }
    let Some(path) = &asked.export else { return Ok(()) };
    let sound = verify_file(path, verifier(asked, keys)?)?;
    tell((&sound, None), asked, output)
}

fn verify_file(path: &Path, mut verifier: LogVerifier) -> Result<LogSummary, Failure> {
    let (name, file) = (path.display(), open(path, EXPORT)?);
    let mut has_begun = false;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let malformed = || Failure::new(format!("line {number} of {name} is none of an export of the audit log"));
        let line = line.map_err(|error| Failure::new(unreadable(path, &error, EXPORT)))?;
        let line: Line<IgnoredAny> = serde_json::from_str(&line).map_err(|_| malformed())?;
        if !has_begun && !matches!(&line, Line::Log { format, .. } if format == FORMAT) {
            return Err(malformed());
        }
        has_begun = true;
        let piece = match line {
            Line::Base(token) => Piece::Base(token),
            Line::Row(row) => Piece::Row(*row),
            Line::Checkpoint { seq, token } => Piece::Checkpoint { seq, token },
            Line::Log { .. } | Line::Unsealed(_) => continue,
        };
        audit::verify_piece(&mut verifier, piece).map_err(|tampering| failed(&tampering))?;
    }
    if !has_begun {
        return Err(Failure::new(format!("{name} is empty")));
    }
    verifier.finish().map_err(|tampering| failed(&tampering))
}

fn verifier(asked: &VerifyAudit, keys: Vec<VerifyingKey>) -> Result<LogVerifier, Failure> {
    let verifier = LogVerifier::new(keys);
    let Some(path) = &asked.against else {
        return Ok(verifier);
    };
    // Each line counts: a log that was emptied, and has grown beyond what it was, has the last one all the same.
    let (mut verifier, mut holds_any) = (verifier, false);
    for line in BufReader::new(open(path, CHECKPOINTS)?).lines() {
        let line = line.map_err(|error| Failure::new(unreadable(path, &error, CHECKPOINTS)))?;
        // What a full disk left behind is no line.
        if decode_without_verifying(line.trim()).is_ok() {
            verifier = verifier.against(&line).map_err(Failure::new)?;
            holds_any = true;
        }
    }
    match holds_any {
        true => Ok(verifier),
        false => Err(Failure::new(Tampering::NoCheckpoint)),
    }
}

const EXPORT: &str = "what `countersign audit export` wrote";
const CHECKPOINTS: &str = "the file of checkpoints (`audit.checkpoint_file`), or a copy of it";
const PUBLIC_KEY: &str = "a public key in PEM, such as secrets/jwt/public.pem";
const KEY_SET: &str = "the JWK Set that the server publishes";

fn given_keys(asked: &VerifyAudit) -> Result<Vec<VerifyingKey>, Failure> {
    let mut keys = Vec::new();
    for path in &asked.public_keys {
        let key = VerifyingKey::from_spki_pem(read(path, PUBLIC_KEY)?.as_bytes());
        keys.push(key.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?);
    }
    if let Some(path) = &asked.jwks {
        let set: JwkSet = serde_json::from_str(&read(path, KEY_SET)?)
            .map_err(|error| Failure::new(format!("{} is no JWK Set: {error}", path.display())))?;
        keys.extend(set.keys.iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok()));
    }
    Ok(keys)
}

fn read(path: &Path, wanted: &str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(unreadable(path, &error, wanted)))
}

fn open(path: &Path, wanted: &str) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::new(unreadable(path, &error, wanted)))
}

fn failed(tampering: &Tampering) -> Failure {
    Failure::coded(
        Code::AuditLogNotWhole,
        format!("the audit log is not whole: {tampering}"),
    )
}

fn tell(
    (sound, waiting): (&LogSummary, Option<Waiting>),
    asked: &VerifyAudit,
    output: &mut Output<io::Stdout>,
) -> Result<(), Failure> {
    let mut sentence = match sound.checkpoints {
        0 => "Nothing was sealed yet, so there is nothing to verify.".to_owned(),
        checkpoints => format!(
            "The audit log is whole: {} entries up to the place {} hold, sealed by {checkpoints} checkpoints.",
            sound.rows, sound.last
        ),
    };
    if let Some(at) = sound.signed_at {
        let at = Timestamp(at.saturating_mul(1000));
        sentence.push_str(&format!(
            " The newest was signed at {at}; what came later is not protected yet."
        ));
    }
    if let Some(Waiting { entries, since }) = waiting {
        sentence.push_str(&format!(
            " Entries that wait to be sealed: {entries}, the oldest of {since}; a server seals within seconds."
        ));
    }
    if sound.removed_through > 0 {
        sentence.push_str(&format!(
            " Entries up to the place {} were removed because they were old.",
            sound.removed_through
        ));
    }
    if sound.erased > 0 {
        sentence.push_str(&format!(
            " {} of them tell no more from where, because the account was deleted.",
            sound.erased
        ));
    }
    if asked.against.is_none() {
        sentence.push_str(" Whether its end was cut off can only be told with a kept checkpoint (--against).");
    }
    Ok(output.done(&sentence, sound)?)
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &[
        "place", "at", "kind", "outcome", "actor", "account", "email", "address", "detail", "device",
    ];

    fn cells(&self) -> Vec<String> {
        let Self { entry, email } = self;
        vec![
            entry.seq.map(|seq| seq.to_string()).unwrap_or_default(),
            entry.at.to_string(),
            entry.kind.clone(),
            entry.outcome.clone(),
            entry.actor.clone(),
            entry.account_id.map(|account| account.to_string()).unwrap_or_default(),
            email.clone().unwrap_or_default(),
            entry.address.clone().unwrap_or_default(),
            entry.detail.clone().unwrap_or_default(),
            entry.user_agent.clone().unwrap_or_default(),
        ]
    }
}
