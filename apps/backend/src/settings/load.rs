//! Loading: the sources over each other, the defaults that depend on other settings, and the check of the whole.

use std::net::SocketAddr;
use std::num::NonZero;

use super::error::SettingsError;
use super::origin::Issuer;
use super::source::{self, RawSetting, Source};
use super::sources::Sources;
use super::value_error::ValueError;
use super::values::{InForce, Values};
use super::{Settings, environment, file, table};

/// Settings, and where each of them came from.
#[derive(Clone)]
pub struct Loaded {
    /// What is in force.
    pub settings: Settings,
    /// The same as text, in the order of the table, for `countersign settings`.
    pub in_force: Vec<InForce>,
}

impl Settings {
    /// Reads all sources in order of precedence and checks the result.
    ///
    /// # Errors
    /// All errors in the sources.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
        let mut values = Values::defaults(table());
        let whole = adopt(&mut values, sources);
        fill_dependent_defaults(&mut values, sources, whole);
        let settings = Self::read(&mut values);
        settings.check(&mut values);
        match values.mistakes.is_empty() {
            true => Ok(Loaded {
                in_force: values.in_force(table()),
                settings,
            }),
            false => Err(SettingsError(values.mistakes)),
        }
    }
}

/// Applies the sources over the defaults. Returns whether the file, if any, could be read.
fn adopt(values: &mut Values, sources: &Sources) -> bool {
    let file = sources.file.as_ref().map(file::given).transpose();
    let whole = file.is_ok();
    match file {
        Ok(Some(given)) => {
            values.mistakes.extend(given.mistakes);
            values.adopt(given.settings);
            values.applications = given.applications;
            values.clients = given.clients;
            values.apis = given.apis;
        }
        Ok(None) => {}
        Err(mistakes) => values.mistakes.extend(mistakes),
    }
    values.adopt(environment::given(&sources.environment));
    let flags = sources.flags.iter().map(|(name, text)| {
        let source = Source::Flag(source::flag(name));
        RawSetting {
            name: (*name).to_owned(),
            text: text.clone(),
            source,
        }
    });
    values.adopt(flags.collect());
    whole
}

fn fill_dependent_defaults(values: &mut Values, sources: &Sources, whole: bool) {
    let cores = sources.cores.map_or(1, NonZero::get);
    values.fill("hashing.workers", cores.min(1024).to_string());
    let workers = values.peek::<usize>("hashing.workers").unwrap_or(1).clamp(1, 1024);
    values.fill("hashing.queue", (workers * 64).to_string());

    if let Some(listen) = values.peek::<SocketAddr>("listen") {
        match Issuer::of_loopback(listen) {
            Some(issuer) => values.fill("issuer", issuer.to_string()),
            // A file that cannot be read may hold the issuer: then nothing is said about it.
            None => values.require(
                !whole || !values.is_default("issuer"),
                &["issuer"],
                ValueError::new(
                    format!("must be set, because `listen` ({listen}) is not a loopback address"),
                    "use the origin at which clients reach this server, such as https://auth.example.com",
                ),
            ),
        }
    }
    if let Some(issuer) = values.peek::<Issuer>("issuer") {
        values.fill("tokens.audience", issuer.to_string());
        values.fill("mail.from", format!("no-reply@{}", mail_domain(issuer.host())));
    }
}

/// The domain of the default sender. Mail programs distrust senders at an IP address.
fn mail_domain(host: &str) -> &str {
    let is_name = host.chars().any(|c| c.is_ascii_alphabetic()) && !host.contains(':');
    if is_name { host } else { "localhost" }
}
