//! Applying `[[clients]]` of the settings file.

use countersign_store::{Db, StoreError};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::scope::check_scope;
use super::{ClientError, Clients};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::uuid_v7;
use crate::features::oauth::apis::{self, Applied, Comparison, Difference, Origin};
use crate::features::oauth::clients::client::Client;
use crate::features::oauth::clients::secret::SecretHash;
use crate::features::oauth::clients::store::{self, NewRow, StoredSecret, Switched};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::RevokingTx;
use crate::settings::{DeclaredClient, DeclaredClients, DeclaredSecret, Settings};

/// Compares the settings file with the database, without changing anything.
///
/// # Errors
/// If the database failed.
pub async fn differences(db: &Db, settings: &Settings, now: Timestamp) -> Result<Comparison<ClientError>, StoreError> {
    // The APIs as they are once the file is applied.
    let mut apis: Vec<_> = settings.apis.iter().cloned().collect();
    let others = apis::all(db).await?.into_iter().map(|api| api.metadata);
    apis.extend(others.filter(|other| settings.apis.iter().all(|api| api.identifier != other.identifier)));
    let (mut differences, mut problems) = (Vec::new(), Vec::new());
    for entry in settings.clients.iter() {
        let client = store::find(db, &entry.client_id).await?;
        let secrets = store::secrets(db, &entry.client_id, now).await?;
        match compare(entry, client.as_ref(), &secrets) {
            Ok(None) => {}
            Ok(Some(applied)) => {
                problems.extend(check_scope(&entry.client_id, &entry.metadata, &apis).err());
                differences.push(Difference::new(&entry.client_id, applied));
            }
            Err(problem) => problems.push(problem),
        }
    }
    let gone = gone(db, &settings.clients).await?;
    differences.extend(
        gone.iter()
            .map(|client| Difference::new(&client.client_id, Applied::Disabled)),
    );
    Ok(Comparison { differences, problems })
}

impl Clients {
    /// Makes the RSA key with which tokens for the clients of the settings file are signed, if one needs it.
    ///
    /// # Errors
    /// [`ClientError::Key`].
    pub async fn ensure_declared_key(&self) -> Result<(), ClientError> {
        for entry in self.platform.settings.clients.iter() {
            self.ensure_key(&entry.metadata).await?;
        }
        Ok(())
    }

    /// Registers the clients of the settings file as they are declared there, each in its own transaction, and disables
    /// those that are gone; the caller ends their grants. The caller has compared them.
    ///
    /// # Errors
    /// [`ClientError`]. Differences that were resolved before stay resolved.
    pub async fn apply(&self, caller: &Caller) -> Result<Vec<Difference>, ClientError> {
        let (declared, db) = (&self.platform.settings.clients, &self.platform.db);
        let mut differences = Vec::new();
        for entry in declared.iter() {
            let applied = self
                .revocations
                .transact(|tx| Box::pin(async move { self.apply_one(tx, entry, caller).await }))
                .await?;
            differences.extend(applied.map(|applied| Difference::new(&entry.client_id, applied)));
        }
        let gone = gone(db, declared).await?;
        fail::fail_point!("clients::gone");
        for Client { client_id, .. } in &gone {
            let is_disabled = self
                .revocations
                .transact(|tx| Box::pin(async move { self.disable_gone(tx, client_id, caller).await }))
                .await?;
            differences.extend(is_disabled.then(|| Difference::new(client_id, Applied::Disabled)));
        }
        Ok(differences)
    }

    async fn apply_one(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        entry: &DeclaredClient,
        caller: &Caller,
    ) -> Result<Option<Applied>, ClientError> {
        let before = store::find(&mut **tx, &entry.client_id).await?;
        let secrets = store::secrets(&mut **tx, &entry.client_id, self.now()).await?;
        let Some(applied) = compare(entry, before.as_ref(), &secrets)? else {
            return Ok(None);
        };
        let secret = entry.secret.as_ref().map(hash);
        let Some(before) = before else {
            let row = NewRow {
                client_id: &entry.client_id,
                origin: Origin::File,
                trusted: entry.trusted,
                metadata: &entry.metadata,
            };
            self.insert(tx, &row, secret, caller).await?;
            return Ok(Some(applied));
        };
        let after = Client {
            trusted: entry.trusted,
            metadata: entry.metadata.clone(),
            ..before.clone()
        };
        self.replace(tx, &before, &after, caller).await?;
        if !is_secret(entry, &secrets) {
            self.replace_secret(tx, &entry.client_id, secret, caller).await?;
        }
        if applied == Applied::Enabled {
            self.switch(tx, &before, false, caller).await?;
        }
        Ok(Some(applied))
    }

