//! The flags that every command takes.

use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::Args;
use clap::error::ErrorKind;

use crate::commands::output;
use crate::settings::Sources;

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Record this name in the audit log, in addition to the operating system user
    #[arg(long = "as", global = true, value_name = "NAME", value_parser = operator_name)]
    operator: Option<String>,
    /// Read this settings file instead of ./countersign.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Override the setting `listen`
    #[arg(long, global = true, value_name = "IP:PORT", allow_hyphen_values = true)]
    listen: Option<String>,
    /// Override the setting `metrics_listen`
    #[arg(long, global = true, value_name = "IP:PORT", allow_hyphen_values = true)]
    metrics_listen: Option<String>,
    /// Override the setting `issuer`
    #[arg(long, global = true, value_name = "ORIGIN", allow_hyphen_values = true)]
    issuer: Option<String>,
    /// Override the setting `database_url`; other users of this machine can see a password in it
    #[arg(long, global = true, value_name = "URL", allow_hyphen_values = true)]
    database_url: Option<String>,
    /// Override the setting `redis_url`; other users of this machine can see a password in it
    #[arg(long, global = true, value_name = "URL", allow_hyphen_values = true)]
    redis_url: Option<String>,
    /// Override the setting `keys_dir`
    #[arg(long, global = true, value_name = "DIR", allow_hyphen_values = true)]
    keys_dir: Option<String>,
}

impl Global {
    /// Who does this.
    pub fn operator(&self) -> Option<&str> {
        self.operator.as_deref()
    }

    /// Where the settings of this process come from.
    pub fn sources(&self) -> Sources {
        Sources::of_process(self.flags(), self.config.clone())
    }

    /// These flags as the only source of settings.
    pub fn flags_alone(&self) -> Sources {
        Sources {
            flags: self.flags(),
            cores: available_parallelism().ok(),
            ..Sources::default()
        }
    }

    /// `dev` keeps everything in memory, and reads no file. In a local network, the issuer is its address there.
    pub(super) fn refuse_for_dev(&self, lan: bool, command: &mut clap::Command) -> Result<(), clap::Error> {
        if lan && self.issuer.is_some() {
            let text = "'--issuer' cannot be used with '--lan': the issuer is the IP address and port that the server listens on";
            return Err(command.error(ErrorKind::ArgumentConflict, text));
        }
        let taken = ["listen", "issuer"];
        let refused = self
            .flags()
            .into_iter()
            .map(|(name, _)| name)
            .find(|name| !taken.contains(name));
        let refused = refused.or_else(|| self.config.as_ref().map(|_| "config"));
        refused.map_or(Ok(()), |name| {
            let flag = name.replace('_', "-");
            let text =
                format!("'--{flag}' cannot be used with 'dev', which keeps everything in memory and reads no settings");
            Err(command.error(ErrorKind::ArgumentConflict, text))
        })
    }

    /// Settings by name, for [`Sources::flags`].
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        let flags = [
            ("listen", &self.listen),
            ("metrics_listen", &self.metrics_listen),
            ("issuer", &self.issuer),
            ("database_url", &self.database_url),
            ("redis_url", &self.redis_url),
            ("keys_dir", &self.keys_dir),
        ];
        flags
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.clone()?)))
            .collect()
    }
}

/// An operator's name: what can stand in a table.
fn operator_name(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    let sound = (1..=64).contains(&length) && text.trim() == text && output::harmless(text) == text;
    match sound && !text.contains(['(', ')']) {
        true => Ok(text.to_owned()),
        false => {
            Err("a name must have 1 to 64 printable characters, without parentheses or surrounding spaces".to_owned())
        }
    }
}
