//! The short-term rate limits, by their names in settings, metrics and response headers.

use std::fmt;

use crate::settings::{self, Rate};

macro_rules! policies {
    ($($(#[$doc:meta])+ $variant:ident = $setting:ident;)+) => {
        /// A rate limit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Policy { $($(#[$doc])+ $variant,)+ }

        impl Policy {
            /// Returns its name: that of its setting, without the section.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($setting),)+ }
            }

            /// Returns its configured rate.
            pub fn rate(self, limits: &settings::Limits) -> Rate {
                match self { $(Self::$variant => limits.$setting,)+ }
            }
        }
    };
}

policies! {
    /// Wrong passwords for one account.
    LoginPerAccount = login_per_account;
    /// Wrong passwords for any account.
    LoginPerAddress = login_per_address;
    /// Correct passwords for one account.
    SignInsPerAccount = sign_ins_per_account;
    /// Registrations.
    RegisterPerAddress = register_per_address;
    /// Refreshes.
    RefreshPerAddress = refresh_per_address;
    /// Access tokens for one browser's session.
    CookieTokensPerSession = cookie_tokens_per_session;
    /// Wrong passwords of a signed-in user.
    ChangePasswordPerAccount = change_password_per_account;
    /// Changes of an account's name or metadata.
    ChangeProfilePerAccount = change_profile_per_account;
    /// Exports of an account's data.
    ExportPerAccount = export_per_account;
    /// Ways of signed-in browsers to applications.
    HandoffsPerAccount = handoffs_per_account;
    /// Authorization requests of applications.
    AuthorizePerAddress = authorize_per_address;
    /// Requests of a confidential client at the token and revocation endpoints.
    TokenPerClient = token_per_client;
    /// Requests of public clients at the token and revocation endpoints.
    TokenPerAddress = token_per_address;
    /// Introspections.
    IntrospectPerClient = introspect_per_client;
    /// Requests for an email.
    EmailsPerAddress = emails_per_address;
    /// Requests of devices for codes.
    DeviceBeginPerAddress = device_begin_per_address;
    /// Wrong codes of devices, entered by one account.
    DeviceCodesPerAccount = device_codes_per_account;
    /// Wrong codes of devices, entered from one network.
    DeviceCodesPerAddress = device_codes_per_address;
    /// Wrong codes of devices, entered from one site.
    DeviceCodesPerNetwork = device_codes_per_network;
    /// Wrong codes of devices, entered by anyone.
    DeviceCodesInAll = device_codes_in_all;
    /// Guesses at emailed codes.
    CodesPerAddress = codes_per_address;
    /// Failed authentications of clients.
    ClientAuthPerAddress = client_auth_per_address;
    /// Requests at the UserInfo endpoint.
    UserinfoPerGrant = userinfo_per_grant;
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
