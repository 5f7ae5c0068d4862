//! The texts in each language: the messages of `locales/`.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use super::languages::Language;
use crate::core::clock::Timestamp;

type Bundle = FluentBundle<FluentResource>;

/// All messages in all languages. A language is parsed when it is first used. Cheap to clone.
#[derive(Clone, Default)]
pub struct Texts(Arc<[OnceLock<Bundle>; Language::ALL.len()]>);

macro_rules! files {
    ($folder:literal) => {
        [
            include_str!(concat!("../../../locales/", $folder, "/common.ftl")),
            include_str!(concat!("../../../locales/", $folder, "/mail.ftl")),
            include_str!(concat!("../../../locales/", $folder, "/pages.ftl")),
        ]
    };
}

impl Texts {
    /// Renders a message with its values. Falls back to the English message, and then to the message's name; a test ensures
    /// that no message is missing.
    pub fn render(&self, language: Language, message: &str, values: &FluentArgs<'_>) -> String {
        [language, Language::English]
            .into_iter()
            .find_map(|language| self.find(language, message, values))
            .unwrap_or_else(|| message.to_owned())
    }

    /// A point in time in the format of the language, in UTC.
    pub fn date_time(&self, language: Language, at: Timestamp) -> String {
        // 2026-11-22T10:15:00Z
        let written = at.to_string();
        let part = |from: usize, to: usize| written.get(from..to).unwrap_or_default();
        let number = |from, to| part(from, to).parse::<u32>().unwrap_or_default();
        let mut values = FluentArgs::new();
        values.set("year", part(0, 4));
        values.set("month", number(5, 7));
        values.set("day", number(8, 10));
        values.set("time", part(11, 16));
        self.render(language, "date-time", &values)
    }

    fn find(&self, language: Language, message: &str, values: &FluentArgs<'_>) -> Option<String> {
        let place = Language::ALL.iter().position(|one| *one == language)?;
        let bundle = self.0.get(place)?.get_or_init(|| bundle(language));
        let pattern = bundle.get_message(message)?.value()?;
        let said: Cow<'_, str> = bundle.format_pattern(pattern, Some(values), &mut Vec::new());
        Some(said.into_owned())
    }
}

/// The files of a language, in the order in which they are read.
pub(super) fn files(language: Language) -> [&'static str; 3] {
    match language {
        Language::English => files!("en"),
        Language::German => files!("de"),
        Language::French => files!("fr"),
        Language::Spanish => files!("es"),
        Language::Chinese => files!("zh-Hans"),
        Language::Japanese => files!("ja"),
        Language::Arabic => files!("ar"),
    }
}

fn bundle(language: Language) -> Bundle {
    let identifier: LanguageIdentifier = language.tag().parse().expect("our own tags are well formed");
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    // Adds direction marks around values only where Latin values stand in right-to-left text.
    bundle.set_use_isolating(language.direction() == "rtl");
    for file in files(language) {
        let resource = FluentResource::try_new(file.to_owned()).expect("a test reads every file");
        bundle
            .add_resource(resource)
            .expect("no message is there twice, which a test holds");
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, HashSet};

    use fluent_bundle::FluentResource;

    use super::*;
    use crate::core::problem::Code;

    /// All messages of a language, with the values that they need.
    fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for file in files(language) {
            let mut name = String::new();
            FluentResource::try_new(file.to_owned()).unwrap_or_else(|(_, errors)| {
                unreadable(language, &errors);
            });
            for line in file.lines() {
                if let Some((key, _)) = line
                    .split_once(" =")
                    .filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
                {
                    name = key.to_owned();
                    assert!(
                        found.insert(name.clone(), BTreeSet::new()).is_none(),
                        "{name} is there twice"
                    );
                }
                let values = line.split('$').skip(1).map(|rest| {
                    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                });
                found.entry(name.clone()).or_default().extend(values);
            }
        }
        found.remove("");
        found
    }

    fn unreadable(language: Language, errors: &dyn std::fmt::Debug) -> ! {
        unreachable!("{}: {errors:?}", language.tag())
    }

    #[test]
    fn the_settings_know_the_same_languages() {
        let tags: Vec<_> = Language::ALL.iter().map(|language| language.tag()).collect();
        assert_eq!(crate::settings::LANGUAGES[..], tags[..]);
    }

    #[test]
    fn every_language_says_everything_with_the_same_values() {
        let english = messages(Language::English);
        for language in Language::ALL {
            let theirs = messages(*language);
            for (message, values) in &english {
                assert_eq!(theirs.get(message), Some(values), "{message} in {}", language.tag());
            }
            assert_eq!(
                theirs.len(),
                english.len(),
                "{} says more than English does",
                language.tag()
            );
        }
    }

    #[test]
    fn no_message_is_left_over() {
        let mut sources = String::new();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["src", "templates"] {
            gather(&root.join(folder), &mut sources);
        }
        // Each text in quotation marks, and what is between two. Searching all sources for each message takes seconds.
        let quoted: HashSet<&str> = sources.split('"').collect();
        for message in messages(Language::English).keys() {
            // The name of an email's message has two parts: the purpose, and the part of the email.
            let ends = [
                "-subject",
                "-preview",
                "-text",
                "-action",
                "-otherwise",
                "-title",
                "-button",
            ];
            let whole = ends.iter().find_map(|end| message.strip_suffix(end)).unwrap_or(message);
            let named = quoted.contains(message.as_str()) || quoted.contains(whole);
            let by_purpose = quoted.contains(whole.replace('-', "_").as_str());
            assert!(named || by_purpose, "{message} is used nowhere");
        }
    }

    fn gather(folder: &std::path::Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, into);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                into.push_str(&text);
            }
        }
    }

    #[test]
    fn every_problem_has_a_text_in_every_language() {
        for language in Language::ALL {
            let theirs = messages(*language);
            for code in Code::ALL {
                let message = code.message();
                assert!(theirs.contains_key(message), "{message} in {}", language.tag());
            }
        }
    }

    #[test]
    fn values_are_filled_in_and_nothing_is_missing() {
        let texts = Texts::default();
        let mut values = FluentArgs::new();
        values.set("service", "Example");
        for language in Language::ALL {
            let subject = texts.render(*language, "verify-email-subject", &values);
            assert!(subject.contains("Example"), "{subject}");
        }
    }

    #[test]
    fn times_are_written_as_each_language_writes_them() {
        let texts = Texts::default();
        let at = "2026-11-02T09:05:00Z".parse().unwrap();
        let written: Vec<_> = Language::ALL
            .iter()
            .map(|language| texts.date_time(*language, at))
            .collect();
        let plain = |text: &String| text.replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(
            written.iter().map(plain).collect::<Vec<_>>(),
            [
                "November 2, 2026 at 09:05 UTC",
                "2. November 2026, 09:05 Uhr (UTC)",
                "2 novembre 2026 à 09:05 UTC",
                "2 de noviembre de 2026, 09:05 UTC",
                "2026年11月2日 09:05（UTC）",
                "2026年11月2日 09:05（UTC）",
                "2 نوفمبر 2026، الساعة 09:05 بتوقيت UTC",
            ]
        );
        // Only the first day of a month is an ordinal in French.
        let first = texts.date_time(Language::French, "2026-11-01T09:05:00Z".parse().unwrap());
        assert_eq!(first, "1er novembre 2026 à 09:05 UTC");
    }
}
