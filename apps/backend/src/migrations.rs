//! The migrations of the schema. Each file runs unchanged on both databases, once, in this order.

use countersign_store::Migration;

/// All migrations, oldest first. A released file never changes.
pub const ALL: &[Migration] = &[Migration {
    version: 1,
    name: "initial",
    sql: include_str!("../migrations/0001_initial.sql"),
}];

/// Returns the migrations that this program knows: [`ALL`].
#[cfg(not(all(feature = "testing", debug_assertions)))]
pub(crate) const fn known() -> &'static [Migration] {
    ALL
}

#[cfg(all(feature = "testing", debug_assertions))]
pub use next_version::known;

/// For upgrade tests: with `COUNTERSIGN_TEST_NEXT_VERSION` in its environment, the program acts as the next version, which has
/// another migration. Releases do not contain this: it requires a debug build with the feature `testing`, and `scripts/release`
/// checks for the name.
#[cfg(all(feature = "testing", debug_assertions))]
mod next_version {
    use std::sync::LazyLock;

    use countersign_store::Migration;

    use super::ALL;

    /// Numbered far above the released migrations.
    const MIGRATION: Migration = Migration {
        version: 1_000_000,
        name: "next version",
        sql: include_str!("../tests/next_version.sql"),
    };

    #[expect(
        clippy::disallowed_methods,
        reason = "it is not a setting: tests choose the version that they start"
    )]
    static KNOWN: LazyLock<Vec<Migration>> = LazyLock::new(|| {
        let further = std::env::var_os("COUNTERSIGN_TEST_NEXT_VERSION").map(|_| MIGRATION);
        ALL.iter().copied().chain(further).collect()
    });

    /// Returns the migrations that this program knows.
    pub fn known() -> &'static [Migration] {
        &KNOWN
    }
}
