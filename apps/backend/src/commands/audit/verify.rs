//! `countersign audit verify`: checks the integrity of the log, in the database or in an export.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use countersign_jose::{JwkSet, VerifyingKey, decode_without_verifying};
use serde::de::IgnoredAny;

use super::export::{FORMAT, Line};
use crate::Services;
use crate::commands::Failure;
use crate::commands::cli::VerifyAudit;
use crate::commands::failure::{FailureCode, unreadable};
use crate::commands::output::{Output, Standard};
use crate::core::clock::Timestamp;
use crate::features::operations::audit::chain::{LogSummary, LogVerifier, Tampering};
use crate::features::operations::audit::{self, Piece, VerifyError, Waiting};

pub(super) async fn verify(asked: &VerifyAudit, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let mut keys = given_keys(asked)?;
    keys.extend(services.keys.public_keys());
    let sound = services.audit.verify(verifier(asked, keys)?).await;
    let sound = sound.map_err(|error| match error {
        VerifyError::Tampered(tampering) => failed(&tampering),
        VerifyError::Store(error) => error.into(),
    })?;
    let waiting = services.audit.waiting().await?;
    report(&sound, waiting, asked, output)
}

/// Verifies an export. Requires neither a database nor settings.
pub(super) fn verify_export(export: &Path, asked: &VerifyAudit, output: &mut Standard) -> Result<(), Failure> {
    let keys = given_keys(asked)?;
    if keys.is_empty() {
        return Err(Failure::new(
            "to verify an export, pass the keys to trust with --public-key FILE or --jwks FILE",
        ));
    }
    let sound = verify_file(export, verifier(asked, keys)?)?;
    report(&sound, None, asked, output)
}

fn verify_file(path: &Path, mut verifier: LogVerifier) -> Result<LogSummary, Failure> {
    let (name, file) = (path.display(), open(path, EXPORT)?);
    let mut has_begun = false;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let malformed = || {
            Failure::new(format!(
                "line {number} of {name} is not part of an audit log export; expected {EXPORT}"
            ))
        };
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
        return Err(Failure::new(format!("{name} is empty; expected {EXPORT}")));
    }
    verifier.finish().map_err(|tampering| failed(&tampering))
}

fn verifier(asked: &VerifyAudit, keys: Vec<VerifyingKey>) -> Result<LogVerifier, Failure> {
    let verifier = LogVerifier::new(keys);
    let Some(path) = &asked.against else {
        return Ok(verifier);
    };
    // Check every line: a log that was emptied and has since grown past its old length could still match the last
    // checkpoint.
    let (mut verifier, mut holds_any) = (verifier, false);
    for line in BufReader::new(open(path, CHECKPOINTS)?).lines() {
        let line = line.map_err(|error| Failure::new(unreadable(path, &error, CHECKPOINTS)))?;
        // Skip incomplete lines, such as those written when the disk was full.
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

const EXPORT: &str = "a file written by `countersign audit export`";
const CHECKPOINTS: &str = "the checkpoint file (`audit.checkpoint_file`) or a copy of it";
const PUBLIC_KEY: &str = "a PEM file with a public key, such as secrets/jwt/public.pem";
const KEY_SET: &str = "the JWK Set that the server publishes";

fn given_keys(asked: &VerifyAudit) -> Result<Vec<VerifyingKey>, Failure> {
    let mut keys = Vec::new();
    for path in &asked.public_keys {
        let key = VerifyingKey::from_spki_pem(read(path, PUBLIC_KEY)?.as_bytes());
        keys.push(key.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?);
    }
    if let Some(path) = &asked.jwks {
        let set: JwkSet = serde_json::from_str(&read(path, KEY_SET)?)
            .map_err(|error| Failure::new(format!("{} is not a JWK Set: {error}", path.display())))?;
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
        FailureCode::AuditLogTampered,
        format!("the audit log was tampered with: {tampering}"),
    )
}

fn report(
    sound: &LogSummary,
    waiting: Option<Waiting>,
    asked: &VerifyAudit,
    output: &mut Output<io::Stdout>,
) -> Result<(), Failure> {
    let mut sentence = match sound.checkpoints {
        0 => "Nothing has been sealed yet, so there is nothing to verify.".to_owned(),
        checkpoints => format!(
            "The audit log is intact: verified {} entries up to row {}, sealed by {checkpoints} checkpoints.",
            sound.rows, sound.last
        ),
    };
    if let Some(at) = sound.signed_at {
        let at = Timestamp(at.saturating_mul(1000));
        sentence.push_str(&format!(
            " The newest checkpoint was signed at {at}; later entries are not protected yet."
        ));
    }
    if let Some(Waiting { entries, since }) = waiting {
        sentence.push_str(&format!(
            " Unsealed entries: {entries}, the oldest from {since}; a running server seals them within seconds."
        ));
    }
    if sound.removed_through > 0 {
        sentence.push_str(&format!(
            " Entries up to row {} were removed because they had expired.",
            sound.removed_through
        ));
    }
    if sound.erased > 0 {
        sentence.push_str(&format!(
            " {} of them no longer have an IP address and device, because their account was deleted.",
            sound.erased
        ));
    }
    if asked.against.is_none() {
        sentence.push_str(
            " To detect whether the end of the log was removed, compare it with a saved checkpoint (--against).",
        );
    }
    Ok(output.done(&sentence, sound)?)
}
