//! What the headers of a request say about the client: a user with a browser, or a script of a page.

use http::header::{ACCEPT, ORIGIN};
use http::{HeaderMap, Method};

use crate::core::forwarded::only;
use crate::settings::Origin;

const DEST: &str = "sec-fetch-dest";
const MODE: &str = "sec-fetch-mode";
const SITE: &str = "sec-fetch-site";

/// Returns whether a browser opens a page, so that it can be sent to the sign-in page. Scripts and programs cannot.
pub fn opens_a_page(method: &Method, headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter();
    let takes_html = accepted.any(|line| {
        let line = line.as_bytes().to_ascii_lowercase();
        line.windows(9).any(|part| part == b"text/html")
    });
    matches!(*method, Method::GET | Method::HEAD)
        && takes_html
        && is_unless_missing(headers, MODE, "navigate")
        && is_unless_missing(headers, DEST, "document")
        && !headers.contains_key("x-requested-with")
}

/// Returns whether a header has only this value. Old browsers, and browsers on hosts without TLS, do not send it.
fn is_unless_missing(headers: &HeaderMap, name: &str, value: &str) -> bool {
    !headers.contains_key(name) || only(headers, name) == Some(value)
}

/// Returns whether a browser may use its cookie for this request: no page of another origin sent it. A link on another page
/// may lead here, because safe methods change nothing (RFC 9110 §9.2.1). Another page may not load an image or a script from
/// here, which would tell it about the user.
pub fn is_own(method: &Method, headers: &HeaderMap, origin: &Origin) -> bool {
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    match only(headers, SITE) {
        // "none": the user's own doing, such as a reload.
        Some("same-origin" | "none") => true,
        Some(_) => is_safe && !headers.contains_key(ORIGIN) && is_unless_missing(headers, MODE, "navigate"),
        None if headers.contains_key(SITE) => false,
        // Old browsers, and hosts without TLS.
        None if headers.contains_key(ORIGIN) => only(headers, ORIGIN) == Some(origin.as_str()),
        None => is_safe,
    }
}

/// Returns whether the user followed a link or sent a form of the application itself, and not just a browser that loads
/// links in advance.
pub fn is_a_deliberate_sign_out(headers: &HeaderMap, origin: &Origin) -> bool {
    let in_advance = headers.contains_key("sec-purpose") || headers.contains_key("purpose");
    let opens = is_unless_missing(headers, MODE, "navigate");
    let own = match headers.get(SITE) {
        Some(_) => only(headers, SITE) == Some("same-origin"),
        None => only(headers, ORIGIN) == Some(origin.as_str()),
    };
    own && opens && !in_advance
}
