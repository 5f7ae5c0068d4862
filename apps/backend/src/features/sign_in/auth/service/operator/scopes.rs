//! The scopes of an account.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Operator;
use crate::core::ids::AccountId;
use crate::features::identity::accounts;
use crate::features::operations::audit::{Event, EventKind};

#[derive(Clone, Copy)]
enum Change {
    Grant,
    TakeBack,
}

impl Operator {
    /// Grants scopes to an account. Returns the ones it did not have before.
    pub async fn grant(&self, id: AccountId, scopes: &Scopes) -> Result<Scopes, StoreError> {
        self.change_scopes(id, scopes, Change::Grant).await
    }

    /// Revokes scopes of an account. Returns the ones it had. Services that verify tokens
    /// offline accept them until the tokens expire.
    pub async fn ungrant(&self, id: AccountId, scopes: &Scopes) -> Result<Scopes, StoreError> {
        self.change_scopes(id, scopes, Change::TakeBack).await
    }

    async fn change_scopes(&self, id: AccountId, scopes: &Scopes, change: Change) -> Result<Scopes, StoreError> {
        let (now, caller) = (self.auth.platform.clock.now(), &self.caller);
        self.auth
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let mut changed = Vec::new();
                    for scope in scopes.iter() {
                        let has_changed = match change {
                            Change::Grant => accounts::grant(tx, id, scope, now).await?,
                            Change::TakeBack => accounts::ungrant(tx, id, scope).await?,
                        };
                        if has_changed {
                            changed.push(scope.to_owned());
                        }
                    }
                    let changed: Scopes = changed.into_iter().collect();
                    if !changed.is_empty() {
                        let detail = match change {
                            Change::Grant => format!("granted {changed}"),
                            Change::TakeBack => format!("took back {changed}"),
                        };
                        let event = Event::new(EventKind::ScopesChanged, id, caller).detail(detail);
                        self.auth.audit.record(tx, event).await?;
                    }
                    Ok::<_, StoreError>(changed)
                })
            })
            .await
    }
}
