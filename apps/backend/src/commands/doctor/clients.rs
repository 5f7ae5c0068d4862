//! Checks the clients and APIs: that they can be reached and authenticate, and that the settings file was applied.

use std::time::Duration;

use countersign_oauth::{GrantType, Kind};
use countersign_store::{Db, StoreError};

use super::finding::Finding;
use crate::core::clock::Clock;
use crate::features::oauth::apis::{self, Api, Difference};
use crate::features::oauth::clients::{self, Client};
use crate::settings::Settings;

const CLIENTS: &str = "clients";
const APIS: &str = "apis";
/// A replaced secret is mentioned this long before it expires.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) async fn check(db: &Db, settings: &Settings, clock: &Clock, findings: &mut Vec<Finding>) {
    if let Err(error) = check_all(db, settings, clock, findings).await {
        let remedy = "see the findings about the database";
        findings.push(Finding::unknown(CLIENTS, format!("cannot be read: {error}"), remedy));
    }
}

async fn check_all(db: &Db, settings: &Settings, clock: &Clock, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    let (clients, apis) = (clients::all(db).await?, apis::all(db).await?);
    let before = findings.len();
    compare_with_file(db, settings, clock, findings).await?;
    let enabled: Vec<_> = clients.iter().filter(|client| client.disabled_at.is_none()).collect();
    if !settings.provider.enabled && !enabled.is_empty() {
        findings.push(Finding::warn(
            CLIENTS,
            format!(
                "{} client(s) are registered, but `provider.enabled` is false",
                enabled.len()
            ),
            "set `provider.enabled = true`, or delete the clients",
        ));
    }
    for client in &enabled {
        findings.extend(redirects(client));
        findings.extend(unknown_apis(client, &apis));
        findings.extend(secrets(db, client, clock).await?);
    }
    for api in apis.iter().filter(|api| api.disabled_at.is_none()) {
        findings.extend(resource_server(api, &clients));
    }
    if findings.len() == before && !clients.is_empty() {
        let found = format!("{} enabled, {} disabled", enabled.len(), clients.len() - enabled.len());
        findings.push(Finding::ok(CLIENTS, found));
    }
    Ok(())
}

/// Reports what a server would change when it starts.
async fn compare_with_file(
    db: &Db,
    settings: &Settings,
    clock: &Clock,
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let remedy = "run `countersign clients apply`, or restart the server";
    let differ = |differences: Vec<Difference>| {
        let names: Vec<_> = differences.into_iter().map(|difference| difference.name).collect();
        (!names.is_empty()).then(|| format!("differ from the settings file: {}", names.join(", ")))
    };
    let apis = apis::differences(db, &settings.apis).await?;
    let clients = clients::differences(db, settings, clock.now()).await?;
    let refused =
        |about, problem: String| Finding::fail(about, problem, "the server does not start until this is fixed");
    findings.extend(apis.problems.iter().map(|problem| refused(APIS, problem.to_string())));
    findings.extend(
        clients
            .problems
            .iter()
            .map(|problem| refused(CLIENTS, problem.to_string())),
    );
    findings.extend(differ(apis.differences).map(|found| Finding::warn(APIS, found, remedy)));
    findings.extend(differ(clients.differences).map(|found| Finding::warn(CLIENTS, found, remedy)));
    Ok(())
}

/// Checks where users return after they have signed in.
fn redirects(client: &Client) -> Option<Finding> {
    let (id, uris) = (&client.client_id, &client.metadata.redirect_uris);
    if let Some(uri) = uris.iter().find(|uri| uri.kind() == Kind::Http) {
        let found = format!("the redirect URI {uri} of {id} uses http: anyone on the network can take over a sign-in");
        return Some(Finding::warn(
            CLIENTS,
            found,
            "use https there, and remove `insecure_redirects`",
        ));
    }
    let signs_in = client.metadata.may_use(GrantType::AuthorizationCode);
    let is_local = uris.iter().all(|uri| uri.kind() == Kind::Loopback);
    // A confidential client runs on a server.
    (signs_in && is_local && !client.is_public()).then(|| {
        let found = format!("all redirect URIs of {id} lead to the user's own device, where no web application runs");
        let remedy = format!("add the application's URI: `countersign clients update {id} --redirect-uri URI`");
        Finding::warn(CLIENTS, found, remedy)
    })
}

/// Checks that the APIs that a client may use exist.
fn unknown_apis(client: &Client, apis: &[Api]) -> Option<Finding> {
    let metadata = &client.metadata;
    let mut named = metadata.apis.iter().chain(&metadata.default_api);
    let unknown = named.find(|name| !apis.iter().any(|api| api.disabled_at.is_none() && api.is_named(name)))?;
    let (wrong, remedy) = match apis.iter().find(|api| api.is_named(unknown)) {
        Some(disabled) => (
            "is disabled",
            format!("run `countersign apis enable {}`", disabled.identifier),
        ),
        None => (
            "does not exist",
            format!("register it: `countersign apis create {unknown} --name NAME`"),
        ),
    };
    let found = format!("{} names the API {unknown}, which {wrong}", client.client_id);
    Some(Finding::warn(CLIENTS, found, remedy))
}

/// Checks that a confidential client can authenticate, and mentions a replaced secret that is about to expire.
async fn secrets(db: &Db, client: &Client, clock: &Clock) -> Result<Option<Finding>, StoreError> {
    if client.is_public() {
        return Ok(None);
    }
    let (id, now) = (&client.client_id, clock.now());
    let secrets = clients::secrets(db, id, now).await?;
    if secrets.is_empty() {
        let remedy = format!("run `countersign clients rotate-secret {id}` to create one");
        return Ok(Some(Finding::fail(
            CLIENTS,
            format!("{id} has no valid secret"),
            remedy,
        )));
    }
    let soon = secrets
        .iter()
        .filter_map(|secret| secret.expires_at)
        .find(|end| *end < now + SOON);
    Ok(soon.map(|end| {
        let found = format!("the previous secret of {id} expires at {end}");
        Finding::warn(CLIENTS, found, "make sure that the program uses the new one")
    }))
}

/// Checks that the client that represents an API exists.
fn resource_server(api: &Api, clients: &[Client]) -> Option<Finding> {
    let named = api.client_id.as_ref()?;
    let found = clients.iter().find(|client| client.client_id == *named);
    let (wrong, remedy) = match found {
        None => (
            "does not exist",
            "register a client with this ID and a secret, or change the API's `client_id`".to_owned(),
        ),
        Some(client) if client.disabled_at.is_some() => (
            "is disabled",
            format!("run `countersign clients enable {named}`, or change the API's `client_id`"),
        ),
        Some(client) if client.is_public() => (
            "is public, so it cannot introspect tokens",
            "change the API's `client_id` to a client that has a secret".to_owned(),
        ),
        Some(_) => return None,
    };
    let found = format!("the client {named} of the API {} {wrong}", api.identifier);
    Some(Finding::warn(APIS, found, remedy))
}
