//! The header of a token (RFC 7515 §4): what it must and must not contain.

use std::borrow::Cow;

use super::strict_json::{Value, read_object};
use super::{HeaderError, Part, TokenError};
use crate::{SigningAlg, TokenType};

/// Reads a header and returns its `kid` if everything else in it is acceptable.
pub(super) fn read(json: &[u8], alg: SigningAlg, typ: TokenType) -> Result<Cow<'_, str>, TokenError> {
    let mut header = Header::default();
    read_object(Part::Header, json, |name, value| header.take(name, value))?;
    header.check_algorithm(alg)?;
    header.check_requests()?;
    header.check_type(typ)?;
    Ok(text("kid", header.kid)?)
}

#[derive(Default)]
struct Header<'a> {
    alg: Option<Value<'a>>,
    typ: Option<Value<'a>>,
    kid: Option<Value<'a>>,
    embedded: Option<&'static str>,
    critical: bool,
    encoding: Option<&'static str>,
}

impl<'a> Header<'a> {
    /// Other parameters are ignored (RFC 7515 §4).
    fn take(&mut self, name: &str, value: Value<'a>) {
        match name {
            "alg" => self.alg = Some(value),
            "typ" => self.typ = Some(value),
            "kid" => self.kid = Some(value),
            "jwk" => self.embedded = Some("jwk"),
            "jku" => self.embedded = Some("jku"),
            "x5u" => self.embedded = Some("x5u"),
            "x5c" => self.embedded = Some("x5c"),
            "crit" => self.critical = true,
            "b64" => self.encoding = Some("b64"),
            "zip" => self.encoding = Some("zip"),
            "enc" => self.encoding = Some("enc"),
            _ => (),
        }
    }

    /// RFC 8725 §3.1: the algorithm is determined by the key, never by the token.
    fn check_algorithm(&self, expected: SigningAlg) -> Result<(), HeaderError> {
        match &self.alg {
            Some(Value::Text(alg)) if alg == expected.as_str() => Ok(()),
            Some(Value::Text(alg)) if alg.trim().eq_ignore_ascii_case("none") => Err(HeaderError::AlgorithmNone),
            Some(_) => Err(HeaderError::WrongAlgorithm),
            None => Err(HeaderError::Missing("alg")),
        }
    }

    fn check_requests(&self) -> Result<(), HeaderError> {
        // A key in the token proves nothing (CVE-2018-0114), and fetching one would allow request forgery.
        if let Some(name) = self.embedded {
            return Err(HeaderError::EmbeddedKey(name));
        }
        // RFC 7515 §4.1.11: an unknown critical parameter makes the token invalid; an empty list is not allowed.
        if self.critical {
            return Err(HeaderError::CriticalExtension);
        }
        match self.encoding {
            Some(name) => Err(HeaderError::UnsupportedEncoding(name)),
            None => Ok(()),
        }
    }

    /// RFC 9068 §4: the type is checked explicitly, so that no other JWT of ours is accepted as an access token.
    fn check_type(&mut self, typ: TokenType) -> Result<(), HeaderError> {
        if typ.is_named_by(&text("typ", self.typ.take())?) {
            Ok(())
        } else {
            Err(HeaderError::WrongType)
        }
    }
}

fn text<'a>(name: &'static str, value: Option<Value<'a>>) -> Result<Cow<'a, str>, HeaderError> {
    match value {
        Some(Value::Text(text)) => Ok(text),
        Some(_) => Err(HeaderError::NotText(name)),
        None => Err(HeaderError::Missing(name)),
    }
}
