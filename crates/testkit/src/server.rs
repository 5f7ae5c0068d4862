//! A complete server in this process, called through its router with all layers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicU8;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign::core::clock::{Clock, Timestamp};
use countersign::settings::{Settings, SettingsFile, Sources};
use countersign::{Services, app};
use countersign_store::Role;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::{Answer, Database, ReceivedMail, ScratchDatabase};

/// The time at the start of every test: 2026-11-22T10:15:00Z.
const START: Timestamp = Timestamp(1_795_342_500_000);

/// A complete server for one test.
pub struct TestServer {
    /// The server's services: its database, its clock, its keys.
    pub services: Services,
    router: Router,
    /// The last byte of the IP address from which the next user signs in.
    pub(crate) people: AtomicU8,
    read: Mutex<BTreeSet<PathBuf>>,
    scratch: ScratchDatabase,
}

impl TestServer {
    /// Starts a server on an empty database, with cheap password hashes and without rate limits.
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, "").await
    }

    /// Like [`start`](Self::start), with lines of `countersign.toml` that override the test kit's.
    pub async fn start_with(database: Database, toml: &str) -> Self {
        let scratch = ScratchDatabase::migrated(database, START).await;
        Self::start_on(scratch, toml).await
    }

    /// Like [`start_with`](Self::start_with), on an existing database.
    pub async fn start_on(scratch: ScratchDatabase, toml: &str) -> Self {
        let settings = settings(&scratch, toml);
        let services = Services::open(settings, Role::Server, Clock::fixed(START))
            .await
            .expect("the server starts");
        Self {
            router: app(services.clone()),
            services,
            people: AtomicU8::new(1),
            read: Mutex::default(),
            scratch,
        }
    }

    /// Starts a second node with the same database and keys. Only PostgreSQL allows two.
    pub async fn another_node(&self) -> Services {
        let settings = self.services.settings.clone();
        Services::open(settings, Role::Server, self.services.clock.clone())
            .await
            .expect("the second node starts")
    }

    /// Sends any request. Without a peer IP address, it comes from 192.0.2.1.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            request
                .extensions_mut()
                .insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 40_000))));
        }
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router never fails");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body can be read").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        }
    }

    /// Sends a GET without credentials.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("the path is one"))
            .await
    }

    /// Sends a POST with JSON and without credentials.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("the path is one"))
            .await
    }

    /// Sends a POST with a form and without credentials; `form` is already encoded.
    pub async fn post_form(&self, path: &str, form: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).expect("the path is one"))
            .await
    }

    /// Sends what is queued, and returns the emails that arrived since the last call.
    pub async fn mails(&self) -> Vec<ReceivedMail> {
        while self.services.mail.deliver_next().await.expect("mails can be delivered") {}
        let Ok(folder) = std::fs::read_dir(self.scratch.folder().join("mail")) else {
            return Vec::new();
        };
        let mut read = self.read.lock().expect("no test panicked while reading");
        let paths = folder.map(|entry| entry.expect("the folder can be read").path());
        let new: BTreeSet<_> = paths.filter(|path| !read.contains(path)).collect();
        read.extend(new.iter().cloned());
        new.iter().map(|path| ReceivedMail::read(path)).collect()
    }

    /// Returns the only email that arrived since the last call.
    pub async fn mail(&self) -> ReceivedMail {
        let mut mails = self.mails().await;
        let subjects: Vec<_> = mails.iter().map(|mail| &mail.subject).collect();
        assert_eq!(mails.len(), 1, "{subjects:?}");
        mails.remove(0)
    }

    /// Returns the folder of this test's files.
    pub fn folder(&self) -> std::path::PathBuf {
        self.scratch.folder()
    }

    /// Returns the database's URL.
    pub fn database_url(&self) -> &str {
        &self.scratch.url
    }
}

/// Cheaper hashing than settings allow: each password and each emailed code costs two hashes, which together would cost more
/// than everything else in the tests.
const CHEAP_KIB: u32 = 64;

/// Limits have their own tests.
fn settings(scratch: &ScratchDatabase, toml: &str) -> Settings {
    let issuer = if toml.contains("issuer = ") {
        ""
    } else {
        "issuer = \"http://127.0.0.1:8000\"\n"
    };
    let base = format!(
        "database_url = {:?}\nkeys_dir = {:?}\n{issuer}",
        scratch.url,
        scratch.folder().join("keys").display().to_string(),
    );
    let limits = if toml.contains("[limits]") {
        ""
    } else {
        "[limits]\nenabled = false\n"
    };
    let folder = scratch.folder().join("mail").display().to_string();
    let mail = if toml.contains("[mail]") {
        String::new()
    } else {
        format!("[mail]\nfolder = {folder:?}\n")
    };
    let text = format!("{base}{toml}\n{limits}\n{mail}");
    let file = SettingsFile {
        path: "countersign.toml".into(),
        text: Ok(text),
    };
    match Settings::load(&Sources {
        file: Some(file),
        cores: std::num::NonZero::new(2),
        ..Sources::default()
    }) {
        Ok(loaded) => {
            let mut settings = loaded.settings;
            // A test that configures hashing gets what an operator would get.
            if !toml.contains("[passwords]") && !toml.contains("[hashing]") {
                settings.passwords.memory_kib = CHEAP_KIB;
                settings.passwords.iterations = 1;
            }
            settings
        }
        Err(mistakes) => panic!("{mistakes}"),
    }
}
