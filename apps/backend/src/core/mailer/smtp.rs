//! Delivery by SMTP (RFC 5321) over pooled connections. Commands are sent one by one: an error in response to the greeting,
//! EHLO, AUTH or MAIL FROM concerns the server, and only one in response to RCPT or DATA concerns the recipient.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use lettre::{Address, Message};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::Url;

use super::SendError;

/// The timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The maximum number of idle connections, and how long they are kept.
const MAX_IDLE: usize = 4;
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Smtp(Arc<Server>);

struct Server {
    host: String,
    port: u16,
    tls: Tls,
    name: ClientId,
    credentials: Option<Credentials>,
    /// The timeout for sending one email, including all commands.
    timeout: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

enum Tls {
    /// Only if the settings ask for it.
    None,
    /// Implicit TLS (RFC 8314 §3.3).
    Whole(TlsParameters),
    /// STARTTLS is required (RFC 3207).
    Start(TlsParameters),
}

impl Smtp {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, SendError> {
        // The error of the parser is dropped: it could contain the URL with its password.
        let server =
            Server::of(url, timeout).ok_or_else(|| SendError::Permanent("invalid mail.smtp_url".to_owned()))?;
        Ok(Self(Arc::new(server)))
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let (envelope, raw) = (message.envelope(), message.formatted());
        let sent = async {
            let mut connection = self.0.connection().await?;
            deliver(&mut connection, envelope, &raw).await?;
            self.0.keep(connection);
            Ok(())
        };
        timeout(self.0.timeout, sent).await.unwrap_or_else(|_| Err(too_long()))
    }

    /// Checks that the server accepts our credentials and `sender`. Sends nothing.
    pub(super) async fn check(&self, sender: &Address) -> Result<(), SendError> {
        let tried = async {
            let mut connection = self.0.connection().await?;
            let begin = Mail::new(Some(sender.clone()), Vec::new());
            connection
                .command(begin)
                .await
                .map_err(|error| of_server("MAIL FROM", &error))?;
            connection
                .command(Rset)
                .await
                .map_err(|error| of_server("RSET", &error))?;
            self.0.keep(connection);
            Ok(())
        };
        timeout(CONNECT_TIMEOUT, tried)
            .await
            .unwrap_or_else(|_| Err(too_long()))
    }
}

impl Server {
    /// The server of `mail.smtp_url`, as [`SmtpUrl::expose`](crate::settings::SmtpUrl::expose) writes it.
    fn of(url: &str, timeout: Duration) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        let tls = |host: &str| TlsParameters::new(host.to_owned()).ok();
        let (tls, port) = match (url.scheme(), url.query()) {
            ("smtps", _) => (Tls::Whole(tls(&host)?), 465),
            ("smtp", Some("tls=required")) => (Tls::Start(tls(&host)?), 587),
            ("smtp", None) => (Tls::None, 25),
            _ => return None,
        };
        let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        let credentials = match url.password() {
            Some(password) => Some(Credentials::new(decoded(url.username())?, decoded(password)?)),
            None => None,
        };
        let name = url.path().trim_matches('/');
        Some(Self {
            port: url.port().unwrap_or(port),
            name: match name {
                "" => ClientId::default(),
                name => ClientId::Domain(name.to_owned()),
            },
            host,
            tls,
            credentials,
            timeout,
            idle: Mutex::default(),
        })
    }

    /// A pooled connection that still responds, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(mut kept) = self.kept() {
            let answer = kept.command(Noop).await;
            if answer.is_ok_and(|answer| answer.code().severity == Severity::PositiveCompletion) {
                return Ok(kept);
            }
        }
        self.connect().await
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE_TIMEOUT);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE && !connection.has_broken() {
            idle.push((connection, Instant::now()));
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let whole = match &self.tls {
            Tls::Whole(parameters) => Some(parameters.clone()),
            Tls::None | Tls::Start(_) => None,
        };
        let address = (&*self.host, self.port);
        let connected =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), &self.name, whole, None).await;
        let mut connection = connected.map_err(|error| of_server("the greeting or EHLO", &error))?;
        if let Tls::Start(parameters) = &self.tls {
            let begun = connection.starttls(parameters.clone(), &self.name).await;
            begun.map_err(|error| of_server("STARTTLS", &error))?;
        }
        if let Some(credentials) = &self.credentials {
            let let_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            let_in.map_err(|error| of_server("AUTH", &error))?;
        }
        Ok(connection)
    }
}

