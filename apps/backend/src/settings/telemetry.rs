//! `[telemetry]`: traces for a collector of OpenTelemetry. Off by default.

use secrecy::{ExposeSecret, SecretString};

use super::section::section;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;

section! {
    /// OpenTelemetry traces.
    Telemetry "telemetry." {
        /// The collector that traces are sent to (OTLP over HTTP), such as `http://127.0.0.1:4318`. Off by default.
        otlp_endpoint: Option<Collector> = "",
        /// Headers that the collector requires, as `name=value`, separated by commas. Over plain HTTP, anyone on the
        /// network could read them, so https is required for other hosts.
        otlp_headers: Option<SecretString> = "",
        /// The share of requests to trace, 0 to 1. If a proxy in `trusted_proxies` sends `traceparent`, the proxy
        /// decides.
        sample_ratio: Ratio = "1",
    }
}

/// The URL of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector(String);

/// A share, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(f64);

impl Collector {
    /// Where traces are posted to: the path of OTLP, unless another one was written.
    pub fn traces(&self) -> String {
        let has_path = self
            .0
            .split("://")
            .nth(1)
            .is_some_and(|rest| rest.trim_end_matches('/').contains('/'));
        if has_path {
            self.0.clone()
        } else {
            format!("{}/v1/traces", self.0.trim_end_matches('/'))
        }
    }
}

impl Ratio {
    /// As a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Telemetry {
    /// The headers, by name.
    pub fn headers(&self) -> Vec<(String, String)> {
        self.otlp_headers
            .as_ref()
            .map_or_else(Vec::new, |headers| read(headers.expose_secret()).unwrap_or_default())
    }

    pub(super) fn check(&self, values: &mut Values) {
        let Some(headers) = &self.otlp_headers else {
            return;
        };
        let names = &["telemetry.otlp_headers"];
        let fault = ValueError::new(
            "is not a list of headers",
            "expected one such as authorization=Bearer …",
        );
        values.require(read(headers.expose_secret()).is_some(), names, fault);
        let is_open = |collector: &Collector| collector.0.starts_with("http://") && !is_loopback(&collector.0);
        let fault = ValueError::new(
            "the headers would cross the network unencrypted",
            "use an https:// URL for `telemetry.otlp_endpoint`",
        );
        values.require(!self.otlp_endpoint.as_ref().is_some_and(is_open), names, fault);
    }
}

fn read(headers: &str) -> Option<Vec<(String, String)>> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let is_sound = http::HeaderName::from_bytes(name.trim().as_bytes()).is_ok()
            && http::HeaderValue::from_str(value.trim()).is_ok();
        is_sound.then(|| (name.trim().to_owned(), value.trim().to_owned()))
    };
    headers.split(',').map(pair).collect()
}

fn is_loopback(url: &str) -> bool {
    let uri = url.parse::<http::Uri>().ok();
    matches!(
        uri.as_ref().and_then(http::Uri::host),
        Some("localhost" | "127.0.0.1" | "[::1]")
    )
}

impl Value for Option<Collector> {
    const FORM: &'static str = "URL, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Ok(None);
        }
        let uri = text.parse::<http::Uri>().ok();
        let is_one = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if is_one {
            Ok(Some(Collector(text.to_owned())))
        } else {
            Err(ValueError::new(
                format!("{text:?} is not the URL of a collector"),
                "expected one such as http://127.0.0.1:4318",
            ))
        }
    }
}

impl Value for Ratio {
    const FORM: &'static str = "0 to 1";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Self).ok_or_else(|| {
            ValueError::new(
                format!("invalid ratio {text:?}"),
                "expected 0 to 1, such as 0.1 for every tenth request",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_gets_traces_at_the_path_of_otlp_or_at_its_own() {
        let traces = |text| Option::<Collector>::parse(text).unwrap().unwrap().traces();
        assert_eq!(traces("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(
            traces("https://otlp.example.com/"),
            "https://otlp.example.com/v1/traces"
        );
        assert_eq!(
            traces("https://example.com/otlp/traces"),
            "https://example.com/otlp/traces"
        );
        for text in ["4318", "ftp://a", "http://user:secret@host", "http://"] {
            assert!(Option::<Collector>::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_and_headers_are_read_strictly() {
        assert!(Ratio::parse("0.25").is_ok());
        for text in ["", "2", "-1", "NaN", "ten"] {
            assert!(Ratio::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            read("a=b=c, d = e").unwrap(),
            [("a".into(), "b=c".into()), ("d".into(), "e".into())]
        );
        assert!(read("no header").is_none() && read("a=b,,").is_none() && read("a=b\u{7f}").is_none());
    }
}
