//! Applying `[[clients]]` of the settings file.

use std::slice;

use countersign_store::StoreError;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{ClientError, Clients};
use crate::core::caller::Caller;
use crate::features::oauth::apis::{Applied, Difference, Origin};
use crate::features::oauth::clients::client::Client;
use crate::features::oauth::clients::secret::SecretHash;
use crate::features::oauth::clients::store::{self, NewRow};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::RevokingTx;
use crate::settings::{DeclaredClient, DeclaredSecret};

impl Clients {
    /// Registers the clients of the settings file as they are declared there, each in a transaction of its own, and disables
    /// those that are gone; the caller ends their grants. With `dry_run`, only returns the differences.
    ///
    /// # Errors
    /// [`ClientError`]. Differences that were resolved before stay resolved.
    pub async fn apply(&self, dry_run: bool, caller: &Caller) -> Result<Vec<Difference>, ClientError> {
        let declared = &self.platform.settings.clients;
        let mut differences = Vec::new();
        for entry in declared.iter() {
            if !dry_run {
                self.ensure_key(&entry.metadata).await?;
            }
            let applied = self
                .revocations
                .transact(|tx| Box::pin(async move { self.apply_one(tx, entry, dry_run, caller).await }))
                .await?;
            let name = entry.client_id.clone();
            differences.extend(applied.map(|applied| Difference { name, applied }));
        }
        for client in store::all(&self.platform.db).await? {
            let is_declared = declared.iter().any(|entry| entry.client_id == client.client_id);
            if is_declared || client.origin == Origin::Operator || client.disabled_at.is_some() {
                continue;
            }
            if !dry_run {
                let client = &client;
                self.revocations
                    .transact(|tx| Box::pin(async move { self.switch(tx, client, true, caller).await }))
                    .await?;
            }
            differences.push(Difference {
                name: client.client_id.clone(),
                applied: Applied::Disabled,
            });
        }
        Ok(differences)
    }

    async fn apply_one(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        entry: &DeclaredClient,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Option<Applied>, ClientError> {
        let secret = entry.secret.as_ref().map(hash);
        let Some(before) = store::find(&mut **tx, &entry.client_id).await? else {
            if !dry_run {
                let row = NewRow {
                    client_id: &entry.client_id,
                    origin: Origin::File,
                    trusted: entry.trusted,
                    metadata: &entry.metadata,
                };
                self.insert(tx, &row, secret, caller).await?;
            }
            return Ok(Some(Applied::Created));
        };
        if before.origin == Origin::Operator {
            return Err(ClientError::OfOperator(entry.client_id.clone()));
        }
        let after = Client {
            trusted: entry.trusted,
            metadata: entry.metadata.clone(),
            ..before.clone()
        };
        let is_same = before.trusted == after.trusted && before.metadata == after.metadata;
        let stored = store::secrets(&mut **tx, &entry.client_id, self.now()).await?;
        let stored: Vec<_> = stored.iter().map(|stored| stored.hash).collect();
        let has_secret = stored == secret.as_ref().map(slice::from_ref).unwrap_or_default();
        let applied = match before.disabled_at {
            Some(_) => Applied::Enabled,
            None if is_same && has_secret => return Ok(None),
            None => Applied::Changed,
        };
        if dry_run {
            return Ok(Some(applied));
        }
        self.replace(tx, &before, &after, caller).await?;
        if !has_secret {
            self.replace_secret(tx, &entry.client_id, secret, caller).await?;
        }
        if applied == Applied::Enabled {
            self.switch(tx, &before, false, caller).await?;
        }
        Ok(Some(applied))
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

    /// Disables or enables a client. Returns whether that changed anything.
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
        store::set_disabled(tx, &client.client_id, disabled.then_some(now), now).await?;
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

fn hash(secret: &DeclaredSecret) -> SecretHash {
    match secret {
        DeclaredSecret::Text(text) => SecretHash::of(text.expose_secret().as_bytes()),
        DeclaredSecret::Sha256(hash) => SecretHash(*hash),
    }
}
