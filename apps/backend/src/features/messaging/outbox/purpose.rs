//! All kinds of email, in one table. To add a kind, add a row here and its texts in `locales/*/mail.ftl`, named after it
//! (`verify-email-subject`, …). A test renders every purpose in every language.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// The properties of a purpose.
struct Spec {
    /// Its stable name in the database, the audit log and JSON. With `-` for `_`, also the prefix of its texts.
    name: &'static str,
    /// How long the email is still useful after it was queued.
    worth_sending: Duration,
    /// The argument with which an operator sends it, if possible: `countersign users send-mail … WORD`.
    command: Option<Command>,
    kind: Kind,
}

/// The argument that names a purpose on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The argument.
    pub word: &'static str,
    /// Its help text.
    pub help: &'static str,
}

/// The two sorts of email.
enum Kind {
    /// A notice. Its link leads to a public page.
    Notice {
        /// The path of the page.
        page: &'static str,
    },
    /// An email with a link, and usually a code, that prove control of the mailbox.
    Challenge(Challenge),
}

/// What the link and the code of an email allow, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Challenge {
    /// What the link and the code allow. The link leads to the page of the first action.
    pub allows: &'static [Action],
    /// The recipient.
    pub recipient: Recipient,
    /// The lifetime of the link, from when the email is sent.
    pub link_lifetime: Duration,
    /// Whether the requester also gets a code. Invitations have none, because their recipients need more than a code's ten
    /// minutes.
    pub has_code: bool,
    /// Whether it opens an account, and is therefore invalidated when all sessions are ended.
    pub opens_account: bool,
}

macro_rules! actions {
    ($($(#[$doc:meta])+ $variant:ident = $page:literal;)+) => {
        /// What the reader of an email may do, each on its own page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])+ $variant,)+ }

        impl Action {
            /// All actions.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The path of its page: links lead there, and its form is posted there.
            pub const fn page(self) -> &'static str {
                match self { $(Self::$variant => $page,)+ }
            }
        }
    };
}

actions! {
    /// Confirm the email address.
    VerifyEmail = "/verify";
    /// Sign in.
    SignIn = "/signin/email";
    /// Set a new password.
    SetPassword = "/recover/password";
    /// Have the account use this email address.
    ChangeEmail = "/change-email";
}

/// The recipient of an email with a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The account's email address.
    Account,
    /// The account's email address if it is unverified, or the email address of a pending sign-up.
    Unverified,
    /// An email address without an account. Only the session that requested it can use the email.
    NewAddress,
}

/// With less time left, a link does not count as one that its recipient can still use.
pub const TIME_TO_READ: Duration = minutes(5);

