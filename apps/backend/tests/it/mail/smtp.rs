//! Mail servers that are down, slow, strict or impersonated: no request waits for them, and no email is lost or sent
//! unencrypted.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::features::messaging::outbox;
use countersign::settings::LONGEST_MAIL_TIMEOUT;
use countersign_testkit::{
    Database, Launch, PASSWORD, ReceivedMail, ScratchDatabase, TestServer, apply, on_both_databases,
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use serde_json::json;

use super::commands::{command, done};
use super::{REQUIRED, ask_to_change, login, register};

/// What the server does with the next emails.
#[derive(Clone, Copy, PartialEq)]
enum Behavior {
    Takes,
    /// Answers the recipient with this.
    Refuses(&'static str),
    /// Answers the command with this prefix with this; an empty prefix is the greeting.
    Answers(&'static str, &'static str),
    /// Accepts the email, which its recipient can read at once, and responds when released.
    Holds,
    /// Accepts connections and says nothing.
    Silent,
}

/// A mail server (RFC 5321) for tests.
struct MailServer {
    port: u16,
    behavior: Arc<Mutex<Behavior>>,
    seen: Arc<Mutex<Seen>>,
    /// A permit for each connection.
    asked: Arc<Semaphore>,
}

/// What a mail server received: commands and emails.
#[derive(Default)]
struct Seen {
    said: Vec<String>,
    taken: Vec<ReceivedMail>,
    held: Arc<Held>,
}

/// An email that was accepted but not answered yet.
struct Held {
    /// A permit for each.
    is_there: Semaphore,
    /// A permit for each that may be answered.
    goes_on: Semaphore,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            is_there: Semaphore::new(0),
            goes_on: Semaphore::new(0),
        }
    }
}

impl MailServer {
    async fn start(behavior: Behavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (behavior, seen) = (Arc::new(Mutex::new(behavior)), Arc::new(Mutex::new(Seen::default())));
        let asked = Arc::new(Semaphore::new(0));
        let (behaviors, sees, asks) = (behavior.clone(), seen.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                asks.add_permits(1);
                tokio::spawn(serve(stream, behaviors.clone(), sees.clone()));
            }
        });
        Self {
            port,
            behavior,
            seen,
            asked,
        }
    }

    /// Returns once a client has connected.
    async fn is_asked(&self) {
        self.asked.acquire().await.unwrap().forget();
    }

    fn behave(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    fn held(&self) -> Arc<Held> {
        self.seen.lock().unwrap().held.clone()
    }

    /// Sends the next email up to where its recipient can read it, and lets the server answer only when the delivery is
    /// finished.
    async fn hold(&self, server: &TestServer) -> (ReceivedMail, Delivering) {
        self.behave(Behavior::Holds);
        loop {
            let delivery = server.services.mail.clone();
            let task = tokio::spawn(async move { delivery.deliver_next().await.unwrap() });
            let held = self.held();
            held.is_there.acquire().await.unwrap().forget();
            let (mail, delivering) = (self.taken().pop().unwrap(), Delivering { task, held });
            // Not a notice.
            if mail.text.contains("?token=") {
                return (mail, delivering);
            }
            delivering.finish().await;
        }
    }

    /// The last email that asks for an answer.
    fn newest(&self) -> ReceivedMail {
        let asks = |mail: &ReceivedMail| mail.text.contains("?token=");
        self.taken().into_iter().rfind(asks).unwrap()
    }

    fn taken(&self) -> Vec<ReceivedMail> {
        self.seen.lock().unwrap().taken.clone()
    }

    /// The commands with this prefix, in order.
    fn said(&self, begin: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let said = seen.said.iter().filter(|line| line.starts_with(begin));
        said.cloned().collect()
    }

    async fn countersign(&self, database: Database, scheme: &str) -> TestServer {
        TestServer::start_with(database, &self.settings(scheme)).await
    }

    async fn countersign_with(&self, database: Database, mail_setting: &str) -> TestServer {
        TestServer::start_with(database, &format!("{}{mail_setting}\n", self.settings("smtp"))).await
    }

    fn settings(&self, scheme: &str) -> String {
        format!(
            "[mail]\nsmtp_url = \"{scheme}://127.0.0.1:{}\"\nfrom = \"Example <auth@example.com>\"\n",
            self.port
        )
    }
}

