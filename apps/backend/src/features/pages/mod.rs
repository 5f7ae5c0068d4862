//! The hosted pages: signing in and up, proving an address, recovering, one's own account, and the page that greets.
//! HTML that the server renders, which works without JavaScript, in the reader's language. Every act is a POST that calls
//! the same service as the API does: no rule is written here.
//! `browser_sessions` is its table: which session a browser's cookie stands for.

mod account;
mod assets;
mod browser;
mod cookies;
mod done;
mod files;
mod form;
mod landing;
mod mailed;
mod place;
mod reply;
mod roots;
mod router;
mod secret;
mod service;
mod signin;
mod store;
mod typed;
mod under_way;
mod view;
mod visitor;

pub use assets::Assets;
pub use reply::for_people;
pub use router::router;
pub use service::{Pages, Parts};
