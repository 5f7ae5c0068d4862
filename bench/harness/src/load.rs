//! Sends requests over persistent connections. At a fixed rate, each request has a scheduled time, and waiting for a free connection
//! counts as latency, so that stalls are not hidden (coordinated omission).

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cpu::cpu_seconds;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What to send, how often, and whose CPU time to count.
#[derive(Args)]
pub(crate) struct Load {
    #[arg(long, value_enum)]
    kind: Kind,
    /// `127.0.0.1:8000`.
    #[arg(long)]
    address: String,
    #[arg(long, default_value = "/")]
    path: String,
    /// A file with one token, body or header value per line, used in turn.
    #[arg(long)]
    lines: Option<String>,
    /// The header that contains the line.
    #[arg(long, default_value = "authorization")]
    header: String,
    /// The media type of bodies.
    #[arg(long, default_value = "application/json")]
    media_type: String,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Requests per second; as many as possible if omitted.
    #[arg(long)]
    rate: Option<f64>,
    /// Waits for each request's time with the timer, up to 2 ms late, instead of spinning: for a load that shares its
    /// core with a latency measurement.
    #[arg(long)]
    coarse: bool,
    /// Polls for responses instead of sleeping until one arrives, because the server would pay for waking the load: for a load
    /// with a core of its own.
    #[arg(long)]
    polling: bool,
    /// The maximum number of times that each line is used; when all are used up, the load ends.
    #[arg(long)]
    times: Option<usize>,
    /// The body of a refresh; `{}` stands for the token.
    #[arg(long, default_value = r#"{"refresh_token":"{}"}"#)]
    template: String,
    /// A file for the access tokens from refreshes, one per line.
    #[arg(long)]
    keep: Option<String>,
    /// Processes whose CPU time is counted.
    #[arg(long)]
    pid: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// GET, with a line as a header if there are lines.
    Get,
    /// POST with a line as its body.
    Post,
    /// POST of a refresh token; its successor is the session's next token.
    Refresh,
}

struct Plan {
    load: Load,
    lines: Vec<String>,
    next: AtomicU64,
    begin: Instant,
}

struct Counted {
    answered: u64,
    failed: u64,
    latency: Histogram<u64>,
    access_tokens: Vec<String>,
}

impl Load {
    pub(crate) async fn run(self) -> Result<Value, Box<dyn Error>> {
        let lines = match &self.lines {
            Some(path) => std::fs::read_to_string(path)?.lines().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let before = self.cpu()?;
        let begin = Instant::now();
        let plan = Arc::new(Plan {
            load: self,
            lines,
            next: AtomicU64::new(0),
            begin,
        });
        if plan.load.polling {
            tokio::spawn(poll(plan.end()));
        }
        let workers: Vec<_> = (0..plan.load.connections)
            .map(|number| tokio::spawn(Plan::work(plan.clone(), number)))
            .collect();
        let mut all = Counted::new().map_err(|failure| failure.to_string())?;
        for worker in workers {
            let counted = worker.await?.map_err(|failure| failure.to_string())?;
            all.answered += counted.answered;
            all.failed += counted.failed;
            all.latency.add(counted.latency)?;
            all.access_tokens.extend(counted.access_tokens);
        }
        let seconds = begin.elapsed().as_secs_f64();
        let cpu: Vec<f64> = plan
            .load
            .cpu()?
            .iter()
            .zip(&before)
            .map(|(after, before)| after - before)
            .collect();
        if let Some(path) = &plan.load.keep {
            std::fs::write(path, all.access_tokens.join("\n"))?;
        }
        let total = json!(all.answered).as_f64().unwrap_or_default();
        let milliseconds = |quantile: f64| {
            json!(all.latency.value_at_quantile(quantile))
                .as_f64()
                .unwrap_or_default()
                / 1e6
        };
        Ok(json!({
            "answered": all.answered,
            "failed": all.failed,
            "seconds": seconds,
            "per_second": total / seconds,
            "cpu_seconds": cpu,
            "per_cpu_second": cpu.first().map(|cpu| total / cpu),
            "p50_ms": milliseconds(0.5),
            "p99_ms": milliseconds(0.99),
            "p999_ms": milliseconds(0.999),
            "max_ms": milliseconds(1.0),
        }))
    }

    fn cpu(&self) -> Result<Vec<f64>, Box<dyn Error>> {
        self.pid.iter().map(|pid| cpu_seconds(*pid)).collect()
    }
}

/// Keeps the runtime from sleeping.
async fn poll(end: Instant) {
    while Instant::now() < end {
        tokio::task::yield_now().await;
    }
}

impl Plan {
    fn end(&self) -> Instant {
        self.begin + Duration::from_secs_f64(self.load.seconds)
    }

