//! How strongly a user was authenticated.

/// An authentication context class (`acr`), after the levels of NIST SP 800-63B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acr {
    /// One factor.
    Aal1,
    /// Two factors of different kinds, or a passkey that verified its user.
    Aal2,
}

impl Acr {
    /// Returns its value in tokens and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

/// Returns the class that was reached with these authentication methods (`amr`, RFC 8176), separated by spaces.
pub fn acr(amr: &str) -> Acr {
    let is_strong = |method| matches!(method, "mfa" | "hwk" | "swk");
    match amr.split_ascii_whitespace().any(is_strong) {
        true => Acr::Aal2,
        false => Acr::Aal1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_follows_from_the_methods() {
        for (amr, class) in [
            ("", Acr::Aal1),
            ("pwd", Acr::Aal1),
            ("otp", Acr::Aal1),
            ("pwd mfaa", Acr::Aal1),
            ("MFA", Acr::Aal1),
            ("pwd otp mfa", Acr::Aal2),
            ("hwk", Acr::Aal2),
            ("swk user", Acr::Aal2),
        ] {
            assert_eq!(acr(amr), class, "{amr}");
        }
        assert!(Acr::Aal2 > Acr::Aal1);
    }
}