/// A delivery that waits for the mail server.
struct Delivering {
    task: tokio::task::JoinHandle<bool>,
    held: Arc<Held>,
}

impl Delivering {
    /// Makes the mail server answer.
    async fn finish(self) {
        self.held.goes_on.add_permits(1);
        assert!(self.task.await.unwrap());
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, behavior: Arc<Mutex<Behavior>>, seen: Arc<Mutex<Seen>>) {
    let mut stream = BufReader::new(stream);
    let now = || *behavior.lock().unwrap();
    if now() == Behavior::Silent {
        tokio::time::sleep(Duration::from_secs(120)).await;
    }
    let mut answer = match now() {
        Behavior::Answers("", greeting) => greeting.to_owned(),
        _ => "220 test ESMTP".to_owned(),
    };
    loop {
        if stream
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        seen.lock().unwrap().said.push(line.trim_end().to_owned());
        answer = match (line.trim_end(), now()) {
            (line, Behavior::Refuses(why)) if line.starts_with("RCPT") => why.to_owned(),
            (line, Behavior::Answers(command, reply)) if !command.is_empty() && line.starts_with(command) => {
                reply.to_owned()
            }
            (line, Behavior::Answers("AUTH", _)) if line.starts_with("EHLO") => "250-test\r\n250 AUTH PLAIN".to_owned(),
            ("DATA", _) => {
                stream.get_mut().write_all(b"354 go on\r\n").await.unwrap();
                let mut raw = String::new();
                while !raw.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut raw).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                seen.lock()
                    .unwrap()
                    .taken
                    .push(ReceivedMail::parse(raw.replace("\r\n..", "\r\n.").as_bytes()));
                let held = seen.lock().unwrap().held.clone();
                if now() == Behavior::Holds {
                    held.is_there.add_permits(1);
                    held.goes_on.acquire().await.unwrap().forget();
                }
                match now() {
                    Behavior::Answers(".", reply) => reply.to_owned(),
                    _ => "250 taken".to_owned(),
                }
            }
            _ => "250 test".to_owned(),
        };
    }
}

/// Advances the clock to the next attempt.
async fn later(server: &TestServer) {
    server.services.clock.advance(Duration::from_secs(61));
    while server.services.mail.deliver_next().await.unwrap() {}
}

