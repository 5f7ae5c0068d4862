//! Settings: defaults < `countersign.toml` < environment < command line, checked as a whole before anything starts.
//!
//! Each section has a file and is declared once (`section!`). Nothing here imports `core` or a feature, and nothing
//! outside reads the environment. All errors are reported at once, each with its place and what to do about it.

mod apis;
mod application_url;
mod applications;
mod audit;
mod clients;
mod color;
mod database;
mod database_url;
mod docs;
mod duration;
mod entry;
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
mod provider;
mod rate;
mod redis_url;
mod reference;
pub mod regular_file;
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

pub use self::apis::{Apis as DeclaredApis, check_client_id};
pub use self::application_url::ApplicationUrl;
pub use self::applications::{Applications, MailLinks};
pub use self::audit::Audit;
pub use self::clients::{
    Clients as DeclaredClients, DeclaredClient, DeclaredSecret, client_metadata, invalid_client_id,
};
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
pub(crate) use self::nearest::nearest;
pub use self::origin::{Issuer, Origin};
pub use self::pages::{PageUrl, Pages};
pub use self::passwords::{Breached, Passwords};
pub use self::provider::Provider;
pub use self::rate::Rate;
pub use self::redis_url::RedisUrl;
pub use self::reference::reference;
pub use self::sessions::Sessions;
pub use self::setting::Setting;
#[cfg(any(test, feature = "testing"))]
pub use self::sources::SettingsFile;
pub use self::sources::Sources;
pub use self::status_lists::StatusLists;
pub use self::telemetry::Telemetry;
pub use self::tokens::{Tokens, UserClaim};
pub use self::value_error::ValueError;
pub use self::values::InForce;
#[cfg(test)]
pub(crate) use self::wording::LANGUAGES;

use self::section::{choice, section};
use self::values::Values;

choice! {
    /// Who can sign up.
    Signup: "`open` or `closed`" {
        /// Everyone.
        Open = "open",
        /// No one; accounts are created on the command line.
        Closed = "closed",
    }
}

choice! {
    /// Whether users have to verify their email address.
    EmailVerification: "`off`, `optional` or `required`" {
        /// Never.
        Off = "off",
        /// Users get a verification email when they sign up; `email_verified` tells whether they did.
        Optional = "optional",
        /// Accounts are only created, and users can only sign in, after verification.
        Required = "required",
    }
}

