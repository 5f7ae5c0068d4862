//! RFC 8707 §2: the APIs that tokens are asked for. Each is registered and allowed for the client. Scopes of an API count
//! only if the API is asked for.

use countersign_guard::Scopes;
use countersign_oauth::{ErrorCode, OPENID_SCOPES, OauthError, ResourceIndicator};

use super::draft::{Draft, error};
use crate::features::oauth::apis::Api;
use crate::features::oauth::authorization::request::{Audience, OFFLINE_ACCESS, OPENID, ScopeNames, filtered, union};

/// The maximum number of APIs in one request.
const MOST: usize = 10;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let userinfo = draft.facts.userinfo;
    let named = named(draft)?;
    let mut audiences = Vec::new();
    if draft.is_openid() {
        audiences.push(Audience {
            identifier: userinfo.to_owned(),
            named: named.contains(&userinfo),
            scopes: ScopeNames(filtered(&draft.scopes, |scope| OPENID_SCOPES.contains(&scope))),
            by_name: ScopeNames::default(),
        });
    } else if named.contains(&userinfo) {
        return Err(target("the UserInfo endpoint requires the scope openid"));
    }
    for api in draft.facts.apis.iter().filter(|api| named.contains(&&*api.identifier)) {
        audiences.push(Audience {
            identifier: api.identifier.clone(),
            named: true,
            scopes: ScopeNames(scopes_of(api, &draft.scopes)),
            by_name: ScopeNames::default(),
        });
    }
    attach_offline_access(&mut audiences, &draft.scopes);
    let left = union(audiences.iter().map(|audience| &audience.scopes.0));
    if left.is_empty() && draft.one("scope")?.is_some() {
        return Err(error(
            ErrorCode::InvalidScope,
            "none of the requested scopes is available to this client for the requested resource",
        ));
    }
    draft.audiences = audiences;
    Ok(())
}

/// Returns the identifiers of what is asked for, or of what stands for a `resource` that was left out.
fn named<'f>(draft: &Draft<'f>) -> Result<Vec<&'f str>, OauthError> {
    let client = draft.client()?;
    let (apis, userinfo) = (draft.facts.apis, draft.facts.userinfo);
    let allowed = |api: &&Api| api.disabled_at.is_none() && client.may_use_api(api);
    let asked: Vec<&str> = draft.parameters.all("resource").collect();
    if asked.len() > MOST {
        return Err(target("resource must not be sent more than 10 times"));
    }
    let mut named = Vec::new();
    for text in asked {
        if text == userinfo {
            named.push(userinfo);
            continue;
        }
        let identifier = text.parse::<ResourceIndicator>().ok();
        let is_named = |api: &&Api| identifier.as_ref().is_some_and(|identifier| api.is_named(identifier));
        let Some(api) = apis.iter().filter(allowed).find(is_named) else {
            let known: Vec<_> = apis.iter().filter(allowed).map(|api| api.identifier.as_str()).collect();
            tracing::info!(
                client_id = client.client_id,
                ?known,
                "a client requested an API that it may not use"
            );
            return Err(target("resource is not a registered API that this client may use"));
        };
        named.push(api.identifier.as_str());
    }
    if !named.is_empty() {
        return Ok(named);
    }
    if let Some(default) = &client.metadata.default_api {
        let api = apis.iter().filter(allowed).find(|api| api.is_named(default));
        return match api {
            Some(api) => Ok(vec![&api.identifier]),
            None => Err(target("the client's default_api is no longer registered")),
        };
    }
    if draft.is_openid() {
        return Ok(named);
    }
    let mut usable = apis.iter().filter(allowed);
    match (usable.next(), usable.next()) {
        (Some(only), None) => Ok(vec![&only.identifier]),
        _ => Err(target(
            "resource is missing: name the API that the token is for, or ask for the scope openid",
        )),
    }
}

fn scopes_of(api: &Api, asked: &Scopes) -> Scopes {
    filtered(asked, |scope| api.scope(scope).is_some())
}

/// Adds `offline_access` to the first audience, whose consent it is part of.
fn attach_offline_access(audiences: &mut [Audience], asked: &Scopes) {
    let Some(first) = audiences.first_mut() else { return };
    if asked.contains(OFFLINE_ACCESS) && !first.scopes.0.contains(OPENID) {
        let offline: Scopes = [OFFLINE_ACCESS.to_owned()].into_iter().collect();
        first.scopes = ScopeNames(union([&first.scopes.0, &offline].into_iter()));
    }
}

fn target(description: &'static str) -> OauthError {
    error(ErrorCode::InvalidTarget, description)
}
