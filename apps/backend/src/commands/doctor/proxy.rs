//! Checks which client IP address arrives through a reverse proxy. It sends a request with a forged one to the public
//! URL and asks the operator's listener what arrived.

use std::net::IpAddr;

use super::finding::Finding;
use super::reach::{ask_operator, get};
use crate::core::probes::{PROBE, Seen};
use crate::core::random::SecureRandom;
use crate::settings::Settings;

const PROXY: &str = "proxy";
/// An IP address of TEST-NET-3 (RFC 5737), which is not assigned to any host.
const FORGED: &str = "203.0.113.77";
const FORGED_FORWARDED: &str = "for=203.0.113.77";
/// With several nodes, one request may reach another node; of several requests, at least one reaches this node.
const ATTEMPTS: usize = 12;

pub(super) async fn check(settings: &Settings, findings: &mut Vec<Finding>) {
    if settings.metrics_listen.is_none() {
        if settings.issuer.is_https() && settings.trusted_proxies.is_empty() {
            findings.push(untrusted("a proxy terminates TLS, but `trusted_proxies` is empty"));
        } else if settings.issuer.is_https() {
            let remedy = "set `metrics_listen` (to 127.0.0.1:9100, for example), and run this again";
            findings.push(Finding::unknown(
                PROXY,
                "cannot check how requests arrive without `metrics_listen`",
                remedy,
            ));
        }
        return;
    }
    findings.push(match probe(settings).await {
        Some(seen) => judge(&seen, settings),
        None => Finding::unknown(
            PROXY,
            "a request to the issuer did not reach the server behind this `metrics_listen`",
            "check that this server runs with these settings; with several nodes, run this again",
        ),
    });
}

async fn probe(settings: &Settings) -> Option<Seen> {
    for _ in 0..ATTEMPTS {
        let mark: String = SecureRandom
            .bytes::<16>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let headers = [
            (PROBE.as_str(), mark.as_str()),
            ("x-forwarded-for", FORGED),
            ("forwarded", FORGED_FORWARDED),
        ];
        get(&format!("{}/healthz", settings.issuer.as_str()), &headers)
            .await
            .ok()?;
        if let Some(seen) = ask_operator(settings, &format!("seen/{mark}")).await {
            return serde_json::from_str(&seen).ok();
        }
    }
    None
}

fn untrusted(found: &str) -> Finding {
    Finding::fail(
        PROXY,
        format!("{found}: all clients have the same IP address and share its rate limits"),
        "add the proxy's network to `trusted_proxies`, and nothing wider",
    )
}

fn judge(seen: &Seen, settings: &Settings) -> Finding {
    let is_trusted = |address: IpAddr| {
        settings
            .trusted_proxies
            .iter()
            .any(|network| network.contains(&address))
    };
    let passed_on = seen.x_forwarded_for.as_deref() == Some(FORGED);
    let peer = seen.peer;
    match (is_trusted(peer), passed_on) {
        (false, false) if seen.x_forwarded_for.is_some() => untrusted(&format!(
            "the proxy at {peer} sends the client's IP address, but is not in `trusted_proxies`"
        )),
        (false, _) if settings.issuer.is_https() => untrusted(&format!(
            "the proxy at {peer} terminates TLS, but is not in `trusted_proxies`"
        )),
        (false, _) => Finding::ok(PROXY, "no proxy was detected"),
        (true, true) if seen.forwarded.is_none() || seen.forwarded.as_deref() == Some(FORGED_FORWARDED) => {
            Finding::fail(
                PROXY,
                format!(
                    "the proxy at {peer} passes on any IP address that a client claims to have, so clients can bypass \
                     all rate limits"
                ),
                "configure the proxy to set `X-Forwarded-For` (nginx: `$proxy_add_x_forwarded_for`)",
            )
        }
        (true, _) if seen.forwarded.as_deref() == Some(FORGED_FORWARDED) => Finding::fail(
            PROXY,
            format!(
                "the proxy at {peer} passes on the client's `Forwarded` header, so the server cannot tell the \
                 client's IP address"
            ),
            "configure the proxy to remove the header (nginx: `proxy_set_header Forwarded \"\"`)",
        ),
        (true, _) => Finding::ok(PROXY, format!("the proxy at {peer} sends the client's IP address")),
    }
}
