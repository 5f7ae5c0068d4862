//! The cookies of a request to an application: the state of a hand-off, and those that are not ours.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::secret::StateSecret;
use crate::core::cookie::HostCookie;
use crate::settings::Origin;

const STATE: HostCookie = HostCookie("countersign-app-state");
/// The time to sign in. A browser that takes longer starts again at the application.
const STATE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Returns the secret of this browser at an application, if it has one.
pub fn state(origin: &Origin, headers: &HeaderMap) -> Option<StateSecret> {
    STATE.read(origin, headers)?.parse().ok()
}

/// Returns the header that stores the secret, which it does not show in `Debug`.
pub fn set_state(origin: &Origin, state: &StateSecret) -> HeaderValue {
    let mut header = STATE.set(origin, &state.reveal(), Some(STATE_LIFETIME));
    header.set_sensitive(true);
    header
}

/// Returns the `Cookie` header of a request without the cookies of this server, for an application that must not be able
/// to act as its users. Empty if nothing is left.
pub fn others(headers: &HeaderMap) -> HeaderValue {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let others: Vec<_> = pairs
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !is_ours(pair))
        .collect();
    HeaderValue::from_bytes(&others.join(&b"; "[..])).unwrap_or(HeaderValue::from_static(""))
}

/// Returns whether a pair has the name of one of our cookies. Browsers compare names byte by byte.
fn is_ours(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    let name = name.strip_prefix(b"__Host-").unwrap_or(name);
    let rest = name.strip_prefix(b"countersign");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_gets_all_cookies_but_ours() {
        let others = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            others(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(others(&[]), "");
        assert_eq!(others(&["theme=dark; a=b=c;d"]), "theme=dark; a=b=c; d");
        assert_eq!(others(&["countersign=x"]), "");
        assert_eq!(
            others(&[
                "__Host-countersign=x; theme=dark; __Host-countersign-app=y; countersign-8000=z",
                "countersign-app-state-8080=s;; countersigned=1; my-countersign=2; countersign =x"
            ]),
            "theme=dark; countersigned=1; my-countersign=2"
        );
    }
}
