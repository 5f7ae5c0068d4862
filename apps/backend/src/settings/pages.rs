//! `[pages]`: how pages and mails look to people.

use super::section::section;

section! {
    /// How pages and mails look to people.
    Pages "pages." {
        /// The name of the service that people sign in to, in pages and mails.
        name: String = "Countersign",
    }
}
