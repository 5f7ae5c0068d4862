//! The rules for new passwords: length, context and a filter of common ones; no composition rules, no expiry (ASVS
//! 6.2.1, 6.2.4, 6.2.5, 6.2.9 to 6.2.12; NIST SP 800-63B-4 §3.1.1).

use super::context::PasswordContext;
use super::filter;
use super::secret::{MOST_CODE_POINTS, NewPassword, Password};

/// The password rules.
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    /// The minimum number of code points, in NFC.
    pub min_length: usize,
    /// The maximum number of code points, in NFC. Values above 1024 have no further effect.
    pub max_length: usize,
    /// How common and breached passwords are rejected.
    pub breached: Breached,
}

/// The source of breached passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breached {
    /// The filter embedded in the binary.
    Offline,
    Off,
}

/// Why a password is rejected. The message is for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Shorter than the policy requires.
    #[error("The password must have at least {min} characters.")]
    TooShort { min: usize },
    /// Longer than the policy allows.
    #[error("The password must have at most {max} characters.")]
    TooLong { max: usize },
    /// Too similar to the account's email address or the name of this service.
    #[error("The password is too similar to your email address or the name of this service.")]
    ContainsContext,
    /// It is among the passwords that attackers try first.
    #[error("This password has appeared in data breaches. Choose another one.")]
    Breached,
}

impl PasswordPolicy {
    /// Checks a new password. The length is checked first.
    ///
    /// # Errors
    /// The first violated rule: length, context, breached.
    pub fn check(&self, password: &Password, context: &PasswordContext<'_>) -> Result<NewPassword, PasswordFault> {
        let max = self.max_length.min(MOST_CODE_POINTS);
        let length = password.length_up_to(max);
        if length > max {
            return Err(PasswordFault::TooLong { max });
        }
        if length < self.min_length {
            return Err(PasswordFault::TooShort { min: self.min_length });
        }
        let normalised = password.normalised();
        if context.is_all_there_is_to(&normalised) {
            return Err(PasswordFault::ContainsContext);
        }
        if self.breached == Breached::Offline && filter::holds(&normalised) {
            return Err(PasswordFault::Breached);
        }
        Ok(NewPassword::accepted(normalised))
    }
}

impl PasswordFault {
    /// Returns the stable code of the problem in responses.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong { .. } => "password_too_long",
            Self::ContainsContext => "password_contains_context",
            Self::Breached => "password_breached",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<NewPassword, PasswordFault> {
        judge_with(15, 128, password)
    }

    fn judge_with(min_length: usize, max_length: usize, password: &str) -> Result<NewPassword, PasswordFault> {
        let policy = PasswordPolicy {
            min_length,
            max_length,
            breached: Breached::Offline,
        };
        let context = PasswordContext {
            email: "ada@example.com",
            issuer_host: "login.example.org",
        };
        policy.check(&Password::from(password.to_owned()), &context)
    }

    #[test]
    fn a_3_and_a_8_length_is_counted_in_code_points_of_nfc() {
        assert_eq!(judge("fourteen chars").err(), Some(PasswordFault::TooShort { min: 15 }));
        assert!(judge("fifteen chars !").is_ok());
        assert!(judge(&"🦉".repeat(15)).is_ok());
        assert!(judge(&"🦉e".repeat(64)).is_ok());
        assert_eq!(
            judge(&"🦉".repeat(129)).err(),
            Some(PasswordFault::TooLong { max: 128 })
        );
        // Decomposed, they have 2 × 14 and 2 × 128 code points.
        assert_eq!(
            judge(&"e\u{301}".repeat(14)).err(),
            Some(PasswordFault::TooShort { min: 15 })
        );
        assert!(judge(&"e\u{301}".repeat(128)).is_ok());
    }

    #[test]
    fn a_length_that_cannot_be_hashed_is_never_accepted() {
        assert!(judge_with(8, usize::MAX, &"🦉".repeat(1024)).is_ok());
        assert_eq!(
            judge_with(8, usize::MAX, &"🦉".repeat(1025)).err(),
            Some(PasswordFault::TooLong { max: 1024 })
        );
    }

    #[test]
    fn a_5_common_passwords_are_refused_in_any_case_of_letters() {
        for common in [
            "password",
            "PassWord1",
            "CorrectHorseBatteryStaple",
            "correct horse battery staple",
            "trustno1",
        ] {
            assert_eq!(
                judge_with(8, 128, common).err(),
                Some(PasswordFault::Breached),
                "{common}"
            );
        }
        let off = PasswordPolicy {
            min_length: 8,
            max_length: 128,
            breached: Breached::Off,
        };
        let context = PasswordContext {
            email: "ada@example.com",
            issuer_host: "login.example.org",
        };
        assert!(off.check(&Password::from("password1".to_owned()), &context).is_ok());
    }

    #[test]
    fn a_6_there_are_no_composition_rules() {
        let free = [
            "lowercaseonlyallthewaydown",
            "  spaces  around  it  ",
            "🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉",
            "\0\u{1}\u{2}\0\0\u{7}\u{8}\t\n\r\0\0\0\0\0",
        ];
        for password in free {
            assert!(judge(password).is_ok(), "{password:?}");
        }
    }

    #[test]
    fn the_accepted_password_is_composed_and_otherwise_as_typed() {
        let accepted = judge(" Cafe\u{301} au Lait, s'il vous plait ").unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(accepted.as_bytes(), " Café au Lait, s'il vous plait ".as_bytes());
    }
}
