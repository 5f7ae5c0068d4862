//! The supported languages.

use std::str::FromStr;

macro_rules! languages {
    ($($(#[$doc:meta])+ $variant:ident = $tag:literal, $name:literal;)+) => {
        /// A language that users can choose.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Language { $($(#[$doc])+ $variant,)+ }

        impl Language {
            /// All languages, in the order of the menu.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The language tag (RFC 5646), for `lang` and `Content-Language`.
            pub fn tag(self) -> &'static str {
                match self { $(Self::$variant => $tag,)+ }
            }

            /// The language's name for itself.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

languages! {
    /// English.
    #[default]
    English = "en", "English";
    /// German.
    German = "de", "Deutsch";
    /// French.
    French = "fr", "Français";
    /// Spanish.
    Spanish = "es", "Español";
    /// Chinese in simplified characters.
    Chinese = "zh-Hans", "简体中文";
    /// Japanese.
    Japanese = "ja", "日本語";
    /// Arabic.
    Arabic = "ar", "العربية";
}

impl Language {
    /// The direction of text: `dir` in HTML.
    pub fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            Self::English | Self::German | Self::French | Self::Spanish | Self::Chinese | Self::Japanese => "ltr",
        }
    }
}

/// The language is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsupported language")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Parses an exact tag.
    fn from_str(tag: &str) -> Result<Self, UnknownLanguage> {
        let found = Self::ALL.iter().copied().find(|language| language.tag() == tag);
        found.ok_or(UnknownLanguage)
    }
}