section! {
    /// All settings, checked for consistency.
    Settings "" {
        /// The IP address and port that the server listens on. The server speaks plain HTTP; a reverse proxy in front of
        /// it terminates TLS.
        #[warning = "on any IP address other than loopback, passwords cross the network unencrypted unless a reverse proxy terminates TLS"]
        listen: SocketAddr = "127.0.0.1:8000",
        /// The IP address and port that serve `/metrics` for operators. Off by default.
        #[warning = "it requires no authentication, so do not expose it to the internet"]
        metrics_listen: Option<SocketAddr> = "",
        /// The URL at which clients reach this server: an origin, without a path or trailing slash. It is also the `iss`
        /// of all tokens. Changing it invalidates all tokens issued before.
        #[default_is = "`http://<listen>` on loopback addresses, without port 80; required otherwise"]
        issuer: Issuer = "http://127.0.0.1:8000",
        /// The database URL: `sqlite://path` (embedded) or `postgres://user:password@host/database`. Percent-encode special
        /// characters in the password. `docs/guides/operating.md` describes the parameters for TLS, `sslmode` and
        /// `sslrootcert`.
        #[warning = "every user on the machine can read a password given on the command line; prefer `database_url_file`"]
        database_url: DatabaseUrl = "sqlite://data/countersign.db",
        /// The URL of a Redis or Valkey server that all nodes share, for shared rate limits and instant revocation. While
        /// it is unavailable, each node enforces rate limits on its own.
        #[warning = "anyone with write access to it can bypass rate limits, and make nodes reject valid tokens until they read the database again; every user on the machine can read a password given on the command line"]
        #[default_is = "none"]
        redis_url: Option<RedisUrl> = "",
        /// Whether to allow unencrypted connections to PostgreSQL, Redis and the mail server on other hosts, and
        /// applications with `http://` origins on other hosts.
        #[warning = "anyone on the network path can read password hashes, and anyone who can modify the traffic can take over all accounts; for private networks only"]
        allow_unencrypted: bool = "false",
        /// The folder with the signing keys, the RSA keys (in `rsa`) and the sealing keys (in `sealing`). Keys are
        /// created when they are first needed.
        #[warning = "anyone who can read it can issue any token; if it is lost, all tokens become invalid"]
        keys_dir: PathBuf = "secrets/jwt",
        /// The passphrase for encrypted private keys (PKCS#8). New sealing keys are encrypted with it; new signing keys
        /// are not.
        #[warning = "if it is lost, the keys are lost"]
        keys_passphrase: Option<SecretString> = "",
        /// The IP addresses and networks of the reverse proxies whose `Forwarded` and `X-Forwarded-For` headers are
        /// trusted. If such a header cannot be parsed, the client's IP address counts as `0.0.0.0`, never as the proxy's.
        /// Proxies in front of web applications also use other `X-Forwarded` headers to say which page a browser
        /// requested.
        #[warning = "anyone who can connect from one of these IP addresses can claim any other one, and so bypass rate limits"]
        trusted_proxies: Vec<IpNet> = "",
        /// Who can create accounts: anyone (`open`), or only operators, on the command line (`closed`).
        signup: Signup = "open",
        /// Whether users verify their email address: never (`off`); optionally, through an email sent at sign-up
        /// (`optional`); or before the account is created (`required`). Unless it is `required`, signing up reveals
        /// whether an email address has an account.
        email_verification: EmailVerification = "optional",
        /// The origins of your own web applications. Scripts on these origins may call the API (CORS), and Countersign's
        /// pages may lead back to them. Preflight requests from other origins are rejected with 403 and logged. The
        /// public documents (JWKS, metadata) are available to all origins. Each entry is an application named after its
        /// host; use `[[applications]]` to give it another name. With a loopback `http` issuer, all loopback origins are
        /// allowed.
        #[warning = "scripts on these origins can act as any signed-in user who visits them"]
        app_origins: Vec<Origin> = "",
        sections {
            /// `[[applications]]`.
            applications: Applications,
            /// `[[apis]]`.
            apis: DeclaredApis,
            /// `[[clients]]`.
            clients: DeclaredClients,
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
            /// `[provider]`.
            provider: Provider,
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
        Provider::TABLE,
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

/// What to check if a file or folder that should exist does not.
pub const CHECK_PATHS: &str = "check --config and the working directory, which relative paths start from";

impl Settings {
    /// Sets the actual address of the server. Where `listen` asked for any free port (port 0) and no issuer is
    /// set, the issuer, and the audience with it, become those of the actual address.
    pub fn bound_to(&mut self, address: SocketAddr) {
        // An issuer from the settings never has port 0.
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

    /// Sets the actual address of a server for tests in a local network. The issuer, and the audience with it, become those
    /// of this address, without TLS.
    pub fn in_network_at(&mut self, address: SocketAddr) {
        self.listen = address;
        self.issuer = Issuer::of_address(address);
        self.tokens.audience = vec![self.issuer.as_str().to_owned()];
    }

    fn check(&self, values: &mut Values) {
        let shared = self.metrics_listen.is_some_and(|metrics| collide(self.listen, metrics));
        values.require(
            !shared,
            &["metrics_listen", "listen"],
            ValueError::new(
                "listens on the same IP address and port as `listen`",
                "use another port",
            ),
        );
        values.require(
            values.is_default("issuer") || self.issuer.port() != Some(0),
            &["issuer"],
            ValueError::new(
                "port 0 is not a port that clients can reach",
                "use the port that clients use",
            ),
        );
        let unencrypted = self.redis_url.as_ref().is_some_and(RedisUrl::leaves_unencrypted);
        values.require(
            self.allow_unencrypted || !unencrypted,
            &["redis_url"],
            ValueError::new(
                "connects to another host without TLS",
                "use rediss://…, or set `allow_unencrypted = true` if the network is private",
            ),
        );
        let unencrypted = self.mail.smtp_url.as_ref().is_some_and(SmtpUrl::leaves_unencrypted);
        values.require(
            self.allow_unencrypted || !unencrypted,
            &["mail.smtp_url"],
            ValueError::new(
                "connects to another host without TLS",
                "use smtps://…, or smtp://… without `tls=none`, or set `allow_unencrypted = true` if the network is private",
            ),
        );
        let unencrypted = self.app_origins.iter().find(|origin| origin.leaves_unencrypted());
        values.require(
            self.allow_unencrypted || unencrypted.is_none(),
            &["app_origins"],
            applications::unencrypted(unencrypted),
        );
        self.tokens.check(values);
        self.passwords.check(values);
        self.hashing.check(values);
        self.sessions.check(values);
        self.status_lists.check(values);
        self.provider.check(values);
        self.audit.check(values);
        self.pages.check(values);
        self.telemetry.check(values);
        self.http.check(values);
        self.mail.check(values);
        self.database.check(values);
    }
}

/// Whether two listeners collide. Port 0 is any free port.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_host = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same_host
}

/// Whether a name is a section's: `tokens`.
fn is_section(name: &str) -> bool {
    table().any(|setting| setting.name.split_once('.').is_some_and(|(section, _)| section == name))
}
