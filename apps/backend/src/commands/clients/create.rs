//! `countersign clients create`, and what it prints for the program that is registered.

use countersign_oauth::{GrantType, Policy, SigningAlg};
use serde::Serialize;

use crate::Services;
use crate::commands::Failure;
use crate::commands::cli;
use crate::commands::output::{Row, Standard, harmless_lines};
use crate::features::oauth::clients::{ClientError, Made, NewClient};
use crate::settings::{Settings, client_metadata, invalid_client_id};

/// Checks the metadata of a new client.
pub(super) fn parse(new: &cli::NewClient, settings: &Settings) -> Result<NewClient, Failure> {
    if let Some(fault) = invalid_client_id(&new.client.client_id) {
        return Err(Failure::new(ClientError::Id(new.client.client_id.clone(), fault)));
    }
    let policy = Policy {
        native_schemes: &settings.provider.native_schemes,
    };
    let metadata = client_metadata(new.members.object(), !new.public, &policy).map_err(Failure::new)?;
    Ok(NewClient {
        client_id: new.client.client_id.clone(),
        trusted: new.trusted,
        metadata,
    })
}

pub(super) async fn create(new: &NewClient, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let made = services.clients.create(new, services.command_line()).await?;
    print(&made, services, output)
}

/// Prints what most programs ask for, with the secret if there is a new one.
pub(super) fn print(made: &Made, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let connection = Connection::of(made, services);
    output.row(&connection)?;
    if !output.is_json() {
        output.document(harmless_lines(&connection.explained()).as_bytes())?;
    }
    Ok(())
}

/// What most programs ask for.
#[derive(Serialize)]
struct Connection {
    issuer: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token_signed_response_alg: Option<SigningAlg>,
    openid_configuration: String,
    #[serde(skip)]
    is_public: bool,
}

impl Connection {
    fn of(made: &Made, services: &Services) -> Self {
        let (client, issuer) = (&made.client, services.settings.issuer.as_str());
        let metadata = &client.metadata;
        let signs_in = [GrantType::AuthorizationCode, GrantType::DeviceCode];
        let gets_id_tokens = signs_in.into_iter().any(|grant| metadata.may_use(grant));
        Self {
            issuer: issuer.to_owned(),
            client_id: client.client_id.clone(),
            client_secret: made.secret.as_ref().map(|secret| secret.reveal().to_owned()),
            redirect_uris: metadata.redirect_uris.iter().map(ToString::to_string).collect(),
            id_token_signed_response_alg: gets_id_tokens.then_some(metadata.id_token_signed_response_alg),
            openid_configuration: format!("{issuer}/.well-known/openid-configuration"),
            is_public: client.is_public(),
        }
    }

    /// Returns what to know about it, in sentences.
    fn explained(&self) -> String {
        let mut text = String::from("\n");
        if self.client_secret.is_some() {
            text.push_str(&format!(
                "The secret is not shown again. To replace it, run `countersign clients rotate-secret {}`.\n",
                self.client_id
            ));
        } else if self.is_public {
            text.push_str("The client is public: it has no secret, and uses PKCE instead.\n");
        }
        text.push_str(match self.id_token_signed_response_alg {
            Some(SigningAlg::Rs256) => {
                "ID tokens are signed with RS256, which every client library supports. For shorter ones, use --id-token-alg ES256.\n"
            }
            Some(SigningAlg::Es256) => {
                "ID tokens are signed with ES256. If the program rejects them, use --id-token-alg RS256.\n"
            }
            None => "",
        });
        text.push_str(&format!("All endpoints: {}\n", self.openid_configuration));
        text
    }
}

impl Row for Connection {
    const COLUMNS: &'static [&'static str] = &["issuer", "client id", "client secret", "redirect URI"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.issuer.clone(),
            self.client_id.clone(),
            self.client_secret.clone().unwrap_or_default(),
            self.redirect_uris.join(" "),
        ]
    }
}
