//! Settings: defaults < `countersign.toml` < environment < command line, checked as a whole before anything starts.
//!
//! Each section has a file and is declared once (`section!`). Nothing here imports `core` or a feature, and nothing
//! outside reads the environment. All mistakes are told at once, each with its place and what to write.

mod audit;
mod color;
mod database;
mod database_url;
mod docs;
mod duration;
mod environment;
mod error;
mod example;
mod file;
mod hashing;
mod http;
mod limits;
mod literal;
mod load;
mod log;
mod logo;
mod mail;
mod nearest;
mod origin;
mod pages;
mod passwords;
mod rate;
mod redis_url;
mod reference;
mod section;
mod sessions;
mod setting;
mod source;
mod sources;
mod status_lists;
mod telemetry;
#[cfg(test)]
mod tests;
mod tokens;
mod value;
mod value_error;
mod values;
mod wording;

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;

pub use self::audit::Audit;
pub use self::color::Color;
pub use self::database::Database;
pub use self::database_url::DatabaseUrl;
pub use self::docs::Docs;
pub use self::duration::{parse as parse_duration, written as write_duration};
pub use self::error::SettingsError;
pub use self::example::example;
pub use self::hashing::Hashing;
pub use self::http::Http;
pub use self::limits::Limits;
pub use self::load::Loaded;
pub use self::log::{Log, LogFormat};
pub use self::logo::Logo;
pub use self::mail::{LONGEST_MAIL_TIMEOUT, Mail, SmtpUrl};
pub use self::origin::{Issuer, Origin};
pub use self::pages::Pages;
pub use self::passwords::{Breached, Passwords};
pub use self::rate::Rate;
pub use self::redis_url::RedisUrl;
pub use self::reference::reference;
pub use self::sessions::Sessions;
pub use self::setting::Setting;
#[cfg(feature = "testing")]
pub use self::sources::SettingsFile;
pub use self::sources::Sources;
pub use self::status_lists::StatusLists;
pub use self::telemetry::Telemetry;
pub use self::tokens::Tokens;
pub use self::value_error::ValueError;
pub use self::values::InForce;
#[cfg(test)]
pub(crate) use self::wording::LANGUAGES;

use self::section::{choice, section};
use self::values::Values;

choice! {
    /// Who may open an account.
    Signup: "`open` or `closed`" {
        /// Everyone.
        Open = "open",
        /// Nobody; accounts are made on the command line.
        Closed = "closed",
    }
}

choice! {
    /// What becomes of an address that its owner has not proven to be theirs.
    EmailVerification: "`off`, `optional` or `required`" {
        /// It is not asked about.
        Off = "off",
        /// Who signs up gets a mail; whether they answer it is seen in `email_verified`.
        Optional = "optional",
        /// A sign-up makes no account before, and nobody signs in before.
        Required = "required",
    }
}

section! {
    /// Everything that an operator decides. Checked: what is in here goes together.
    Settings "" {
        /// Where the server listens. TLS ends at a proxy in front.
        #[danger = "other than on a loopback address, passwords cross the network in the clear unless a proxy with TLS stands in front"]
        listen: SocketAddr = "127.0.0.1:8000",
        /// Where the operator's own listener answers `/metrics`; none if it is not set.
        #[danger = "it asks nobody who they are: keep it off the public network"]
        metrics_listen: Option<SocketAddr> = "",
        /// The name of this server in every token (`iss`), and the origin under which clients reach it: no path, no
        /// slash at the end.
        #[danger = "changing it makes every token that was issued before invalid"]
        #[default_is = "`http://<listen>` on a loopback address, else it must be set"]
        issuer: Issuer = "http://127.0.0.1:8000",
        /// Where the data lies: `sqlite://path` (embedded) or `postgres://user:password@host/database`.
        #[danger = "on the command line every user of the machine can read its password; prefer `database_url_file`"]
        database_url: DatabaseUrl = "sqlite://data/countersign.db",
        /// A Redis or Valkey that all nodes share, for rate limits that count together and for revocations that travel at
        /// once. It may be lost at any time: then each node counts for itself.
        #[danger = "who can write to it can lift rate limits, and have tokens refused until the database is read again; on the command line every user of the machine can read its password"]
        #[default_is = "none"]
        redis_url: Option<RedisUrl> = "",
        /// Whether a PostgreSQL or Redis on another host may be reached without TLS.
        #[danger = "who listens on the way reads password hashes, and who can change what passes there owns every account; for a network that nobody else can reach"]
        allow_unencrypted: bool = "false",
        /// The folder of the signing keys, and of the sealing keys in its subfolder `sealing`. They are made at the first
        /// start.
        #[danger = "who reads it can sign any token; lose it and every token is invalid"]
        keys_dir: PathBuf = "secrets/jwt",
        /// What the private keys are encrypted with (PKCS#8), if they are. Sealing keys that are made while it is set are
        /// encrypted with it; signing keys are not.
        #[danger = "lose it and the keys are lost"]
        keys_passphrase: Option<SecretString> = "",
        /// Addresses and networks of the proxies in front, whose word about the client's address is believed. A client
        /// whose address such a proxy does not tell legibly counts as `0.0.0.0`, never as the proxy.
        #[danger = "who speaks from such an address can claim to be anyone, and escapes the limits"]
        trusted_proxies: Vec<IpNet> = "",
        /// Who may open an account: everyone (`open`), or only the command line (`closed`).
        signup: Signup = "open",
        /// Whether people prove that their email address is theirs: never (`off`); they are asked to when they sign up
        /// (`optional`); or a sign-up makes no account before its mail is confirmed (`required`), and then signing up tells
        /// nobody whether an address has an account.
        #[danger = "without `required`, signing up tells whether an address has an account"]
        email_verification: EmailVerification = "optional",
        /// Origins of web pages whose scripts may call the API; preflights of others are refused (403) and named in the
        /// log. The public documents (JWKS, metadata) answer every origin.
        #[danger = "scripts of such a page see what the API answers to them"]
        cors_origins: Vec<Origin> = "",
        sections {
            /// `[tokens]`.
            tokens: Tokens,
            /// `[passwords]`.
            passwords: Passwords,
            /// `[hashing]`.
            hashing: Hashing,
            /// `[limits]`.
            limits: Limits,
            /// `[sessions]`.
            sessions: Sessions,
            /// `[status_lists]`.
            status_lists: StatusLists,
            /// `[audit]`.
            audit: Audit,
            /// `[mail]`.
            mail: Mail,
            /// `[pages]`.
            pages: Pages,
            /// `[docs]`.
            docs: Docs,
            /// `[log]`.
            log: Log,
            /// `[telemetry]`.
            telemetry: Telemetry,
            /// `[http]`.
            http: Http,
            /// `[database]`.
            database: Database,
        }
    }
}

