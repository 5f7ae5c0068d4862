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
