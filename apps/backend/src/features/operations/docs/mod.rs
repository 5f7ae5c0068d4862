//! The built-in documentation: the OpenAPI document, Swagger UI and the list of error codes.
//! Everything is embedded in the binary; a browser loads nothing from elsewhere.

mod errors_page;
mod router;

pub use router::router;
