//! The servers that nodes may share: started here on free ports and removed with the test.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A Redis that can be killed and restarted on the same port, empty each time.
pub(super) struct Redis {
    port: u16,
    child: Option<Child>,
    folder: PathBuf,
}

/// PgBouncer in transaction mode in front of the tests' PostgreSQL. Its connections use the tables in `schema`.
pub(super) struct Pooler {
    pub(super) url: String,
    child: Child,
}

impl Redis {
    pub(super) fn start(folder: PathBuf) -> Self {
        let mut redis = Self {
            port: free_port(),
            child: None,
            folder,
        };
        redis.start_again();
        redis
    }

    pub(super) fn start_again(&mut self) {
        let mut command = Command::new(program("REDIS"));
        let port = self.port.to_string();
        command.args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        self.child = Some(quiet(command.current_dir(&self.folder)));
        listens(self.port);
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it like a crash.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Keeps its connections open without answering (`STOP`), or continues (`CONT`).
    pub(super) fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Removes all of its data.
    pub(super) fn flush(&self) {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        connection.write_all(b"FLUSHALL\r\n").unwrap();
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Pooler {
    pub(super) fn start(folder: PathBuf, schema: &str) -> Self {
        Self::start_with(folder, schema, "")
    }

    /// Starts it with additional settings.
    pub(super) fn start_with(folder: PathBuf, schema: &str, more: &str) -> Self {
        let server = std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").expect("scripts/test says where PostgreSQL is");
        let authority = server.split("://").nth(1).unwrap().split('/').next().unwrap();
        let (host, postgres) = authority.rsplit('@').next().unwrap().split_once(':').unwrap();
        let (port, settings) = (free_port(), folder.join("pgbouncer.ini"));
        let text = format!(
            "[databases]\n\
             nodes = host={host} port={postgres} dbname=postgres user=postgres connect_query='SET search_path = {schema}'\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 6\nmax_client_conn = 200\n\
             ignore_startup_parameters = options\n{more}"
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = Command::new(program("PGBOUNCER"));
        // It refuses to run as root.
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            command.args(["-u", "nobody"]);
        }
        let child = quiet(command.arg(&settings));
        listens(port);
        Self {
            url: format!("postgres://postgres@127.0.0.1:{port}/nodes"),
            child,
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn program(name: &str) -> String {
    let variable = format!("COUNTERSIGN_TEST_{name}");
    std::env::var(&variable)
        .unwrap_or_else(|_| panic!("{variable} names no server: run the tests by `scripts/test rust`"))
}

fn quiet(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the server can be started")
}

fn listens(port: u16) {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < PATIENCE, "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
