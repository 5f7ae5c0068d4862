//! The documentation that the server carries: the OpenAPI document, Swagger UI and the list of error codes.
//! Everything comes out of the binary; a browser fetches nothing from elsewhere.

mod errors_page;
mod router;

pub use router::router;
