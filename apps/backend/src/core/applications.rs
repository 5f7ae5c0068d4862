//! The applications of this server's owner. Their scripts may call the API, and the pages and emails lead to them.

use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::settings::{ApplicationUrl, MailLinks, Origin, Settings};

/// The name of the application that stands for all loopback origins.
const DEVELOPMENT: &str = "localhost";
/// Loopback origins in a policy (CSP), where `http` includes `https`.
const LOOPBACK_SOURCES: [&str; 3] = ["http://localhost:*", "http://*.localhost:*", "http://127.0.0.1:*"];

/// All applications. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Applications(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    /// The configured applications.
    listed: Vec<Application>,
    /// All pages of loopback origins, on a server for development.
    development: Option<Application>,
    /// The host of such a server, whose other ports count as loopback: with `countersign dev --lan`, it is an IP address.
    host: String,
    /// The origin of this server. It is an application's only if it is configured.
    issuer: String,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The name that users see.
    pub name: String,
    /// The origins of its pages, in the spelling of browsers; of the application of all loopback origins, none.
    pub origins: Vec<String>,
    /// The page to open when there is no other; the application of all loopback origins has none.
    pub start: Option<ApplicationUrl>,
    /// Its own pages for links in emails.
    pub mail_links: MailLinks,
}

impl Applications {
    /// Returns the applications of the settings. If the issuer has no TLS, the server is for development, and pages of all
    /// loopback origins, and of the issuer's host, count as one application.
    pub fn of(settings: &Settings) -> Self {
        let short = settings.app_origins.iter().map(|origin| Application {
            name: origin.host().to_owned(),
            origins: vec![origin.as_str().to_owned()],
            start: Some(ApplicationUrl::root_of(origin)),
            mail_links: MailLinks::default(),
        });
        let long = settings.applications.iter().map(|application| Application {
            name: application.name.clone(),
            origins: application
                .origins
                .iter()
                .map(|origin| origin.as_str().to_owned())
                .collect(),
            start: Some(application.start.clone()),
            mail_links: application.mail_links.clone(),
        });
        let development = settings.issuer.is_development().then(|| Application {
            name: DEVELOPMENT.to_owned(),
            origins: Vec::new(),
            start: None,
            mail_links: MailLinks::default(),
        });
        Self(Arc::new(Parts {
            listed: short.chain(long).collect(),
            development,
            host: settings.issuer.host().to_owned(),
            issuer: settings.issuer.as_str().to_owned(),
        }))
    }

    /// Returns the configured applications, without the one of all loopback origins.
    pub fn listed(&self) -> &[Application] {
        &self.0.listed
    }

