//! Parses a `postgres://` URL. Errors contain no part of it, because that may be the password.

use std::error::Error as _;
use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::OpenError;

pub(super) struct Target {
    pub(super) config: Config,
    pub(super) security: Security,
}

/// How the connection is protected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// `disable`, or not specified and the server is on this machine.
    Plain { local: bool },
    /// `prefer`: encrypted if the server supports it.
    Preferred { roots: Roots, local: bool },
    /// `require`, `verify-ca`, `verify-full`, or not specified and the server is on another machine. All three verify
    /// the certificate chain and the host name, which is stricter than libpq for the first two.
    Required(Roots),
}

/// The trusted certificate authorities: `sslrootcert=…`, or the system's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Roots {
    System,
    File(String),
}

/// Parses the URL. `sslmode` and `sslrootcert` are handled here, everything else by the driver. A connection that may
/// leave this machine unencrypted is refused unless that is allowed.
pub(super) fn parse(url: &str, allow_unencrypted: bool) -> Result<Target, OpenError> {
    let (base, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut roots, mut others) = (None, Roots::System, Vec::new());
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", "system")) => roots = Roots::System,
            Some(("sslrootcert", value)) => roots = Roots::File(decoded(value)?),
            _ => others.push(parameter),
        }
    }
    let rest = if others.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", others.join("&"))
    };
    if let Some(name) = unknown_parameter(url) {
        let known = PARAMETERS.join(", ");
        return Err(OpenError::Url(
            format!("unsupported parameter {name:?}; supported parameters: {known}").into(),
        ));
    }
    let mut config = Config::from_str(&rest).map_err(|error| {
        // Names the parameter but not its value.
        let told = error.source().map(ToString::to_string);
        let told = told.filter(|told| told.starts_with("invalid value for option"));
        OpenError::Url(told.map_or(SHAPE.into(), Into::into))
    })?;
    if config.get_hosts().iter().any(is_part_of_password) {
        return Err(OpenError::Url(
            "the host contains an @, so the user name or password is not percent-encoded; write @ as %40".into(),
        ));
    }
    let security = security(mode, roots, is_local(&config))?;
    if !allow_unencrypted && security.warning().is_some() {
        return Err(OpenError::Unencrypted);
    }
    config.ssl_mode(match security {
        Security::Plain { .. } => SslMode::Disable,
        Security::Preferred { .. } => SslMode::Prefer,
        Security::Required(_) => SslMode::Require,
    });
    Ok(Target { config, security })
}

/// The parameters that a `postgres://` URL may have: ours and the driver's.
pub const PARAMETERS: [&str; 19] = [
    "sslmode",
    "sslrootcert",
    "user",
    "password",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "options",
    "application_name",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// Returns the name of the first unknown parameter of a `postgres://` URL. `None` if the name may be part of a password
/// that was not percent-encoded.
#[must_use]
pub fn unknown_parameter(url: &str) -> Option<&str> {
    let (_, parameters) = url
        .split_once('?')
        .filter(|(_, parameters)| !parameters.contains('@'))?;
    let names = parameters
        .split('&')
        .filter_map(|parameter| Some(parameter.split_once('=')?.0));
    let is_name = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    names
        .into_iter()
        .find(|name| is_name(name) && !name.is_empty() && !PARAMETERS.contains(name))
}

const SHAPE: &str = "expected postgres://user:password@host:port/database?parameter=value, with special characters \
                     percent-encoded";

fn security(mode: Option<&str>, roots: Roots, local: bool) -> Result<Security, OpenError> {
    match mode {
        None if local && roots == Roots::System => Ok(Security::Plain { local }),
        None | Some("require" | "verify-ca" | "verify-full") => Ok(Security::Required(roots)),
        Some("prefer") => Ok(Security::Preferred { roots, local }),
        Some("disable") => Ok(Security::Plain { local }),
        Some(_) => Err(OpenError::Url(
            "sslmode must be disable, prefer, require, verify-ca or verify-full".into(),
        )),
    }
}

impl Security {
    pub(super) fn warning(&self) -> Option<String> {
        match self {
            Self::Plain { local: false } => Some(
                "the connection to PostgreSQL leaves this machine unencrypted (sslmode=disable); use \
                      sslmode=require unless the network is private"
                    .into(),
            ),
            Self::Preferred { local: false, .. } => Some(
                "with sslmode=prefer, an attacker on the network can disable encryption; use sslmode=require".into(),
            ),
            _ => None,
        }
    }
}

/// Returns whether a host contains an `@`, at which the driver ends the password.
fn is_part_of_password(host: &Host) -> bool {
    matches!(host, Host::Tcp(name) if name.contains('@'))
}

/// Returns whether every host that may be used is this machine: a Unix socket or a loopback IP address.
fn is_local(config: &Config) -> bool {
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    });
    hosts && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Decodes percent-encoding. A `%` that does not start a valid code is an error, not a literal percent sign.
