//! Where a session's state is.

use countersign_store::row;

row! {
    /// One place in one list.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Bit {
        pub list: i64,
        /// The place in it, from 0.
        pub idx: i64,
    }
}
