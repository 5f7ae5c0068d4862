//! The schema's history. Each file runs unchanged on both databases, once, in this order.

use countersign_store::Migration;

/// All migrations, oldest first. A file that was released never changes.
pub const ALL: &[Migration] = &[
    Migration {
        version: 1,
        name: "initial",
        sql: include_str!("../migrations/0001_initial.sql"),
    },
    Migration {
        version: 2,
        name: "revocation",
        sql: include_str!("../migrations/0002_revocation.sql"),
    },
    Migration {
        version: 3,
        name: "audit",
        sql: include_str!("../migrations/0003_audit.sql"),
    },
    Migration {
        version: 4,
        name: "generations",
        sql: include_str!("../migrations/0004_generations.sql"),
    },
    Migration {
        version: 5,
        name: "mail",
        sql: include_str!("../migrations/0005_mail.sql"),
    },
    Migration {
        version: 6,
        name: "pages",
        sql: include_str!("../migrations/0006_pages.sql"),
    },
    Migration {
        version: 7,
        name: "devices",
        sql: include_str!("../migrations/0007_devices.sql"),
    },
    Migration {
        version: 8,
        name: "guesses",
        sql: include_str!("../migrations/0008_guesses.sql"),
    },
    Migration {
        version: 9,
        name: "audit subjects",
        sql: include_str!("../migrations/0009_audit_subjects.sql"),
    },
    Migration {
        version: 10,
        name: "proofs",
        sql: include_str!("../migrations/0010_proofs.sql"),
    },
    Migration {
        version: 11,
        name: "notices",
        sql: include_str!("../migrations/0011_notices.sql"),
    },
    Migration {
        version: 12,
        name: "former links",
        sql: include_str!("../migrations/0012_former_links.sql"),
    },
];

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
