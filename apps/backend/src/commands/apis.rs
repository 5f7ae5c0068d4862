//! `countersign apis`: registers, lists and changes APIs.

use countersign_oauth::{ApiMetadata, ApiScope, ClientAccess, ScopeGrant, Seconds};
use serde::Serialize;
use serde_json::json;

use super::changes::{self, members};
use super::cli::{ApiParts, ApisCommand, EditApi, NewApi};
use super::output::{Row, Standard};
use super::process::Process;
use super::{Failure, prompt};
use crate::Services;
use crate::core::clock::Timestamp;
use crate::features::oauth::apis::{self, Api, Origin};
use crate::installation::Opening;
use crate::settings::{Settings, write_duration};

pub(super) fn run(command: ApisCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        // Validate the input before an installation is created.
        ApisCommand::Create(new) => process.with_installation(Opening::OrCreate, async |at| {
            let metadata = parse(&new, &at.settings)?;
            at.administer(async |services| create(&metadata, services, output).await)
                .await
        }),
        ApisCommand::List => process.administer(Opening::Reading, async |services| list(services, output).await),
        ApisCommand::Show(which) => process.administer(Opening::Reading, async |services| {
            show(&which.identifier, services, output).await
        }),
        ApisCommand::Update(changes) => process.administer(Opening::Existing, async |services| {
            update(&changes, services, output).await
        }),
        ApisCommand::Disable(which) => process.administer(Opening::Existing, async |services| {
            set_disabled(&which.identifier, true, services, output).await
        }),
        ApisCommand::Enable(which) => process.administer(Opening::Existing, async |services| {
            set_disabled(&which.identifier, false, services, output).await
        }),
        ApisCommand::Delete { api, yes } => process.administer(Opening::Existing, async |services| {
            delete(&api.identifier, yes, services, output).await
        }),
    }
}

/// Checks the metadata of a new API.
fn parse(new: &NewApi, settings: &Settings) -> Result<ApiMetadata, Failure> {
    let mut metadata = ApiMetadata {
        identifier: new.api.identifier.clone(),
        name: new.name.clone(),
        scopes: Vec::new(),
        clients: ClientAccess::default(),
        access_ttl: None,
        aliases: Vec::new(),
        client_id: None,
    };
    change(&mut metadata, &new.parts);
    check_words(&metadata, &new.parts)?;
    apis::validate(&metadata, settings).map_err(Failure::new)?;
    Ok(metadata)
}

async fn create(metadata: &ApiMetadata, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let api = services.apis.create(metadata, services.command_line()).await?;
    let sentence = match api.clients {
        ClientAccess::Any => format!("Registered {}; all clients may request access.", api.identifier),
        ClientAccess::Listed => format!(
            "Registered {0}; clients that list it may request access: `countersign clients update CLIENT_ID --api {0}`, with an \
             --api for each other API of the client.",
            api.identifier
        ),
    };
    Ok(output.done(&sentence, &ShownApi::from(api))?)
}

async fn list(services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let apis = apis::all(&services.db).await?;
    let rows: Vec<_> = apis.into_iter().map(ShownApi::from).collect();
    Ok(output.rows(&rows)?)
}

async fn show(identifier: &str, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    Ok(output.row(&ShownApi::from(api(services, identifier).await?))?)
}

async fn update(changes: &EditApi, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let change = |metadata: &mut ApiMetadata| {
        if let Some(name) = &changes.name {
            metadata.name.clone_from(name);
        }
        metadata
            .scopes
            .retain(|scope| !changes.remove_scope.contains(&scope.name));
        change(metadata, &changes.parts);
    };
    let before = api(services, &changes.api.identifier).await?.metadata;
    let mut after = before.clone();
    let identifier = after.identifier.clone();
    for name in &changes.remove_scope {
        if after.scope(name).is_none() {
            return Err(Failure::not_found(format!("the API has no scope {name}")));
        }
    }
    change(&mut after);
    check_words(&after, &changes.parts)?;
    let api = services
        .apis
        .update(&identifier, change, services.command_line())
        .await?;
    let sentence = changes::sentence(&format!("API {identifier}"), &members(&before), &members(&api.metadata));
    Ok(output.done(&sentence, &ShownApi::from(api))?)
}

async fn set_disabled(
    identifier: &str,
    disabled: bool,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let identifier = &api(services, identifier).await?.metadata.identifier;
    let caller = services.command_line();
    let has_changed = services.apis.set_disabled(identifier, disabled, caller).await?;
    let sentence = match (disabled, has_changed) {
        (true, true) => format!("Disabled {identifier}; its tokens stay valid until they expire."),
        (false, true) => format!("Enabled {identifier}."),
        (true, false) => format!("{identifier} was already disabled; nothing has changed."),
        (false, false) => format!("{identifier} was not disabled; nothing has changed."),
    };
    Ok(output.done(&sentence, &json!({ "identifier": identifier, "disabled": disabled }))?)
}

