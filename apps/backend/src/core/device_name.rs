//! Short names for a `User-Agent`, such as "Chrome on Windows". All words come from our own table, so that emails and pages can
//! show them. (Parsers such as uap-core's copy parts of the client's text.)

use super::language::{FluentArgs, Language, Texts};

/// The name of a device: a program, a system, both or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceName {
    program: Option<&'static str>,
    system: Option<&'static str>,
}

/// Marks of programs. The first match counts, because browsers also name their ancestors.
const PROGRAMS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("YaBrowser/", "Yandex Browser"),
    ("UCBrowser/", "UC Browser"),
    ("MicroMessenger/", "WeChat"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Electron/", "Electron"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Thunderbird/", "Thunderbird"),
    ("PostmanRuntime/", "Postman"),
    ("insomnia/", "Insomnia"),
    ("HTTPie/", "HTTPie"),
    ("xh/", "xh"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "Python"),
    ("python-httpx/", "Python"),
    ("Python-urllib/", "Python"),
    ("Python/", "Python"),
    ("node-fetch/", "Node.js"),
    ("axios/", "Node.js"),
    ("undici", "Node.js"),
    ("node", "Node.js"),
    ("Deno/", "Deno"),
    ("Bun/", "Bun"),
    ("Go-http-client/", "Go"),
    ("okhttp/", "OkHttp"),
    ("Apache-HttpClient/", "Java"),
    ("Java-http-client/", "Java"),
    ("Java/", "Java"),
    ("Dart/", "Dart"),
    ("reqwest/", "Rust"),
    ("Ruby", "Ruby"),
    ("GuzzleHttp/", "PHP"),
    ("CFNetwork/", "CFNetwork"),
];

/// Marks of systems.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Darwin", "macOS"),
    ("Linux", "Linux"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
];

impl DeviceName {
    /// Returns the name for a `User-Agent`, if known.
    pub fn of(user_agent: Option<&str>) -> Self {
        let find = |known: &[(&str, &'static str)]| {
            let text = user_agent?;
            let found = known.iter().find(|(mark, _)| text.contains(mark));
            found.map(|(_, name)| *name)
        };
        Self {
            program: find(PROGRAMS),
            system: find(SYSTEMS),
        }
    }

    /// Parses the result of [`DeviceName::stored`].
    pub fn from_stored(text: &str) -> Self {
        let (program, system) = text.split_once(" on ").unwrap_or((text, text));
        let find = |known: &[(&str, &'static str)], wanted: &str| {
            let found = known.iter().find(|(_, name)| *name == wanted);
            found.map(|(_, name)| *name)
        };
        Self {
            program: find(PROGRAMS, program),
            system: find(SYSTEMS, system),
        }
    }

    /// Returns the name for storage, independent of language.
    pub fn stored(self) -> Option<String> {
        match (self.program, self.system) {
            (Some(program), Some(system)) => Some(format!("{program} on {system}")),
            (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
            (None, None) => None,
        }
    }

    /// Returns the name in a language.
    pub fn shown(self, texts: &Texts, language: Language) -> String {
        let mut values = FluentArgs::new();
        match (self.program, self.system) {
            (Some(program), Some(system)) => {
                values.set("program", program);
                values.set("system", system);
                texts.render(language, "device", &values)
            }
            (Some(name), None) | (None, Some(name)) => name.to_owned(),
            (None, None) => texts.render(language, "device-unknown", &values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_the_names_that_people_give_them() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
                Some("Chrome on Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
                Some("Edge on Windows"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                Some("Firefox on Linux"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                Some("Safari on macOS"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0 Mobile/15E148 Safari/604.1",
                Some("Chrome on iPhone"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
                Some("Samsung Internet on Android"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("python-requests/2.32.3", Some("Python")),
            ("Linux", Some("Linux")),
            ("Your account is locked, call +1 555 0100", None),
            ("https://evil.example/ Win a prize", None),
            ("", None),
        ] {
            let found = DeviceName::of(Some(user_agent));
            assert_eq!(found.stored().as_deref(), name, "{user_agent}");
            assert_eq!(found, name.map_or_else(DeviceName::default, DeviceName::from_stored));
        }
        assert_eq!(DeviceName::of(None).stored(), None);
    }

    #[test]
    fn a_64_device_names_contain_no_text_of_the_client() {
        let texts = Texts::default();
        let names = |known: &'static [(&str, &str)]| known.iter().map(|(_, name)| *name);
        for sent in [
            "Chrome/<script>alert(1)</script> Windows http://evil.example",
            "curl/1 on evil.example",
            "evil.example on Windows",
        ] {
            for name in [DeviceName::of(Some(sent)), DeviceName::from_stored(sent)] {
                let shown = name.shown(&texts, Language::English);
                let (program, system) = shown.split_once(" on ").unwrap_or((&shown, &shown));
                let ours = |word: &str| names(PROGRAMS).chain(names(SYSTEMS)).any(|name| name == word);
                assert!(
                    shown == "Unknown device" || ours(program) && ours(system),
                    "{sent}: {shown}"
                );
            }
        }
    }
}