    /// Returns a line about the applications for the banner of the server, if there are any.
    pub fn summary(&self) -> Option<String> {
        let names = self.listed().iter().map(|application| application.name.clone());
        let development = self.0.development.iter();
        let loopback =
            development.map(|_| "every page on localhost (for development, because of the issuer)".to_owned());
        let all: Vec<_> = names.chain(loopback).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// Returns whether pages of all loopback origins count as an application.
    pub fn allow_loopback(&self) -> bool {
        self.0.development.is_some()
    }

    /// Returns whether there are no applications, so that no response depends on the origin.
    pub fn is_empty(&self) -> bool {
        self.0.listed.is_empty() && self.0.development.is_none()
    }

    /// Returns the application with pages of this origin, compared byte by byte.
    pub fn of_origin(&self, origin: &str) -> Option<&Application> {
        let has = |application: &&Application| application.origins.iter().any(|own| own == origin);
        let loopback = || {
            let development = self.0.development.as_ref();
            development.filter(|_| origin != self.0.issuer && Origin::of_development(origin, &self.0.host).is_some())
        };
        self.0.listed.iter().find(has).or_else(loopback)
    }

    /// Reads a URL, if it is of an application's origin.
    pub fn of_url(&self, text: &str) -> Option<(&Application, ApplicationUrl)> {
        let url = ApplicationUrl::read(text)?;
        let application = self.of_origin(url.origin().as_str())?;
        Some((application, url))
    }

    /// Returns the application that a destination belongs to: one of its own URLs, or else the only application.
    pub fn of_destination(&self, return_to: Option<&str>) -> Option<&Application> {
        let found = return_to.and_then(|return_to| Some(self.of_url(return_to)?.0));
        found.or_else(|| self.only())
    }

    /// Returns the only application, if exactly one is configured.
    pub fn only(&self) -> Option<&Application> {
        match self.listed() {
            [application] => Some(application),
            _ => None,
        }
    }

    /// Returns the page to open after a request from a page of this origin, if it is an application's.
    pub fn start_of(&self, origin: &str) -> Option<StartPage> {
        let application = self.of_origin(origin)?;
        let start = application.start.as_ref().map(|start| start.as_str().into());
        Some(StartPage(start.unwrap_or_else(|| format!("{origin}/").into())))
    }

    /// Returns the sources of a policy (CSP) that match the pages of all applications. A policy cannot name an IPv6 address, so
    /// its scheme stands for it (CSP 3 §2.3.1).
    pub fn policy_sources(&self) -> Vec<String> {
        let listed = self.listed().iter().flat_map(|application| application.origins.clone());
        let host = format!("http://{}:*", self.0.host);
        let own = (!LOOPBACK_SOURCES.contains(&host.as_str())).then_some(host);
        let development = LOOPBACK_SOURCES.map(str::to_owned).into_iter().chain(own);
        let all = listed.chain(development.filter(|_| self.allow_loopback()));
        let mut sources: Vec<String> = Vec::new();
        for source in all {
            let source = match source.split_once("//[") {
                Some((scheme, _)) => scheme.to_owned(),
                None => source,
            };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }
}

/// Adds the destination `return_to` to the query of a path. Everything is encoded that would end the value, or that is not
/// ASCII; the rest is left as it is, so that a URL in a query stays short.
pub fn with_return_to(path: &str, return_to: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    let value = utf8_percent_encode(return_to, OF_A_VALUE);
    format!("{path}{separator}return_to={value}")
}

/// What must be encoded in a value of a query: `+` would be decoded as a space, and the rest ends the value or the URL.
const OF_A_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The start page of the application whose page sent a request. The middleware adds it to requests of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartPage(pub Arc<str>);

/// Returns the applications of a settings file.
#[cfg(test)]
pub(crate) fn applications(text: &str) -> Applications {
    let file = crate::settings::SettingsFile {
        path: "countersign.toml".into(),
        text: Ok(text.to_owned()),
    };
    let loaded = Settings::load(&crate::settings::Sources {
        file: Some(file),
        ..crate::settings::Sources::default()
    });
    let loaded = loaded.unwrap_or_else(|mistakes| unreachable!("{mistakes}"));
    Applications::of(&loaded.settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_found_by_its_exact_origin() {
        let applications = applications(
            "issuer = 'https://auth.example.com'\napp_origins = ['https://shop.example.com']\n\
             [[applications]]\nname = 'Orders'\norigins = ['https://app.example.com', 'https://app.example.com:8443']\n",
        );
        let name = |origin: &str| applications.of_origin(origin).map(|found| found.name.as_str());
        assert_eq!(name("https://shop.example.com"), Some("shop.example.com"));
        assert_eq!(name("https://app.example.com"), Some("Orders"));
        assert_eq!(name("https://app.example.com:8443"), Some("Orders"));
        for other in [
            "",
            "null",
            "*",
            "https://app.example.com/",
            "https://APP.example.com",
            "http://app.example.com",
            "https://app.example.com:443",
            "https://app.example.com.evil.example",
            "https://example.com",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
        let start = applications.listed()[1].start.as_ref().map(ApplicationUrl::as_str);
        assert_eq!(start, Some("https://app.example.com/"));
        assert!(applications.only().is_none() && !applications.allow_loopback());
        let (found, url) = applications.of_url("https://app.example.com/orders/7?x#y").unwrap();
        assert_eq!(
            (found.name.as_str(), url.as_str()),
            ("Orders", "https://app.example.com/orders/7?x#y")
        );
        assert!(applications.of_url("https://evil.example/").is_none());
    }

    #[test]
    fn loopback_pages_are_allowed_in_development_only() {
        for issuer in [
            "http://127.0.0.1:8000",
            "http://localhost:8000",
            "http://auth.localhost",
            "http://[::1]:9",
        ] {
            let applications = applications(&format!("issuer = '{issuer}'"));
            assert!(
                !applications.is_empty() && applications.of_origin(issuer).is_none(),
                "{issuer}"
            );
            for origin in [
                "http://localhost",
                "https://localhost:5173",
                "http://app.localhost:3000",
                "http://127.0.0.1:3000",
                "http://127.9.8.7",
                "http://[::1]:3000",
            ] {
                assert_eq!(applications.of_origin(origin).unwrap().name, "localhost", "{origin}");
            }
            for other in [
                "",
                "null",
                "http://localhost:3000/",
                "http://LOCALHOST:3000",
                "http://localhost:80",
                "http://localhost.",
                "http://notlocalhost",
                "http://localhost.evil.example",
                "http://127.0.0.1.evil.example",
                "http://127.1",
                "http://2130706433",
                "http://0.0.0.0",
                "http://192.168.0.1",
                "http://[::]",
                "http://[::ffff:127.0.0.1]",
                "file://localhost",
            ] {
                assert!(applications.of_origin(other).is_none(), "{other}");
            }
        }
        for issuer in [
            "https://localhost:8000",
            "https://127.0.0.1",
            "https://auth.example.com",
        ] {
            let applications = applications(&format!("issuer = '{issuer}'"));
            assert!(applications.is_empty() && applications.of_origin("http://localhost:3000").is_none());
        }
    }

    #[test]
    fn in_a_local_network_pages_of_its_own_host_are_allowed_too() {
        let loaded = Settings::load(&crate::settings::Sources::default());
        let mut settings = loaded.unwrap_or_else(|mistakes| unreachable!("{mistakes}")).settings;
        settings.in_network_at("192.168.1.20:8000".parse().unwrap());
        let applications = Applications::of(&settings);
        for origin in [
            "http://192.168.1.20:5173",
            "http://192.168.1.20",
            "http://localhost:5173",
        ] {
            assert!(applications.of_origin(origin).is_some(), "{origin}");
        }
        for other in [
            "http://192.168.1.21:5173",
            "http://192.168.1.20.evil.example",
            "http://192.168.1.2",
        ] {
            assert!(applications.of_origin(other).is_none(), "{other}");
        }
        let sources = [&LOOPBACK_SOURCES[..], &["http://192.168.1.20:*"]].concat();
        assert_eq!(applications.policy_sources(), sources);
    }

    #[test]
    fn a_policy_names_what_browsers_can_match() {
        let sources = |text: &str| applications(text).policy_sources();
        let listed = "app_origins = ['https://app.example.com:8443', 'https://[2001:db8::1]']";
        assert_eq!(
            sources(&format!("issuer = 'https://auth.example.com'\n{listed}")),
            ["https://app.example.com:8443", "https:"]
        );
        let own = [&LOOPBACK_SOURCES[..], &["http:"]].concat();
        assert_eq!(sources("issuer = 'http://[::1]:9'"), own);
        // The issuer's host is a source already.
        assert_eq!(sources("issuer = 'http://localhost:9'"), LOOPBACK_SOURCES);
        assert_eq!(sources("issuer = 'https://auth.example.com'"), [""; 0]);
    }

    #[test]
    fn a_destination_is_read_as_it_was_written() {
        for (path, separator) in [("/signin", '?'), ("/signin?a=b", '&')] {
            for return_to in [
                "/account",
                "https://app.example.com/orders/7?a=1&b=%2F+c#d",
                "/a b\"'<>\\^`{|}\u{e9}\r\n",
                "https://app.example.com/?return_to=/x&return_to=/y",
            ] {
                let url = with_return_to(path, return_to);
                let query = url.strip_prefix(path).and_then(|rest| rest.strip_prefix(separator));
                let query = query.unwrap_or_else(|| unreachable!("{url}"));
                let read: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                assert_eq!(read, [("return_to".to_owned(), return_to.to_owned())], "{url}");
            }
        }
    }
}
