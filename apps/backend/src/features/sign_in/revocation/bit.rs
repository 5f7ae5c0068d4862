//! The position of a session's status.

use countersign_store::row;

row! {
    /// An index in a list.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Bit {
        pub list: i64,
        /// The index, starting at 0.
        pub idx: i64,
    }
}
