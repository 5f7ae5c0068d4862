//! The purposes of derivation. Each has its own label, so that a value of one is never valid for another.

/// The purpose of a derived value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The successor of a refresh token, which a repeated refresh receives again.
    RefreshSuccessor,
}

/// The number of purposes.
pub(super) const COUNT: usize = 1;

impl Purpose {
    /// All purposes, in the order of declaration.
    pub(super) const ALL: [Self; COUNT] = [Self::RefreshSuccessor];

    /// Part of the derivation input: never change or reuse it.
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
