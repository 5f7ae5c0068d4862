//! Clients and APIs: what ends grants, and applying the settings file.

use countersign_store::StoreError;

use super::Operator;
use crate::core::caller::Caller;
use crate::features::oauth::apis::{self, ApiError, Difference, Origin};
use crate::features::oauth::clients::{self, ClientError};
use crate::features::sign_in::sessions::LogoutNotice;

/// Why the clients and APIs of the settings file cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Some entries cannot be applied, for these reasons. Nothing was changed.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// A client cannot be registered.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An API cannot be registered.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// What differed from the settings file.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    pub apis: Vec<Difference>,
    pub clients: Vec<Difference>,
}

impl Operator {
    /// Disables a client and ends its grants. Returns whether it was enabled, and the number of ended grants.
    ///
    /// # Errors
    /// [`ClientError`]. The client may already be disabled then; call it again.
    pub async fn disable_client(&self, client_id: &str) -> Result<(bool, u64), ClientError> {
        let has_changed = self.clients.set_disabled(client_id, true, &self.caller).await?;
        Ok((has_changed, self.end_grants(client_id, &self.caller).await?))
    }

    /// Enables a client. Returns whether it was disabled.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enable_client(&self, client_id: &str) -> Result<bool, ClientError> {
        let client = clients::find(&self.auth.platform.db, client_id).await?;
        if client.is_some_and(|client| client.origin == Origin::Operator && client.disabled_at.is_some()) {
            // The process that disabled it may have stopped before it ended all of them.
            self.end_grants(client_id, &self.caller).await?;
        }
        self.clients.set_disabled(client_id, false, &self.caller).await
    }

    /// Deletes a client, its grants, and what users have allowed it. Returns the number of ended grants.
    ///
    /// # Errors
    /// [`ClientError`]. The client may already be disabled then; call it again.
    pub async fn delete_client(&self, client_id: &str) -> Result<u64, ClientError> {
        // First, so that no grant begins meanwhile.
        let (_, ended) = self.disable_client(client_id).await?;
        self.clients.delete(client_id, &self.caller).await?;
        Ok(ended)
    }

    /// Ends all grants of a client, and voids the codes that it has not redeemed. Its users' consents stay. Returns the number of
    /// ended grants.
    ///
    /// # Errors
    /// [`ClientError`]. The codes may already be void then, and some grants ended; call it again.
    pub async fn revoke_grants_of_client(&self, client_id: &str) -> Result<u64, ClientError> {
        self.clients.void_codes(client_id, &self.caller).await?;
        let sessions = &self.auth.sessions;
        let ended = sessions.revoke_grants_of_client(client_id, LogoutNotice::Send, &self.caller);
        Ok(ended.await?)
    }

    /// Registers the APIs and clients of the settings file as they are declared there. Those that are gone are disabled, and
    /// their grants end. With `dry_run`, only returns the differences.
    ///
    /// # Errors
    /// [`ApplyError`]. After [`ApplyError::Refused`], nothing was changed; otherwise, what was already applied stays applied, and
    /// calling it again does the rest.
    pub async fn apply_declared(&self, dry_run: bool, caller: &Caller) -> Result<Differences, ApplyError> {
        let compared = self.compare_declared().await?;
        if dry_run {
            return Ok(compared);
        }
        self.clients.ensure_declared_key().await?;
        // A process may have stopped before it ended the grants of one that is enabled again now.
        self.end_grants_of_disabled(caller).await?;
        let differences = Differences {
            apis: self.apis.apply(caller).await?,
            clients: self.clients.apply(caller).await?,
        };
        self.end_grants_of_disabled(caller).await?;
        Ok(differences)
    }

    /// Compares all entries, so that one that cannot be applied keeps the others from being applied.
    async fn compare_declared(&self) -> Result<Differences, ApplyError> {
        let platform = &self.auth.platform;
        let (db, settings) = (&platform.db, &platform.settings);
        let apis = apis::differences(db, &settings.apis).await.map_err(ApiError::Store)?;
        let clients = clients::differences(db, settings, platform.clock.now())
            .await
            .map_err(ClientError::Store)?;
        let problems = apis.problems.iter().map(ToString::to_string);
        let problems: Vec<_> = problems
            .chain(clients.problems.iter().map(ToString::to_string))
            .collect();
        match problems.is_empty() {
            true => Ok(Differences {
                apis: apis.differences,
                clients: clients.differences,
            }),
            false => Err(ApplyError::Refused(problems)),
        }
    }

    /// Ends the grants of all clients of the settings file that are disabled.
    async fn end_grants_of_disabled(&self, caller: &Caller) -> Result<(), ClientError> {
        for client in clients::all(&self.auth.platform.db).await? {
            if client.origin == Origin::File && client.disabled_at.is_some() {
                self.end_grants(&client.client_id, caller).await?;
            }
        }
        Ok(())
    }

    /// Ends all grants of a client. It is gone, so it is not told.
    async fn end_grants(&self, client_id: &str, caller: &Caller) -> Result<u64, StoreError> {
        let sessions = &self.auth.sessions;
        sessions
            .revoke_grants_of_client(client_id, LogoutNotice::Omit, caller)
            .await
    }
}
