//! Finds the access token in a request (RFC 6750 §2): in the `Authorization` header, or in the form of a POST, but not in the
//! query, which ends up in logs and histories (RFC 9700 §4.3.2).

use countersign_guard::{Reason, bearer_token};
use countersign_oauth::Parameters;
use http::HeaderMap;

/// Why a request presents no token.
#[derive(Debug)]
pub(super) enum NotPresented {
    /// The header is missing or malformed.
    Denied(Reason),
    /// It presents several tokens, or one where none may be (RFC 6750 §3.1: `invalid_request`).
    Invalid(&'static str),
}

/// Returns the token of a request with these headers, query and form.
pub(super) fn token(headers: &HeaderMap, query: Option<&str>, form: Option<&str>) -> Result<String, NotPresented> {
    let parse = |text: Option<&str>| match Parameters::parse(text.unwrap_or_default()) {
        Ok(parameters) => Ok(parameters),
        Err(_) => Err(NotPresented::Invalid("The parameters are malformed.")),
    };
    if parse(query)?.contains("access_token") {
        return Err(NotPresented::Invalid(
            "The access token must be in the Authorization header or in the form of a POST, not in the URL.",
        ));
    }
    let form = parse(form)?;
    let in_form = form
        .one("access_token")
        .map_err(|_| NotPresented::Invalid("Send exactly one access token."))?;
    match (bearer_token(headers), in_form) {
        (Err(Reason::NoToken), Some(token)) => Ok(token.to_owned()),
        (Ok(_), Some(_)) => Err(NotPresented::Invalid(
            "The access token must be either in the Authorization header or in the form, not in both.",
        )),
        (Ok(token), None) => Ok(token.to_owned()),
        (Err(reason), _) => Err(NotPresented::Denied(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &[&'static str], query: Option<&str>, form: Option<&str>) -> Result<String, &'static str> {
        let headers = header
            .iter()
            .map(|value| (http::header::AUTHORIZATION, value.parse().unwrap()));
        token(&headers.collect(), query, form).map_err(|error| match error {
            NotPresented::Denied(Reason::NoToken) => "none",
            NotPresented::Denied(_) => "malformed",
            NotPresented::Invalid(_) => "invalid",
        })
    }

    #[test]
    fn o_44_there_is_one_token_in_one_place() {
        assert_eq!(of(&["Bearer a"], None, None).as_deref(), Ok("a"));
        assert_eq!(of(&["Bearer a"], Some("x=y"), Some("")).as_deref(), Ok("a"));
        assert_eq!(of(&["Bearer a"], None, Some("access_token=")).as_deref(), Ok("a"));
        assert_eq!(of(&[], None, Some("x=y&access_token=a")).as_deref(), Ok("a"));
        for (header, query, form, expected) in [
            (&[][..], None, None, "none"),
            (&["Basic a"], None, None, "none"),
            (&["Bearer"], None, None, "malformed"),
            (&["Bearer a", "Bearer a"], None, None, "malformed"),
            (&["Bearer a", "Bearer a"], None, Some("access_token=a"), "malformed"),
            (&["Bearer a"], None, Some("access_token=a"), "invalid"),
            (&["Bearer a"], Some("access_token=a"), None, "invalid"),
            (&[], Some("access_token=a"), None, "invalid"),
            (&[], Some("access_token"), Some("access_token=a"), "invalid"),
            (&[], None, Some("access_token=a&access_token=a"), "invalid"),
            (&[], None, Some("access_token=a&access_token="), "invalid"),
            (&[], None, Some("access_token=%ff"), "invalid"),
        ] {
            assert_eq!(of(header, query, form), Err(expected), "{header:?} {query:?} {form:?}");
        }
    }
}
