//! Tokens that were verified before. What is remembered is the work of the signature; whether the session lives is asked
//! every time.

use std::hash::{Hash, Hasher};

use countersign_jose::{Present, Times, VerifyingKey};
use quick_cache::Equivalent;
use quick_cache::sync::Cache as Entries;

use crate::{Authority, VerifiedToken};

/// A bounded number of verified tokens; which goes when it is full is decided by use.
///
/// A token is looked for by the end of its signature, which is as good as random, and is the one only if it is the same
/// from its first letter to its last. Only what was verified comes in: nobody fills it with what the issuer did not sign.
pub(crate) struct Cache(Entries<Known, Entry>);

/// The text of a token that was verified.
#[derive(PartialEq, Eq)]
struct Known(Box<str>);

/// The text of a token that may be known.
struct Presented<'a>(&'a str);

#[derive(Clone)]
struct Entry {
    token: VerifiedToken,
    key: VerifyingKey,
}

impl Cache {
    pub(crate) fn new(entries: usize) -> Self {
        Self(Entries::new(entries))
    }

    /// A token that was verified and would be again: it has not expired, and the authority still publishes
    /// its key. What would not is forgotten; its own check then names the reason.
    pub(crate) fn recall(&self, text: &str, authority: &dyn Authority) -> Option<VerifiedToken> {
        let Entry { token, key } = self.0.get(&Presented(text))?;
        let times = Times {
            iat: token.claims().iat,
            exp: token.claims().exp,
            nbf: None,
        };
        let present = Present {
            now: authority.now(),
            leeway: authority.leeway(),
        };
        if times.check(present).is_ok()
            && authority
                .verifying_key(key.kid())
                .is_some_and(|published| published == key)
        {
            return Some(token);
        }
        self.0.remove(&Presented(text));
        None
    }

    pub(crate) fn remember(&self, text: &str, token: &VerifiedToken, key: VerifyingKey) {
        let token = token.clone();
        self.0.insert(Known(text.into()), Entry { token, key });
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Presented(&self.0).hash(state);
    }
}

impl Hash for Presented<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes = self.0.as_bytes();
        bytes[bytes.len().saturating_sub(24)..].hash(state);
    }
}

impl Equivalent<Known> for Presented<'_> {
    fn equivalent(&self, known: &Known) -> bool {
        self.0 == &*known.0
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use countersign_jose::{AccessTokenClaims, RequiredClaims, SigningKey, Subject};
    use futures_util::future::BoxFuture;
    use uuid::Uuid;

    use super::{Cache, Presented, VerifiedToken, VerifyingKey};
    use crate::{Authority, TokenStatus};

    struct Fixed {
        key: Option<VerifyingKey>,
        now: i64,
    }

    impl Authority for Fixed {
        fn issuer(&self) -> &str {
            "issuer"
        }
        fn audience(&self) -> &[String] {
            &[]
        }
        fn now(&self) -> i64 {
            self.now
        }
        fn verifying_key(&self, _kid: &str) -> Option<VerifyingKey> {
            self.key.clone()
        }
        fn token_status<'a>(&'a self, _claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus> {
            Box::pin(std::future::ready(TokenStatus::Valid))
        }
    }

    fn token(number: u128) -> VerifiedToken {
        let required = RequiredClaims {
            iss: "issuer".to_owned(),
            sub: Subject::Account(Uuid::from_u128(number)),
            aud: vec![].into(),
            exp: 1000,
            iat: 900,
            jti: Uuid::nil(),
            client_id: "countersign".to_owned(),
        };
        VerifiedToken::new(required.into())
    }

    #[test]
    fn a_token_is_remembered_while_its_check_would_hold() {
        let key = SigningKey::generate().unwrap().verifying_key().clone();
        let other = SigningKey::generate().unwrap().verifying_key().clone();
        let cache = Cache::new(10);
        let text = "head.claims.the end of a signature of 64 bytes";
        let recalled = Cell::new(0);
        // Put anew each time: what is found wanting is forgotten.
        let recalls = |published: Option<&VerifyingKey>, now: i64| {
            recalled.set(recalled.get() + 1);
            cache.remember(text, &token(recalled.get()), key.clone());
            let authority = Fixed {
                key: published.cloned(),
                now,
            };
            let token = cache.recall(text, &authority);
            assert_eq!(cache.0.get(&Presented(text)).is_some(), token.is_some());
            token.and_then(|token| token.subject().account()) == Some(Uuid::from_u128(recalled.get()))
        };
        assert!(recalls(Some(&key), 950));
        assert!(recalls(Some(&key), 1029) && !recalls(Some(&key), 1030));
        assert!(recalls(Some(&key), 870) && !recalls(Some(&key), 869));
        assert!(!recalls(None, 950));
        assert!(!recalls(Some(&other), 950));
        let authority = Fixed {
            key: Some(key.clone()),
            now: 950,
        };
        // Another token under the same signature, or a part of one, is not the token.
        cache.remember(text, &token(1), key);
        assert!(cache.recall(text, &authority).is_some());
        for other in [
            text.replacen("claims", "Claims", 1),
            format!("x{text}"),
            text[1..].to_owned(),
        ] {
            assert!(cache.recall(&other, &authority).is_none(), "{other}");
        }
        assert!(cache.recall("", &authority).is_none());
    }

    #[test]
    fn it_holds_no_more_than_so_many() {
        let key = SigningKey::generate().unwrap().verifying_key().clone();
        let cache = Cache::new(100);
        for number in 0..10_000_u128 {
            cache.remember(&number.to_string(), &token(number), key.clone());
        }
        assert!(cache.0.len() <= 100, "{}", cache.0.len());
    }
}