macro_rules! purposes {
    ($($(#[$doc:meta])+ $variant:ident: $spec:expr;)+) => {
        /// What an email is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Purpose { $($(#[$doc])+ $variant,)+ }

        impl Purpose {
            /// All purposes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            const fn spec(self) -> &'static Spec {
                match self { $(Self::$variant => const { &$spec },)+ }
            }
        }
    };
}

purposes! {
    /// Confirm that an email address is yours.
    VerifyEmail: Spec {
        name: "verify_email",
        worth_sending: days(3),
        command: Some(Command { word: "verify", help: "Verify the email address" }),
        kind: Kind::Challenge(Challenge {
            allows: &[Action::VerifyEmail],
            recipient: Recipient::Unverified,
            link_lifetime: days(1),
            has_code: true,
            opens_account: true,
        }),
    };
    /// Set a new password.
    ResetPassword: Spec {
        name: "reset_password",
        worth_sending: hours(1),
        command: Some(Command { word: "recover", help: "Set a new password" }),
        kind: Kind::Challenge(Challenge {
            allows: &[Action::SetPassword],
            recipient: Recipient::Account,
            link_lifetime: minutes(15),
            has_code: true,
            opens_account: true,
        }),
    };
    /// Sign in.
    SignIn: Spec {
        name: "sign_in",
        worth_sending: hours(1),
        command: None,
        kind: Kind::Challenge(Challenge {
            allows: &[Action::SignIn],
            recipient: Recipient::Account,
            link_lifetime: minutes(15),
            has_code: true,
            opens_account: true,
        }),
    };
    /// Confirm that a new email address is yours.
    ChangeEmail: Spec {
        name: "change_email",
        worth_sending: hours(1),
        command: None,
        kind: Kind::Challenge(Challenge {
            allows: &[Action::ChangeEmail],
            recipient: Recipient::NewAddress,
            link_lifetime: hours(1),
            has_code: true,
            opens_account: false,
        }),
    };
    /// An operator created an account: choose its password.
    Invitation: Spec {
        name: "invitation",
        worth_sending: days(3),
        command: Some(Command { word: "invite", help: "Choose the first password" }),
        kind: Kind::Challenge(Challenge {
            allows: &[Action::SetPassword],
            recipient: Recipient::Account,
            link_lifetime: days(3),
            has_code: false,
            opens_account: true,
        }),
    };
    /// Too many wrong passwords, so that none are accepted from unknown devices and networks: a link to sign in.
    SignInBlocked: Spec {
        name: "sign_in_blocked",
        worth_sending: days(3),
        command: None,
        kind: Kind::Challenge(Challenge {
            allows: &[Action::SignIn, Action::SetPassword],
            recipient: Recipient::Account,
            link_lifetime: days(1),
            has_code: false,
            opens_account: true,
        }),
    };
    /// A sign-up with an account's email address.
    AlreadyRegistered: notice("already_registered", hours(1), "/signin");
    /// A sign-in from a new device.
    NewSignIn: notice("new_sign_in", days(3), "/recover");
    /// The password was changed.
    PasswordChanged: notice("password_changed", days(3), "/recover");
    /// The email address was changed; sent to the old one.
    EmailChanged: notice("email_changed", days(3), "/");
    /// The account was deleted.
    AccountDeleted: notice("account_deleted", days(3), "/");
}

const fn notice(name: &'static str, worth_sending: Duration, page: &'static str) -> Spec {
    Spec {
        name,
        worth_sending,
        command: None,
        kind: Kind::Notice { page },
    }
}

impl Purpose {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The purpose with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|purpose| purpose.name() == name)
    }

    /// How long it is useful after it was queued.
    pub const fn worth_sending(self) -> Duration {
        self.spec().worth_sending
    }

    /// How an operator sends it, if possible.
    pub const fn command(self) -> Option<Command> {
        self.spec().command
    }

    /// What its link and its code prove. `None`: it is a notice.
    pub const fn challenge(self) -> Option<&'static Challenge> {
        match &self.spec().kind {
            Kind::Challenge(challenge) => Some(challenge),
            Kind::Notice { .. } => None,
        }
    }

    /// The path of the page that its link opens.
    pub const fn page(self) -> &'static str {
        match &self.spec().kind {
            Kind::Challenge(challenge) => challenge.page(),
            Kind::Notice { page } => page,
        }
    }

    /// The purposes whose link or code allows this action.
    pub fn that_allow(action: Action) -> impl Iterator<Item = Self> {
        let allows = move |challenge: &Challenge| challenge.allows.contains(&action);
        Self::ALL
            .iter()
            .copied()
            .filter(move |purpose| purpose.challenge().is_some_and(allows))
    }

    /// The recipient. `None`: a notice, which is sent to the queued email address.
    pub const fn recipient(self) -> Option<Recipient> {
        match self.challenge() {
            Some(challenge) => Some(challenge.recipient),
            None => None,
        }
    }

    /// The lifetime of its link after it was sent; zero for a notice.
    pub const fn link_lifetime(self) -> Duration {
        match self.challenge() {
            Some(challenge) => challenge.link_lifetime,
            None => Duration::ZERO,
        }
    }

    /// The shortest lifetime of all links.
    pub const fn shortest_link_lifetime() -> Duration {
        let (mut shortest, mut index) = (Duration::MAX, 0);
        while index < Self::ALL.len() {
            if let Some(challenge) = Self::ALL[index].challenge()
                && challenge.link_lifetime.as_secs() < shortest.as_secs()
            {
                shortest = challenge.link_lifetime;
            }
            index += 1;
        }
        shortest
    }
}

impl Challenge {
    /// The path of the page that its link opens.
    const fn page(&self) -> &'static str {
        self.allows[0].page()
    }
}

// A challenge without actions does not compile.
const _: () = {
    let mut index = 0;
    while index < Purpose::ALL.len() {
        assert!(!Purpose::ALL[index].page().is_empty());
        index += 1;
    }
};

impl Serialize for Purpose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

const fn hours(count: u64) -> Duration {
    minutes(60 * count)
}

const fn days(count: u64) -> Duration {
    hours(24 * count)
}
