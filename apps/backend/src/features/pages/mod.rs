//! The hosted pages: signing in and up, proving an address, recovering, one's own account, and the page that greets.
//! HTML that the server renders, which works without JavaScript, in the reader's language. Every act is a POST that calls
//! the same service as the API does: no rule is written here.
//! `browser_sessions` is its table: which session a browser's cookie stands for.
//!
//! To read it, follow a request:
//! 1. `router`: every path; `roots`: which are for people. `reply` has the layers around them (`as_pages`, `ForPeople`), and
//!    how a page leaves.
//! 2. `visitor`: who asks, in which language, with which `cookies`. `service` and `store` find the session of a cookie.
//! 3. `form`: a form is taken if it is ours (`OwnForm`), and `single_flight` handles one that was sent twice once.
//!    `email_input` and `return_path` are what its fields are parsed into.
//! 4. The handlers: `landing`, `signin` (password, sign-up, sign-out), `email` (what begins or ends with an email),
//!    `account`. `browser` is what they do to a browser when a person signs in or out.
//! 5. `view`: what a template is given, and what was wrong; `done`: the page that tells what was done; `mailed`: what a
//!    browser remembers of the mails that were asked for with it; `assets` and `files`: the style
//!    sheet, the script and the icon.

mod account;
mod assets;
mod browser;
mod cookies;
mod done;
mod email;
mod email_input;
mod files;
mod form;
mod landing;
mod mailed;
mod reply;
mod return_path;
mod roots;
mod router;
mod secret;
mod service;
mod signin;
mod single_flight;
mod store;
mod view;
mod visitor;

pub use assets::Assets;
pub use reply::ForPeople;
pub use router::router;
pub use service::{Pages, Parts};
