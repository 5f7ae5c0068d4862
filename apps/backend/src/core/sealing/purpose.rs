//! What is derived. Each use has a label of its own, so that a value of one use is never a value of another.

/// What something is derived for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The successor of a refresh token, which a repeated refresh is given again.
    RefreshSuccessor,
}

/// How many purposes there are.
pub(super) const COUNT: usize = 1;

impl Purpose {
    /// All of them, in the order in which they are declared.
    pub(super) const ALL: [Self; COUNT] = [Self::RefreshSuccessor];

    /// Stands in what is derived: it never changes, and none is used twice.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::RefreshSuccessor => "countersign refresh successor",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_purposes_share_a_label_or_a_place() {
        for (place, purpose) in Purpose::ALL.into_iter().enumerate() {
            assert_eq!(purpose as usize, place);
            let alike = Purpose::ALL.iter().filter(|other| other.label() == purpose.label());
            assert_eq!(alike.count(), 1, "{purpose:?}");
        }
    }
}
