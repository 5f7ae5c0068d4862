//! The hosted pages: signing in and up, confirming an email address, password recovery, the account and the landing page.
//! They are rendered on the server in the user's language and work without JavaScript. Every action is a POST that calls
//! the same service as the API; the pages contain no business rules.
//!
//! To read it, follow a request:
//! 1. `router` has all paths, and `roots` those shown to people. `reply` has the layers around them (`as_pages`,
//!    `ForPeople`) and renders responses.
//! 2. `visitor` is the client of a request, with its language, its `cookies` and its session, which the feature
//!    `browser_sessions` finds.
//! 3. `form` accepts only our own forms (`OwnForm`), and `single_flight` handles a form that was sent twice only once;
//!    `foreign_form` reads those of applications.
//!    `email_input` parses a field, and `destination` and `return_path` where the visitor continues.
//! 4. The handlers are `landing`, `signin`, `signup`, `signout`, `email` (actions that begin or end with an email), `authorize`
//!    (signing in to applications), `again` (signing in again in the same session), `account`, `apps`, `device` and `logout`. `browser`
//!    changes the cookies when a user signs in or out.
//! 5. `view` is the data and errors of a template, `done` the confirmation of an action, and `mailed` what a browser
//!    remembers of requested emails. `assets` and `files` are the style sheet, the script and the icon.

mod account;
mod again;
mod apps;
mod assets;
mod authorize;
mod browser;
mod cookies;
mod destination;
mod device;
mod done;
mod email;
mod email_input;
mod files;
mod foreign_form;
mod form;
mod landing;
mod logout;
mod mailed;
mod permissions;
mod policy;
mod reply;
mod return_path;
mod roots;
mod router;
mod service;
mod signin;
mod signout;
mod signup;
mod single_flight;
mod view;
mod visitor;

pub use assets::Assets;
pub use reply::ForPeople;
pub use router::router;
pub use service::{Pages, Parts};
