//! Any file as settings: it is accepted, or each mistake is reported.
#![no_main]

use countersign::settings::{Settings, SettingsFile, Sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = SettingsFile {
        path: "countersign.toml".into(),
        text: Ok(text.to_owned()),
    };
    let sources = Sources {
        file: Some(file),
        ..Sources::default()
    };
    if let Err(mistakes) = Settings::load(&sources) {
        assert!(mistakes.to_string().starts_with("invalid configuration"));
    }
});
