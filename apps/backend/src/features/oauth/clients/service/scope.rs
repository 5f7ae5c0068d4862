//! The scopes of a client's registration.

use countersign_oauth::{ApiMetadata, ClientAccess, ClientMetadata, OPENID_SCOPES};

use super::ClientError;
use crate::settings::nearest;

/// Checks that a client's `scope` names only scopes that it can ever get: those of OpenID Connect, and of the APIs that it may
/// use. If one of its APIs is not registered yet, nothing is checked, because that API may have any scope.
///
/// # Errors
/// [`ClientError::UnknownScope`].
pub(super) fn check_scope(client_id: &str, metadata: &ClientMetadata, apis: &[ApiMetadata]) -> Result<(), ClientError> {
    let Some(scope) = &metadata.scope else { return Ok(()) };
    let are_registered = metadata
        .apis
        .iter()
        .all(|named| apis.iter().any(|api| api.is_named(named)));
    if !are_registered {
        return Ok(());
    }
    let is_named = |api: &ApiMetadata| metadata.apis.iter().any(|named| api.is_named(named));
    let usable = apis
        .iter()
        .filter(|api| api.clients == ClientAccess::Any || is_named(api));
    let of_apis = usable.flat_map(|api| &api.scopes).map(|scope| scope.name.as_str());
    let known: Vec<_> = OPENID_SCOPES.into_iter().chain(of_apis).collect();
    let Some(unknown) = scope.split_ascii_whitespace().find(|scope| !known.contains(scope)) else {
        return Ok(());
    };
    let owner = apis.iter().find(|api| api.scope(unknown).is_some());
    Err(ClientError::UnknownScope {
        client_id: client_id.to_owned(),
        scope: unknown.to_owned(),
        advice: match (owner, nearest(unknown, known.into_iter())) {
            (Some(api), _) => format!("add the API {} to the client's APIs", api.identifier),
            (None, Some(nearest)) => format!("did you mean {nearest}?"),
            (None, None) => "first register the API that has it, or remove the scope".to_owned(),
        },
    })
}
