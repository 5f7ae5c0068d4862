//! `countersign clients list` and `show`.

use countersign_oauth::ClientMetadata;
use serde::Serialize;

use super::find::client;
use crate::Services;
use crate::commands::Failure;
use crate::commands::output::{Row, Standard};
use crate::core::clock::Timestamp;
use crate::features::oauth::apis::Origin;
use crate::features::oauth::clients::{self, Client, StoredSecret};

pub(super) async fn list(services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let clients = clients::all(&services.db).await?;
    let rows: Vec<_> = clients.into_iter().map(ListedClient::from).collect();
    Ok(output.rows(&rows)?)
}

pub(super) async fn show(client_id: &str, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let client = client(services, client_id).await?;
    let secrets = clients::secrets(&services.db, client_id, services.clock.now()).await?;
    let shown = ShownClient {
        updated_at: client.updated_at,
        metadata: client.metadata.clone(),
        client: ListedClient::from(client),
        secrets: secrets.iter().map(ShownSecret::from).collect(),
    };
    Ok(output.row(&shown)?)
}

/// A client as shown to the operator.
#[derive(Serialize)]
struct ListedClient {
    client_id: String,
    name: String,
    origin: Origin,
    public: bool,
    trusted: bool,
    created_at: Timestamp,
    disabled_at: Option<Timestamp>,
}

impl From<Client> for ListedClient {
    fn from(client: Client) -> Self {
        Self {
            public: client.is_public(),
            client_id: client.client_id,
            name: client.name,
            origin: client.origin,
            trusted: client.trusted,
            created_at: client.created_at,
            disabled_at: client.disabled_at,
        }
    }
}

impl Row for ListedClient {
    const COLUMNS: &'static [&'static str] = &[
        "client id",
        "name",
        "origin",
        "public",
        "trusted",
        "created at",
        "disabled at",
    ];

    fn cells(&self) -> Vec<String> {
        let word = |is_so: bool| if is_so { "yes" } else { "no" }.to_owned();
        vec![
            self.client_id.clone(),
            self.name.clone(),
            self.origin.name().to_owned(),
            word(self.public),
            word(self.trusted),
            self.created_at.to_string(),
            self.disabled_at.map(|time| time.to_string()).unwrap_or_default(),
        ]
    }
}

/// A secret, of which only a hash is stored.
#[derive(Serialize)]
struct ShownSecret {
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl From<&StoredSecret> for ShownSecret {
    fn from(secret: &StoredSecret) -> Self {
        Self {
            created_at: secret.created_at,
            expires_at: secret.expires_at,
        }
    }
}

/// A client with its metadata and secrets.
#[derive(Serialize)]
struct ShownClient {
    #[serde(flatten)]
    client: ListedClient,
    updated_at: Timestamp,
    metadata: ClientMetadata,
    secrets: Vec<ShownSecret>,
}

impl Row for ShownClient {
    const COLUMNS: &'static [&'static str] = &[
        "client id",
        "name",
        "origin",
        "public",
        "trusted",
        "created at",
        "disabled at",
        "updated at",
        "redirect URIs",
        "grant types",
        "scope",
        "APIs",
        "metadata",
        "secrets",
    ];

    fn cells(&self) -> Vec<String> {
        let metadata = &self.metadata;
        let redirects: Vec<_> = metadata.redirect_uris.iter().map(ToString::to_string).collect();
        let grants: Vec<_> = metadata.grant_types.iter().map(ToString::to_string).collect();
        let apis: Vec<_> = metadata.apis.iter().map(ToString::to_string).collect();
        let secrets = self.secrets.iter().map(|secret| match secret.expires_at {
            Some(expires_at) => format!("created {}, expires {expires_at}", secret.created_at),
            None => format!("created {}", secret.created_at),
        });
        let secrets: Vec<_> = secrets.collect();
        let mut cells = self.client.cells();
        cells.extend([
            self.updated_at.to_string(),
            redirects.join(" "),
            grants.join(" "),
            metadata.scope.clone().unwrap_or_default(),
            apis.join(" "),
            serde_json::to_string(metadata).unwrap_or_default(),
            secrets.join("; "),
        ]);
        cells
    }
}
