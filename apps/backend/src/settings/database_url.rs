//! The URL of the database. It may contain a password, which is never shown.

use std::fmt;

use countersign_store::{PARAMETERS, unknown_parameter};
use secrecy::{ExposeSecret, SecretString};

use super::literal;
use super::value::Value;
use super::value_error::ValueError;

/// The URL of the database: `sqlite://path` or `postgres://…`. Shown with its password masked.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// The whole URL with its password, for opening the database.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.expose()))
    }
}

impl Value for DatabaseUrl {
    const FORM: &'static str = "`sqlite://path` or `postgres://…`; secret";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, ValueError> {
        let fault = |what: &str| {
            Err(ValueError::new(
                what,
                "expected a URL such as sqlite://data/countersign.db or postgres://user:password@host/database",
            ))
        };
        match text.split_once("://") {
            Some(("sqlite", "")) => fault("the path of the file is missing"),
            Some(("sqlite", ":memory:")) => {
                fault("an in-memory database would lose every account when the server stops")
            }
            Some(("sqlite", path)) if literal::fault(path, false).is_some() => {
                fault("the path starts or ends with a space or a quotation mark")
            }
            Some(("sqlite", path)) if path.ends_with('/') => fault("the path is a directory, not a file"),
            Some(("sqlite", path)) if literal::unexpanded(path).is_some() => {
                literal::unexpanded(path).map_or_else(|| fault("the path of the file is missing"), Err)
            }
            Some(("sqlite", path)) if path.contains('?') => fault("options are not supported for SQLite"),
            Some(("postgres" | "postgresql", rest)) if rest.is_empty() || !names_a_host(rest) => {
                fault("the host is missing")
            }
            Some(("postgres" | "postgresql", _)) if unknown_parameter(text).is_some() => {
                let name = unknown_parameter(text).unwrap_or_default();
                let known = PARAMETERS.join(", ");
                let what = format!("unsupported parameter {name:?}");
                Err(ValueError::new(what, format!("supported parameters: {known}")))
            }
            Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(Self(SecretString::from(text))),
            _ => fault("is not the URL of a SQLite or PostgreSQL database"),
        }
    }

    fn shown(text: &str) -> String {
        masked(text)
    }
}

impl Value for Option<DatabaseUrl> {
    const FORM: &'static str = "`postgres://…`; secret";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.starts_with("sqlite:") {
            return Err(ValueError::new(
                "is not the URL of a PostgreSQL database",
                "expected a URL such as postgres://user:password@host/database",
            ));
        }
        (!text.is_empty()).then(|| DatabaseUrl::parse(text)).transpose()
    }

    fn shown(text: &str) -> String {
        masked(text)
    }
}

/// A host before the path, or a folder of sockets as `?host=/run/postgresql`.
fn names_a_host(rest: &str) -> bool {
    let (address, options) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = address.rsplit('@').next().unwrap_or(address);
    !authority.is_empty() && !authority.starts_with('/') || options.split('&').any(|option| option.starts_with("host="))
}

/// What may be shown of the options; a name that is not here may be a secret's.
const HARMLESS: [&str; 8] = [
    "sslmode",
    "sslrootcert",
    "options",
    "host",
    "port",
    "dbname",
    "connect_timeout",
    "application_name",
];

pub(super) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return url.to_owned();
    };
    // A password may hold any character, escaped or not: up to the last `@`, all is taken for it.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => match credentials.split_once(':') {
            Some((user, _)) => (format!("{user}:***@"), rest),
            None => (format!("{credentials}@"), rest),
        },
        None => (String::new(), rest),
    };
    match rest.split_once('?') {
        Some((address, options)) => format!("{scheme}://{user}{address}?{}", masked_options(options)),
        None => format!("{scheme}://{user}{rest}"),
    }
}

fn masked_options(options: &str) -> String {
    let masked = options.split('&').map(|option| match option.split_once('=') {
        Some((name, _)) if !HARMLESS.contains(&name) => format!("{name}=***"),
        _ => option.to_owned(),
    });
    masked.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let cases = [
            ("sqlite://data/countersign.db", "sqlite://data/countersign.db"),
            ("postgres://host/db", "postgres://host/db"),
            ("postgres://user@host/db", "postgres://user@host/db"),
            (
                "postgres://user:hunter2@host:5432/db?sslmode=require",
                "postgres://user:***@host:5432/db?sslmode=require",
            ),
            ("postgres://user:hun:ter@2/?x@host/db", "postgres://user:***@host/db"),
            (
                "postgresql://host/db?user=u&password=hunter2&port=1",
                "postgresql://host/db?user=***&password=***&port=1",
            ),
            (
                "postgres://u:p@h/db?options=-c%20a%3Db",
                "postgres://u:***@h/db?options=-c%20a%3Db",
            ),
        ];
        for (url, shown) in cases {
            assert_eq!(
                DatabaseUrl::parse(url)
                    .unwrap_or_else(|fault| panic!("{url}: {fault:?}"))
                    .to_string(),
                shown
            );
        }
    }

    #[test]
    fn what_is_no_database_is_refused_without_repeating_it() {
        for url in [
            "",
            "data.db",
            "sqlite://",
            "sqlite:data.db",
            "sqlite://:memory:",
            "sqlite://a.db?mode=rwc",
            "mysql://hunter2@h",
            "postgres://",
            "postgres:///hunter2",
            "postgres://u:hunter2@/db",
            "POSTGRES://h/db",
        ] {
            let fault = DatabaseUrl::parse(url)
                .err()
                .unwrap_or_else(|| panic!("{url:?} was taken"));
            assert!(!fault.what.contains("hunter2"), "{fault:?}");
        }
        assert!(DatabaseUrl::parse("postgres:///db?host=/run/postgresql").is_ok());
    }
}
