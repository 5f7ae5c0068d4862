//! Words that an attacker would try first for a given account and service (ASVS 6.2.11).
//!
//! The words are the account's email address, its local part and the parts of that, the product's name, and the issuer's
//! host and its labels. On both sides, letters are lowercased and everything except letters and digits is removed, so
//! `Ada_Lovelace` equals `ada.lovelace`.
//!
//! The words are removed from the password, longest first. If any was found and at most four characters remain, or at most
//! eight that are all digits (a date), the password is a decorated word and is rejected. A long password that only contains
//! a word is accepted: `canada lynx` is fine for ada@example.com.

/// The product's name, which is rejected everywhere.
const PRODUCT: &str = "countersign";

/// Shorter words occur in too many good passwords.
const SHORTEST_WORD: usize = 3;
/// Up to this many extra characters are decoration.
const DECORATION: usize = 4;
/// Up to this many extra digits are a date.
const DATE: usize = 8;

/// The account and service of a password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordContext<'a> {
    pub email: &'a str,
    /// The issuer's host, without scheme and port.
    pub issuer_host: &'a str,
}

impl PasswordContext<'_> {
    /// Returns whether the password consists of these words and almost nothing else.
    pub(super) fn is_all_there_is_to(&self, password: &str) -> bool {
        let whole = folded(password);
        let mut rest = whole.clone();
        for word in self.words() {
            rest = rest.replace(&word, "");
        }
        let own = rest.chars().count();
        rest.len() < whole.len() && (own <= DECORATION || own <= DATE && rest.chars().all(char::is_numeric))
    }

    /// Returns the folded words, longest first, so that the whole email address is removed before its parts.
    fn words(&self) -> Vec<String> {
        let local = self.email.rsplit_once('@').map_or(self.email, |(local, _)| local);
        let words = [self.email, local, PRODUCT, self.issuer_host];
        let pieces = local.split(['.', '-', '_', '+']).chain(self.issuer_host.split('.'));
        let mut words: Vec<String> = words
            .into_iter()
            .chain(pieces)
            .map(folded)
            .filter(|word| word.chars().count() >= SHORTEST_WORD)
            .collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .filter(|sign| sign.is_alphanumeric())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(email: &str, password: &str) -> bool {
        PasswordContext {
            email,
            issuer_host: "login.acme-works.example",
        }
        .is_all_there_is_to(password)
    }

    #[test]
    fn a_11_names_of_the_account_and_the_service_are_refused_as_passwords() {
        let passwords = [
            "ada.lovelace@example.com",
            "ADA.LOVELACE@EXAMPLE.COM!",
            "adalovelace",
            "Ada_Lovelace1",
            "lovelace1815",
            "Lovelace10121815",
            "lovelaceada12",
            "!!lovelace!!",
            "my lovelace",
            "countersign pass",
            "Countersign",
            "countersign2026",
            "c.o.u.n.t.e.r.s.i.g.n",
            "login.acme-works.example",
            "acmeworks123",
            "acme-works-ada",
            "countersign lovelace",
        ];
        for password in passwords {
            assert!(refused("ada.lovelace@example.com", password), "{password}");
        }
    }

    #[test]
    fn a_11_a_forbidden_word_inside_a_longer_password_is_allowed() {
        let passwords = [
            "canada lynx",
            "adamantine",
            "lovelace wrote notes",
            "countersigned by the queen",
            "my login is mine",
            "ada 123456789",
        ];
        for password in passwords {
            assert!(!refused("ada.lovelace@example.com", password), "{password}");
        }
        assert!(!refused("al@example.com", "alalalalal"), "two letters mean nothing");
        assert!(
            !refused("ada@example.com", "🦉🦉🦉🦉🦉🦉🦉🦉"),
            "nothing was taken out of it"
        );
    }
}
