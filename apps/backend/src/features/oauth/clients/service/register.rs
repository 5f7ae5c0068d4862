//! Registering and changing clients on the command line.

use countersign_oauth::{ApiMetadata, ClientMetadata};
use countersign_store::{Conn, StoreError, Tx};
use uuid::Uuid;

use super::scope::check_scope;
use super::{ClientError, Clients};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::uuid_v7;
use crate::features::oauth::apis::{self, Origin};
use crate::features::oauth::clients::client::Client;
use crate::features::oauth::clients::secret::{ClientSecret, SecretHash};
use crate::features::oauth::clients::store::{self, NewRow};
use crate::features::operations::audit::{Event, EventKind};
use crate::settings::invalid_client_id;

/// A client to be registered.
pub struct NewClient {
    pub client_id: String,
    /// Whether users are not asked for their consent.
    pub trusted: bool,
    pub metadata: ClientMetadata,
}

/// A client that was registered or changed, and its secret if it got one. The secret cannot be shown again.
pub struct Made {
    pub client: Client,
    pub secret: Option<ClientSecret>,
}

impl Clients {
    /// Checks everything about a new client except that its `client_id` is free, and makes the key for its tokens.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn check(&self, new: &NewClient) -> Result<(), ClientError> {
        if let Some(fault) = invalid_client_id(&new.client_id) {
            return Err(ClientError::Id(new.client_id.clone(), fault));
        }
        new.metadata.validate(&self.policy())?;
        check_scope(&new.client_id, &new.metadata, &apis_of(&self.platform.db).await?)?;
        self.ensure_key(&new.metadata).await
    }

    /// Registers a client. A confidential one gets a secret.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create(&self, new: &NewClient, caller: &Caller) -> Result<Made, ClientError> {
        // Also here, so that no key is made for a client that is refused.
        let refuse_known = |found: Option<Client>| match found {
            Some(_) => Err(ClientError::Exists(new.client_id.clone())),
            None => Ok(()),
        };
        refuse_known(store::find(&self.platform.db, &new.client_id).await?)?;
        self.check(new).await?;
        let secret = (!new.metadata.is_public()).then(|| ClientSecret::generate(self.platform.random));
        let hash = secret.as_ref().map(ClientSecret::hash);
        let client = self
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    refuse_known(store::find(&mut *tx, &new.client_id).await?)?;
                    check_scope(&new.client_id, &new.metadata, &apis_of(&mut *tx).await?)?;
                    let row = NewRow {
                        client_id: &new.client_id,
                        origin: Origin::Operator,
                        trusted: new.trusted,
                        metadata: &new.metadata,
                    };
                    self.insert(tx, &row, hash, caller).await?;
                    known(tx, &new.client_id).await
                })
            })
            .await?;
        Ok(Made { client, secret })
    }

    /// Changes a client. `change` gets its present metadata, and whether it is trusted. A client that becomes confidential gets
    /// a secret, and one that becomes public loses it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update<F>(&self, client_id: &str, change: F, caller: &Caller) -> Result<Made, ClientError>
    where
        F: Fn(&mut ClientMetadata, &mut bool) -> Result<(), ClientError> + Sync,
    {
        let fresh = ClientSecret::generate(self.platform.random);
        let (change, hash) = (&change, fresh.hash());
        // The key is made before the client needs it, outside the transaction, and after everything is checked.
        let checked = self
            .platform
            .db
            .transact(|tx| Box::pin(async move { Ok::<_, ClientError>(self.changed(tx, client_id, change).await?.1) }))
            .await?;
        self.ensure_key(&checked.metadata).await?;
        let (client, is_given) = self
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let (before, after) = self.changed(tx, client_id, change).await?;
                    let is_given = before.is_public() && !after.is_public();
                    if is_given {
                        self.insert_secret(tx, client_id, hash).await?;
                    } else if after.is_public() {
                        store::delete_secrets(tx, client_id, Uuid::nil()).await?;
                    }
                    self.replace(tx, &before, &after, caller).await?;
                    Ok::<_, ClientError>((known(tx, client_id).await?, is_given))
                })
            })
            .await?;
        let secret = is_given.then_some(fresh);
        Ok(Made { client, secret })
    }

    /// Returns a client of the command line before and after a change, which is checked.
    async fn changed<F>(&self, tx: &mut Tx<'_>, client_id: &str, change: &F) -> Result<(Client, Client), ClientError>
    where
        F: Fn(&mut ClientMetadata, &mut bool) -> Result<(), ClientError> + Sync,
    {
        let before = of_operator(tx, client_id).await?;
        let mut after = before.clone();
        change(&mut after.metadata, &mut after.trusted)?;
        after.metadata.validate(&self.policy())?;
        let scopes = |client: &Client| (client.metadata.scope.clone(), client.metadata.apis.clone());
        if scopes(&after) != scopes(&before) {
            check_scope(client_id, &after.metadata, &apis_of(&mut *tx).await?)?;
        }
        Ok((before, after))
    }

    /// Disables or enables a client. Returns whether that changed anything. A disabled client can do nothing from now on; the
    /// caller ends its grants.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_disabled(&self, client_id: &str, disabled: bool, caller: &Caller) -> Result<bool, ClientError> {
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let client = of_operator(tx, client_id).await?;
                    self.switch(tx, &client, disabled, caller).await
                })
            })
            .await
    }

    /// Deletes a client with its secrets and its consents. The caller has disabled it and ended its grants.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(&self, client_id: &str, caller: &Caller) -> Result<(), ClientError> {
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let client = of_operator(tx, client_id).await?;
                    self.revoke_bit(tx, &client).await?;
                    store::delete(tx, client_id).await?;
                    let event = Event::new(EventKind::ClientDeleted, None, caller).detail(client_id);
                    Ok(self.audit.record(tx, event).await?)
                })
            })
            .await
    }

    pub(super) async fn insert(
        &self,
        tx: &mut Tx<'_>,
        new: &NewRow<'_>,
        secret: Option<SecretHash>,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        let now = self.now();
        store::insert(tx, new, uuid_v7(now, self.platform.random), now).await?;
        if let Some(secret) = secret {
            self.insert_secret(tx, new.client_id, secret).await?;
        }
        let event = Event::new(EventKind::ClientCreated, None, caller).detail(new.client_id);
        self.audit.record(tx, event).await
    }

    /// Stores what differs, if anything.
    pub(super) async fn replace(
        &self,
        tx: &mut Tx<'_>,
        before: &Client,
        after: &Client,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        let changed = changed(before, after)?;
        if changed.is_empty() {
            return Ok(());
        }
        store::update(tx, &before.client_id, after.trusted, &after.metadata, self.now()).await?;
        let detail = format!("{}: {}", before.client_id, changed.join(", "));
        let event = Event::new(EventKind::ClientChanged, None, caller).detail(detail);
        self.audit.record(tx, event).await
    }

    pub(super) async fn insert_secret(
        &self,
        tx: &mut Tx<'_>,
        client_id: &str,
        secret: SecretHash,
    ) -> Result<(), StoreError> {
        let (now, random) = (self.now(), self.platform.random);
        store::insert_secret(tx, uuid_v7(now, random), client_id, secret, now).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.platform.clock.now()
    }
}

