//! RFC 7636 §4.3 and §4.4.1, RFC 9700 §2.1.1: the challenge is required and its method is `S256`. An operator can lift the
//! requirement for a confidential client.

use countersign_oauth::{CodeChallenge, OauthError};

use super::draft::{Draft, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let (challenge, method) = (draft.one("code_challenge")?, draft.one("code_challenge_method")?);
    let client = draft.client()?;
    let Some(challenge) = challenge else {
        if method.is_some() {
            return Err(invalid("code_challenge is missing"));
        }
        if client.is_public() || client.metadata.require_pkce {
            return Err(invalid(
                "code_challenge is missing: this client must use PKCE with S256. If it is confidential and does not support PKCE, the operator can set require_pkce = false for it",
            ));
        }
        return Ok(());
    };
    if method != Some(CodeChallenge::METHOD) {
        return Err(invalid("code_challenge_method must be S256"));
    }
    let challenge: CodeChallenge = challenge
        .parse()
        .map_err(|_| invalid("code_challenge must be the base64url encoding of a SHA-256 hash"))?;
    draft.challenge = Some(challenge);
    Ok(())
}