async fn deliver(connection: &mut AsyncSmtpConnection, envelope: &Envelope, raw: &[u8]) -> Result<(), SendError> {
    let parameters = parameters(connection, envelope, raw)?;
    let begin = Mail::new(envelope.from().cloned(), parameters);
    connection
        .command(begin)
        .await
        .map_err(|error| of_server("MAIL FROM", &error))?;
    for to in envelope.to() {
        let recipient = Rcpt::new(to.clone(), Vec::new());
        connection
            .command(recipient)
            .await
            .map_err(|error| of_recipient("RCPT TO", &error))?;
    }
    let begun = connection
        .command(Data)
        .await
        .map_err(|error| of_recipient("DATA", &error))?;
    in_turn("DATA", &begun, Severity::PositiveIntermediate)?;
    let taken = connection
        .message(raw)
        .await
        .map_err(|error| of_recipient("the mail", &error))?;
    in_turn("the mail", &taken, Severity::PositiveCompletion)
}

/// RFC 5321 §4.3.2: 354 asks for the email, and 2yz accepts it. If one comes in place of the other, server and client are
/// out of step, and it is unknown whether the email was sent.
fn in_turn(at: &str, answer: &Response, expected: Severity) -> Result<(), SendError> {
    match answer.code().severity {
        severity if severity == expected => Ok(()),
        _ => Err(SendError::Unavailable(format!(
            "at {at}: unexpected response {}",
            answer.code()
        ))),
    }
}

/// The extensions that this email needs (RFC 6531 §3.1, RFC 6152).
fn parameters(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    raw: &[u8],
) -> Result<Vec<MailParameter>, SendError> {
    let offers = |extension| connection.server_info().supports_feature(extension);
    let is_wide = |address: &Address| !AsRef::<str>::as_ref(address).is_ascii();
    let mut parameters = Vec::new();
    let (from, to) = (envelope.from().is_some_and(is_wide), envelope.to().iter().any(is_wide));
    if from || to {
        if !offers(Extension::SmtpUtfEight) {
            let why = "the mail server does not support non-ASCII email addresses (SMTPUTF8, RFC 6531)";
            return Err(match to {
                true => SendError::Permanent(why.to_owned()),
                false => SendError::Unavailable(format!("{why}, but `mail.from` is one")),
            });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !raw.is_ascii() {
        if !offers(Extension::EightBitMime) {
            return Err(SendError::Permanent(
                "the mail server does not support non-ASCII emails (8BITMIME, RFC 6152)".to_owned(),
            ));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

/// The server is unreachable, or rejects our credentials or our sender. The operator has to fix it.
fn of_server(at: &str, error: &Error) -> SendError {
    SendError::Unavailable(format!("at {at}: {}", with_causes(error)))
}

/// RFC 5321 §4.2.1: 5yz is permanent. Exceptions that concern the server are a required sign-in (RFC 4954 §6) and a closing
/// connection. A response that is not UTF-8, which RFC 5321 §4.2 forbids, counts as a broken connection in lettre, and the
/// email is retried.
fn of_recipient(at: &str, error: &Error) -> SendError {
    let why = format!("at {at}: {}", with_causes(error));
    match error.status().map(u16::from) {
        None | Some(421 | 530..=538) => SendError::Unavailable(why),
        Some(_) if error.is_permanent() => SendError::Permanent(why),
        Some(_) => SendError::Transient(why),
    }
}

fn too_long() -> SendError {
    SendError::Unavailable("the mail server timed out".to_owned())
}

fn with_causes(error: &Error) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