/// The whole table of settings, in the order of the documentation.
pub fn table() -> impl Iterator<Item = &'static Setting> {
    let sections = [
        Settings::TABLE,
        Tokens::TABLE,
        Passwords::TABLE,
        Hashing::TABLE,
        Limits::TABLE,
        Sessions::TABLE,
        StatusLists::TABLE,
        Audit::TABLE,
        Mail::TABLE,
        Pages::TABLE,
        Docs::TABLE,
        Log::TABLE,
        Telemetry::TABLE,
        Http::TABLE,
        Database::TABLE,
    ];
    sections.into_iter().flatten()
}

impl Settings {
    /// To be told where the server really listens. Where `listen` asked for any free port (port 0) and no issuer is
    /// set, the issuer, and the audience with it, become the address that was found.
    pub fn bound_to(&mut self, address: SocketAddr) {
        // An issuer that somebody wrote never has port 0.
        let Some(issuer) = Issuer::of_loopback(address).filter(|_| self.issuer.port() == Some(0)) else {
            return;
        };
        let before = std::mem::replace(&mut self.issuer, issuer);
        for audience in self
            .tokens
            .audience
            .iter_mut()
            .filter(|audience| *audience == before.as_str())
        {
            self.issuer.as_str().clone_into(audience);
        }
    }

    fn check(&self, values: &mut Values) {
        let shared = self.metrics_listen.is_some_and(|metrics| collide(self.listen, metrics));
        values.require(
            !shared,
            &["metrics_listen", "listen"],
            ValueError::new("is where `listen` listens already", "another port"),
        );
        values.require(
            values.is_default("issuer") || self.issuer.port() != Some(0),
            &["issuer"],
            ValueError::new("has port 0, which nobody can reach", "the port that clients use"),
        );
        let unencrypted = self.redis_url.as_ref().is_some_and(RedisUrl::leaves_unencrypted);
        values.require(
            self.allow_unencrypted || !unencrypted,
            &["redis_url"],
            ValueError::new(
                "leads to another host without TLS",
                "rediss://…, or `allow_unencrypted = true` where nobody can listen on the way",
            ),
        );
        let unencrypted = self.mail.smtp_url.as_ref().is_some_and(SmtpUrl::leaves_unencrypted);
        values.require(
            self.allow_unencrypted || !unencrypted,
            &["mail.smtp_url"],
            ValueError::new(
                "sends mail to another host without TLS",
                "smtps://…, smtp://… without `tls=none`, or `allow_unencrypted = true` where nobody can listen on the way",
            ),
        );
        self.tokens.check(values);
        self.passwords.check(values);
        self.hashing.check(values);
        self.sessions.check(values);
        self.status_lists.check(values);
        self.audit.check(values);
        self.pages.check(values);
        self.telemetry.check(values);
        self.http.check(values);
        self.mail.check(values);
        self.database.check(values);
    }
}

/// Whether two listeners cannot both have their address. Port 0 is any free port.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_host = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same_host
}

/// Whether a name is a section's: `tokens`.
fn is_section(name: &str) -> bool {
    table().any(|setting| setting.name.split_once('.').is_some_and(|(section, _)| section == name))
}
