//! RFC 9700 §2.1: the redirect URI is one of the registered ones, compared as text. It is always required, so that a code is
//! never bound to one that the client did not name.

use countersign_oauth::{Kind, OauthError};

use super::draft::{Draft, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let Some(presented) = draft.one("redirect_uri")? else {
        return Err(invalid("redirect_uri is missing"));
    };
    let client = draft.client()?;
    let Some(found) = client.metadata.redirect_uri(presented) else {
        return Err(invalid("redirect_uri is not registered for this client"));
    };
    draft.native = match found.kind() {
        Kind::Https | Kind::Http => false,
        // RFC 8252 §8.6: any program on the computer could have sent the request, unless the client proves who it is. Without
        // its secret, no other program can redeem the code.
        Kind::Loopback => client.is_public(),
        // An application that is installed keeps no secret (§8.5), and browsers open it only after a click.
        Kind::CustomScheme => true,
    };
    draft.redirect_uri = presented.to_owned();
    Ok(())
}