/// The metrics as text.
fn counted(server: &TestServer) -> String {
    let mut text = String::new();
    let registry = server.services.registry.lock().unwrap();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

async fn first_listed(server: &TestServer) -> outbox::MailRecord {
    server.services.outbox.list(false, 1).await.unwrap().remove(0)
}

#[apply(on_both_databases!)]
async fn f_22_an_email_is_delivered_once_after_the_mail_server_was_down(database: Database) {
    let mail_server = MailServer::start(Behavior::Refuses("451 try again later")).await;
    let server = mail_server.countersign(database, "smtp").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    assert!(server.services.mail.deliver_next().await.unwrap());
    let queued = first_listed(&server).await;
    assert_eq!((queued.attempts, queued.outcome), (1, None));
    assert!(queued.failure.is_some_and(|why| why.contains("try again later")));
    assert!(!server.services.mail.deliver_next().await.unwrap(), "not at once");
    mail_server.behave(Behavior::Takes);
    later(&server).await;
    later(&server).await;
    let taken = mail_server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(
        (taken[0].to.as_str(), taken[0].from.as_str()),
        ("ada@example.com", "auth@example.com")
    );
    assert_eq!(taken[0].code().len(), 6);
    assert_eq!(first_listed(&server).await.outcome.as_deref(), Some("sent"));
}

#[apply(on_both_databases!)]
async fn f_22_permanently_failed_emails_are_retried_only_by_command(database: Database) {
    let mail_server = MailServer::start(Behavior::Refuses("550 no such mailbox")).await;
    let server = mail_server.countersign(database, "smtp").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    later(&server).await;
    later(&server).await;
    let refused = first_listed(&server).await;
    assert_eq!((refused.attempts, refused.outcome.as_deref()), (1, Some("refused")));
    mail_server.behave(Behavior::Takes);
    assert_eq!(server.services.outbox.retry().await.unwrap(), 1);
    later(&server).await;
    assert_eq!(mail_server.taken().len(), 1);
}

#[apply(on_both_databases!)]
async fn f_22_replies_that_are_not_about_the_email_are_retried(database: Database) {
    for (command, reply) in [
        ("", "554 5.7.1 no service for you"),
        ("EHLO", "550 5.7.1 who are you"),
        ("AUTH", "535 5.7.8 wrong password"),
        ("AUTH", "550 5.7.1 account suspended"),
        ("MAIL", "550 5.7.1 sender rejected"),
        ("MAIL", "553 5.1.8 sender's domain does not exist"),
        ("RCPT", "530 5.7.0 sign in first"),
        ("RCPT", "421 4.3.2 going down"),
    ] {
        let mail_server = MailServer::start(Behavior::Answers(command, reply)).await;
        let (scheme, at) = ("smtp", format!("user:secret@127.0.0.1:{}", mail_server.port));
        let at = if command == "AUTH" {
            at
        } else {
            format!("127.0.0.1:{}", mail_server.port)
        };
        let toml = format!("[mail]\nsmtp_url = \"{scheme}://{at}\"\nfrom = \"Example <auth@example.com>\"\n");
        let server = TestServer::start_with(database, &toml).await;
        register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
        assert!(server.services.mail.deliver_next().await.unwrap());
        let queued = first_listed(&server).await;
        assert_eq!(
            (queued.attempts, queued.outcome.as_deref()),
            (1, None),
            "{command} {reply}: {queued:?}"
        );
        let failure = queued.failure.unwrap();
        assert!(failure.contains(reply.split_once(' ').unwrap().1), "{reply}: {failure}");
        assert!(!failure.contains("secret"), "{failure}");
        let counted = counted(&server);
        assert!(
            counted.contains("countersign_emails_total{outcome=\"failed\"} 1"),
            "{counted}"
        );
        mail_server.behave(match command {
            "AUTH" => Behavior::Answers("AUTH", "235 welcome"),
            _ => Behavior::Takes,
        });
        later(&server).await;
        assert_eq!(
            first_listed(&server).await.outcome.as_deref(),
            Some("sent"),
            "{command} {reply}"
        );
    }
}

#[apply(on_both_databases!)]
async fn f_22_an_email_counts_as_sent_only_after_the_reply_of_the_server(database: Database) {
    for (command, reply) in [
        // It sent an unsolicited reply, so each following reply belongs to the previous command.
        ("RCPT", "250 fine\r\n250 so fine"),
        ("DATA", "250 fine"),
        (".", "354 go on"),
    ] {
        let mail_server = MailServer::start(Behavior::Answers(command, reply)).await;
        let server = mail_server.countersign(database, "smtp").await;
        register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
        assert!(server.services.mail.deliver_next().await.unwrap());
        let listed = first_listed(&server).await;
        assert_eq!(
            (listed.attempts, listed.outcome.as_deref()),
            (1, None),
            "{command} {reply}: {listed:?}"
        );
        mail_server.behave(Behavior::Takes);
        later(&server).await;
        assert_eq!(
            first_listed(&server).await.outcome.as_deref(),
            Some("sent"),
            "{command} {reply}"
        );
    }
}

#[apply(on_both_databases!)]
async fn f_22_replies_about_the_recipient_or_the_email_are_final(database: Database) {
    for (command, reply) in [
        ("RCPT", "550 5.1.1 no such mailbox"),
        ("DATA", "554 5.6.0 not like this"),
    ] {
        let mail_server = MailServer::start(Behavior::Answers(command, reply)).await;
        let server = mail_server.countersign(database, "smtp").await;
        register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
        later(&server).await;
        let refused = first_listed(&server).await;
        assert_eq!(
            (refused.attempts, refused.outcome.as_deref()),
            (1, Some("refused")),
            "{command}"
        );
        assert!(
            refused
                .failure
                .as_ref()
                .is_some_and(|why| why.contains(reply.split_once(' ').unwrap().1)),
            "{refused:?}"
        );
        let counted = counted(&server);
        assert!(
            counted.contains("countersign_emails_total{outcome=\"refused\"} 1"),
            "{counted}"
        );
    }
}

#[apply(on_both_databases!)]
async fn f_22_an_undeliverable_email_address_fails_permanently_with_a_reason(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = mail_server.countersign(database, "smtp").await;
    register(&server, "josé@example.com", PASSWORD).await.assert_status(201);
    later(&server).await;
    let refused = first_listed(&server).await;
    assert_eq!((refused.attempts, refused.outcome.as_deref()), (1, Some("refused")));
    assert!(refused.failure.unwrap().contains("SMTPUTF8"));
    assert_eq!(mail_server.taken().len(), 0);
    // A server with this capability is told so (RFC 6531 §3.1, RFC 6152), and accepts it.
    let able = "250-test\r\n250-8BITMIME\r\n250 SMTPUTF8";
    for (offered, outcome) in [
        ("250-test\r\n250 SMTPUTF8", "refused"),
        ("250-test\r\n250 8BITMIME", "refused"),
        (able, "sent"),
    ] {
        let mail_server = MailServer::start(Behavior::Answers("EHLO", offered)).await;
        let server = mail_server.countersign(database, "smtp").await;
        register(&server, "josé@example.com", PASSWORD).await.assert_status(201);
        later(&server).await;
        assert_eq!(
            first_listed(&server).await.outcome.as_deref(),
            Some(outcome),
            "{offered}"
        );
        assert_eq!(mail_server.taken().len(), usize::from(outcome == "sent"), "{offered}");
        let begun = mail_server.said("MAIL FROM:");
        assert_eq!(begun.len(), usize::from(outcome == "sent"), "{begun:?}");
        assert!(
            begun
                .iter()
                .all(|line| line.contains(" SMTPUTF8") && line.contains(" BODY=8BITMIME")),
            "{begun:?}"
        );
    }
}

#[apply(on_both_databases!)]
async fn what_should_have_left_is_counted(database: Database) {
    let mail_server = MailServer::start(Behavior::Answers("MAIL", "550 sender rejected")).await;
    let server = mail_server.countersign(database, "smtp").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    server.services.mail.measure().await.unwrap();
    assert!(counted(&server).contains("countersign_emails_overdue 0"));
    later(&server).await;
    server.services.clock.advance(Duration::from_secs(600));
    server.services.mail.measure().await.unwrap();
    let counted = counted(&server);
    assert!(counted.contains("countersign_emails_overdue 1"), "{counted}");
    assert!(
        counted.contains("countersign_emails_overdue_seconds 661.0"),
        "{counted}"
    );
}

#[apply(on_both_databases!)]
async fn a_link_is_good_until_a_newer_one_has_left(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = mail_server.countersign(database, "smtp").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    later(&server).await;
    let ask = || server.post("/api/auth/recover", json!({ "email": "ada@example.com" }));
    ask().await.assert_status(202);
    later(&server).await;
    let old = mail_server.taken().last().unwrap().token();
    mail_server.behave(Behavior::Answers("MAIL", "451 not now"));
    ask().await.assert_status(202);
    later(&server).await;
    let answer = json!({ "token": old, "new_password": "another umbrella for tests" });
    server
        .post("/api/auth/recover/confirm", answer)
        .await
        .assert_status(204);
    // What the reset ended stays ended once the email can be sent.
    mail_server.behave(Behavior::Takes);
    let before = mail_server.taken().len();
    later(&server).await;
    assert!(
        mail_server.taken()[before..]
            .iter()
            .all(|mail| !mail.text.contains("token="))
    );
}

#[apply(on_both_databases!)]
async fn x_35_an_email_that_is_late_does_not_undo_a_newer_change_of_the_address(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = mail_server.countersign(database, "smtp").await;
    let ada = server.user("ada").await;
    later(&server).await;
    // The mail server of the mistyped address is slow.
    mail_server.behave(Behavior::Refuses("451 try again later"));
    ask_to_change(&ada, "typo@example.com").await;
    assert!(server.services.mail.deliver_next().await.unwrap());
    mail_server.behave(Behavior::Takes);
    ask_to_change(&ada, "right@example.com").await;
    assert!(server.services.mail.deliver_next().await.unwrap());
    let right = mail_server.taken().last().unwrap().clone();
    assert_eq!(right.to, "right@example.com");
    later(&server).await;
    let late: Vec<_> = mail_server
        .taken()
        .into_iter()
        .filter(|mail| mail.to.starts_with("typo"))
        .collect();
    assert_eq!(late.len(), 0, "its link would be worth nothing");
    ada.post("/api/auth/change-email/confirm", json!({ "token": right.token() }))
        .await
        .assert_status(204);
}

#[apply(on_both_databases!)]
async fn x_35_a_newer_email_that_was_refused_supersedes_nothing(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = mail_server.countersign(database, "smtp").await;
    let ada = server.user("ada").await;
    later(&server).await;
    for (email, refusal) in [
        ("right@example.com", "451 try again later"),
        ("typo@example.com", "550 no such mailbox"),
    ] {
        mail_server.behave(Behavior::Refuses(refusal));
        ask_to_change(&ada, email).await;
        assert!(server.services.mail.deliver_next().await.unwrap());
    }
    mail_server.behave(Behavior::Takes);
    later(&server).await;
    let right = mail_server.newest();
    assert_eq!(right.to, "right@example.com");
    ada.post("/api/auth/change-email/confirm", json!({ "token": right.token() }))
        .await
        .assert_status(204);
}

/// Both leave at the same time, and the mail server accepts the newer one first.
#[apply(on_both_databases!)]
async fn x_35_the_newest_change_of_the_address_counts_in_whatever_order_emails_leave(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = mail_server.countersign(database, "smtp").await;
    let ada = server.user("ada").await;
    later(&server).await;
    ask_to_change(&ada, "typo@example.com").await;
    let (typo, delivering) = mail_server.hold(&server).await;
    mail_server.behave(Behavior::Takes);
    ask_to_change(&ada, "right@example.com").await;
    assert!(server.services.mail.deliver_next().await.unwrap());
    let right = mail_server.taken().last().unwrap().clone();
    delivering.finish().await;
    for (mail, status) in [(&typo, 400), (&right, 204)] {
        ada.post("/api/auth/change-email/confirm", json!({ "token": mail.token() }))
            .await
            .assert_status(status);
    }
}

#[apply(on_both_databases!)]
async fn f_22_an_unencrypted_mail_server_gets_nothing_if_encryption_is_required(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = mail_server.countersign(database, "smtps").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    assert!(server.services.mail.deliver_next().await.unwrap());
    assert_eq!(mail_server.taken().len(), 0);
    let queued = first_listed(&server).await;
    assert!(
        queued.outcome.is_none() && queued.failure.is_some(),
        "an operator may mend it: {queued:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_22_a_silent_mail_server_delays_no_request() {
    let mail_server = MailServer::start(Behavior::Silent).await;
    let server = mail_server.countersign_with(Database::Sqlite, "timeout = \"8s\"").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    let services = server.services.clone();
    let delivery = tokio::spawn(async move { services.mail.deliver_next().await.unwrap() });
    mail_server.is_asked().await;
    register(&server, "bob@example.com", PASSWORD).await.assert_status(201);
    assert!(!delivery.is_finished(), "it is still waiting for the mail server");
    assert!(delivery.await.unwrap(), "and not for ever");
    let listed = server.services.outbox.list(true, 10).await.unwrap();
    assert_eq!(listed.iter().filter(|mail| mail.attempts == 1).count(), 1);
}

#[apply(on_both_databases!)]
async fn an_attempt_is_reserved_for_longer_than_a_mail_server_may_take(database: Database) {
    let mail_server = MailServer::start(Behavior::Silent).await;
    let server = mail_server.countersign_with(database, "timeout = \"5s\"").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    let services = server.services.clone();
    let first = tokio::spawn(async move { services.mail.deliver_next().await.unwrap() });
    mail_server.is_asked().await;
    server.services.clock.advance(LONGEST_MAIL_TIMEOUT);
    mail_server.behave(Behavior::Takes);
    assert!(
        !server.services.mail.deliver_next().await.unwrap(),
        "another worker leaves it alone"
    );
    assert!(first.await.unwrap());
    later(&server).await;
    assert_eq!(mail_server.taken().len(), 1);
}

/// A mail server that speaks TLS with a certificate for `name`, which `countersign doctor` trusts. Returns the doctor's
/// output.
async fn examined(name: &str) -> (String, String) {
    let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, Arc::new(Mutex::new(Behavior::Takes)), Arc::default()).await;
            }
        }
    });
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let trusted = scratch.folder().join("trusted.pem");
    std::fs::write(&trusted, certified.cert.pem()).unwrap();
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_countersign"));
    doctor
        .args(["doctor", "--json"])
        .env_clear()
        .current_dir(scratch.folder());
    doctor
        .env("SSL_CERT_FILE", trusted)
        .env("COUNTERSIGN_DATABASE_URL", &scratch.url);
    doctor.env("COUNTERSIGN_MAIL__SMTP_URL", format!("smtps://localhost:{port}"));
    let output = tokio::task::spawn_blocking(move || doctor.output().unwrap())
        .await
        .unwrap();
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mail = findings.into_iter().find(|finding| finding["about"] == "mail").unwrap();
    let text = |name: &str| mail[name].as_str().unwrap().to_owned();
    (text("state"), text("found"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c_88_a_mail_server_with_a_certificate_for_another_name_gets_nothing() {
    let (state, found) = examined("localhost").await;
    assert_eq!(state, "ok", "{found}");
    let (state, found) = examined("mail.example").await;
    assert_eq!(state, "fail", "{found}");
    assert!(found.contains("certificate"), "{found}");
}

/// Killed after emails were queued and before any was sent: each of them arrives exactly once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_22_queued_emails_survive_a_kill_and_arrive_once() {
    let mail_server = MailServer::start(Behavior::Refuses("451 try again later")).await;
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let url = format!("smtp://127.0.0.1:{}", mail_server.port);
    let launch = Launch::new(env!("CARGO_BIN_EXE_countersign"), &scratch).with("COUNTERSIGN_MAIL__SMTP_URL", url);
    let server = launch.start().await;
    for by in 0..10 {
        let body = serde_json::json!({ "email": format!("p{by}@example.com"), "password": PASSWORD });
        server
            .client()
            .post("/api/auth/register", &body)
            .await
            .unwrap()
            .assert_status(201);
    }
    server.kill();
    mail_server.behave(Behavior::Takes);
    let server = launch.start().await;
    let began = Instant::now();
    while mail_server.taken().len() < 10 {
        // An email that was being sent remains reserved for the killed process for a minute.
        assert!(
            began.elapsed() < Duration::from_secs(100),
            "{} of 10 arrived",
            mail_server.taken().len()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Nothing is queued any more that could arrive a second time.
    while done(&command(&scratch, &["mail", "list", "--queued"])) != json!([]) {
        assert!(began.elapsed() < Duration::from_secs(100), "emails are still queued");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut recipients: Vec<_> = mail_server.taken().into_iter().map(|mail| mail.to).collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!((recipients.len(), mail_server.taken().len()), (10, 10));
    assert!(server.terminate().success());
}

const NEW_PASSWORD: &str = "another umbrella";
/// More emails than the limits of a recipient allow.
const UNLIMITED: &str =
    "[limits]\nemails_per_recipient = \"1000/1h\"\nemails_per_recipient_and_network = \"1000/1h\"\n";

/// Requests an email and returns the handle.
async fn ask(server: &TestServer, path: &str) -> serde_json::Value {
    let asked = server.post(path, json!({ "email": "ada@example.com" })).await;
    asked.assert_status(202).json()["handle"].clone()
}

#[apply(on_both_databases!)]
async fn a_link_and_a_code_work_before_the_mail_server_has_answered(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = TestServer::start_with(
        database,
        &format!("{REQUIRED}{}{UNLIMITED}", mail_server.settings("smtp")),
    )
    .await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(202);
    let (mail, delivering) = mail_server.hold(&server).await;
    let confirm = json!({ "token": mail.token(), "password": PASSWORD });
    let confirmed = server.post("/api/auth/verify-email/confirm", confirm.clone()).await;
    confirmed.assert_status(204);
    delivering.finish().await;
    let again = server.post("/api/auth/verify-email/confirm", confirm).await;
    again.assert_problem(400, "invalid_code");

    let handle = ask(&server, "/api/auth/login/email").await;
    let (mail, delivering) = mail_server.hold(&server).await;
    let answer = json!({ "email": "ada@example.com", "code": mail.code(), "handle": handle });
    let signed_in = server.post("/api/auth/login/email/confirm", answer.clone()).await;
    signed_in.assert_status(200);
    delivering.finish().await;
    let again = server.post("/api/auth/login/email/confirm", answer).await;
    again.assert_problem(400, "invalid_code");

    ask(&server, "/api/auth/recover").await;
    let (mail, delivering) = mail_server.hold(&server).await;
    let answer = json!({ "token": mail.token(), "new_password": NEW_PASSWORD });
    let recovered = server.post("/api/auth/recover/confirm", answer.clone()).await;
    recovered.assert_status(204);
    delivering.finish().await;
    let again = server.post("/api/auth/recover/confirm", answer).await;
    again.assert_problem(400, "invalid_code");
    login(&server, "ada@example.com", NEW_PASSWORD).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn the_older_link_and_code_work_until_the_newer_email_has_left(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = TestServer::start_with(database, &format!("{}{UNLIMITED}", mail_server.settings("smtp"))).await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    later(&server).await;
    let confirm = json!({ "token": mail_server.newest().token(), "password": PASSWORD });
    let confirmed = server.post("/api/auth/verify-email/confirm", confirm).await;
    confirmed.assert_status(204);
    let sign_in = |answer: serde_json::Value| server.post("/api/auth/login/email/confirm", answer);
    let by_code = |mail: &ReceivedMail, handle: &serde_json::Value| json!({ "email": "ada@example.com", "code": mail.code(), "handle": handle });

    // By link and by code, while the newer email is being sent.
    for by_link in [true, false] {
        mail_server.behave(Behavior::Takes);
        let handle = ask(&server, "/api/auth/login/email").await;
        later(&server).await;
        let older = mail_server.newest();
        let newer_handle = ask(&server, "/api/auth/login/email").await;
        let (newer, delivering) = mail_server.hold(&server).await;
        assert_ne!(older.token(), newer.token());
        let answer = if by_link {
            json!({ "token": older.token() })
        } else {
            by_code(&older, &handle)
        };
        sign_in(answer.clone()).await.assert_status(200);
        delivering.finish().await;
        sign_in(answer).await.assert_problem(400, "invalid_code");
        sign_in(by_code(&newer, &newer_handle)).await.assert_status(200);
    }

    // The newer one was sent.
    mail_server.behave(Behavior::Takes);
    let handle = ask(&server, "/api/auth/login/email").await;
    later(&server).await;
    let older = mail_server.newest();
    ask(&server, "/api/auth/login/email").await;
    later(&server).await;
    let newer = mail_server.newest();
    sign_in(json!({ "token": older.token() }))
        .await
        .assert_problem(400, "invalid_code");
    sign_in(by_code(&older, &handle))
        .await
        .assert_problem(400, "invalid_code");
    sign_in(json!({ "token": newer.token() })).await.assert_status(200);

    // The newer one is not sent.
    let handle = ask(&server, "/api/auth/login/email").await;
    later(&server).await;
    let older = mail_server.newest();
    for refusal in ["451 try again later", "554 no such mailbox"] {
        mail_server.behave(Behavior::Answers(".", refusal));
        ask(&server, "/api/auth/login/email").await;
        server.services.clock.advance(Duration::from_secs(61));
        assert!(server.services.mail.deliver_next().await.unwrap());
        let newer = mail_server.newest();
        assert_ne!(older.token(), newer.token());
        sign_in(json!({ "token": newer.token() }))
            .await
            .assert_problem(400, "invalid_code");
    }
    sign_in(by_code(&older, &handle)).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn the_older_link_of_a_sign_up_works_until_the_newer_email_has_left(database: Database) {
    let mail_server = MailServer::start(Behavior::Takes).await;
    let server = TestServer::start_with(
        database,
        &format!("{REQUIRED}{}{UNLIMITED}", mail_server.settings("smtp")),
    )
    .await;
    let older_of = async |email: &str| {
        mail_server.behave(Behavior::Takes);
        let asked = register(&server, email, PASSWORD).await.assert_status(202).json();
        later(&server).await;
        let older = mail_server.newest();
        let again = json!({ "email": email });
        server.post("/api/auth/verify-email", again).await.assert_status(202);
        (older, asked["handle"].clone())
    };
    let confirm = |token: String, handle: &serde_json::Value| {
        server.post(
            "/api/auth/verify-email/confirm",
            json!({ "token": token, "handle": handle }),
        )
    };
    let (older, handle) = older_of("ada@example.com").await;
    let (newer, delivering) = mail_server.hold(&server).await;
    assert_ne!(older.token(), newer.token());
    confirm(older.token(), &handle).await.assert_status(204);
    delivering.finish().await;
    confirm(newer.token(), &handle)
        .await
        .assert_problem(400, "invalid_code");

    let (older, handle) = older_of("grace@example.com").await;
    let (newer, delivering) = mail_server.hold(&server).await;
    delivering.finish().await;
    confirm(older.token(), &handle)
        .await
        .assert_problem(400, "invalid_code");
    confirm(newer.token(), &handle).await.assert_status(204);

    let (older, handle) = older_of("hedy@example.com").await;
    mail_server.behave(Behavior::Answers(".", "451 try again later"));
    server.services.clock.advance(Duration::from_secs(61));
    assert!(server.services.mail.deliver_next().await.unwrap());
    let newer = mail_server.newest();
    assert_ne!(older.token(), newer.token());
    confirm(newer.token(), &handle)
        .await
        .assert_problem(400, "invalid_code");
    confirm(older.token(), &handle).await.assert_status(204);
}