    async fn work(self: Arc<Self>, number: usize) -> Result<Counted, Failure> {
        let mut counted = Counted::new()?;
        let end = self.end();
        // Each connection has its own refresh tokens; everything else is shared.
        let mut own: Vec<_> = self
            .lines
            .iter()
            .skip(number)
            .step_by(self.load.connections)
            .cloned()
            .collect();
        let mut connection = Connection::open(&self.load.address).await?;
        let mut turn = 0;
        loop {
            let ticket = self.next.fetch_add(1, Ordering::Relaxed);
            let due = match self.load.rate {
                Some(rate) => self.begin + Duration::from_secs_f64(json!(ticket).as_f64().unwrap_or_default() / rate),
                None => Instant::now(),
            };
            if due >= end {
                return Ok(counted);
            }
            let refreshes = self.load.kind == Kind::Refresh;
            let (used, supply) = match refreshes {
                true => (turn, own.len()),
                false => (usize::try_from(ticket)?, self.lines.len()),
            };
            if self.load.times.is_some_and(|times| used >= times * supply) {
                return Ok(counted);
            }
            if self.load.rate.is_some() {
                self.wait_for(due).await;
            }
            turn += 1;
            let place = used % supply.max(1);
            let line = if refreshes {
                own.get(place)
            } else {
                self.lines.get(place)
            };
            connection.send(&self.request(line.map_or("", String::as_str))).await?;
            let (status, body) = connection.answer().await?;
            counted.latency.record(u64::try_from(due.elapsed().as_nanos())?)?;
            if (200..300).contains(&status) {
                counted.answered += 1;
                if refreshes {
                    let tokens: Value = serde_json::from_slice(body)?;
                    let token = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
                    own[place] = token("refresh_token");
                    if self.load.keep.is_some() {
                        counted.access_tokens.push(token("access_token"));
                    }
                }
            } else {
                counted.failed += 1;
                // A rejected client does not retry immediately.
                if status == 503 && self.load.rate.is_none() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    /// The runtime's timer has a resolution of a millisecond, which would dominate the latency, so the last
    /// milliseconds are spent spinning. That only costs the load's own core.
    async fn wait_for(&self, due: Instant) {
        const TICK: Duration = Duration::from_millis(2);
        if self.load.coarse {
            return tokio::time::sleep_until(due.into()).await;
        }
        if due > Instant::now() + TICK {
            tokio::time::sleep_until((due - TICK).into()).await;
        }
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
    }

    /// The text of a request. Written directly, because a client library would cost more than the measured server.
    fn request(&self, line: &str) -> String {
        let Load {
            path,
            address,
            header,
            media_type,
            ..
        } = &self.load;
        match self.load.kind {
            Kind::Get if line.is_empty() => format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"),
            Kind::Get => format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}: {line}\r\n\r\n"),
            Kind::Post | Kind::Refresh => {
                let body = match self.load.kind {
                    Kind::Refresh => self.load.template.replace("{}", line),
                    Kind::Get | Kind::Post => line.to_owned(),
                };
                let length = body.len();
                format!(
                    "POST {path} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\ncontent-type: {media_type}\r\n\
                     content-length: {length}\r\n\r\n{body}"
                )
            }
        }
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    /// The received bytes, how many of them belong to the last response, and how many of those to its head.
    received: Vec<u8>,
    given: usize,
    head: usize,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(16_384),
            given: 0,
            head: 0,
        })
    }

    pub(crate) async fn send(&mut self, request: &str) -> Result<(), Failure> {
        self.received.drain(..self.given);
        self.given = 0;
        Ok(self.stream.write_all(request.as_bytes()).await?)
    }

    /// Status and body: the number of bytes in `content-length`, or chunks up to the empty one, whose framing is kept.
    pub(crate) async fn answer(&mut self) -> Result<(u16, &[u8]), Failure> {
        let head = self.until(b"\r\n\r\n", 0).await?;
        self.head = head;
        let text = std::str::from_utf8(&self.received[..head])?.to_ascii_lowercase();
        let status = text.split(' ').nth(1).ok_or("no status")?.parse()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let end = match length {
            Some(length) => head + length.trim().parse::<usize>()?,
            None if text.contains("chunked") => self.until(b"0\r\n\r\n", head).await?,
            None => head,
        };
        while self.received.len() < end {
            self.receive().await?;
        }
        self.given = end;
        Ok((status, &self.received[head..end]))
    }

    /// The value of a header of the last response; `name` is in lowercase.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = std::str::from_utf8(&self.received[..self.head]).ok()?;
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let found = fields.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    }

    /// Where the first occurrence after a position ends.
    async fn until(&mut self, mark: &[u8], from: usize) -> Result<usize, Failure> {
        loop {
            let mut windows = self.received[from..].windows(mark.len());
            if let Some(place) = windows.position(|window| window == mark) {
                return Ok(from + place + mark.len());
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

impl Counted {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            answered: 0,
            failed: 0,
            latency: Histogram::new(3)?,
            access_tokens: Vec::new(),
        })
    }
}
