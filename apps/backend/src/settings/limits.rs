//! `[limits]`: rate limits. An IP address stands for its prefix: the IPv4 address itself, or an IPv6 /64.

use super::rate::Rate;
use super::section::section;

section! {
    /// Rate limits, checked before anything expensive is done. Requests that the server answers with 503 do not count.
    /// Limits per IP address count an IPv4 address or an IPv6 /64.
    Limits "limits." {
        /// Whether rate limits are enforced.
        #[warning = "without them, only the hashing threads slow down password guessing; for load tests only"]
        enabled: bool = "true",
        /// Failed sign-ins per account and IP address (IPv6: /64). The default leaves room for typos. It allows 960
        /// guesses a day from one IP address, but after 100 consecutive failures, an account accepts only about 48 a day
        /// from unknown clients.
        login_per_account: Rate = "10/15m",
        /// Failed sign-ins per IP address (IPv6: /64), for any account. The default leaves room for an office
        /// behind one IP address, but stops credential stuffing.
        login_per_address: Rate = "30/1m",
        /// Correct passwords per account and IP address (IPv6: /64), at all endpoints that take a password. The default
        /// only affects programs that sign in again instead of refreshing their tokens.
        sign_ins_per_account: Rate = "60/15m",
        /// Sign-ups per IP address (IPv6: /64). The default leaves room for a classroom, but stops scripts.
        register_per_address: Rate = "20/1h",
        /// Token refreshes per IP address (IPv6: /64). Tokens cannot be guessed, so this limit only bounds the load. The
        /// default leaves room for many users behind one IP address.
        refresh_per_address: Rate = "120/1m",
        /// Access tokens issued for one browser session (`POST /api/auth/token`). A server that renders pages requests
        /// one each time it renders a page. Cookies without an active session count against `refresh_per_address`
        /// instead.
        cookie_tokens_per_session: Rate = "300/1m",
        /// Wrong current passwords per account and IP address (IPv6: /64) when a signed-in user changes the password or
        /// deletes the account, so that a stolen access token cannot be used to guess the password. Counted by the
        /// account's email address.
        change_password_per_account: Rate = "5/15m",
        /// Changes to the name or metadata, per account.
        change_profile_per_account: Rate = "60/1h",
        /// Data exports per account.
        export_per_account: Rate = "10/1h",
        /// Handoffs per account: how often browsers that are signed in here may be signed in to applications behind a
        /// proxy. The default leaves room for a browser that reopens many pages at once.
        handoffs_per_account: Rate = "120/1m",
        /// Authorization requests (`/oauth2/authorize`) per IP address (IPv6: /64). The default leaves room for an office
        /// behind one IP address where everyone signs in to their applications in the morning.
        authorize_per_address: Rate = "60/1m",
        /// Requests from one confidential client to the token and revocation endpoints. All users of an application share
        /// this limit. A device that polls for a pending code does not count, unless it polls too early.
        token_per_client: Rate = "600/1m",
        /// Requests from public clients to the token and revocation endpoints, per IP address (IPv6: /64). Public clients
        /// run on users' devices, so the IP address is the user's. A device that polls for a pending code does not count, unless
        /// it polls too early.
        token_per_address: Rate = "60/1m",
        /// Requests from one client to the introspection endpoint.
        introspect_per_client: Rate = "6000/1m",
        /// Requests for emails (verification, password reset, sign-in) per IP address (IPv6: /64), for any
        /// recipient.
        emails_per_address: Rate = "20/1h",
        /// Requests for one kind of email per recipient and network (an IPv4 address or an IPv6 /48). For all kinds
        /// together, the limit is a third of `emails_per_recipient`, or this number of emails if that is higher. Requests
        /// beyond the limit get the usual response, but no email is sent. The exception is a recipient who has no working
        /// link of this kind: up to six more emails of each kind are then sent per hour, regardless of this limit and of
        /// `emails_per_recipient`.
        emails_per_recipient_and_network: Rate = "3/1h",
        /// Emails of all kinds per recipient, so that no mailbox can be flooded. Emails that someone requested use at
        /// most three quarters of the limit, so that they cannot crowd out notices about the account. Notices beyond the
        /// limit are sent later.
        emails_per_recipient: Rate = "12/1h",
        /// Requests for device codes (`POST /oauth2/device_authorization`) per IP address (IPv6: /64).
        device_begin_per_address: Rate = "20/10m",
        /// Wrong device user codes entered on the page `/device`, per account.
        device_codes_per_account: Rate = "10/10m",
        /// Wrong device user codes per IP address (IPv6: /64), for any account.
        device_codes_per_address: Rate = "20/10m",
        /// Wrong device user codes per network (an IPv4 address or an IPv6 /48), for any account: a tenth of
        /// `device_codes_in_all`, so that one network cannot use that up, which would stop all users from connecting
        /// devices. Keep it well below that limit.
        device_codes_per_network: Rate = "100/10m",
        /// Wrong device user codes in total. There are 25 billion possible codes, and at most 10,000 are valid at a time.
        device_codes_in_all: Rate = "1000/10m",
        /// Guesses of emailed codes per IP address (IPv6: /64). In addition, five guesses are allowed for each code, and
        /// fifty for each email address until its owner uses a link or a correct code, or 30 days pass without a guess.
        codes_per_address: Rate = "30/15m",
        /// Failed client authentications per IP address (IPv6: /64), at the endpoints where clients present a secret.
        client_auth_per_address: Rate = "20/5m",
        /// Requests to the UserInfo endpoint for one user's grant to one client.
        userinfo_per_grant: Rate = "60/1m",
    }
}
