//! The claims of a token with a valid signature, before their types are checked.

use std::borrow::Cow;

use uuid::Uuid;

use super::strict_json::{Value, read_object};
use super::{AccessTokenClaims, Audience, ClaimsError, Malformed, Part, StatusReference, Subject};

const MAX_DATE: i64 = (1 << 53) - 1;

/// The claims that are read, present or not.
#[derive(Default)]
pub(super) struct RawClaims<'a> {
    iss: Option<Value<'a>>,
    sub: Option<Value<'a>>,
    aud: Option<Value<'a>>,
    exp: Option<Value<'a>>,
    nbf: Option<Value<'a>>,
    iat: Option<Value<'a>>,
    jti: Option<Value<'a>>,
    client_id: Option<Value<'a>>,
    sid: Option<Value<'a>>,
    scope: Option<Value<'a>>,
    auth_time: Option<Value<'a>>,
    amr: Option<Value<'a>>,
    acr: Option<Value<'a>>,
    email: Option<Value<'a>>,
    email_verified: Option<Value<'a>>,
    name: Option<Value<'a>>,
    status: Option<Value<'a>>,
}

impl<'a> RawClaims<'a> {
    pub(super) fn read(json: &'a [u8]) -> Result<Self, Malformed> {
        let mut raw = Self::default();
        read_object(Part::Claims, json, |name, value| raw.take(name, value))?;
        Ok(raw)
    }

    /// When the token becomes valid, if specified. The only claim that is checked but not kept.
    pub(super) fn not_before(&self) -> Result<Option<i64>, ClaimsError> {
        self.nbf.as_ref().map(|nbf| date("nbf", Some(nbf))).transpose()
    }

    /// Converts the claims to their types. Those that RFC 9068 §2.2 requires must be present; the others must be valid
    /// if present.
    pub(super) fn into_claims(self) -> Result<AccessTokenClaims, ClaimsError> {
        let client_id = client_id(self.client_id)?;
        let claims = AccessTokenClaims {
            iss: text("iss", self.iss)?,
            sub: subject(self.sub, &client_id)?,
            aud: audience(self.aud)?,
            exp: date("exp", self.exp.as_ref())?,
            iat: date("iat", self.iat.as_ref())?,
            jti: uuid("jti", self.jti)?,
            client_id,
            sid: optional(self.sid, |sid| uuid("sid", Some(sid)))?,
            scope: optional(self.scope, |scope| text("scope", Some(scope)))?,
            auth_time: optional(self.auth_time, |auth_time| date("auth_time", Some(&auth_time)))?,
            amr: optional(self.amr, |amr| texts("amr", Some(amr)))?,
            // Informative, so anything but a text counts as absent.
            acr: self.acr.and_then(|acr| text("acr", Some(acr)).ok()),
            email: optional(self.email, |email| text("email", Some(email)))?,
            email_verified: optional(self.email_verified, |verified| flag("email_verified", &verified))?,
            name: optional(self.name, |name| text("name", Some(name)))?,
            status: optional(self.status, status)?,
        };
        let of_sign_in = claims.sid.is_some() || claims.auth_time.is_some() || claims.amr.is_some();
        let of_user = claims.email.is_some() || claims.email_verified.is_some() || claims.name.is_some();
        match claims.sub {
            Subject::Client(_) if of_sign_in || of_user => Err(ClaimsError::ClientSignedIn),
            _ => Ok(claims),
        }
    }

    fn take(&mut self, name: &str, value: Value<'a>) {
        let claim = match name {
            "iss" => &mut self.iss,
            "sub" => &mut self.sub,
            "aud" => &mut self.aud,
            "exp" => &mut self.exp,
            "nbf" => &mut self.nbf,
            "iat" => &mut self.iat,
            "jti" => &mut self.jti,
            "client_id" => &mut self.client_id,
            "sid" => &mut self.sid,
            "scope" => &mut self.scope,
            "auth_time" => &mut self.auth_time,
            "amr" => &mut self.amr,
            "acr" => &mut self.acr,
            "email" => &mut self.email,
            "email_verified" => &mut self.email_verified,
            "name" => &mut self.name,
            "status" => &mut self.status,
            _ => return,
        };
        *claim = Some(value);
    }
}

fn optional<'a, T>(
    claim: Option<Value<'a>>,
    read: impl FnOnce(Value<'a>) -> Result<T, ClaimsError>,
) -> Result<Option<T>, ClaimsError> {
    claim.map(read).transpose()
}

