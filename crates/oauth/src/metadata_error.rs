//! Why the metadata of a client is not accepted.

use std::borrow::Cow;

/// A member of client metadata that is not accepted, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{member} {problem}")]
pub struct MetadataError {
    member: Cow<'static, str>,
    problem: Cow<'static, str>,
}

impl MetadataError {
    /// Creates an error from the name of a member and the rest of a sentence, such as *must have at most 20 URIs*.
    pub fn new(member: impl Into<Cow<'static, str>>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            member: member.into(),
            problem: problem.into(),
        }
    }

    /// Returns the name of the member.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// Returns whether it is about redirect URIs, for which registration has a separate error code (RFC 7591 §3.2.2).
    pub fn is_about_redirects(&self) -> bool {
        self.member == "redirect_uris"
    }
}
