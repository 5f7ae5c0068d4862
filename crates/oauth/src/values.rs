//! Values of client metadata (RFC 7591 §2, OpenID Connect Registration §2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Creates an enum whose variants have one name each, on the wire and in messages.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$inner])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All values, in the order of the metadata.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the value on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = String;

            /// # Errors
            /// A sentence that names the supported values.
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("must be one of: {}", [$($text),+].join(", "))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// A grant that a client may use.
    GrantType {
        /// RFC 6749 §4.1
        AuthorizationCode = "authorization_code",
        /// RFC 6749 §6
        RefreshToken = "refresh_token",
        /// RFC 6749 §4.4
        ClientCredentials = "client_credentials",
        /// RFC 8628 §3.4
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
    }
}

names! {
    /// How a client authenticates at the token endpoint.
    #[derive(Default)]
    AuthMethod {
        /// By its secret, in the `Authorization` header (RFC 6749 §2.3.1).
        #[default]
        ClientSecretBasic = "client_secret_basic",
        /// By its secret, in the body (RFC 6749 §2.3.1).
        ClientSecretPost = "client_secret_post",
        /// Not at all: a public client, which cannot keep a secret (RFC 6749 §2.1).
        None = "none",
    }
}

names! {
    /// Which claims of a user an ID token has.
    #[derive(Default)]
    IdTokenClaimsMode {
        /// Those of the granted scopes, and those of the parameter `claims`.
        #[default]
        Scope = "scope",
        /// Only those of the parameter `claims`; others are available from the UserInfo endpoint.
        Minimal = "minimal",
    }
}
