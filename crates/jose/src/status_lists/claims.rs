//! The claims of a status list (draft-ietf-oauth-status-list §5.1), and how they are serialized.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::list::MAX_STATUS_LIST_BYTES;
use super::{StatusList, StatusListError, zlib};
use crate::tokens::raw_claims::{date, text, whole};
use crate::tokens::strict_json::{Value, read_object};
use crate::{Claims, ClaimsError, Part, Payload, Present, Times, TokenError, TokenType};

/// The claims of a status list. Times are in seconds since the epoch.
///
/// Sign it with `key.sign(TokenType::STATUS_LIST, &claims)`. Signing compresses the array, so do it once per change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusListClaims {
    /// The issuer of the list.
    pub iss: String,
    /// The list's URL, which is the `uri` in its tokens.
    pub sub: String,
    /// When this version of the list was signed.
    pub iat: i64,
    /// When the list expires: it is invalid from this second on.
    pub exp: i64,
    /// After how many seconds to fetch the list again.
    pub ttl: u64,
    /// Increases with each change of the list (our own claim; the draft has none). Older versions are rejected.
    pub version: u64,
    /// The statuses.
    pub status_list: StatusList,
}

/// What a verifier expects of a status list.
///
/// There are no defaults and no constructor, because omitting any of these would be a vulnerability.
#[derive(Clone, Copy, Debug)]
pub struct StatusListExpectation<'a> {
    /// The issuer, compared exactly: only the issuer of a token can revoke it.
    pub issuer: &'a str,
    /// The list's URL, as in the token's `status`; `sub` is compared exactly (§8.3).
    pub uri: &'a str,
    /// The time.
    pub present: Present,
}

/// Verifies a list completely (§8.3). Nothing is inflated before the signature, the issuer and the URL have been
/// checked, and then at most [`MAX_STATUS_LIST_BYTES`].
impl Claims for StatusListClaims {
    const TYPE: TokenType = TokenType::STATUS_LIST;
    type Expectation<'a> = StatusListExpectation<'a>;

    fn read(payload: Payload<'_>, expect: &StatusListExpectation<'_>) -> Result<Self, TokenError> {
        let mut raw = RawClaims::default();
        read_object(Part::Claims, payload.json(), |name, value| raw.take(name, value))?;
        let iss = text("iss", raw.iss)?;
        let sub = text("sub", raw.sub)?;
        if iss != expect.issuer {
            return Err(ClaimsError::WrongIssuer.into());
        }
        if sub != expect.uri {
            return Err(StatusListError::WrongSubject.into());
        }
        let nbf = raw.nbf.as_ref().map(|nbf| date("nbf", Some(nbf))).transpose()?;
        let iat = date("iat", raw.iat.as_ref())?;
        let exp = date("exp", raw.exp.as_ref())?;
        Times { iat, exp, nbf }.check(expect.present)?;
        Ok(Self {
            iss,
            sub,
            iat,
            exp,
            ttl: whole("ttl", raw.ttl.as_ref())?,
            version: whole("version", raw.version.as_ref())?,
            // Checked last, so that these errors are only reported for an otherwise genuine list.
            status_list: status_list(raw.status_list)?,
        })
    }
}

/// §4.2: `{"bits": 1, "lst": base64url(zlib(bytes))}`.
impl Serialize for StatusList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("StatusList", 2)?;
        object.serialize_field("bits", &self.bits())?;
        object.serialize_field("lst", &URL_SAFE_NO_PAD.encode(zlib::compress(self.bytes())))?;
        object.end()
    }
}

/// The claims that are read, present or not.
#[derive(Default)]
struct RawClaims<'a> {
    iss: Option<Value<'a>>,
    sub: Option<Value<'a>>,
    iat: Option<Value<'a>>,
    exp: Option<Value<'a>>,
    nbf: Option<Value<'a>>,
    ttl: Option<Value<'a>>,
    version: Option<Value<'a>>,
    status_list: Option<Value<'a>>,
}

impl<'a> RawClaims<'a> {
    fn take(&mut self, name: &str, value: Value<'a>) {
        let claim = match name {
            "iss" => &mut self.iss,
            "sub" => &mut self.sub,
            "iat" => &mut self.iat,
            "exp" => &mut self.exp,
            "nbf" => &mut self.nbf,
            "ttl" => &mut self.ttl,
            "version" => &mut self.version,
            "status_list" => &mut self.status_list,
            _ => return,
        };
        *claim = Some(value);
    }
}

fn status_list(claim: Option<Value<'_>>) -> Result<StatusList, StatusListError> {
    let Some(Value::Object(members)) = claim else {
        return Err(StatusListError::NoArray);
    };
    let (mut bits, mut lst) = (None, None);
    for (name, value) in members {
        match &*name {
            "bits" => bits = Some(value),
            "lst" => lst = Some(value),
            _ => (),
        }
    }
    let bits = match bits.ok_or(StatusListError::NoArray)? {
        Value::Integer(bits @ (1 | 2 | 4 | 8)) => u8::try_from(bits).map_err(|_| StatusListError::WrongBits)?,
        _ => return Err(StatusListError::WrongBits),
    };
    let lst = match lst {
        Some(Value::Text(lst)) => URL_SAFE_NO_PAD.decode(&*lst).map_err(|_| StatusListError::NotZlib)?,
        _ => return Err(StatusListError::NoArray),
    };
    let bytes = zlib::inflate(&lst, MAX_STATUS_LIST_BYTES)?;
    StatusList::from_bytes(bits, bytes).ok_or(StatusListError::TooLarge)
}
