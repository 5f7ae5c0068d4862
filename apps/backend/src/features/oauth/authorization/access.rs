//! The access that a client requests: from the parameters of its request to what the account can give, and what the user
//! has consented to. The rules are the same for devices.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_guard::Scopes;
use countersign_oauth::{ApiScope, ErrorCode, GrantType, OPENID_SCOPES, OauthError, ResourceIndicator, ScopeGrant};
use uuid::Uuid;

use super::permission::{Permission, permissions};
use super::request::{Audience, OFFLINE_ACCESS, OPENID, ScopeNames, filtered, union};
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::features::oauth::apis::Api;
use crate::features::oauth::clients::Client;
use crate::features::oauth::consents::Consent;

/// The maximum number of APIs in one request.
const MOST: usize = 10;

/// What a client requests, and what decides about it.
pub struct AccessRequest<'r> {
    pub client: &'r Client,
    /// All APIs.
    pub apis: &'r [Api],
    /// The identifier of the userinfo endpoint as an audience.
    pub userinfo: &'r str,
    /// Whether `scope` was sent.
    pub has_scope: bool,
    /// The scopes that the client may ask for, see [`scopes_for`].
    pub scopes: &'r Scopes,
    /// The values of `resource` (RFC 8707 §2).
    pub resources: Vec<&'r str>,
}

/// Returns those of the requested scopes that the client may ask for (RFC 6749 §3.3). Others are ignored.
pub fn scopes_for(client: &Client, asked: &Scopes) -> Scopes {
    // OpenID Connect Core §11: without refresh tokens, there is no access that could go on offline.
    let refreshes = client.metadata.grant_types.contains(&GrantType::RefreshToken);
    filtered(&client.allowed(asked), |scope| scope != OFFLINE_ACCESS || refreshes)
}

impl<'r> AccessRequest<'r> {
    /// Returns what is requested, per audience (RFC 8707 §2). Each API is registered, and the client may use it. Scopes of an
    /// API count only if the API is requested.
    ///
    /// # Errors
    /// `invalid_target` or `invalid_scope`.
    pub fn audiences(&self) -> Result<Vec<Audience>, OauthError> {
        let named = self.named()?;
        let mut audiences = Vec::new();
        if self.scopes.contains(OPENID) {
            audiences.push(Audience {
                identifier: self.userinfo.to_owned(),
                named: named.contains(&self.userinfo),
                scopes: ScopeNames(filtered(self.scopes, |scope| OPENID_SCOPES.contains(&scope))),
                by_name: ScopeNames::default(),
            });
        } else if named.contains(&self.userinfo) {
            return Err(target("the UserInfo endpoint requires the scope openid"));
        }
        for api in self.apis.iter().filter(|api| named.contains(&&*api.identifier)) {
            audiences.push(Audience {
                identifier: api.identifier.clone(),
                named: true,
                scopes: ScopeNames(filtered(self.scopes, |scope| api.scope(scope).is_some())),
                by_name: ScopeNames::default(),
            });
        }
        attach_offline_access(&mut audiences, self.scopes);
        let left = union(audiences.iter().map(|audience| &audience.scopes.0));
        if left.is_empty() && self.has_scope {
            return Err(OauthError::new(
                ErrorCode::InvalidScope,
                "none of the requested scopes is available to this client for the requested resource",
            ));
        }
        Ok(audiences)
    }

