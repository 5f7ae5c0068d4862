//! Which emails there are: one table, from which everything else reads. A new purpose is a row here and its texts in
//! `locales/*/mail.ftl`, named after it (`verify-email-subject`, …); a test renders every purpose in every language.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// What is to be known of a purpose.
struct Spec {
    /// Its stable name: in the database, in the audit log and in JSON; with `-` for `_`, the beginning of its texts' names.
    name: &'static str,
    /// How long it is worth sending after it was queued.
    worth_sending: Duration,
    /// How an operator has it sent, if they can: `countersign users send-mail … WORD`.
    command: Option<Command>,
    /// Whether its row goes as soon as it was sent: it is about an account that is gone.
    leaves_no_row: bool,
    kind: Kind,
}

/// The word by which the command line names a purpose.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The word.
    pub word: &'static str,
    /// What the help says of it.
    pub help: &'static str,
}

/// What an email is, apart from what it tells.
enum Kind {
    /// It tells of something, and has a link to a page that anyone can open.
    Notice {
        /// The path of the page.
        page: &'static str,
    },
    /// It has a link, and mostly a code, that prove that its reader holds the mailbox.
    Challenge(Challenge),
}

/// What the link and the code of an email prove, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Challenge {
    /// What its reader may do. The link leads to the page of the first.
    pub allows: &'static [Action],
    /// Whom it goes to.
    pub recipient: Recipient,
    /// How long the link works after the email was sent.
    pub link_lifetime: Duration,
    /// Whether there is a code beside the link, for the one who asked. An invitation is answered when it suits: a code that
    /// works for ten minutes would be of no use.
    pub has_code: bool,
    /// Whether it opens an account: then it ends when everything ends.
    pub opens_account: bool,
}

macro_rules! actions {
    ($($(#[$doc:meta])+ $variant:ident = $page:literal;)+) => {
        /// What the reader of an email may do, on a page of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])+ $variant,)+ }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The path of its page: links lead there, and what they open is sent there.
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

/// Whom an email with a challenge goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The account's email address.
    Account,
    /// The same, as long as it is not verified; or the email address of a sign-up that waits for it.
    Unverified,
    /// An email address that no account has yet. Only the session that asked can use it.
    NewAddress,
}

/// Below it, a link ends too soon to count as one that its recipient has.
pub const TIME_TO_READ: Duration = minutes(5);

macro_rules! purposes {
    ($($(#[$doc:meta])+ $variant:ident: $spec:expr;)+) => {
        /// What an email is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Purpose { $($(#[$doc])+ $variant,)+ }

        impl Purpose {
            /// All of them.
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
        leaves_no_row: false,
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
        leaves_no_row: false,
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
        leaves_no_row: false,
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
        leaves_no_row: false,
        kind: Kind::Challenge(Challenge {
            allows: &[Action::ChangeEmail],
            recipient: Recipient::NewAddress,
            link_lifetime: hours(1),
            has_code: true,
            opens_account: false,
        }),
    };
    /// An operator made an account: choose its password.
    Invitation: Spec {
        name: "invitation",
        worth_sending: days(3),
        command: Some(Command { word: "invite", help: "Choose the first password" }),
        leaves_no_row: false,
        kind: Kind::Challenge(Challenge {
            allows: &[Action::SetPassword],
            recipient: Recipient::Account,
            link_lifetime: days(3),
            has_code: false,
            opens_account: true,
        }),
    };
    /// So many wrong passwords were tried that no more are taken from new places: a way in.
    SignInBlocked: Spec {
        name: "sign_in_blocked",
        worth_sending: days(3),
        command: None,
        leaves_no_row: false,
        kind: Kind::Challenge(Challenge {
            allows: &[Action::SignIn, Action::SetPassword],
            recipient: Recipient::Account,
            link_lifetime: days(1),
            has_code: false,
            opens_account: true,
        }),
    };
    /// A sign-up with an email address that has an account.
    AlreadyRegistered: notice("already_registered", hours(1), "/signin");
    /// A sign-in from a new device.
    NewSignIn: notice("new_sign_in", days(3), "/recover");
    /// The password was changed.
    PasswordChanged: notice("password_changed", days(3), "/recover");
    /// The email address was changed: for the old one.
    EmailChanged: notice("email_changed", days(3), "/");
    /// The account was deleted.
    AccountDeleted: Spec {
        leaves_no_row: true,
        ..notice("account_deleted", days(3), "/")
    };
}

const fn notice(name: &'static str, worth_sending: Duration, page: &'static str) -> Spec {
    Spec {
        name,
        worth_sending,
        command: None,
        leaves_no_row: false,
        kind: Kind::Notice { page },
    }
}

impl Purpose {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The purpose of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|purpose| purpose.name() == name)
    }

    /// How long it is worth sending after it was queued.
    pub const fn worth_sending(self) -> Duration {
        self.spec().worth_sending
    }

    /// How an operator has it sent, if they can.
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

    /// Those whose link or code lets its reader do this.
    pub fn that_allow(action: Action) -> impl Iterator<Item = Self> {
        let allows = move |challenge: &Challenge| challenge.allows.contains(&action);
        Self::ALL
            .iter()
            .copied()
            .filter(move |purpose| purpose.challenge().is_some_and(allows))
    }

    /// Whom it goes to. `None`: it is a notice, and goes where it is addressed to.
    pub const fn recipient(self) -> Option<Recipient> {
        match self.challenge() {
            Some(challenge) => Some(challenge.recipient),
            None => None,
        }
    }

    /// How long its link works after it was sent; not at all, for a notice.
    pub const fn link_lifetime(self) -> Duration {
        match self.challenge() {
            Some(challenge) => challenge.link_lifetime,
            None => Duration::ZERO,
        }
    }

    /// The lifetime of the links that end first.
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

    /// Whether its row goes as soon as it was sent.
    pub(super) const fn leaves_no_row(self) -> bool {
        self.spec().leaves_no_row
    }
}

impl Challenge {
    /// The path of the page that its link opens.
    const fn page(&self) -> &'static str {
        self.allows[0].page()
    }
}

// A challenge that allows nothing does not compile.
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
