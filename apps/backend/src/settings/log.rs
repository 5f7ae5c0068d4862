//! `[log]`: what is logged, and in which form.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::section::{choice, section};
use super::value::Value;
use super::value_error::ValueError;

choice! {
    /// The form of log lines.
    LogFormat: "`auto`, `text` or `json`" {
        /// Text on a terminal, JSON elsewhere.
        Auto = "auto",
        /// Lines for people.
        Text = "text",
        /// One JSON object per line, for machines.
        Json = "json",
    }
}

section! {
    /// Logging.
    Log "log." {
        /// The format of log lines; `auto` means text on a terminal and JSON otherwise.
        format: LogFormat = "auto",
        /// The log level: `error`, `warn`, `info`, `debug` or `trace`, optionally by module, such as
        /// `info,countersign=debug`. `info,countersign::request=debug` logs all requests, including successful reads.
        /// `debug` and `trace` log more about what users do, but never secrets.
        level: LogLevel = "info",
    }
}

impl LogFormat {
    /// Whether lines are JSON, given whether they go to a terminal.
    pub fn is_json(self, terminal: bool) -> bool {
        match self {
            Self::Auto => !terminal,
            Self::Text => false,
            Self::Json => true,
        }
    }
}

/// From which level on a line is logged, by module.
#[derive(Clone)]
pub struct LogLevel {
    all: LevelFilter,
    modules: Vec<(String, LevelFilter)>,
}

impl LogLevel {
    /// The same as a filter of `tracing`.
    pub fn targets(&self) -> Targets {
        Targets::new().with_default(self.all).with_targets(self.modules.clone())
    }
}

impl Value for LogLevel {
    const FORM: &'static str = "level, or list of levels by module";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let mut level = Self {
            all: LevelFilter::INFO,
            modules: Vec::new(),
        };
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                None => level.all = filter(part)?,
                Some((module, word)) if is_module(module) => level.modules.push((module.to_owned(), filter(word)?)),
                Some((module, _)) => return Err(fault(format!("invalid module {module:?}"))),
            }
        }
        Ok(level)
    }
}

fn filter(word: &str) -> Result<LevelFilter, ValueError> {
    match word {
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(fault(format!("invalid level {word:?}"))),
    }
}

fn is_module(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}

fn fault(what: String) -> ValueError {
    ValueError::new(
        what,
        "expected error, warn, info, debug or trace, optionally by module: info,countersign=debug",
    )
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_read_by_module() {
        let targets = LogLevel::parse("warn, countersign::features=debug").unwrap().targets();
        assert!(targets.would_enable("countersign::features::sign_in::auth", &Level::DEBUG));
        assert!(targets.would_enable("hyper", &Level::WARN) && !targets.would_enable("hyper", &Level::INFO));
        let targets = LogLevel::parse("countersign=trace").unwrap().targets();
        assert!(targets.would_enable("hyper", &Level::INFO) && !targets.would_enable("hyper", &Level::DEBUG));
    }

    #[test]
    fn what_is_no_level_is_refused() {
        for text in [
            "",
            "INFO",
            "verbose",
            "info,",
            "a=b",
            "=info",
            "a b=info",
            "countersign=",
            "off",
        ] {
            assert!(LogLevel::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn auto_is_text_on_a_terminal_alone() {
        assert!(!LogFormat::Auto.is_json(true) && LogFormat::Auto.is_json(false));
        assert!(LogFormat::Json.is_json(true) && !LogFormat::Text.is_json(false));
    }
}