    /// Returns the identifiers of the requested audiences. Without `resource`, this is the client's default API; otherwise
    /// none in an OpenID request, or the only API that the client may use.
    fn named(&self) -> Result<Vec<&'r str>, OauthError> {
        let (client, apis, userinfo) = (self.client, self.apis, self.userinfo);
        let allowed = |api: &&Api| api.disabled_at.is_none() && client.may_use_api(api);
        if self.resources.len() > MOST {
            return Err(target("resource must not be sent more than 10 times"));
        }
        let mut named = Vec::new();
        for text in &self.resources {
            if *text == userinfo {
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
        if self.scopes.contains(OPENID) {
            return Ok(named);
        }
        let mut usable = apis.iter().filter(allowed);
        match (usable.next(), usable.next()) {
            (Some(only), None) => Ok(vec![&only.identifier]),
            _ => Err(target(
                "resource is missing: name the API that the token is for, or request the scope openid",
            )),
        }
    }
}

/// Adds `offline_access` to the first audience, whose consent it is part of.
fn attach_offline_access(audiences: &mut [Audience], asked: &Scopes) {
    let Some(first) = audiences.first_mut() else { return };
    if asked.contains(OFFLINE_ACCESS) && !first.scopes.0.contains(OPENID) {
        let offline: Scopes = [OFFLINE_ACCESS.to_owned()].into_iter().collect();
        first.scopes = ScopeNames(union([&first.scopes.0, &offline].into_iter()));
    }
}

/// An `invalid_target` with this description.
fn target(description: &'static str) -> OauthError {
    OauthError::new(ErrorCode::InvalidTarget, description)
}

/// The requested access that an account can give, as of now.
#[derive(Default)]
pub struct GrantableAccess {
    /// What the account can give, per audience.
    pub audiences: Vec<Audience>,
    /// The APIs among them.
    pub apis: Vec<Api>,
    /// Whether an API was removed since the request began.
    pub is_gone: bool,
}

impl GrantableAccess {
    /// Returns whether what an account can give depends on its own scopes: a scope is requested that only some accounts have.
    pub fn depends_on_held(audiences: &[Audience], known: &[Api]) -> bool {
        audiences.iter().any(|audience| {
            let api = known.iter().find(|api| api.identifier == audience.identifier);
            let is_owned =
                |scope: &ApiScope| scope.grant == ScopeGrant::Owned && audience.scopes.0.contains(&scope.name);
            api.is_some_and(|api| api.scopes.iter().any(is_owned))
        })
    }

    /// Reduces what is requested to what an account that has the scopes `held` can give.
    pub fn of(audiences: &[Audience], client: &Client, userinfo: &str, known: &[Api], held: &Scopes) -> Self {
        let mut asked = Self::default();
        for audience in audiences {
            if audience.identifier == userinfo {
                asked.audiences.push(audience.clone());
                continue;
            }
            let api = known.iter().find(|api| api.identifier == audience.identifier);
            let is_usable = |api: &&Api| api.disabled_at.is_none() && client.may_use_api(api);
            let Some(api) = api.filter(is_usable) else {
                asked.is_gone = true;
                continue;
            };
            asked.audiences.push(Audience {
                scopes: ScopeNames(filtered(&audience.scopes.0, |scope| may_give(api, scope, held))),
                ..audience.clone()
            });
            asked.apis.push(api.clone());
        }
        asked
    }

    /// Returns the requested permissions, in this language. `openid` alone is none: it says who signs in.
    pub fn permissions(&self, language: Language) -> Vec<Permission<'_>> {
        permissions(&self.audiences, &self.apis, language)
    }

    /// Hashes what a page shows of it, and the account that sees it, so that another account, signed in in a second tab, cannot
    /// answer the page.
    pub fn digest(&self, account: AccountId, client: &Client) -> String {
        let mut text = format!("{}\n{}\n{}\n", account.0, client.client_id, client.updated_at.0);
        for audience in &self.audiences {
            text.push_str(&format!("{}\n{}\n", audience.identifier, audience.consented()));
        }
        for api in &self.apis {
            text.push_str(&format!("{}\n{}\n", api.identifier, api.updated_at.0));
        }
        let hash = digest(&SHA256, text.as_bytes());
        URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
    }

    /// Returns whether scopes were requested, but the account can give none of them.
    pub fn is_nothing(&self, requested: &Scopes) -> bool {
        !requested.is_empty() && self.audiences.iter().all(|audience| audience.scopes.0.is_empty())
    }
}

/// Returns whether an account can give a client a scope of an API: an open one, or one that it has itself.
fn may_give(api: &Api, scope: &str, held: &Scopes) -> bool {
    match api.scope(scope) {
        Some(own) => own.grant == ScopeGrant::Open || held.contains(scope),
        None => scope == OFFLINE_ACCESS,
    }
}

/// Returns the ids of consents. A code keeps them, because it is void once one of them is withdrawn.
pub fn consent_ids(consents: &[Consent]) -> Vec<Uuid> {
    consents.iter().map(|consent| consent.id).collect()
}

/// Returns whether all consents with these ids are still given. One that was withdrawn and given again has another id.
pub fn are_given(ids: &[Uuid], given: &[Consent]) -> bool {
    ids.iter().all(|id| given.iter().any(|consent| consent.id == *id))
}

/// Returns whether the consents cover everything that is requested.
pub fn is_covered(asked: &[Audience], given: &[Consent]) -> bool {
    asked.iter().all(|audience| {
        let consent = given.iter().find(|consent| consent.audience == audience.identifier);
        consent.is_some_and(|consent| audience.consented().iter().all(|scope| consent.scopes.contains(scope)))
    })
}
