//! The result of one check.

use serde::Serialize;

use crate::commands::output::Row;

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) about: &'static str,
    /// What was found.
    pub(super) found: String,
    /// How to fix it; empty if nothing needs to be done.
    pub(super) remedy: String,
}

/// The state of what was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// No problem.
    Ok,
    /// It works, but is likely to cause problems.
    Warn,
    /// Something does not work.
    Fail,
    /// It could not be checked.
    Unknown,
}

impl Finding {
    pub(super) fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self::of(State::Ok, about, found.into(), String::new())
    }

    pub(super) fn warn(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(State::Warn, about, found.into(), remedy.into())
    }

    pub(super) fn fail(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(State::Fail, about, found.into(), remedy.into())
    }

    pub(super) fn unknown(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(State::Unknown, about, found.into(), remedy.into())
    }

    pub(super) fn is_ok(&self) -> bool {
        self.state == State::Ok
    }

    fn of(state: State, about: &'static str, found: String, remedy: String) -> Self {
        Self {
            state,
            about,
            found,
            remedy,
        }
    }
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::Unknown => "?",
        }
    }
}

impl Row for Finding {
    const COLUMNS: &'static [&'static str] = &["state", "about", "found", "remedy"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.state.name().to_owned(),
            self.about.to_owned(),
            self.found.clone(),
            self.remedy.clone(),
        ]
    }
}
