//! A refresh token has two types: the secret, shown once, and its hash, which is all that is stored of it.
//! A successor that may have to be shown again is sealed under a key that only the presented token yields.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::core::random::SecureRandom;
use crate::core::secret::secret;

/// What the derived key is for; a key for another purpose has another text.
const PURPOSE: &[u8] = b"countersign refresh token successor v1";

secret!(
    /// A refresh token.
    RefreshSecret,
    RefreshHash,
    "csr_"
);

impl RefreshSecret {
    /// Seals `successor` so that only who holds this token can read it: nonce, ciphertext and tag.
    pub fn seal(&self, successor: &Self, random: SecureRandom) -> Vec<u8> {
        let nonce = random.bytes::<NONCE_LEN>();
        let mut sealed = successor.0.to_vec();
        self.key()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .expect("32 bytes are far below the limit of AES-GCM");
        [nonce.as_slice(), &sealed].concat()
    }

    /// The successor that was sealed under this token; `None` if this is not the token.
    pub fn unseal(&self, sealed: &[u8]) -> Option<Self> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN)?;
        let mut plain = Zeroizing::new(ciphertext.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.key().open_in_place(nonce, Aad::empty(), &mut plain).ok()?;
        <[u8; 32]>::try_from(&*opened)
            .ok()
            .map(|bytes| Self(Zeroizing::new(bytes)))
    }

    fn key(&self) -> LessSafeKey {
        let prk = Salt::new(HKDF_SHA256, &[]).extract(&*self.0);
        let okm = prk
            .expand(&[PURPOSE], &AES_256_GCM)
            .expect("32 bytes are below the limit of HKDF");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x4_has_one_spelling() {
        let token = RefreshSecret::generate(SecureRandom).reveal();
        assert!(
            token
                .parse::<RefreshSecret>()
                .is_ok_and(|secret| secret.reveal() == token)
        );
        for end in 0..token.len() {
            assert!(
                token[..end].parse::<RefreshSecret>().is_err(),
                "a prefix of {end} bytes"
            );
        }
        for wrong in [
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            token.replace("csr_", "CSR_"),
        ] {
            assert!(wrong.parse::<RefreshSecret>().is_err());
        }
    }

    #[test]
    fn a_25_a_97_a_million_of_64_threads_are_all_different_and_every_bit_is_even() {
        const EACH: usize = 15_625;
        let threads = (0..64).map(|_| {
            std::thread::spawn(|| {
                (0..EACH)
                    .map(|_| *RefreshSecret::generate(SecureRandom).0)
                    .collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = threads.collect();
        let mut all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let mut ones = [0_usize; 8 * 32];
        for secret in &all {
            for (bit, ones) in ones.iter_mut().enumerate() {
                *ones += usize::from(secret[bit / 8] >> (bit % 8) & 1);
            }
        }
        // Six standard deviations of a fair coin, 500 each.
        for (bit, ones) in ones.into_iter().enumerate() {
            assert!(ones.abs_diff(500_000) < 3_000, "bit {bit} is set {ones} times");
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 64 * EACH);
    }

    #[test]
    fn only_the_parent_unseals_its_successor() {
        let (parent, stranger, successor) = (
            RefreshSecret::generate(SecureRandom),
            RefreshSecret::generate(SecureRandom),
            RefreshSecret::generate(SecureRandom),
        );
        let mut sealed = parent.seal(&successor, SecureRandom);
        assert!(
            parent
                .unseal(&sealed)
                .is_some_and(|opened| opened.hash() == successor.hash())
        );
        assert!(stranger.unseal(&sealed).is_none());
        assert!(parent.unseal(&[]).is_none());
        sealed[NONCE_LEN] ^= 1;
        assert!(parent.unseal(&sealed).is_none());
    }
}
