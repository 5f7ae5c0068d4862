//! What was found of one thing.

use serde::Serialize;

use crate::commands::output::Row;

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) about: &'static str,
    /// What is there.
    pub(super) found: String,
    /// How to mend it; empty where nothing is to be done.
    pub(super) remedy: String,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// As it should be.
    Sound,
    /// It works, and may not tomorrow.
    Doubtful,
    /// Something does not work.
    Broken,
    /// It could not be looked at.
    Unknown,
}

impl Finding {
    pub(super) fn sound(about: &'static str, found: impl Into<String>) -> Self {
        Self::of(State::Sound, about, (found.into(), String::new()))
    }

    pub(super) fn doubtful(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(State::Doubtful, about, (found.into(), remedy.into()))
    }

    pub(super) fn broken(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(State::Broken, about, (found.into(), remedy.into()))
    }

    pub(super) fn unknown(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(State::Unknown, about, (found.into(), remedy.into()))
    }

    pub(super) fn is_sound(&self) -> bool {
        self.state == State::Sound
    }

    fn of(state: State, about: &'static str, (found, remedy): (String, String)) -> Self {
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
            Self::Sound => "ok",
            Self::Doubtful => "look",
            Self::Broken => "MEND",
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
