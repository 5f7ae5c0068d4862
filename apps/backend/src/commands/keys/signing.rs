//! The signing keys: `countersign keys generate`, `list`, `rotate`, `retire` and `revoke`.

use std::io::{self, Write};
use std::time::Duration;

use countersign_jose::SigningAlg;
use serde::Serialize;

use super::log::Log;
use crate::commands::Failure;
use crate::commands::installation::notice;
use crate::commands::output::{Output, Row};
use crate::core::clock::Timestamp;
use crate::features::operations::audit::EventKind;
use crate::features::operations::keys::{
    Activated, JWKS_MAX_AGE, KeyOperator, KeysError, ListedKey, NextKey, OperatorError, RevokedKey,
};
use crate::settings::{Settings, write_duration};

/// How often `--wait` checks whether the key can be activated.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn generate<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let made = operator.generate().await?;
    log.write(EventKind::KeyGenerated, &made.kid).await;
    let mut sentence = format!(
        "Created the key {}. Servers that use this folder sign with it after their next start, and then reject \
         tokens signed with other keys; clients have to refresh them or sign in again.",
        made.kid
    );
    if let Some(id) = &made.sealing {
        log.write(EventKind::SealingKeyCreated, id).await;
        sentence.push_str(&format!(" Created the sealing key {id} too."));
    }
    Ok(output.done(&sentence, &made)?)
}

pub(super) async fn generate_rsa<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let made = operator.generate_rsa().await?;
    log.write(EventKind::KeyGenerated, &made.kid).await;
    let sentence = format!(
        "Created the RSA key {}. Servers that use this folder publish it within seconds, and use it to sign the ID tokens of clients that do not ask for ES256. Like all keys created here, it is stored without a passphrase.",
        made.kid
    );
    Ok(output.done(&sentence, &made)?)
}

pub(super) async fn list<W: Write>(
    operator: &KeyOperator,
    settings: &Settings,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let keys = operator.list().await?;
    if keys.is_empty() {
        return Err(KeysError::None(settings.keys_dir.clone()).into());
    }
    Ok(output.rows(&keys)?)
}

pub(super) async fn publish<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    alg: SigningAlg,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let next = prepare(operator, log, alg).await?;
    let activate = match alg {
        SigningAlg::Es256 => "countersign keys rotate --activate",
        SigningAlg::Rs256 => "countersign keys rotate --rsa --activate",
    };
    let wait = write_duration(operator.propagation_delay());
    let sentence = match &next {
        NextKey { kid, created: true, .. } => format!(
            "Created the next key {kid}. Servers publish it within seconds; {wait} after that, activate it with \
             `{activate}`. Like all keys created here, it is stored without a passphrase."
        ),
        NextKey {
            kid,
            ready_at: Some(at),
            ..
        } => format!("The next key {kid} is already published. It can be activated from {at} with `{activate}`."),
        NextKey { kid, .. } => format!(
            "The next key {kid} exists, but no server has published it yet. Check that one is running with this \
             database and keys folder."
        ),
    };
    Ok(output.done(&sentence, &next)?)
}

async fn prepare(operator: &KeyOperator, log: &Log, alg: SigningAlg) -> Result<NextKey, OperatorError> {
    let next = operator.publish_next(alg).await?;
    if next.created {
        log.write(EventKind::KeyPrepared, &next.kid).await;
    }
    Ok(next)
}

pub(super) async fn activate<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    alg: SigningAlg,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let activated = operator.activate(alg).await?;
    log.write(EventKind::KeyActivated, &activated.current).await;
    Ok(report(&activated, output)?)
}

/// Publishes the next key, waits until all verifiers have had time to fetch it, and activates it. Can be interrupted
/// and repeated.
pub(super) async fn wait<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    alg: SigningAlg,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    prepare(operator, log, alg).await?;
    let mut shown = String::new();
    loop {
        let reason = match operator.activate(alg).await {
            Err(error @ (OperatorError::TooEarly { .. } | OperatorError::Unpublished(_))) => error.to_string(),
            done => {
                let activated = done?;
                log.write(EventKind::KeyActivated, &activated.current).await;
                return Ok(report(&activated, output)?);
            }
        };
        if reason != shown {
            notice(log.json, &format!("waiting: {reason}"));
            shown = reason;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn report<W: Write>(activated: &Activated, output: &mut Output<W>) -> io::Result<()> {
    let sentence = format!(
        "The key {current} signs from now on. {retired} still verifies the tokens it signed until {at}; after that, \
         remove it with `countersign keys retire {retired}`.",
        current = activated.current,
        retired = activated.retired,
        at = activated.retirable_at,
    );
    output.done(&sentence, activated)
}

pub(super) async fn retire<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    kid: String,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    operator.retire(&kid).await?;
    log.write(EventKind::KeyRetired, &kid).await;
    let retired = RetiredKey { kid };
    Ok(output.done(
        &format!("Removed the retired key {}. No valid token needs it.", retired.kid),
        &retired,
    )?)
}

pub(super) async fn revoke<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    kid: &str,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let revoked = operator.revoke(kid).await?;
    if !revoked.changed {
        return Ok(output.done(
            &format!("The key {kid} was already revoked; nothing has changed."),
            &revoked,
        )?);
    }
    log.write(EventKind::KeyRevoked, kid).await;
    let max_age = write_duration(JWKS_MAX_AGE);
    let (effect, rest) = match revoked.alg {
        SigningAlg::Es256 => (
            "Servers reject all tokens signed with it within seconds, other verifiers when their copy of the keys expires, \
             after at most",
            "Refresh tokens stay valid and return new access tokens.",
        ),
        SigningAlg::Rs256 => (
            "Clients reject the ID tokens signed with it when their copy of the keys expires, usually after at most",
            "Sessions and access tokens stay valid.",
        ),
    };
    let mut sentence = format!("Revoked the key {kid}. {effect} {max_age}.");
    if let RevokedKey {
        replaced_by: Some(new), ..
    } = &revoked
    {
        sentence.push_str(&format!(
            " {new} signs instead; verifiers that do not know it yet reject its tokens for up to the same time. {rest}"
        ));
    }
    Ok(output.done(&sentence, &revoked)?)
}

/// A retired signing key.
#[derive(Serialize)]
struct RetiredKey {
    kid: String,
}

impl Row for ListedKey {
    const COLUMNS: &'static [&'static str] = &[
        "kid",
        "algorithm",
        "state",
        "published since",
        "needed until",
        "can be activated from",
    ];

    fn cells(&self) -> Vec<String> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        vec![
            self.kid.clone(),
            self.alg.to_string(),
            self.state.name().to_owned(),
            time(self.since),
            time(self.needed_until),
            time(self.ready_at),
        ]
    }
}