/// Returns the client's id, which must not be a valid account id.
fn client_id(claim: Option<Value<'_>>) -> Result<String, ClaimsError> {
    let name = text("client_id", claim)?;
    match name.is_empty() || parse_uuid(&name).is_some() {
        true => Err(ClaimsError::WrongShape("client_id")),
        false => Ok(name),
    }
}

/// See [`Subject`].
fn subject(claim: Option<Value<'_>>, client_id: &str) -> Result<Subject, ClaimsError> {
    let name = text("sub", claim)?;
    match parse_uuid(&name) {
        Some(account) => Ok(Subject::Account(account)),
        None if name == client_id => Ok(Subject::Client(name)),
        None => Err(ClaimsError::UnknownSubject),
    }
}

pub(crate) fn text(name: &'static str, claim: Option<Value<'_>>) -> Result<String, ClaimsError> {
    match claim.ok_or(ClaimsError::Missing(name))? {
        Value::Text(text) => Ok(text.into_owned()),
        _ => Err(ClaimsError::WrongShape(name)),
    }
}

fn flag(name: &'static str, claim: &Value<'_>) -> Result<bool, ClaimsError> {
    match claim {
        Value::Flag(flag) => Ok(*flag),
        _ => Err(ClaimsError::WrongShape(name)),
    }
}

fn uuid(name: &'static str, claim: Option<Value<'_>>) -> Result<Uuid, ClaimsError> {
    parse_uuid(&text(name, claim)?).ok_or(ClaimsError::WrongShape(name))
}

/// The hyphenated form only (RFC 9562 §4), which is the form that we write.
fn parse_uuid(text: &str) -> Option<Uuid> {
    const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;
    Uuid::try_parse(text).ok().filter(|_| text.len() == LENGTH)
}

fn audience(claim: Option<Value<'_>>) -> Result<Audience, ClaimsError> {
    match claim {
        Some(Value::Text(audience)) => Ok(vec![audience.into_owned()].into()),
        list => texts("aud", list).map(Audience::from),
    }
}

fn texts(name: &'static str, claim: Option<Value<'_>>) -> Result<Vec<String>, ClaimsError> {
    let Value::List(values) = claim.ok_or(ClaimsError::Missing(name))? else {
        return Err(ClaimsError::WrongShape(name));
    };
    let texts = values.into_iter().map(|value| match value {
        Value::Text(text) => Ok(Cow::into_owned(text)),
        _ => Err(ClaimsError::WrongShape(name)),
    });
    texts.collect()
}

/// A status mechanism other than status lists is not supported, and is rejected rather than ignored.
fn status(claim: Value<'_>) -> Result<StatusReference, ClaimsError> {
    let wrong = ClaimsError::WrongShape("status");
    let Some(Value::Object(members)) = claim.into_member("status_list") else {
        return Err(wrong);
    };
    let (mut idx, mut uri) = (None, None);
    for (name, value) in members {
        match &*name {
            "idx" => idx = Some(value),
            "uri" => uri = Some(value),
            _ => (),
        }
    }
    Ok(StatusReference {
        idx: whole("idx", idx.as_ref()).map_err(|_| wrong)?,
        uri: text("uri", uri).map_err(|_| wrong)?,
    })
}

/// A number without a fraction, from 0 to 2^53 − 1.
pub(crate) fn whole(name: &'static str, claim: Option<&Value<'_>>) -> Result<u64, ClaimsError> {
    match claim.ok_or(ClaimsError::Missing(name))? {
        Value::Integer(number) if *number <= MAX_DATE => {
            u64::try_from(*number).map_err(|_| ClaimsError::WrongShape(name))
        }
        _ => Err(ClaimsError::WrongShape(name)),
    }
}

/// RFC 7519 §2: a NumericDate is a JSON number of seconds that may have a fraction, which is dropped. Above 2^53 − 1,
/// JSON numbers are inexact (RFC 7493 §2.2) and are rejected.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, and what saturated is refused"
)]
pub(crate) fn date(name: &'static str, claim: Option<&Value<'_>>) -> Result<i64, ClaimsError> {
    let seconds = match claim.ok_or(ClaimsError::Missing(name))? {
        Value::Integer(seconds) => Some(*seconds),
        // The cast clamps out-of-range numbers, which the next line rejects.
        Value::Number(seconds) if *seconds >= 0.0 => Some(*seconds as i64),
        _ => None,
    };
    seconds
        .filter(|seconds| (0..=MAX_DATE).contains(seconds))
        .ok_or(ClaimsError::NotANumericDate(name))
}
