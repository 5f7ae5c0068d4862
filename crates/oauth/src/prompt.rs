//! The parameter `prompt` (OpenID Connect Core §3.1.2.1; Initiating User Registration §4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One value of `prompt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prompt {
    /// Show no page.
    None,
    /// Ask the user to sign in again.
    Login,
    /// Ask for consent again.
    Consent,
    /// Ask which account to use.
    SelectAccount,
    /// Offer to create an account.
    Create,
}

/// The values of `prompt`, without repetitions. Empty if the parameter was not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prompts(Vec<Prompt>);

/// Why a `prompt` is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPrompt {
    /// A value is not known.
    #[error("prompt may contain only the values none, login, consent, select_account and create")]
    Unknown,
    /// `none` is used with other values.
    #[error("prompt=none must not be combined with other values")]
    NoneWithOthers,
}

impl Prompt {
    /// All values, in the order of the metadata.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Login,
        Self::Consent,
        Self::SelectAccount,
        Self::Create,
    ];

    /// Returns the value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
        }
    }
}

impl Prompts {
    /// Returns whether the value is among them.
    pub fn contains(&self, prompt: Prompt) -> bool {
        self.0.contains(&prompt)
    }

    /// Returns whether no page may be shown.
    pub fn is_none(&self) -> bool {
        self.contains(Prompt::None)
    }

    /// Returns the values.
    pub fn iter(&self) -> impl Iterator<Item = Prompt> {
        self.0.iter().copied()
    }
}

impl FromStr for Prompts {
    type Err = InvalidPrompt;

    fn from_str(text: &str) -> Result<Self, InvalidPrompt> {
        let mut prompts = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let prompt = Prompt::ALL.into_iter().find(|prompt| prompt.as_str() == word);
            let prompt = prompt.ok_or(InvalidPrompt::Unknown)?;
            if !prompts.contains(&prompt) {
                prompts.push(prompt);
            }
        }
        match prompts.len() > 1 && prompts.contains(&Prompt::None) {
            true => Err(InvalidPrompt::NoneWithOthers),
            false => Ok(Self(prompts)),
        }
    }
}

impl TryFrom<String> for Prompts {
    type Error = InvalidPrompt;

    fn try_from(text: String) -> Result<Self, InvalidPrompt> {
        text.parse()
    }
}

impl From<Prompts> for String {
    fn from(prompts: Prompts) -> Self {
        prompts.to_string()
    }
}

impl fmt::Display for Prompts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, prompt) in self.0.iter().enumerate() {
            let separator = if index > 0 { " " } else { "" };
            write!(f, "{separator}{}", prompt.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidPrompt, Prompt, Prompts};

    #[test]
    fn none_stands_alone() {
        let read = |text: &str| text.parse::<Prompts>().map(|prompts| prompts.to_string());
        assert_eq!(read("login consent  login").as_deref(), Ok("login consent"));
        assert_eq!(read("").as_deref(), Ok(""));
        assert!("none none".parse::<Prompts>().unwrap().is_none());
        assert!(
            "select_account create"
                .parse::<Prompts>()
                .unwrap()
                .contains(Prompt::Create)
        );
        for text in ["none login", "consent none"] {
            assert_eq!(read(text), Err(InvalidPrompt::NoneWithOthers), "{text}");
        }
        for text in ["Login", "login,consent", "login\tconsent", "registration"] {
            assert_eq!(read(text), Err(InvalidPrompt::Unknown), "{text}");
        }
    }
}
