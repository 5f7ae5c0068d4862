//! How what is counted may end: the values of the label `outcome`.

macro_rules! outcomes {
    ($(#[$doc:meta])+ $name:ident { $($(#[$variant_doc:meta])+ $variant:ident = $label:literal;)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])+ $variant,)+ }

        impl $name {
            /// All of them: the values of the label that the catalogue explains.
            #[cfg(test)]
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value of the label.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }
    };
}

outcomes! {
    /// How a sign-in ended.
    LoginOutcome {
        /// A session was opened.
        Success = "success";
        /// What was presented is not valid.
        Invalid = "invalid";
        /// The email address is not verified, which this server requires.
        Unverified = "unverified";
        /// A rate limit was exceeded.
        Limited = "limited";
        /// The password could not be checked just now.
        Overloaded = "overloaded";
        /// The database or the signing key failed.
        Failed = "failed";
    }
}

outcomes! {
    /// How a refresh ended.
    RefreshOutcome {
        /// The new tokens were issued.
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
    /// How an attempt to send an email ended.
    SendOutcome {
        /// The mail server took it.
        Sent = "sent";
        /// The recipient cannot be served now.
        Postponed = "postponed";
        /// The mail server cannot be used.
        Failed = "failed";
        /// The recipient is refused for good.
        Refused = "refused";
        /// It has no recipient any more.
        Dropped = "dropped";
    }
}
