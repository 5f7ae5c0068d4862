//! The use cases, one file each.

mod account;
mod confirm;
mod login;
mod logout;
pub mod operator;

pub use account::{ExportBody, ExportError, change_password, delete, export};
pub use confirm::PasswordError;
pub use login::{Credentials, LoginError, login};
pub use logout::{logout, logout_all, logout_by_refresh_token};
