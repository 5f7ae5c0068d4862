//! Environment variables as settings: `COUNTERSIGN_` and the name in capitals, with `__` between section and name.

use super::source::{PREFIX, RawSetting, Source};

/// What the environment gives, in the order of names.
pub(super) fn given(environment: &[(String, String)]) -> Vec<RawSetting> {
    let mut variables: Vec<_> = environment
        .iter()
        .filter(|(name, value)| is_setting(name, value))
        .collect();
    variables.sort();
    let given = variables.into_iter().filter_map(|(variable, value)| {
        let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
        Some(RawSetting {
            name,
            text: value.clone(),
            source: Source::Variable(variable.clone()),
        })
    });
    given.collect()
}

/// Variables that are read elsewhere: the name of the settings file, and that of the program for tests of services.
const NO_SETTINGS: [&str; 2] = ["COUNTERSIGN_CONFIG", "COUNTERSIGN_BIN"];

/// `COUNTERSIGN_TEST_…` belongs to the test suite.
fn is_setting(name: &str, value: &str) -> bool {
    let ours = name.starts_with(PREFIX) && !NO_SETTINGS.contains(&name) && !name.starts_with("COUNTERSIGN_TEST_");
    ours && !is_service_link(name, value)
}

/// Kubernetes gives every container `COUNTERSIGN_SERVICE_HOST`, `COUNTERSIGN_PORT=tcp://…`,
/// `COUNTERSIGN_PORT_8000_TCP_ADDR`… when a service of the namespace is called `countersign`, which is not an error.
fn is_service_link(name: &str, value: &str) -> bool {
    let of_port = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.rsplit_once("_PORT_").is_some_and(|(_, rest)| of_port(rest))
        || name.split_once("_PORT_").is_some_and(|(_, rest)| of_port(rest))
        || (name.ends_with("_PORT") && value.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::super::source::variable;
    use super::*;

    fn names(environment: &[(&str, &str)]) -> Vec<String> {
        let owned: Vec<_> = environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        given(&owned).into_iter().map(|given| given.name).collect()
    }

    #[test]
    fn two_underscores_part_section_and_name() {
        assert_eq!(variable("tokens.access_ttl"), "COUNTERSIGN_TOKENS__ACCESS_TTL");
        let environment = [
            ("PATH", "/bin"),
            ("COUNTERSIGN_TOKENS__ACCESS_TTL", "1d"),
            ("COUNTERSIGN_LISTEN", "x"),
        ];
        assert_eq!(names(&environment), ["listen", "tokens.access_ttl"]);
    }

    #[test]
    fn what_is_no_setting_is_left_alone() {
        let links = [
            ("COUNTERSIGN_CONFIG", "a.toml"),
            ("COUNTERSIGN_TEST_POSTGRES_URL", "postgres://x"),
            ("COUNTERSIGN_BIN", "/usr/local/bin/countersign"),
            ("COUNTERSIGN_SERVICE_HOST", "10.0.0.1"),
            ("COUNTERSIGN_SERVICE_PORT_HTTP", "8000"),
            ("COUNTERSIGN_PORT", "tcp://10.0.0.1:8000"),
            ("COUNTERSIGN_PORT_8000_TCP_PORT", "8000"),
            ("COUNTERSIGN_METRICS_PORT_9000_TCP_ADDR", "10.0.0.2"),
        ];
        assert_eq!(names(&links), Vec::<String>::new());
    }

    #[test]
    fn a_port_that_was_set_by_hand_is_reported() {
        assert_eq!(names(&[("COUNTERSIGN_PORT", "8000")]), ["port"]);
    }
}