async fn delete(identifier: &str, yes: bool, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let identifier = &api(services, identifier).await?.metadata.identifier;
    if !yes && !prompt::confirm(&format!("Delete the API {identifier}?"))? {
        return Err(Failure::new("nothing was deleted"));
    }
    services.apis.delete(identifier, services.command_line()).await?;
    let sentence = format!("Deleted {identifier}; its tokens stay valid until they expire.");
    Ok(output.done(&sentence, &json!({ "identifier": identifier }))?)
}

/// Finds an API by any of its identifiers.
async fn api(services: &Services, identifier: &str) -> Result<Api, Failure> {
    if let Some(api) = apis::find(&services.db, identifier).await? {
        return Ok(api);
    }
    let found = apis::resolve(&services.db, identifier).await?;
    found.ok_or_else(|| {
        Failure::not_found(format!(
            "unknown API {identifier}; `countersign apis list` lists all APIs"
        ))
    })
}

fn change(metadata: &mut ApiMetadata, parts: &ApiParts) {
    let open = parts.scope.iter().map(|scope| (ScopeGrant::Open, scope));
    let owned = parts.owned_scope.iter().map(|scope| (ScopeGrant::Owned, scope));
    for (grant, (name, words)) in open.chain(owned) {
        let words = words.iter().map(|words| ("en".to_owned(), words.clone())).collect();
        let scope = ApiScope {
            name: name.clone(),
            grant,
            words,
        };
        match metadata.scopes.iter_mut().find(|scope| scope.name == *name) {
            Some(present) => *present = scope,
            None => metadata.scopes.push(scope),
        }
    }
    for (language, name, words) in &parts.words {
        if let Some(scope) = metadata.scopes.iter_mut().find(|scope| scope.name == *name) {
            scope.words.insert(language.clone(), words.clone());
        }
    }
    match (parts.any_client, parts.listed_clients) {
        (true, _) => metadata.clients = ClientAccess::Any,
        (false, true) => metadata.clients = ClientAccess::Listed,
        (false, false) => {}
    }
    if let Some(lifetime) = parts.access_ttl {
        metadata.access_ttl = Some(Seconds(lifetime.as_secs()));
    }
    if !parts.alias.is_empty() {
        metadata.aliases.clone_from(&parts.alias);
    }
    if let Some(client) = &parts.client {
        metadata.client_id = Some(client.clone());
    }
}

/// Checks that there is a scope for all words.
fn check_words(metadata: &ApiMetadata, parts: &ApiParts) -> Result<(), Failure> {
    let unknown = parts.words.iter().find(|(_, scope, _)| metadata.scope(scope).is_none());
    match unknown {
        Some((_, scope, _)) => Err(Failure::not_found(format!(
            "--words describes the scope {scope}, which the API does not have; add it with --scope {scope}"
        ))),
        None => Ok(()),
    }
}

/// An API as shown to the operator.
#[derive(Serialize)]
struct ShownApi {
    #[serde(flatten)]
    metadata: ApiMetadata,
    origin: Origin,
    created_at: Timestamp,
    updated_at: Timestamp,
    disabled_at: Option<Timestamp>,
}

impl From<Api> for ShownApi {
    fn from(api: Api) -> Self {
        Self {
            metadata: api.metadata,
            origin: api.origin,
            created_at: api.created_at,
            updated_at: api.updated_at,
            disabled_at: api.disabled_at,
        }
    }
}

impl Row for ShownApi {
    const COLUMNS: &'static [&'static str] = &[
        "identifier",
        "name",
        "origin",
        "clients",
        "scopes",
        "access ttl",
        "aliases",
        "client id",
        "disabled at",
    ];

    fn cells(&self) -> Vec<String> {
        let api = &self.metadata;
        let scopes = api.scopes.iter().map(|scope| match scope.grant {
            ScopeGrant::Open => scope.name.clone(),
            ScopeGrant::Owned => format!("{} (owned)", scope.name),
        });
        let clients = match api.clients {
            ClientAccess::Any => "any",
            ClientAccess::Listed => "listed",
        };
        vec![
            api.identifier.clone(),
            api.name.clone(),
            self.origin.name().to_owned(),
            clients.to_owned(),
            scopes.collect::<Vec<_>>().join(", "),
            api.access_ttl.map(|ttl| write_duration(ttl.into())).unwrap_or_default(),
            api.aliases.join(" "),
            api.client_id.clone().unwrap_or_default(),
            self.disabled_at.map(|time| time.to_string()).unwrap_or_default(),
        ]
    }
}