    /// Disables a client that is no longer in the settings file. It is read again, because it may have received its first token
    /// since it was found to be gone. Returns whether that changed anything.
    async fn disable_gone(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        client_id: &str,
        caller: &Caller,
    ) -> Result<bool, ClientError> {
        match store::find(&mut **tx, client_id).await? {
            Some(client) if is_gone(&client, &self.platform.settings.clients) => {
                self.switch(tx, &client, true, caller).await
            }
            _ => Ok(false),
        }
    }

    async fn replace_secret(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        client_id: &str,
        secret: Option<SecretHash>,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        store::delete_secrets(tx, client_id, Uuid::nil()).await?;
        if let Some(secret) = secret {
            self.insert_secret(tx, client_id, secret).await?;
        }
        let event = Event::new(EventKind::ClientSecretRotated, None, caller).detail(client_id);
        self.audit.record(tx, event).await
    }

    /// Disables or enables a client, which was read in this transaction. Returns whether that changed anything.
    pub(super) async fn switch(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        client: &Client,
        disabled: bool,
        caller: &Caller,
    ) -> Result<bool, ClientError> {
        if client.disabled_at.is_some() == disabled {
            return Ok(false);
        }
        let now = self.now();
        let switched = Switched {
            disabled_at: disabled.then_some(now),
            epoch: uuid_v7(now, self.platform.random),
        };
        store::set_disabled(tx, &client.client_id, &switched, now).await?;
        let kind = match disabled {
            true => {
                self.revoke_bit(tx, client).await?;
                EventKind::ClientDisabled
            }
            false => EventKind::ClientEnabled,
        };
        let event = Event::new(kind, None, caller).detail(&client.client_id);
        self.audit.record(tx, event).await?;
        Ok(true)
    }
}

/// Returns how an entry differs from the client that it declares, if there is one.
fn compare(
    entry: &DeclaredClient,
    client: Option<&Client>,
    secrets: &[StoredSecret],
) -> Result<Option<Applied>, ClientError> {
    let Some(client) = client else {
        return Ok(Some(Applied::Created));
    };
    if client.origin == Origin::Operator {
        return Err(ClientError::OfOperator(entry.client_id.clone()));
    }
    let is_same = client.trusted == entry.trusted && client.metadata == entry.metadata && is_secret(entry, secrets);
    Ok(match client.disabled_at {
        Some(_) => Some(Applied::Enabled),
        None if is_same => None,
        None => Some(Applied::Changed),
    })
}

/// Returns whether the secret of an entry is the only one of its client.
fn is_secret(entry: &DeclaredClient, secrets: &[StoredSecret]) -> bool {
    let stored: Vec<_> = secrets.iter().map(|stored| stored.hash).collect();
    let declared = entry.secret.as_ref().map(hash);
    stored == declared.as_slice()
}

/// Returns the clients of the settings file that are no longer in it and not disabled yet.
async fn gone(db: &Db, declared: &DeclaredClients) -> Result<Vec<Client>, StoreError> {
    let mut clients = store::all(db).await?;
    clients.retain(|client| is_gone(client, declared));
    Ok(clients)
}

fn is_gone(client: &Client, declared: &DeclaredClients) -> bool {
    let is_declared = declared.iter().any(|entry| entry.client_id == client.client_id);
    client.origin == Origin::File && client.disabled_at.is_none() && !is_declared
}

fn hash(secret: &DeclaredSecret) -> SecretHash {
    match secret {
        DeclaredSecret::Text(text) => SecretHash::of(text.expose_secret().as_bytes()),
        DeclaredSecret::Sha256(hash) => SecretHash(*hash),
    }
}
