//! Words that an attacker tries first because of whose account it is and where (ASVS 6.2.11).
//!
//! The words: the account's whole address, its local part and the pieces of that, the product's name, and the issuer's
//! host, whole and by label. Letters are folded to small ones and everything that is no letter or digit is left out, on
//! both sides, so `Ada_Lovelace` and `ada.lovelace` are one.
//!
//! The rule: the words are taken out of the password, the longest first. If there was one and what is left is at most
//! four signs, or at most eight and only digits (a date), then the password is the word with a decoration, and refused.
//! A long password that merely contains a word brings enough of its own: `canada lynx` is fine for ada@example.com.

/// The product's own name, which is refused everywhere.
const PRODUCT: &str = "countersign";

/// Shorter words are in too many honest passwords to mean anything.
const SHORTEST_WORD: usize = 3;
/// So many signs beside a word are decoration.
const DECORATION: usize = 4;
/// So many digits beside a word are a date.
const DATE: usize = 8;

/// Whose password it is, and where.
#[derive(Clone, Copy, Debug)]
pub struct PasswordContext<'a> {
    pub email: &'a str,
    /// The host of the issuer, without scheme and port.
    pub issuer_host: &'a str,
}

impl PasswordContext<'_> {
    /// Whether the password is one or more of these words and next to nothing else.
    pub(super) fn is_all_there_is_to(&self, password: &str) -> bool {
        let whole = folded(password);
        let mut rest = whole.clone();
        for word in self.words() {
            rest = rest.replace(&word, "");
        }
        let own = rest.chars().count();
        rest.len() < whole.len() && (own <= DECORATION || own <= DATE && rest.chars().all(char::is_numeric))
    }

    /// The words, folded, the longest first so that a whole address is taken out before its pieces.
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
    fn a_11_the_account_and_the_service_are_no_passwords() {
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
    fn a_11_a_word_inside_a_longer_password_is_no_fault() {
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