async fn apis_of<'c>(conn: impl Into<Conn<'c>>) -> Result<Vec<ApiMetadata>, StoreError> {
    let apis = apis::all(conn).await?;
    Ok(apis.into_iter().map(|api| api.metadata).collect())
}

/// Returns the names of the members that differ.
fn changed(before: &Client, after: &Client) -> Result<Vec<String>, StoreError> {
    let members = |client: &Client| serde_json::to_value(&client.metadata).map_err(|_| store::unreadable());
    let (old, new) = (members(before)?, members(after)?);
    let names = |value: &serde_json::Value| {
        value
            .as_object()
            .into_iter()
            .flat_map(|object| object.keys().cloned())
            .collect::<Vec<_>>()
    };
    let mut all = names(&old);
    all.extend(names(&new));
    all.sort();
    all.dedup();
    all.retain(|name| old.get(name) != new.get(name));
    if before.trusted != after.trusted {
        all.push("trusted".to_owned());
    }
    Ok(all)
}

/// Returns a client, even if it is disabled.
async fn known<'c>(conn: impl Into<Conn<'c>>, client_id: &str) -> Result<Client, ClientError> {
    let client = store::find(conn, client_id).await?;
    client.ok_or_else(|| ClientError::Unknown(client_id.to_owned()))
}

/// Returns a client that the command line may change.
pub(super) async fn of_operator(tx: &mut Tx<'_>, client_id: &str) -> Result<Client, ClientError> {
    let client = known(tx, client_id).await?;
    match client.origin {
        Origin::Operator => Ok(client),
        Origin::File => Err(ClientError::OfFile(client_id.to_owned())),
    }
}
