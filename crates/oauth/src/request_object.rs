//! Request objects (OpenID Connect Core §6.1). They are not supported: the only part that is read is how the client wants
//! to receive the refusal.

use countersign_jose::decode_without_verifying;

use crate::ResponseMode;

/// Returns the `response_mode` of an unsigned request object (RFC 7519 §6), if it is a supported one and the object is not
/// longer than an access token may be. Nothing is read from a signed object, because its signature is not verified.
pub fn response_mode_of_unsigned(request: &str) -> Option<ResponseMode> {
    let has_signature = !request.ends_with('.');
    if has_signature {
        return None;
    }
    let object = decode_without_verifying(request).ok()?;
    if object.header.get("alg")? != "none" {
        return None;
    }
    object.claims.get("response_mode")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::response_mode_of_unsigned;
    use crate::ResponseMode;

    fn object(header: &str, claims: &str, signature: &str) -> String {
        let [header, claims] = [header, claims].map(|json| URL_SAFE_NO_PAD.encode(json));
        format!("{header}.{claims}.{signature}")
    }

    #[test]
    fn the_mode_of_an_unsigned_object_is_read() {
        for mode in ResponseMode::ALL {
            let claims = format!(r#"{{"response_mode":"{mode}","state":"x","scope":"openid"}}"#);
            for header in [r#"{"alg":"none"}"#, r#"{"typ":"JWT","alg":"none"}"#] {
                assert_eq!(response_mode_of_unsigned(&object(header, &claims, "")), Some(mode));
            }
        }
    }

    #[test]
    fn o_60_nothing_is_read_from_anything_else() {
        let (none, form) = (r#"{"alg":"none"}"#, r#"{"response_mode":"form_post"}"#);
        let nested = format!(
            r#"{{"response_mode":"form_post","x":{}1{}}}"#,
            "[".repeat(2_000),
            "]".repeat(2_000)
        );
        let long = format!(r#"{{"response_mode":"form_post","x":"{}"}}"#, "x".repeat(8_192));
        for request in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "a.b.".to_owned(),
            object(none, form, "").replace('.', "..") + ".",
            object(none, form, "c2ln"),
            object(r#"{"alg":"RS256"}"#, form, "c2ln"),
            object(r#"{"alg":"RS256"}"#, form, ""),
            object(r#"{"alg":"None"}"#, form, ""),
            object(r#"{"alg":["none"]}"#, form, ""),
            object(r#"{"alg":"RS256","alg":"none"}"#, form, ""),
            object("{}", form, ""),
            object(none, "{}", ""),
            object(none, "[]", ""),
            object(none, "form_post", ""),
            object(none, r#"{"response_mode":"jwt"}"#, ""),
            object(none, r#"{"response_mode":["form_post"]}"#, ""),
            object(none, r#"{"response_mode":"query","response_mode":"form_post"}"#, ""),
            object(none, &nested, ""),
            object(none, &long, ""),
        ] {
            assert_eq!(response_mode_of_unsigned(&request), None, "{request}");
        }
    }
}
