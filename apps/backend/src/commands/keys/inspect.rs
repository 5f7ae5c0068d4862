//! `countersign keys inspect`: shows what a key file contains.

use std::io::Write;
use std::path::PathBuf;

use countersign_jose::SigningAlg;
use serde::Serialize;

use crate::commands::Failure;
use crate::commands::failure::unreadable;
use crate::commands::output::{Output, Row};
use crate::features::operations::keys::{Inspected, KeysError, inspect};
use crate::settings::Settings;

pub(super) fn show<W: Write>(
    file: Option<PathBuf>,
    settings: &Settings,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = file.unwrap_or_else(|| settings.keys_dir.join("private.pem"));
    let found = inspect(&path, settings.keys_passphrase.as_ref()).map_err(|error| match error {
        KeysError::File { path, source, .. } => {
            let wanted = "a PEM file with a key, such as secrets/jwt/public.pem";
            Failure::of_configuration(unreadable(&path, &source, wanted))
        }
        error => error.into(),
    })?;
    let (holds, algorithm, kid) = match found {
        Inspected::Private(alg, kid) => ("private key", described(alg), kid),
        Inspected::Public(alg, kid) => ("public key", described(alg), kid),
        Inspected::Sealing(id) => ("sealing key", "256 random bits", id),
    };
    let row = InspectedKey {
        file: path,
        holds,
        algorithm,
        kid,
    };
    Ok(output.row(&row)?)
}

fn described(alg: SigningAlg) -> &'static str {
    match alg {
        SigningAlg::Es256 => "ES256 (P-256)",
        SigningAlg::Rs256 => "RS256 (RSA)",
    }
}

/// An inspected key file.
#[derive(Serialize)]
struct InspectedKey {
    file: PathBuf,
    holds: &'static str,
    algorithm: &'static str,
    kid: String,
}

impl Row for InspectedKey {
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
