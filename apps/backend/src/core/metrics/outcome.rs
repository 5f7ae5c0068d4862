//! Outcomes of counted operations: the values of the label `outcome`.

macro_rules! outcomes {
    ($(#[$doc:meta])+ $name:ident { $($(#[$variant_doc:meta])+ $variant:ident = $label:literal;)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])+ $variant,)+ }

        impl $name {
            /// All values of the label, which the catalog explains.
            #[cfg(test)]
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the value of the label.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }
    };
}

outcomes! {
    /// The outcome of a sign-in.
    LoginOutcome {
        /// A session was created.
        Success = "success";
        /// The credentials are not valid.
        Invalid = "invalid";
        /// The email address is not verified, which this server requires.
        Unverified = "unverified";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The password could not be checked because of overload.
        Overloaded = "overloaded";
        /// The database or the signing key failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of a refresh.
    RefreshOutcome {
        /// New tokens were issued.
        Success = "success";
        /// The token is not valid.
        Invalid = "invalid";
        /// The token was used before, and its session has been revoked.
        Reused = "reused";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The database or the signing key failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of a request for an access token with a session cookie.
    CookieTokenOutcome {
        /// An access token was issued.
        Success = "success";
        /// The browser is not signed in.
        SignedOut = "signed_out";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The database or the signing key failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of a request at the UserInfo endpoint.
    UserInfoOutcome {
        /// The claims of the user were returned.
        Success = "success";
        /// The token is not accepted.
        Invalid = "invalid";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The database or a signing key failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of signing a browser in to an application behind a proxy.
    HandoffOutcome {
        /// The browser got a cookie.
        Success = "success";
        /// The code is not valid in this browser.
        Invalid = "invalid";
        /// A rate limit was exceeded.
        Limited = "limited";
    }
}

outcomes! {
    /// The outcome of an authorization request when it arrives.
    AuthorizeOutcome {
        /// The user is asked.
        Begun = "begun";
        /// The client gets a code at once.
        Silent = "silent";
        /// The client gets an error at once.
        Refused = "refused";
        /// It was refused with a page.
        Page = "page";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The database failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of an attempt to send an email.
    SendOutcome {
        /// The mail server accepted it.
        Sent = "sent";
        /// The recipient is temporarily unavailable.
        Postponed = "postponed";
        /// The mail server cannot be used.
        Failed = "failed";
        /// The recipient is permanently rejected.
        Refused = "refused";
        /// It no longer has a recipient.
        Dropped = "dropped";
    }
}

outcomes! {
    /// The outcome of an attempt to send a logout notice.
    NoticeOutcome {
        /// The client accepted it.
        Sent = "sent";
        /// The client cannot be reached, or did not respond as expected. There will be another attempt.
        Postponed = "postponed";
        /// The client rejected it.
        Refused = "refused";
        /// There were too many failed attempts.
        GivenUp = "given_up";
    }
}

outcomes! {
    /// The outcome of a request at the token endpoint.
    TokenOutcome {
        /// Tokens were issued.
        Issued = "issued";
        /// A device asks while its user has not answered.
        Pending = "pending";
        /// The code or token is not valid.
        InvalidGrant = "invalid_grant";
        /// The client failed to authenticate.
        InvalidClient = "invalid_client";
        /// The request is not valid, or the client may not make it.
        InvalidRequest = "invalid_request";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The database or a signing key failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of a request at the revocation endpoint.
    RevocationOutcome {
        /// A grant was ended, or the tokens of a client.
        Revoked = "revoked";
        /// The token was unknown, not valid, or another client's.
        Ignored = "ignored";
        /// The client failed to authenticate.
        InvalidClient = "invalid_client";
        /// The request is not valid.
        InvalidRequest = "invalid_request";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The database failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of a request of a device.
    DeviceOutcome {
        /// The device got codes.
        Begun = "begun";
        /// The client failed to authenticate.
        InvalidClient = "invalid_client";
        /// The request is not valid, or the client may not make it.
        InvalidRequest = "invalid_request";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// Too many requests are pending, or the database failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of a request of an application to sign a user out.
    SignOutOutcome {
        /// The session of the browser was ended.
        SignedOut = "signed_out";
        /// The user is asked.
        Asked = "asked";
        /// The browser has no session.
        NoSession = "no_session";
        /// The request is not valid.
        Refused = "refused";
        /// The database failed.
        Failed = "failed";
    }
}

outcomes! {
    /// The outcome of a request at the introspection endpoint.
    IntrospectionOutcome {
        /// The token is valid.
        Active = "active";
        /// The token is not valid, or not for this client.
        Inactive = "inactive";
        /// The client failed to authenticate.
        InvalidClient = "invalid_client";
        /// The request is not valid, or the client may not make it.
        InvalidRequest = "invalid_request";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The database failed.
        Failed = "failed";
    }
}
