//! The one declarative table of all settings: name, meaning, warning, default, and what is accepted.

use super::source;

/// One row of the table of settings.
pub struct Setting {
    /// The name in `countersign.toml`, with its section: `tokens.access_ttl`.
    pub name: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// What can go wrong with it; empty where nothing can.
    pub warning: &'static str,
    /// The default as it would be written; empty for a list or an option that has none.
    pub default: &'static str,
    /// Words for a default that depends on something else; empty where `default` says it.
    pub default_is: &'static str,
    /// What is accepted, in a few words.
    pub form: &'static str,
    /// Whether the value is masked, and may come from a file (`…_file`).
    pub secret: bool,
}

impl Setting {
    /// The environment variable: `COUNTERSIGN_TOKENS__ACCESS_TTL`.
    pub fn variable(&self) -> String {
        source::variable(self.name)
    }
}

/// A setting of an entry of `[[clients]]` or `[[apis]]`. The example is written in TOML.
pub(super) const fn field(
    name: &'static str,
    form: &'static str,
    meaning: &'static str,
    default_is: &'static str,
    example: &'static str,
) -> Setting {
    Setting {
        name,
        meaning,
        warning: "",
        default: example,
        default_is,
        form,
        secret: false,
    }
}
