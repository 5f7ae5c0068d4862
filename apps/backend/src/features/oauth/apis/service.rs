//! Registering APIs: on the command line, and from the settings file.

use countersign_oauth::{ApiMetadata, ApiMetadataError, ResourceIndicator};
use countersign_store::{Db, StoreError, Tx};

use super::api::{Api, Origin};
use super::store;
use crate::core::caller::Caller;
use crate::core::language::Language;
use crate::core::platform::Platform;
use crate::features::operations::audit::{Audit, Event, EventKind};
use crate::settings::{DeclaredApis, Settings, check_client};

/// The most APIs. They are read together for each authorization request.
const MOST: usize = 200;

/// Registers APIs. Cloning is cheap.
#[derive(Clone)]
pub struct Apis {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}

/// Why an API cannot be registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Its metadata is invalid.
    #[error("{}: {}; {}", .0.member, .0.what, .0.help)]
    Metadata(#[from] ApiMetadataError),
    /// The identifier is already registered.
    #[error("the API {0} exists already; `countersign apis update` changes it")]
    Exists(String),
    /// Another API has this identifier or alias.
    #[error("{0:?} already belongs to the API {1}; use another identifier")]
    Taken(String, String),
    /// There are too many APIs.
    #[error("there are already {MOST} APIs; delete one first")]
    TooMany,
    /// There is no such API.
    #[error("no API {0}; `countersign apis list` lists them")]
    Unknown(String),
    /// The settings file declares the API, and only it can change it.
    #[error(
        "the API {0} is declared in the settings file; change its entry in [[apis]] and run `countersign clients apply`"
    )]
    OfFile(String),
    /// The settings file declares an API that is registered on the command line.
    #[error(
        "the API {0} in the settings file was registered with `countersign apis create`; remove the entry, or delete the \
         API with `countersign apis delete`"
    )]
    OfOperator(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A difference between the settings file and the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The client or the API.
    pub name: String,
    pub applied: Applied,
}

/// How a difference is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Applied {
    /// The entry is new.
    Created,
    /// The entry differs.
    Changed,
    /// The entry is back, and maybe differs.
    Enabled,
    /// The entry is gone.
    Disabled,
}

