//! Finds the bearer token in a request's headers (RFC 6750 §2.1).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::denied::Reason;

/// Returns the token of `Authorization: Bearer …`. Tokens in queries and forms are ignored (RFC 9700 §4.3.2).
///
/// # Errors
/// [`Reason::NoToken`] if there is none, [`Reason::Malformed`] if the header occurs twice or is not a `Bearer`
/// credential.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Reason> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Reason::NoToken)?;
    if values.next().is_some() {
        return Err(Reason::Malformed);
    }
    // `HeaderValue::to_str` accepts the same values but checks each byte separately.
    let text = std::str::from_utf8(value.as_bytes())
        .ok()
        .filter(|text| text.is_ascii());
    let text = text.ok_or(Reason::Malformed)?;
    // RFC 9110 §11.1: the scheme is case-insensitive.
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => match token.trim_start_matches(' ') {
            "" => Err(Reason::Malformed),
            token => Ok(token),
        },
        None if text.eq_ignore_ascii_case("Bearer") => Err(Reason::Malformed),
        _ => Err(Reason::NoToken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Result<String, Reason> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer_token(&headers).map(str::to_owned)
    }

    #[test]
    fn finds_the_token_whatever_the_case_of_the_scheme() {
        assert_eq!(of(&["Bearer abc"]).unwrap(), "abc");
        assert_eq!(of(&["bEARER  abc"]).unwrap(), "abc");
    }

    #[test]
    fn tells_no_token_from_a_malformed_one() {
        assert!(matches!(of(&[]), Err(Reason::NoToken)));
        assert!(matches!(of(&["Basic abc"]), Err(Reason::NoToken)));
        assert!(matches!(of(&["Bearer"]), Err(Reason::Malformed)));
        assert!(matches!(of(&["Bearer "]), Err(Reason::Malformed)));
        assert!(matches!(of(&["Bearer a", "Bearer b"]), Err(Reason::Malformed)));
    }
}
