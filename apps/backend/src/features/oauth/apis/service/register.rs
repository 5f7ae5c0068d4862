//! Registering and changing APIs on the command line.

use countersign_oauth::{ApiMetadata, ApiMetadataError, ResourceIndicator};
use countersign_store::{StoreError, Tx};

use super::{ApiError, Apis, MOST};
use crate::core::caller::Caller;
use crate::core::language::Language;
use crate::features::oauth::apis::api::{Api, Origin};
use crate::features::oauth::apis::store;
use crate::features::operations::audit::{Event, EventKind};
use crate::settings::{Settings, check_client_id};

impl Apis {
    /// Registers an API.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create(&self, metadata: &ApiMetadata, caller: &Caller) -> Result<Api, ApiError> {
        validate(metadata, &self.platform.settings)?;
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if store::find(&mut *tx, &metadata.identifier).await?.is_some() {
                        return Err(ApiError::Exists(metadata.identifier.clone()));
                    }
                    self.insert(tx, metadata, Origin::Operator, caller).await?;
                    known(tx, &metadata.identifier).await
                })
            })
            .await
    }

    /// Replaces an API's metadata. `change` gets the present ones.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update<F>(&self, identifier: &str, change: F, caller: &Caller) -> Result<Api, ApiError>
    where
        F: Fn(&mut ApiMetadata) + Sync,
    {
        let change = &change;
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let mut api = of_operator(tx, identifier).await?;
                    let before = api.metadata.clone();
                    change(&mut api.metadata);
                    validate(&api.metadata, &self.platform.settings)?;
                    if api.metadata != before {
                        self.replace(tx, &api.metadata, Origin::Operator, caller).await?;
                    }
                    known(tx, identifier).await
                })
            })
            .await
    }

    /// Disables or enables an API. Returns whether that changed anything.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn set_disabled(&self, identifier: &str, disabled: bool, caller: &Caller) -> Result<bool, ApiError> {
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let api = of_operator(tx, identifier).await?;
                    if api.disabled_at.is_some() == disabled {
                        return Ok(false);
                    }
                    if !disabled {
                        has_own_identifiers(&store::all(&mut *tx).await?, &api.metadata, Origin::Operator)?;
                    }
                    self.switch(tx, identifier, disabled, caller).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Deletes an API. No more tokens are issued for it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete(&self, identifier: &str, caller: &Caller) -> Result<(), ApiError> {
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    of_operator(tx, identifier).await?;
                    store::delete(tx, identifier).await?;
                    let event = Event::new(EventKind::ApiDeleted, None, caller).detail(identifier);
                    Ok(self.audit.record(tx, event).await?)
                })
            })
            .await
    }

    /// Stores a new API.
    pub(super) async fn insert(
        &self,
        tx: &mut Tx<'_>,
        metadata: &ApiMetadata,
        origin: Origin,
        caller: &Caller,
    ) -> Result<(), ApiError> {
        let others = store::all(&mut *tx).await?;
        if others.len() >= MOST {
            return Err(ApiError::TooMany);
        }
        has_own_identifiers(&others, metadata, origin)?;
        store::insert(tx, metadata, origin, self.platform.clock.now()).await?;
        let event = Event::new(EventKind::ApiCreated, None, caller).detail(&metadata.identifier);
        Ok(self.audit.record(tx, event).await?)
    }

    /// Replaces an API's metadata.
    pub(super) async fn replace(
        &self,
        tx: &mut Tx<'_>,
        metadata: &ApiMetadata,
        origin: Origin,
        caller: &Caller,
    ) -> Result<(), ApiError> {
        has_own_identifiers(&store::all(&mut *tx).await?, metadata, origin)?;
        store::update(tx, metadata, self.platform.clock.now()).await?;
        let event = Event::new(EventKind::ApiChanged, None, caller).detail(&metadata.identifier);
        Ok(self.audit.record(tx, event).await?)
    }

    /// Disables or enables an API.
    pub(super) async fn switch(
        &self,
        tx: &mut Tx<'_>,
        identifier: &str,
        disabled: bool,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        let now = self.platform.clock.now();
        store::set_disabled(tx, identifier, disabled.then_some(now), now).await?;
        let kind = match disabled {
            true => EventKind::ApiDisabled,
            false => EventKind::ApiEnabled,
        };
        self.audit
            .record(tx, Event::new(kind, None, caller).detail(identifier))
            .await
    }
}

/// Checks an API's registration.
///
/// # Errors
/// The first fault that is found.
pub fn validate(metadata: &ApiMetadata, settings: &Settings) -> Result<(), ApiMetadataError> {
    let languages: Vec<_> = Language::ALL.iter().map(|language| language.tag()).collect();
    metadata.validate(settings.issuer.as_str(), &languages)?;
    check_client_id(metadata)
}

/// Returns an API, also if it is disabled.
async fn known(tx: &mut Tx<'_>, identifier: &str) -> Result<Api, ApiError> {
    let api = store::find(tx, identifier).await?;
    api.ok_or_else(|| ApiError::Unknown(identifier.to_owned()))
}

/// Returns an API that the command line may change.
async fn of_operator(tx: &mut Tx<'_>, identifier: &str) -> Result<Api, ApiError> {
    let api = known(tx, identifier).await?;
    match api.origin {
        Origin::Operator => Ok(api),
        Origin::File => Err(ApiError::OfFile(identifier.to_owned())),
    }
}

/// Checks that no other enabled API has an identifier or alias of this one. The settings file as a whole was checked when it
/// was read, so its entries only have to differ from APIs of the command line.
pub(super) fn has_own_identifiers(others: &[Api], metadata: &ApiMetadata, origin: Origin) -> Result<(), ApiError> {
    let others = others.iter().filter(|api| {
        let is_relevant = origin == Origin::Operator || api.origin == Origin::Operator;
        api.identifier != metadata.identifier && api.disabled_at.is_none() && is_relevant
    });
    for other in others {
        for name in std::iter::once(&metadata.identifier).chain(&metadata.aliases) {
            if name
                .parse::<ResourceIndicator>()
                .is_ok_and(|name| other.is_named(&name))
            {
                return Err(ApiError::Taken(name.clone(), other.identifier.clone()));
            }
        }
    }
    Ok(())
}
