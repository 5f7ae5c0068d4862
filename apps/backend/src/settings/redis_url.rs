//! The URL of Redis or Valkey. It may contain a password, which is never shown.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use super::database_url::masked;
use super::value::Value;
use super::value_error::ValueError;

/// The URL of Redis: `redis://`, `rediss://` (with TLS) or `redis+unix://`.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

impl RedisUrl {
    /// The whole URL with its password, for connecting.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// It leads to another host, without TLS.
    pub fn leaves_unencrypted(&self) -> bool {
        let Some(rest) = self.expose().strip_prefix("redis://") else {
            return false;
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let name = match host.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let loopback = name.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        name != "localhost" && !loopback
    }
}

impl Value for Option<RedisUrl> {
    const FORM: &'static str = "`redis://…`, or `rediss://…` for TLS; secret";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, ValueError> {
        let fault = |what: &str| {
            Err(ValueError::new(
                what,
                "expected a URL such as redis://host:6379 or rediss://:password@host:6379/0",
            ))
        };
        match text.split_once("://") {
            None if text.is_empty() => Ok(None),
            Some(("redis" | "rediss" | "redis+unix", "")) => fault("the host is missing"),
            // It would switch off the verification of the certificate.
            Some((_, rest)) if rest.contains('#') => fault("a fragment (#…) is not supported"),
            Some((scheme @ ("redis" | "rediss" | "redis+unix"), _)) => match unknown_parameter(scheme, text) {
                Some(fault) => Err(fault),
                None => Ok(Some(RedisUrl(SecretString::from(text)))),
            },
            _ => fault("is not the URL of a Redis server"),
        }
    }

    fn shown(text: &str) -> String {
        masked(text)
    }
}

/// What the driver would pass over in silence. A name is repeated only where it cannot be a part of a password.
fn unknown_parameter(scheme: &str, url: &str) -> Option<ValueError> {
    let known: &[&str] = match scheme {
        "redis+unix" => &["db", "user", "pass", "protocol"],
        _ => &["protocol"],
    };
    let (_, parameters) = url.split_once('?')?;
    let mut names = parameters
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').map_or(parameter, |(name, _)| name));
    let unknown = names.find(|name| !known.contains(name))?;
    let is_name = !parameters.contains('@') && unknown.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let what = match is_name {
        true => format!("unsupported parameter {unknown:?}"),
        false => "contains an unsupported parameter".to_owned(),
    };
    Some(ValueError::new(
        what,
        format!("supported parameters: {}", known.join(", ")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unencrypted_way_out_of_this_machine_is_one() {
        let leaves = |url| Option::<RedisUrl>::parse(url).unwrap().unwrap().leaves_unencrypted();
        assert!(leaves("redis://:secret@10.0.0.1:6379"));
        assert!(leaves("redis://127.evil.example"));
        assert!(!leaves("redis://:secret@127.0.0.1:6379/1"));
        assert!(!leaves("redis://localhost"));
        assert!(!leaves("redis://[::1]:6379"));
        assert!(!leaves("redis://[::1]"));
        assert!(!leaves("rediss://:secret@10.0.0.1"));
        assert!(!leaves("redis+unix:///run/redis.sock"));
    }

    #[test]
    fn unknown_parameters_are_refused_by_name_but_never_by_what_may_be_a_password() {
        let fault = |url| {
            Option::<RedisUrl>::parse(url)
                .err()
                .map(|fault| fault.what)
                .unwrap_or_default()
        };
        for taken in [
            "redis://h?protocol=resp3",
            "rediss://:p@h:6379/0?",
            "redis+unix:///run/redis.sock?db=1&user=u&pass=p&protocol=resp2",
        ] {
            assert_eq!(fault(taken), "", "{taken}");
        }
        assert!(fault("redis://h?db=1").contains("\"db\""));
        assert!(fault("rediss://h/0?tls=off").contains("\"tls\""));
        assert!(fault("redis+unix:///run/redis.sock?pasword=hunter2").contains("\"pasword\""));
        for secret in ["redis://:hun?hunter2=x@h", "redis://h?p\u{e4}ss=hunter2"] {
            assert!(
                !fault(secret).is_empty() && !fault(secret).contains("hunter2"),
                "{secret}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_no_password_is_shown() {
        for url in ["http://h", "redis://", "h:6379", "rediss://h#insecure"] {
            assert!(Option::<RedisUrl>::parse(url).is_err(), "{url}");
        }
        assert_eq!(
            <Option<RedisUrl> as Value>::shown("rediss://:hunter2@h:6379/0"),
            "rediss://:***@h:6379/0"
        );
    }
}
