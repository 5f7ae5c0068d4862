//! A client's secret in the settings file.

use secrecy::{ExposeSecret, SecretString};

use crate::settings::entry::Entry;
use crate::settings::regular_file::{self, LONGEST_SECRET};
use crate::settings::value_error::ValueError;

/// The shortest secret of the operator's own, in characters.
const SHORTEST_SECRET: usize = 32;
/// The SHA-256 of nothing and of an empty line, which the documented command prints if its variable is not set.
const DIGESTS_OF_NOTHING: [&str; 2] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
];

/// A client's secret in the settings file.
#[derive(Clone, Debug)]
pub enum DeclaredSecret {
    /// The text of its file.
    Text(SecretString),
    /// Its SHA-256.
    Sha256([u8; 32]),
}

/// Reads which secret the client has. Exactly one of three settings says it.
pub(super) fn read(entry: &mut Entry, has_clear_text: bool) -> Option<DeclaredSecret> {
    let given = [
        entry.has("secret_file"),
        entry.has("secret_sha256"),
        entry.is_true("public"),
    ];
    if given.into_iter().filter(|is_given| *is_given).count() != 1 && !has_clear_text {
        let fault = ValueError::new(
            "must have exactly one of `secret_file`, `secret_sha256` and `public = true`",
            "set `public = true` for a client that runs on users' devices; otherwise, set the file that contains the \
             client's secret",
        );
        entry.blame("", fault);
    }
    entry.take::<bool>("public");
    let digest = entry.take_secret("secret_sha256", read_digest);
    let text = entry.take_secret("secret_file", read_secret);
    digest.map(DeclaredSecret::Sha256).or(text.map(DeclaredSecret::Text))
}

fn read_digest(text: &str) -> Result<[u8; 32], ValueError> {
    if DIGESTS_OF_NOTHING.contains(&&*text.to_ascii_lowercase()) {
        let help = "set the variable first: `SECRET=$(openssl rand -hex 32); printf %s \"$SECRET\" | sha256sum`";
        return Err(ValueError::new("is the SHA-256 of an empty secret", help));
    }
    sha256(text).ok_or_else(|| ValueError::new("is not a SHA-256", "expected 64 hexadecimal digits"))
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (at, byte) in hash.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    is_hex.then_some(hash)
}

fn read_secret(path: &str) -> Result<SecretString, ValueError> {
    let text = regular_file::read_text(path.as_ref(), LONGEST_SECRET).map_err(|error| {
        let help = "expected the path of a file that contains the secret and nothing else";
        ValueError::new(format!("failed to read {path:?}: {error}"), help)
    })?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = SecretString::from(secret.strip_suffix('\r').unwrap_or(secret));
    match invalid_secret(&secret) {
        Some(fault) => {
            let help = "generate one with `openssl rand -hex 32`";
            Err(ValueError::new(format!("{path:?}: the secret {fault}"), help))
        }
        None => Ok(secret),
    }
}

/// Returns what is wrong with a secret of the operator's own, if anything.
fn invalid_secret(secret: &SecretString) -> Option<&'static str> {
    let secret = secret.expose_secret();
    if secret.chars().count() < SHORTEST_SECRET {
        return Some("has fewer than 32 characters");
    }
    let has_blanks = secret.chars().any(|c| c.is_whitespace() || c.is_control());
    has_blanks.then_some("contains a space, a line break or a control character")
}
