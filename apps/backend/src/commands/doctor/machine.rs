//! Checks Redis and the limit on open files.

use prometheus_client::registry::Registry;
use rustix::process::{Resource, getrlimit};

use super::clocks::compare_clocks;
use super::finding::Finding;
use super::reach::ask_operator;
use crate::core::clock::Clock;
use crate::core::redis::Redis;
use crate::settings::Settings;

const REDIS: &str = "redis";
const FILES: &str = "open files";
/// File descriptors reserved for uses other than client connections.
const RESERVED: u64 = 256;

pub(super) async fn redis(settings: &Settings, clock: &Clock, findings: &mut Vec<Finding>) {
    let Some(url) = &settings.redis_url else {
        return;
    };
    let remedy = "check that it is running and that `redis_url` is correct; until then, rate limits are counted per node, \
         and sign-ins still work";
    let opened = Redis::open(url.expose(), settings.issuer.as_str(), &mut Registry::default()).await;
    let redis = match opened {
        Ok(redis) => redis,
        Err(error) => return findings.push(Finding::fail(REDIS, error.to_string(), remedy)),
    };
    match redis.now().await {
        Some(now) => {
            findings.push(Finding::ok(REDIS, "it answers"));
            findings.push(compare_clocks("the clock of Redis", now, clock.now().millis()));
        }
        None => findings.push(Finding::fail(REDIS, "it does not respond within 100 ms", remedy)),
    }
}

/// Checks the limit on open files: that of the running server if it reports one, otherwise that of this process, which
/// may differ.
pub(super) async fn files(settings: &Settings, findings: &mut Vec<Finding>) {
    let needed = settings.http.max_connections as u64 + RESERVED;
    let remedy = "raise the limit (`LimitNOFILE=` of systemd, `ulimits:` of Compose), or lower \
                  `http.max_connections`; beyond the limit, connections are refused";
    let answer = ask_operator(settings, "metrics").await;
    let of_server = answer.as_deref().and_then(|text| {
        let read = |name| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
        };
        Some((read("process_open_fds ")?, read("process_max_fds ")?))
    });
    #[expect(clippy::cast_precision_loss, reason = "limits are far below what a double holds")]
    let needed_exactly = needed as f64;
    findings.push(match of_server {
        Some((open, most)) if most < needed_exactly => Finding::fail(
            FILES,
            format!("the server may open {most} and has {open} open, but needs {needed} for all its connections"),
            remedy,
        ),
        Some((open, most)) => Finding::ok(FILES, format!("the server has {open} of {most} open")),
        None => match getrlimit(Resource::Nofile).maximum {
            Some(most) if most < needed => Finding::fail(
                FILES,
                format!("the limit here is {most}, but the server needs {needed} for all its connections"),
                remedy,
            ),
            _ => Finding::ok(FILES, "the limit here is high enough"),
        },
    });
}
