//! Applying `[[apis]]` of the settings file.

use countersign_oauth::ApiMetadata;
use countersign_store::{Db, StoreError, Tx};

use super::difference::{Applied, Comparison, Difference};
use super::register::has_own_identifiers;
use super::{ApiError, Apis, MOST};
use crate::core::caller::Caller;
use crate::features::oauth::apis::api::{Api, Origin};
use crate::features::oauth::apis::store;
use crate::settings::DeclaredApis;

/// Compares the settings file with the database, without changing anything.
///
/// # Errors
/// If the database failed.
pub async fn differences(db: &Db, declared: &DeclaredApis) -> Result<Comparison<ApiError>, StoreError> {
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
    Ok(Comparison { differences, problems })
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
}
