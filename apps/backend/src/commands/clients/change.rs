//! `countersign clients update`, `rotate-secret`, `disable`, `enable` and `delete`.

use std::time::Duration;

use countersign_oauth::ClientMetadata;
use serde_json::{Map, Value, json};

use super::create::print;
use super::find::client;
use crate::Services;
use crate::commands::changes::{self, members};
use crate::commands::cli::EditClient;
use crate::commands::output::Standard;
use crate::commands::{Failure, prompt};
use crate::features::oauth::clients::{Client, ClientError, Made};
use crate::settings::{client_metadata, write_duration};

pub(super) async fn update(changes: &EditClient, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let client_id = &changes.client.client_id;
    let before = described(&client(services, client_id).await?);
    let policy = services.clients.policy();
    let change = |metadata: &mut ClientMetadata, trusted: &mut bool| {
        let has_secret = changes.confidential || !(changes.public || metadata.is_public());
        let mut object = members(metadata);
        if has_secret == metadata.is_public() {
            object.remove("token_endpoint_auth_method");
        }
        for (name, value) in changes.members.object() {
            match value {
                Value::Null => object.remove(&name),
                value => object.insert(name, value),
            };
        }
        *metadata = client_metadata(object, has_secret, &policy)?;
        *trusted = (*trusted || changes.trusted) && !changes.no_trusted;
        Ok::<_, ClientError>(())
    };
    let made = services
        .clients
        .update(client_id, change, services.command_line())
        .await?;
    if made.secret.is_some() {
        return print(&made, services, output);
    }
    let object = json!({ "client_id": client_id, "metadata": made.client.metadata, "trusted": made.client.trusted });
    let sentence = changes::sentence(&format!("client {client_id}"), &before, &described(&made.client));
    Ok(output.done(&sentence, &object)?)
}

/// Returns what an update can change.
fn described(client: &Client) -> Map<String, Value> {
    let mut members = members(&client.metadata);
    members.insert("trusted".to_owned(), client.trusted.into());
    members
}

pub(super) async fn rotate_secret(
    client_id: &str,
    grace: Duration,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let caller = services.command_line();
    let secret = services.clients.rotate_secret(client_id, grace, caller).await?;
    let made = Made {
        client: client(services, client_id).await?,
        secret: Some(secret),
    };
    print(&made, services, output)?;
    if !output.is_json() {
        let sentence = match grace.is_zero() {
            true => "The previous secret no longer works.\n".to_owned(),
            false => format!("The previous secret works for another {}.\n", write_duration(grace)),
        };
        output.document(sentence.as_bytes())?;
    }
    Ok(())
}

pub(super) async fn disable(client_id: &str, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let (has_changed, grants) = services.operator.disable_client(client_id).await?;
    let sentence = match (has_changed, grants) {
        (true, grants) => format!("Disabled {client_id} and revoked {grants} grant(s)."),
        (false, 0) => format!("{client_id} was already disabled; nothing has changed."),
        (false, grants) => format!("{client_id} was already disabled; revoked {grants} grant(s)."),
    };
    let object = json!({ "client_id": client_id, "disabled": true, "grants": grants });
    Ok(output.done(&sentence, &object)?)
}

pub(super) async fn enable(client_id: &str, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let sentence = match services.operator.enable_client(client_id).await? {
        true => format!("Enabled {client_id}; its users have to sign in to it again."),
        false => format!("{client_id} was not disabled; nothing has changed."),
    };
    Ok(output.done(&sentence, &json!({ "client_id": client_id, "disabled": false }))?)
}

pub(super) async fn delete(
    client_id: &str,
    yes: bool,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    client(services, client_id).await?;
    let question = format!("Delete {client_id}, its grants and its users' consent?");
    if !yes && !prompt::confirm(&question)? {
        return Err(Failure::new("nothing was deleted"));
    }
    let grants = services.operator.delete_client(client_id).await?;
    let sentence = format!("Deleted {client_id} and revoked {grants} grant(s).");
    Ok(output.done(&sentence, &json!({ "client_id": client_id, "grants": grants }))?)
}
