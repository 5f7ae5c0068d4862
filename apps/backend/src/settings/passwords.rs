//! `[passwords]`: what a password costs to hash, and which ones are accepted.

use super::section::{choice, section};
use super::value_error::ValueError;
use super::values::Values;

choice! {
    /// Whether passwords known from data breaches are rejected.
    Breached: "`offline` or `off`" {
        /// They are rejected; a filter in the binary knows the most common ones.
        Offline = "offline",
        /// They are accepted.
        Off = "off",
    }
}

section! {
    /// The cost of hashing passwords (Argon2id, RFC 9106), and the rules for new passwords.
    Passwords "passwords." {
        /// The memory per hash in KiB, up to 1048576. The minimum depends on `iterations`, as OWASP recommends: 47104 KiB
        /// with 1 iteration, 19456 with 2, 12288 with 3, 9216 with 4, 7168 with 5. Each hashing worker uses this much
        /// memory while it is busy. After a change, each password is rehashed at its next sign-in.
        memory_kib: u32 = "19456",
        /// The number of passes over the memory: 1 to 100.
        iterations: u32 = "2",
        /// The number of lanes per hash: 1 to 16. They are computed sequentially.
        parallelism: u32 = "1",
        /// The minimum length of new passwords in characters (code points): at least 8. NIST SP 800-63B-4 requires 15 if
        /// the password is the only factor.
        min_length: usize = "8",
        /// The maximum length of new passwords in characters: 64 to 1024.
        max_length: usize = "128",
        /// Whether to reject new passwords that are common in data breaches.
        #[warning = "with `off`, the passwords that attackers try first are accepted"]
        breached: Breached = "offline",
    }
}

/// OWASP Password Storage Cheat Sheet, Argon2id: KiB and iterations of equal strength.
const OWASP: [(u32, u32); 5] = [
    (46 * 1024, 1),
    (19 * 1024, 2),
    (12 * 1024, 3),
    (9 * 1024, 4),
    (7 * 1024, 5),
];

impl Passwords {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("passwords.memory_kib", self.memory_kib, 7168..=1_048_576);
        values.within("passwords.iterations", self.iterations, 1..=100);
        values.within("passwords.parallelism", self.parallelism, 1..=16);
        // ASVS 6.2.1 and 6.2.9: 8 at least, and 64 at least must be possible.
        values.within("passwords.min_length", self.min_length, 8..=1024);
        values.within("passwords.max_length", self.max_length, 64..=1024);
        let strong = OWASP
            .iter()
            .any(|&(memory, passes)| self.memory_kib >= memory && self.iterations >= passes);
        values.require(
            strong,
            &["passwords.memory_kib", "passwords.iterations"],
            ValueError::new(
                format!(
                    "{} KiB with {} iterations make guessing passwords too cheap",
                    self.memory_kib, self.iterations
                ),
                "use at least 47104 KiB with 1 iteration, 19456 with 2, 12288 with 3, 9216 with 4 or 7168 with 5 \
                 (OWASP Password Storage Cheat Sheet)",
            ),
        );
        values.require(
            self.min_length <= self.max_length,
            &["passwords.min_length", "passwords.max_length"],
            ValueError::new(
                "no password could satisfy both limits",
                "min_length must be at most max_length",
            ),
        );
    }
}
