//! The steps of the schema. Each file runs unchanged on both databases, once, in this order.

use countersign_store::Migration;

/// All migrations, oldest first. A file that was released never changes.
pub const ALL: &[Migration] = &[Migration {
    version: 1,
    name: "initial",
    sql: include_str!("../migrations/0001_initial.sql"),
}];

/// The migrations that this program knows: [`ALL`] of them.
#[cfg(not(all(feature = "testing", debug_assertions)))]
pub(crate) const fn known() -> &'static [Migration] {
    ALL
}

#[cfg(all(feature = "testing", debug_assertions))]
pub use next_version::known;

/// For tests of upgrades: with `COUNTERSIGN_TEST_NEXT_VERSION` in its environment, the program is the version after this
/// one, which has a further migration. No release has this: it takes a debug build with the feature `testing`, and
/// `scripts/release` looks for the name.
#[cfg(all(feature = "testing", debug_assertions))]
mod next_version {
    use std::sync::LazyLock;

    use countersign_store::Migration;

    use super::ALL;

    /// Far beyond those that are there.
    const MIGRATION: Migration = Migration {
        version: 1_000_000,
        name: "next version",
        sql: include_str!("../tests/next_version.sql"),
    };

    #[expect(
        clippy::disallowed_methods,
        reason = "it is no setting: tests say which version they start"
    )]
    static KNOWN: LazyLock<Vec<Migration>> = LazyLock::new(|| {
        let further = std::env::var_os("COUNTERSIGN_TEST_NEXT_VERSION").map(|_| MIGRATION);
        ALL.iter().copied().chain(further).collect()
    });

    /// The migrations that this program knows.
    pub fn known() -> &'static [Migration] {
        &KNOWN
    }
}
