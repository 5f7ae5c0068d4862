//! `countersign doctor`: checks an installation, and says what is wrong and how to fix it. It changes nothing, and a
//! server may be running.

mod clients;
mod clocks;
mod database;
mod finding;
mod keys;
mod logout;
mod machine;
mod mail;
mod proxy;
mod reach;

use super::Failure;
use super::installation::database_is_new;
use super::output::{Standard, harmless};
use crate::core::clock::Clock;
use crate::installation::place_of;
use crate::settings::Settings;
pub(super) use database::has_no_log;
use finding::{Finding, State};

pub(super) async fn doctor(settings: &Settings, output: &mut Standard) -> Result<(), Failure> {
    let clock = Clock::system();
    let mut findings = Vec::new();
    let db = database::open(settings, &mut findings).await;
    if let Some(db) = &db {
        database::check(db, settings, &clock, &mut findings).await;
    }
    let key = keys::check(settings, db.as_ref(), &clock, &mut findings).await;
    if let Some(db) = &db {
        clients::check(db, settings, &clock, &mut findings).await;
    }
    machine::redis(settings, &clock, &mut findings).await;
    let reached = reach::check(settings, db.as_ref(), key.as_deref(), &clock, &mut findings).await;
    if reached {
        proxy::check(settings, &mut findings).await;
    }
    mail::check(settings, &mut findings).await;
    if let Some(db) = &db {
        logout::check(db, &clock, &mut findings).await;
    }
    machine::files(settings, &mut findings).await;
    if let Some(db) = db {
        db.close().await?;
    }
    print(&findings, output)?;
    if database_is_new(settings) {
        let place = place_of(settings);
        return Err(Failure::new(format!(
            "no database at {place}; only a few checks are possible"
        )));
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    match (count(State::Fail), count(State::Warn)) {
        (0, _) => Ok(()),
        (failed, 0) => Err(Failure::new(format!("{failed} check(s) failed"))),
        (failed, warned) => Err(Failure::new(format!(
            "{failed} check(s) failed, {warned} gave a warning"
        ))),
    }
}

fn print(findings: &[Finding], output: &mut Standard) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.rows(findings)?);
    }
    let mut text = String::new();
    for finding in findings {
        let (state, about) = (finding.state.name(), finding.about);
        text.push_str(&format!("{state:<5}  {about:<12}  {}\n", harmless(&finding.found)));
        if !finding.remedy.is_empty() {
            text.push_str(&format!("{:21}→ {}\n", "", harmless(&finding.remedy)));
        }
    }
    Ok(output.document(text.as_bytes())?)
}
