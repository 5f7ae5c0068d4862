//! Mail by SMTP (RFC 5321), over connections that are kept.

use std::time::Duration;

use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::time::timeout;

use super::SendError;

/// How long a mail server may take for a mail, all in all. Less than an attempt is reserved for (`outbox`).
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take for one answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How many connections there are at most.
const CONNECTIONS: u32 = 4;

#[derive(Clone)]
pub(super) struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    pub(super) fn new(url: &str) -> Result<Self, SendError> {
        let pool = PoolConfig::new()
            .max_size(CONNECTIONS)
            .idle_timeout(Duration::from_secs(60));
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            // Its own words may hold the address, and the address the password.
            .map_err(|_| SendError::Never("mail.smtp_url cannot be used".to_owned()))?;
        Ok(Self(builder.timeout(Some(ANSWER)).pool_config(pool).build()))
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), SendError> {
        match timeout(PATIENCE, self.0.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_final(&error) => Err(SendError::Never(told(&error))),
            Ok(Err(error)) => Err(SendError::NotNow(told(&error))),
            Err(_) => Err(SendError::NotNow("the mail server takes too long".to_owned())),
        }
    }
}

impl Smtp {
    pub(super) async fn try_out(&self) -> Result<(), SendError> {
        match timeout(ANSWER, self.0.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(SendError::NotNow("the mail server is not ready".to_owned())),
            Ok(Err(error)) => Err(SendError::NotNow(told(&error))),
            Err(_) => Err(SendError::NotNow("the mail server takes too long".to_owned())),
        }
    }
}

/// RFC 5321 §4.2.1: 5yz will not change by itself. That the server does not let us in, or that its certificate is
/// wrong, will: an operator mends it.
fn is_final(error: &Error) -> bool {
    let refused_us = error.status().is_some_and(|code| matches!(u16::from(code), 530..=538));
    error.is_permanent() && !refused_us
}

fn told(error: &Error) -> String {
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
