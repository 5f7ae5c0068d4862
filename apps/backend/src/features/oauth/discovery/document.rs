//! The document, from the settings.

use countersign_oauth::{
    AuthMethod, CodeChallenge, Discovery, GrantType, OPENID_SCOPES, Prompt, ResponseMode, STANDARD_CLAIMS, SigningAlg,
};

use crate::core::language::Language;
use crate::core::oauth_endpoints::USERINFO;
use crate::settings::{Settings, Signup};

/// Claims of ID tokens besides those of the user.
const PROTOCOL_CLAIMS: [&str; 9] = ["sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid"];

/// The grants of the token endpoint.
const GRANTS: [GrantType; 4] = [
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::DeviceCode,
];

/// Returns the document. `algs` are the algorithms with which tokens for clients can be signed.
pub(super) fn document(settings: &Settings, algs: &[SigningAlg]) -> Discovery {
    let issuer = settings.issuer.as_str();
    let at = |path: &str| format!("{issuer}{path}");
    let (provider, docs) = (&settings.provider, &settings.docs);
    let written = provider.documentation_uri.as_ref().map(|url| url.as_str().to_owned());
    let service_documentation = written.or_else(|| docs.enabled.then(|| at("/docs/")));
    let base = Discovery {
        issuer: issuer.to_owned(),
        jwks_uri: at("/.well-known/jwks.json"),
        service_documentation,
        ..Discovery::default()
    };
    if !provider.enabled {
        return base;
    }
    let algs = names(algs.iter().map(|alg| alg.as_str()));
    let secrets = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost].map(AuthMethod::as_str);
    let all_methods = names(AuthMethod::ALL.iter().map(|method| method.as_str()));
    let user_claims = STANDARD_CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied());
    Discovery {
        authorization_endpoint: Some(at("/oauth2/authorize")),
        token_endpoint: Some(at("/oauth2/token")),
        userinfo_endpoint: Some(at(USERINFO)),
        revocation_endpoint: Some(at("/oauth2/revoke")),
        introspection_endpoint: Some(at("/oauth2/introspect")),
        device_authorization_endpoint: Some(at("/oauth2/device_authorization")),
        end_session_endpoint: Some(at("/oauth2/logout")),
        scopes_supported: names(OPENID_SCOPES),
        response_types_supported: names(["code"]),
        response_modes_supported: names(ResponseMode::ALL.map(ResponseMode::as_str)),
        grant_types_supported: names(GRANTS.map(GrantType::as_str)),
        code_challenge_methods_supported: names([CodeChallenge::METHOD]),
        authorization_response_iss_parameter_supported: true,
        subject_types_supported: names(["public"]),
        id_token_signing_alg_values_supported: algs.clone(),
        userinfo_signing_alg_values_supported: algs,
        token_endpoint_auth_methods_supported: all_methods.clone(),
        introspection_endpoint_auth_methods_supported: names(secrets),
        revocation_endpoint_auth_methods_supported: all_methods,
        claims_supported: names(PROTOCOL_CLAIMS.into_iter().chain(user_claims)),
        claim_types_supported: names(["normal"]),
        claims_parameter_supported: Some(true),
        request_parameter_supported: Some(false),
        request_uri_parameter_supported: Some(false),
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        prompt_values_supported: prompts(settings.signup == Signup::Open),
        acr_values_supported: names(["aal1"]),
        ui_locales_supported: names(Language::ALL.iter().map(|language| language.tag())),
        display_values_supported: names(["page"]),
        op_policy_uri: provider.policy_uri.as_ref().map(|url| url.as_str().to_owned()),
        op_tos_uri: provider.tos_uri.as_ref().map(|url| url.as_str().to_owned()),
        ..base
    }
}

/// Initiating User Registration §4.1: `create` only where users can sign up.
fn prompts(can_sign_up: bool) -> Vec<String> {
    let prompts = Prompt::ALL.into_iter();
    names(
        prompts
            .filter(|prompt| can_sign_up || *prompt != Prompt::Create)
            .map(Prompt::as_str),
    )
}

fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
