//! The real binary as a process of its own, on a free port, for what only a process can show.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use axum::http::{Method, Request};
use countersign_http_client::{Certificates, Limits};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::Value;

use crate::{Answer, ScratchDatabase};

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Tests judge by themselves how long something takes.
const UNLIMITED: Limits = Limits {
    time: Duration::MAX,
    bytes: usize::MAX,
};

/// A running `countersign serve`. It is killed when this value goes.
pub struct ServerProcess {
    child: Child,
    /// `http://127.0.0.1:<port>`.
    pub base: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// How a server is started.
pub struct Launch<'a> {
    /// What is run: the binary's path, with anything before it that wraps it.
    pub command: Vec<String>,
    /// Its database and folder.
    pub scratch: &'a ScratchDatabase,
    /// Further settings, as environment variables.
    pub environment: Vec<(&'static str, String)>,
}

/// An HTTP client that keeps its connections. It sends what it is told to and judges nothing.
#[derive(Clone)]
pub struct HttpClient {
    inner: countersign_http_client::HttpClient,
    base: String,
    forwarded_for: Option<IpAddr>,
}

/// How a server ended that could not start.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit code; none where a signal ended it.
    pub exit_code: Option<i32>,
    /// What it wrote.
    pub text: String,
}

impl<'a> Launch<'a> {
    /// The binary by itself.
    pub fn new(binary: &str, scratch: &'a ScratchDatabase) -> Self {
        Self {
            command: vec![binary.to_owned()],
            scratch,
            environment: Vec::new(),
        }
    }

    /// One more setting.
    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((variable, value.into()));
        self
    }

    /// Starts it and waits until it answers.
    pub async fn start(&self) -> ServerProcess {
        let address = free_address();
        let child = self.spawn(address);
        let mut server = ServerProcess {
            child,
            base: format!("http://{address}"),
            address,
        };
        let began = Instant::now();
        while server
            .client()
            .send((Method::GET, "/healthz"), None, "")
            .await
            .is_none()
        {
            if let Some(status) = server.child.try_wait().expect("the process can be asked") {
                panic!("the server ended before it answered: {status}\n{}", self.log());
            }
            assert!(
                began.elapsed() < START_LIMIT,
                "the server does not answer\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server
    }

    /// Starts it where it cannot serve, and waits until it has ended by itself.
    pub async fn refused(&self) -> Refusal {
        let before = self.log().len();
        let mut child = self.spawn(free_address());
        let status = end_of(&mut child, START_LIMIT).await;
        let text = self.log().split_off(before);
        let Some(status) = status else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server did not end\n{text}");
        };
        Refusal {
            exit_code: status.code(),
            text,
        }
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.scratch.folder().join("server.log")
    }

    fn spawn(&self, address: SocketAddr) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("a log can be made");
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .arg("serve")
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("COUNTERSIGN_LISTEN", address.to_string())
            .env("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
            .env("COUNTERSIGN_DATABASE_URL", &self.scratch.url)
            .env("COUNTERSIGN_KEYS_DIR", self.scratch.folder().join("keys"))
            .env("COUNTERSIGN_LIMITS__ENABLED", "false")
            .current_dir(self.scratch.folder())
            .stdin(Stdio::null())
            // The greeting; the log goes to the other one.
            .stdout(Stdio::null())
            .stderr(log);
        for (variable, value) in &self.environment {
            command.env(variable, value);
        }
        command.spawn().expect("the binary can be started")
    }
}

impl ServerProcess {
    /// A client of this server.
    pub fn client(&self) -> HttpClient {
        HttpClient::of(&self.base)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`: nothing is flushed, nobody is told.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// `kill -TERM`, and the exit status once it has ended.
    pub fn terminate(mut self) -> ExitStatus {
        self.tell_to_stop();
        self.child.wait().expect("the process ends")
    }

    /// `kill -TERM`, without waiting.
    pub fn tell_to_stop(&self) {
        self.signal("TERM");
    }

    /// `kill` with this signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(told.expect("kill can be run").success(), "the server had ended already");
    }

    /// The exit status once it has ended; none if it still runs after `within`, and then it is killed.
    pub async fn ended(mut self, within: Duration) -> Option<ExitStatus> {
        end_of(&mut self.child, within).await
    }

    /// The memory that it has in use (`VmRSS`), in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        number.and_then(|text| text.parse().ok()).expect("proc(5) says so")
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl HttpClient {
    /// A client of the server at this address: `http://127.0.0.1:<port>`.
    pub fn of(base: &str) -> Self {
        Self {
            inner: countersign_http_client::HttpClient::new(Certificates::none()).expect("TLS is not used"),
            base: base.to_owned(),
            forwarded_for: None,
        }
    }

    /// The same client, as a proxy sends for it the requests of one that lives at `address`.
    pub fn on_behalf_of(&self, address: IpAddr) -> Self {
        Self {
            forwarded_for: Some(address),
            ..self.clone()
        }
    }

    /// Sends a request with a JSON body (`null` for none) and a bearer token (empty for none). `None`: no answer.
    pub async fn send(&self, (method, path): (Method, &str), body: Option<&Value>, bearer: &str) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if !bearer.is_empty() {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        if let Some(address) = self.forwarded_for {
            request = request.header("x-forwarded-for", address.to_string());
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        self.exchange(request.body(Full::new(bytes)).expect("the request is one"))
            .await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Option<Answer> {
        let answer = self.inner.send(request, UNLIMITED).await.ok()?;
        let bytes = answer.body?;
        Some(Answer {
            status: answer.status,
            headers: answer.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        })
    }

    /// A GET that is held for up to `seconds` while the answer is still the one with this entity tag.
    pub async fn wait_for_change(&self, path: &str, etag: &str, seconds: u32) -> Option<Answer> {
        let request = Request::get(format!("{}{path}", self.base))
            .header("if-none-match", etag)
            .header("prefer", format!("wait={seconds}"));
        self.exchange(request.body(Full::default()).expect("the request is one"))
            .await
    }

    /// A POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        self.send((Method::POST, path), Some(body), "").await
    }

    /// A GET with a bearer token.
    pub async fn get_as(&self, path: &str, bearer: &str) -> Option<Answer> {
        self.send((Method::GET, path), None, bearer).await
    }
}

async fn end_of(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    loop {
        let status = child.try_wait().expect("the process can be asked");
        if status.is_some() || began.elapsed() > within {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An address that nobody listens on just now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("there is a free port")
}
