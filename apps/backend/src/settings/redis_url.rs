//! Where Redis or Valkey is. The address may hold a password, which is shown to nobody.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use super::database_url::masked;
use super::value::Value;
use super::value_error::ValueError;

/// The address of Redis: `redis://`, `rediss://` (with TLS) or `redis+unix://`.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

impl RedisUrl {
    /// The whole address, with its password: for the one that connects.
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
                "redis://host:6379 or rediss://:password@host:6379/0",
            ))
        };
        match text.split_once("://") {
            None if text.is_empty() => Ok(None),
            Some(("redis" | "rediss" | "redis+unix", "")) => fault("names no host"),
            // It would switch off the verification of the certificate.
            Some((_, rest)) if rest.contains('#') => fault("has a fragment, which is not taken here"),
            Some(("redis" | "rediss" | "redis+unix", _)) => Ok(Some(RedisUrl(SecretString::from(text)))),
            _ => fault("is no address of Redis"),
        }
    }

    fn shown(text: &str) -> String {
        masked(text)
    }
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
