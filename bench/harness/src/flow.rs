//! Sign-ins to an application in a browser that is signed in already: an authorization request, the redirects that follow, and
//! the exchange of the code.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::cpu::cpu_seconds;
use crate::load::{Connection, Failure};

/// What to ask for, as whom, and whose CPU time to count.
#[derive(Args)]
pub(crate) struct Flow {
    /// `127.0.0.1:8000`.
    #[arg(long)]
    address: String,
    /// The path and query of the authorization request.
    #[arg(long)]
    authorize: String,
    /// The cookies of the browser.
    #[arg(long)]
    cookie: String,
    /// The redirect URI, which ends the redirects.
    #[arg(long)]
    redirect_uri: String,
    /// The path of the token endpoint.
    #[arg(long)]
    token: String,
    /// The body of the token request; `{}` stands for the code.
    #[arg(long)]
    form: String,
    /// The value of `Authorization` of the token request.
    #[arg(long)]
    authorization: String,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// The process whose CPU time is counted.
    #[arg(long)]
    pid: u32,
}

impl Flow {
    pub(crate) async fn run(self) -> Result<Value, Box<dyn Error>> {
        let (pid, before) = (self.pid, cpu_seconds(self.pid)?);
        let begin = Instant::now();
        let flow = Arc::new(self);
        let workers: Vec<_> = (0..flow.connections)
            .map(|_| tokio::spawn(Self::work(flow.clone(), begin)))
            .collect();
        let mut latency = Histogram::<u64>::new(3)?;
        for worker in workers {
            latency.add(worker.await?.map_err(|failure| failure.to_string())?)?;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let cpu = cpu_seconds(pid)? - before;
        let whole = |number: u64| json!(number).as_f64().unwrap_or_default();
        let total = whole(latency.len());
        Ok(json!({
            "answered": latency.len(),
            "seconds": seconds,
            "per_second": total / seconds,
            "cpu_seconds": cpu,
            "per_cpu_second": total / cpu,
            "p50_ms": whole(latency.value_at_quantile(0.5)) / 1e6,
            "p99_ms": whole(latency.value_at_quantile(0.99)) / 1e6,
        }))
    }

    async fn work(self: Arc<Self>, begin: Instant) -> Result<Histogram<u64>, Failure> {
        let mut latency = Histogram::new(3)?;
        let mut connection = Connection::open(&self.address).await?;
        while begin.elapsed() < Duration::from_secs_f64(self.seconds) {
            let began = Instant::now();
            let code = self.code(&mut connection).await?;
            self.exchange(&mut connection, &code).await?;
            latency.record(u64::try_from(began.elapsed().as_nanos())?)?;
        }
        Ok(latency)
    }

    /// Follows the redirects of a request to the application.
    async fn code(&self, connection: &mut Connection) -> Result<String, Failure> {
        let mut path = self.authorize.clone();
        for _ in 0..4 {
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\ncookie: {}\r\n\r\n",
                self.address, self.cookie
            );
            connection.send(&request).await?;
            let (status, body) = connection.answer().await?;
            let text = String::from_utf8_lossy(body).into_owned();
            let location = connection.header("location");
            let location = location.ok_or_else(|| format!("{status} without a redirect: {text}"))?;
            if let Some(query) = location.strip_prefix(&self.redirect_uri) {
                let mut fields = query.trim_start_matches('?').split('&');
                let code = fields.find_map(|field| field.strip_prefix("code="));
                return Ok(code.ok_or_else(|| format!("no code: {location}"))?.to_owned());
            }
            let here = format!("http://{}", self.address);
            path = location.strip_prefix(&here).unwrap_or(&location).to_owned();
        }
        Err("the redirects do not end".into())
    }

    async fn exchange(&self, connection: &mut Connection, code: &str) -> Result<(), Failure> {
        let body = self.form.replace("{}", code);
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            self.token,
            self.address,
            self.authorization,
            body.len()
        );
        connection.send(&request).await?;
        match connection.answer().await? {
            (200, body) if body.windows(8).any(|window| window == b"id_token") => Ok(()),
            (status, body) => Err(format!("{status}: {}", String::from_utf8_lossy(body)).into()),
        }
    }
}
