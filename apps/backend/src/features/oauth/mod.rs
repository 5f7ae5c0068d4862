//! The OpenID provider: signing in to other applications, and tokens for their APIs.

pub mod apis;
pub mod authorization;
pub mod backchannel_logout;
pub mod clients;
pub mod consents;
pub mod device_authorization;
pub mod discovery;
pub mod end_session;
pub mod token;
pub mod userinfo;
