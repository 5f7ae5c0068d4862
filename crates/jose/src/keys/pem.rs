//! Converts between PEM text (RFC 7468) and DER. Knows labels, not keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;

/// A block: its label and its decoded content, which may be secret.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Reads the only block of a key. OpenSSL writes redundant `EC PARAMETERS` before an `EC PRIVATE KEY`; they are
/// skipped. Text around the blocks is skipped too. A second block is an error, because it would be ambiguous.
pub(super) fn read(pem: &[u8]) -> Result<Block<'_>, KeyError> {
    let text = std::str::from_utf8(pem).map_err(|_| KeyError::NotPem)?;
    let mut lines = text.lines().map(str::trim);
    let mut found = None;
    while let Some(label) = next_label(&mut lines) {
        let body = body(&mut lines, label, text.len())?;
        if label == "EC PARAMETERS" {
            continue;
        }
        if found.replace((label, body)).is_some() {
            return Err(KeyError::NotPem);
        }
    }
    let (label, body) = found.ok_or(KeyError::NotPem)?;
    // RFC 1421 §4.6.1.1: the legacy encryption, with a single round of MD5. `openssl ec -aes256` still writes it.
    if body.starts_with("Proc-Type:") {
        return Err(KeyError::UnsupportedEncryption);
    }
    let der = STANDARD.decode(body.as_bytes()).map_err(|_| KeyError::NotPem)?;
    Ok(Block {
        label,
        der: Zeroizing::new(der),
    })
}

/// Writes a block with lines of 64 characters.
pub(super) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    const LINE: usize = 64;
    let body = Zeroizing::new(STANDARD.encode(der));
    // Allocated in full, so that a growing buffer leaves no copy of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(
        body.len() + body.len() / LINE + 2 * label.len() + 40,
    ));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

fn next_label<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    lines.find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
}

fn body<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    label: &str,
    capacity: usize,
) -> Result<Zeroizing<String>, KeyError> {
    let mut body = Zeroizing::new(String::with_capacity(capacity));
    for line in lines {
        if let Some(end) = line.strip_prefix("-----END ") {
            let matches = end.strip_suffix("-----") == Some(label);
            return if matches { Ok(body) } else { Err(KeyError::NotPem) };
        }
        body.push_str(line);
    }
    Err(KeyError::NotPem)
}
