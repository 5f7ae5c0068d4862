//! A cache of verified tokens. It saves the signature check; whether the session is active is checked every time.

use countersign_jose::{Present, Times, VerifyingKey};
use quick_cache::sync::Cache as Entries;
use siphasher::sip128::SipHasher24;

use crate::{Authority, VerifiedToken};

/// A bounded number of verified tokens, evicted by use.
///
/// A token is found by its fingerprint, because its text would take half of the memory. Only verified tokens are added, so a
/// client cannot fill the cache with tokens that the issuer did not sign.
pub(crate) struct Cache {
    entries: Entries<Fingerprint, Entry>,
    /// The key of the fingerprints, which nobody else knows.
    key: [u8; 16],
}

/// The 128-bit SipHash-2-4 of a token's text. Finding another text with the same fingerprint requires the key.
type Fingerprint = u128;

#[derive(Clone)]
struct Entry {
    token: VerifiedToken,
    key: VerifyingKey,
}

impl Cache {
    /// Creates an empty cache. `None` for a size of 0, or if there are no random numbers.
    #[expect(clippy::disallowed_methods, reason = "the guard has no Platform to ask")]
    pub(crate) fn new(entries: usize) -> Option<Self> {
        let mut key = [0; 16];
        if entries == 0 || aws_lc_rs::rand::fill(&mut key).is_err() {
            return None;
        }
        let entries = Entries::new(entries);
        Some(Self { entries, key })
    }

    /// Returns a token that was verified before and is still valid: it has not expired, and the authority still publishes
    /// its key. Other tokens are removed, and the full check then reports the reason.
    pub(crate) fn recall(&self, text: &str, authority: &dyn Authority) -> Option<VerifiedToken> {
        let fingerprint = self.fingerprint(text);
        let Entry { token, key } = self.entries.get(&fingerprint)?;
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
        self.entries.remove(&fingerprint);
        None
    }

    pub(crate) fn remember(&self, text: &str, token: &VerifiedToken, key: VerifyingKey) {
        let token = token.clone();
        self.entries.insert(self.fingerprint(text), Entry { token, key });
    }

    fn fingerprint(&self, text: &str) -> Fingerprint {
        SipHasher24::new_with_key(&self.key).hash(text.as_bytes()).as_u128()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use countersign_jose::{AccessTokenClaims, RequiredClaims, SigningKey, Subject};
    use futures_util::future::BoxFuture;
    use uuid::Uuid;

    use super::{Cache, VerifiedToken, VerifyingKey};
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
        let cache = Cache::new(10).unwrap();
        let text = "head.claims.the end of a signature of 64 bytes";
        let recalled = Cell::new(0);
        // Inserted again each time, because an invalid entry is removed.
        let recalls = |published: Option<&VerifyingKey>, now: i64| {
            recalled.set(recalled.get() + 1);
            cache.remember(text, &token(recalled.get()), key.clone());
            let authority = Fixed {
                key: published.cloned(),
                now,
            };
            let token = cache.recall(text, &authority);
            assert_eq!(cache.entries.get(&cache.fingerprint(text)).is_some(), token.is_some());
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
        // Another token with the same signature, or a part of one, is a different token.
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
        let cache = Cache::new(100).unwrap();
        for number in 0..10_000_u128 {
            cache.remember(&number.to_string(), &token(number), key.clone());
        }
        assert!(cache.entries.len() <= 100, "{}", cache.entries.len());
    }
}
