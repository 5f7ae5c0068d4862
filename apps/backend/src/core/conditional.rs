//! Conditional requests (RFC 9110 §13): whether the client already has the current representation.

use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue};

/// Returns whether `If-None-Match` contains this entity tag (RFC 9110 §13.1.2: a list of tags or `*`, compared weakly).
pub fn etag_matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let lines = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_found_in_every_form_of_if_none_match() {
        let etag = HeaderValue::from_static("\"abc\"");
        let asks = |value: &'static str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
            etag_matches(&headers, &etag)
        };
        assert!(asks("\"abc\"") && asks("W/\"abc\"") && asks("\"x\", W/\"abc\"") && asks("*"));
        assert!(!asks("\"ab\"") && !asks("abc") && !asks("") && !etag_matches(&HeaderMap::new(), &etag));
    }
}
