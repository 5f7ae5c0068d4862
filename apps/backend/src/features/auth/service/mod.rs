//! The use cases, one file each.

mod account;
mod ask;
mod attempt;
mod confirm;
mod email_sign_in;
mod login;
mod logout;
mod opening;
pub mod operator;
mod settle;
mod sign_up;

pub use account::{ExportBody, ExportError, change_password, delete, export};
pub use ask::{AskError, Asking, ask};
pub use confirm::{PasswordError, confirm};
pub use email_sign_in::{enter_by_email, sign_in_by_email};
pub use login::{Credentials, LoginError, enter, login};
pub use logout::{logout, logout_all, logout_by_refresh_token};
pub use opening::{Holder, notify, notify_at};
pub use settle::settle;
pub use sign_up::{Registration, SignUpError, SignedUp, sign_up};
