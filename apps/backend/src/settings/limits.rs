//! `[limits]`: how often one may try. An address stands for its prefix: the address itself, or the /64 of IPv6.

use super::rate::Rate;
use super::section::section;

section! {
    /// How often one may try, before anything costly is done. What the server refuses with 503 costs no try.
    Limits "limits." {
        /// Whether there are limits at all.
        #[danger = "without them, guessing passwords is slowed by the hashing threads alone; meant for load tests"]
        enabled: bool = "true",
        /// Sign-ins to one account from one address prefix. Ten slips in a quarter of an hour are an honest user's; at
        /// that pace a guesser gets 960 tries a day.
        login_per_account: Rate = "10/15m",
        /// Sign-ins from one address prefix, whatever the account: an office behind one address in the morning passes,
        /// a list of stolen passwords does not get far.
        login_per_address: Rate = "30/1m",
        /// Right passwords for one account from one address prefix, at every door that asks for one. Wide, because people who
        /// sign in are no attack; a program that signs in anew instead of refreshing its tokens meets it.
        sign_ins_per_account: Rate = "60/15m",
        /// Registrations from one address prefix: a classroom passes, a script that fills the table does not.
        register_per_address: Rate = "20/1h",
        /// Refreshes from one address prefix. They are cheap and tokens cannot be guessed: this only bounds load, so it
        /// leaves room for many users behind one address.
        refresh_per_address: Rate = "120/1m",
        /// Wrong tries at an account's current password from one address prefix, by who is signed in (changing it, deleting):
        /// a stolen access token must not become a way to guess. Counted by the account's address, which outlives it.
        change_password_per_account: Rate = "5/15m",
        /// Exports of an account's data: each reads all that there is.
        export_per_account: Rate = "10/1h",
        /// Requests for a mail (confirm the address, reset the password, sign in) from one address prefix, whoever it is for.
        mails_per_address: Rate = "20/1h",
        /// Requests for a mail of one kind to one recipient from one network, here an IPv4 address or an IPv6 /48; of all
        /// kinds together, a third of `mails_per_recipient` if that is more. Whoever asks beyond is answered as always, and
        /// nothing is sent, unless no link of this kind that works is in the mailbox or on its way: then up to six more of
        /// each kind are sent in an hour, beside this limit and the next.
        mails_per_recipient_and_address: Rate = "3/1h",
        /// Mails of all kinds to one recipient, whoever asks for them and whatever becomes of the account: no mailbox can
        /// be filled from here. Mails that are asked for get three quarters of it at most, so that requests cannot silence
        /// the notices of what happens to an account; a notice beyond the limit is sent later.
        mails_per_recipient: Rate = "12/1h",
        /// Guesses at mailed codes from one address prefix, whoever's they are. A code takes five guesses besides, and an
        /// address fifty until its owner proves it by a link or a right code, or has been left alone for 30 days.
        codes_per_address: Rate = "30/15m",
    }
}