fn decoded(value: &str) -> Result<String, OpenError> {
    let is_code = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let text = percent_decode_str(value).decode_utf8();
    match text {
        Ok(text) if value.split('%').skip(1).all(is_code) => Ok(text.into_owned()),
        _ => Err(OpenError::Url("a parameter is not percent-encoded UTF-8".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn security_of(url: &str) -> Security {
        parse(url, true).unwrap_or_else(|why| panic!("{url}: {why}")).security
    }

    #[test]
    fn nothing_said_is_plain_here_and_verified_elsewhere() {
        for local in [
            "postgres://u@127.0.0.1/d",
            "postgres://u@[::1]/d",
            "postgres://u@localhost/d",
            "postgres://u@%2Frun%2Fpg/d",
        ] {
            assert_eq!(security_of(local), Security::Plain { local: true }, "{local}");
        }
        for elsewhere in [
            "postgres://u@db.example/d",
            "postgres://u@127.0.0.1,10.0.0.1/d",
            "postgres://u@10.0.0.1/d",
        ] {
            assert_eq!(security_of(elsewhere), Security::Required(Roots::System), "{elsewhere}");
        }
    }

    #[test]
    fn modes_and_roots_are_read_and_the_rest_is_left_to_the_driver() {
        let url =
            "postgresql://u:p@db.example:5433/d?sslmode=verify-full&options=-c%20a%3Db&sslrootcert=/etc/a%20b.pem";
        let target = parse(url, false).unwrap();
        assert_eq!(target.security, Security::Required(Roots::File("/etc/a b.pem".into())));
        assert_eq!(target.config.get_options(), Some("-c a=b"));
        assert_eq!(target.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(
            security_of("postgres://u@db.example/d?sslmode=prefer"),
            Security::Preferred {
                roots: Roots::System,
                local: false
            }
        );
        let plain = security_of("postgres://u@db.example/d?sslmode=disable");
        assert!(plain.warning().is_some_and(|text| text.contains("unencrypted")));
    }

    #[test]
    fn a_78_connections_to_other_hosts_are_encrypted_unless_configured_otherwise() {
        for mode in ["disable", "prefer"] {
            let url = format!("postgres://u@db.example/d?sslmode={mode}");
            assert!(matches!(parse(&url, false), Err(OpenError::Unencrypted)), "{url}");
            assert!(parse(&url, true).is_ok(), "{url}");
            let here = format!("postgres://u@127.0.0.1/d?sslmode={mode}");
            assert!(parse(&here, false).is_ok(), "{here}");
            let somewhere = format!("postgres://u@127.0.0.1,db.example/d?sslmode={mode}");
            assert!(parse(&somewhere, false).is_err(), "{somewhere}");
        }
    }

    #[test]
    fn a_password_that_is_not_encoded_is_not_taken_for_a_part_of_the_host() {
        for url in [
            "postgres://u:hunter2@x@127.0.0.1/d",
            "postgres://u:hunter2@x@db.example:5432,127.0.0.1/d",
        ] {
            let Err(OpenError::Url(why)) = parse(url, true) else {
                panic!("{url}")
            };
            assert!(why.contains("percent-encode") && why.contains("%40"), "{why}");
        }
        for url in ["postgres://u:a%40b@127.0.0.1/d", "postgres://u:a%40b@h/d?host=/run/@pg"] {
            assert!(parse(url, true).is_ok(), "{url}");
        }
    }

    #[test]
    fn no_error_repeats_the_password() {
        let urls = [
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@h/d?sslmode=hunter2",
            "postgres://u:hunter2@h/d?x=hunter2",
            "postgres://u:hunter2@hunter2@h/d",
            "postgres://u@h/d?sslrootcert=hunter2%",
            "postgres://u@h/d?sslrootcert=hunter2%2",
            "postgres://u@h/d?sslrootcert=hunter2%zz",
            "postgres://u@h/d?sslrootcert=hunter2%+f",
            "postgres://u@h/d?sslrootcert=hunter2%ff",
        ];
        for url in urls {
            let Err(why) = parse(url, false) else { panic!("{url}") };
            assert!(!format!("{why} {why:?}").contains("hunter2"), "{why}");
        }
    }
}
