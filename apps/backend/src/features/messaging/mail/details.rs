//! When, from which device and from which IP address an email was requested or an event happened. Nothing is shown as the
//! client sent it.

use std::net::IpAddr;

use crate::core::clock::Timestamp;
use crate::core::device_name::DeviceName;
use crate::core::language::{FluentArgs, Language};
use crate::core::platform::Platform;
use crate::features::messaging::outbox::{ClaimedMail, Occurrence};

/// A label and its value.
pub(super) struct Row {
    pub label: String,
    pub value: String,
    /// Whether the value runs from left to right in every language.
    pub is_latin: bool,
    /// Both, as a line of plain text.
    pub line: String,
}

/// The rows of each event, the oldest first.
pub(super) fn of(platform: &Platform, mail: &ClaimedMail) -> Vec<Vec<Row>> {
    let params = &mail.params;
    let first = Occurrence {
        at: params.at,
        address: params.address.clone(),
        device: params.device.clone(),
    };
    let all = std::iter::once(&first).chain(&params.others);
    all.filter(|occurrence| occurrence.at.is_some())
        .map(|occurrence| rows(platform, mail.language, occurrence))
        .collect()
}

/// How many more events there were, as a sentence.
pub(super) fn more(platform: &Platform, mail: &ClaimedMail) -> Option<String> {
    let mut values = FluentArgs::new();
    values.set("more", mail.params.more);
    (mail.params.more > 0).then(|| platform.texts.render(mail.language, "mail-more", &values))
}

/// A point in time in the language's format; empty if unknown.
pub(super) fn when(platform: &Platform, language: Language, at: Option<i64>) -> String {
    at.map(|at| platform.texts.date_time(language, Timestamp(at)))
        .unwrap_or_default()
}

fn rows(platform: &Platform, language: Language, occurrence: &Occurrence) -> Vec<Row> {
    let address: Option<IpAddr> = occurrence.address.as_deref().and_then(|address| address.parse().ok());
    let device =
        || DeviceName::from_stored(occurrence.device.as_deref().unwrap_or_default()).shown(&platform.texts, language);
    let row = |label: &str, value: String, is_latin| {
        let label = platform.texts.render(language, label, &FluentArgs::new());
        let mut values = FluentArgs::new();
        values.set("label", label.clone());
        values.set("value", value.clone());
        Row {
            line: platform.texts.render(language, "mail-row", &values),
            label,
            value,
            is_latin,
        }
    };
    let mut rows = vec![row("mail-time", when(platform, language, occurrence.at), false)];
    // The command line has neither a device nor an IP address.
    if occurrence.device.is_some() || address.is_some() {
        rows.push(row("mail-device", device(), false));
    }
    rows.extend(address.map(|address| row("mail-ip", address.to_string(), true)));
    rows
}
