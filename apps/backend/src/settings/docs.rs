//! `[docs]`: the interactive documentation.

use super::section::section;

section! {
    /// The interactive API documentation.
    Docs "docs." {
        /// Whether to serve `/docs` (Swagger UI) and `/openapi.json`.
        enabled: bool = "true",
    }
}
