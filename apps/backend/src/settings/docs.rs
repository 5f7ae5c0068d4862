//! `[docs]`: the interactive documentation.

use super::section::section;

section! {
    /// The interactive documentation.
    Docs "docs." {
        /// Whether `/docs` (Swagger UI) and `/openapi.json` are served.
        enabled: bool = "true",
    }
}