impl Applied {
    /// Returns its name, as it is shown to operators.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

impl Difference {
    /// Creates the difference of the client or API with this name.
    pub fn new(name: &str, applied: Applied) -> Self {
        Self {
            name: name.to_owned(),
            applied,
        }
    }
}

/// What differs between the settings file and the database, and the entries that cannot be applied.
#[derive(Debug)]
pub struct Compared<E> {
    pub differences: Vec<Difference>,
    pub problems: Vec<E>,
}

/// Compares the settings file with the database, without changing anything.
///
/// # Errors
/// If the database failed.
pub async fn differences(db: &Db, declared: &DeclaredApis) -> Result<Compared<ApiError>, StoreError> {
    let apis = store::all(db).await?;
    let gone = gone(&apis, declared);
    let mut differences: Vec<_> = gone
        .map(|api| Difference::new(&api.identifier, Applied::Disabled))
        .collect();
    let (mut problems, mut count) = (Vec::new(), apis.len());
    for metadata in declared.iter() {
        let api = apis.iter().find(|api| api.identifier == metadata.identifier);
        match compare(metadata, api) {
            Ok(None) => {}
            Ok(Some(applied)) => {
                problems.extend(has_own_identifiers(&apis, metadata, Origin::File).err());
                count += usize::from(applied == Applied::Created);
                differences.push(Difference::new(&metadata.identifier, applied));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if count > MOST {
        problems.push(ApiError::TooMany);
    }
    Ok(Compared { differences, problems })
}

/// Returns the APIs of the settings file that are no longer in it and not disabled yet.
fn gone<'a>(apis: &'a [Api], declared: &'a DeclaredApis) -> impl Iterator<Item = &'a Api> {
    apis.iter().filter(|api| {
        let is_declared = declared.iter().any(|metadata| metadata.identifier == api.identifier);
        api.origin == Origin::File && api.disabled_at.is_none() && !is_declared
    })
}

/// Returns how an entry differs from the API that it declares, if there is one.
fn compare(metadata: &ApiMetadata, api: Option<&Api>) -> Result<Option<Applied>, ApiError> {
    Ok(match api {
        None => Some(Applied::Created),
        Some(api) if api.origin == Origin::Operator => return Err(ApiError::OfOperator(api.identifier.clone())),
        Some(api) if api.disabled_at.is_some() => Some(Applied::Enabled),
        Some(api) if api.metadata != *metadata => Some(Applied::Changed),
        Some(_) => None,
    })
}

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

    /// Replaces the metadata of an API. `change` gets the present ones.
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

    /// Deletes an API. No tokens are issued for it any more.
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

    /// Registers the APIs of the settings file as they are declared there, and disables those that are gone. The caller has
    /// compared them.
    ///
    /// # Errors
    /// [`ApiError`]. Differences that were resolved before stay resolved.
    pub async fn apply(&self, caller: &Caller) -> Result<Vec<Difference>, ApiError> {
        let (declared, db) = (&self.platform.settings.apis, &self.platform.db);
        let mut differences = Vec::new();
        // First, so that an entry can take the identifiers of one that is gone.
        for api in gone(&store::all(db).await?, declared) {
            let identifier = &api.identifier;
            db.transact(|tx| Box::pin(async move { self.switch(tx, identifier, true, caller).await }))
                .await?;
            differences.push(Difference::new(identifier, Applied::Disabled));
        }
        for metadata in declared.iter() {
            let applied = db
                .transact(|tx| Box::pin(async move { self.apply_one(tx, metadata, caller).await }))
                .await?;
            differences.extend(applied.map(|applied| Difference::new(&metadata.identifier, applied)));
        }
        Ok(differences)
    }

    async fn apply_one(
        &self,
        tx: &mut Tx<'_>,
        metadata: &ApiMetadata,
        caller: &Caller,
    ) -> Result<Option<Applied>, ApiError> {
        let applied = compare(metadata, store::find(&mut *tx, &metadata.identifier).await?.as_ref())?;
        match applied {
            None => {}
            Some(Applied::Created) => self.insert(tx, metadata, Origin::File, caller).await?,
            Some(Applied::Enabled) => {
                self.replace(tx, metadata, Origin::File, caller).await?;
                self.switch(tx, &metadata.identifier, false, caller).await?;
            }
            Some(Applied::Changed | Applied::Disabled) => self.replace(tx, metadata, Origin::File, caller).await?,
        }
        Ok(applied)
    }

    async fn insert(
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

    async fn replace(
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

    async fn switch(
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

/// Checks the registration of an API.
///
/// # Errors
/// The first fault that is found.
pub fn validate(metadata: &ApiMetadata, settings: &Settings) -> Result<(), ApiMetadataError> {
    let languages: Vec<_> = Language::ALL.iter().map(|language| language.tag()).collect();
    metadata.validate(settings.issuer.as_str(), &languages)?;
    check_client(metadata)
}

async fn known(tx: &mut Tx<'_>, identifier: &str) -> Result<Api, ApiError> {
    let api = store::find(tx, identifier).await?;
    api.ok_or_else(|| ApiError::Unknown(identifier.to_owned()))
}

async fn of_operator(tx: &mut Tx<'_>, identifier: &str) -> Result<Api, ApiError> {
    let api = known(tx, identifier).await?;
    match api.origin {
        Origin::Operator => Ok(api),
        Origin::File => Err(ApiError::OfFile(identifier.to_owned())),
    }
}

/// Checks that no other enabled API has an identifier or alias of this one. The settings file as a whole was checked when it
/// was read, so its entries only have to differ from APIs of the command line.
fn has_own_identifiers(others: &[Api], metadata: &ApiMetadata, origin: Origin) -> Result<(), ApiError> {
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
