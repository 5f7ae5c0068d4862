//! `[[applications]]`: the applications of this server's owner, in the settings file only.

use std::collections::BTreeMap;

use super::application_url::ApplicationUrl;
use super::error::SettingError;
use super::nearest::nearest;
use super::origin::Origin;
use super::setting::Setting;
use super::source::{APPLICATIONS, RawApplication, Source};
use super::value::Value;
use super::value_error::ValueError;
use super::values::{self, InForce, Values};

/// The longest name of an application, in characters.
const LONGEST_NAME: usize = 60;

/// The entries of `[[applications]]`.
#[derive(Clone, Debug, Default)]
pub struct Applications(Vec<Application>);

/// An application of this server's owner.
#[derive(Clone, Debug)]
pub struct Application {
    /// The name that users see.
    pub name: String,
    /// The origins of its pages; at least one.
    pub origins: Vec<Origin>,
    /// The page to open when there is no other.
    pub start: ApplicationUrl,
    /// Its own pages for links in emails.
    pub mail_links: MailLinks,
}

/// The pages of an application for links in emails. Where there is none, the link opens a page of this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailLinks {
    /// To verify an email address.
    pub verify: Option<ApplicationUrl>,
    /// To set a new password.
    pub recover: Option<ApplicationUrl>,
    /// To accept an invitation.
    pub invite: Option<ApplicationUrl>,
    /// To sign in.
    pub sign_in: Option<ApplicationUrl>,
    /// To confirm a new email address.
    pub change_email: Option<ApplicationUrl>,
}

/// The settings of one entry.
pub(super) const FIELDS: &[Setting] = &[
    field(
        "name",
        String::FORM,
        "The name that users see, as in “Back to Orders”. At most 60 characters.",
        "required",
        "Orders",
    ),
    field(
        "origins",
        Origin::LIST_FORM,
        "The origins of the application's pages, as in `app_origins`. An origin belongs to one application only.",
        "required",
        "https://app.example.com",
    ),
    field(
        "start",
        ApplicationUrl::FORM,
        "The page that users are sent to when no other page is known.",
        "`/` on the first origin",
        "https://app.example.com/",
    ),
    field(
        "mail_links.verify",
        ApplicationUrl::FORM,
        "The application's page for email verification links (see `docs/guides/mail.md`).",
        "a page of this server",
        "https://app.example.com/verify",
    ),
    field(
        "mail_links.recover",
        ApplicationUrl::FORM,
        "The application's page for password reset links.",
        "a page of this server",
        "https://app.example.com/recover",
    ),
    field(
        "mail_links.invite",
        ApplicationUrl::FORM,
        "The application's page for invitation links.",
        "a page of this server",
        "https://app.example.com/invite",
    ),
    field(
        "mail_links.sign_in",
        ApplicationUrl::FORM,
        "The application's page for sign-in links.",
        "a page of this server",
        "https://app.example.com/sign-in",
    ),
    field(
        "mail_links.change_email",
        ApplicationUrl::FORM,
        "The application's page for links that confirm a new email address.",
        "a page of this server",
        "https://app.example.com/change-email",
    ),
];

/// A row of [`FIELDS`]. The example takes the place of a default.
const fn field(
    name: &'static str,
    form: &'static str,
    meaning: &'static str,
    default_is: &'static str,
    example: &'static str,
) -> Setting {
    Setting {
        name,
        meaning,
        warning: "",
        default: example,
        default_is,
        form,
        secret: false,
    }
}

impl Applications {
    /// The applications, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Application> {
        self.0.iter()
    }

    /// Takes the entries of the file; mistakes are kept in `values`.
    pub(super) fn read(values: &mut Values) -> Self {
        let allow_unencrypted = values.peek("allow_unencrypted").unwrap_or(false);
        let mut taken = Taken(BTreeMap::new());
        for origin in values.peek::<Vec<Origin>>("app_origins").unwrap_or_default() {
            if let Some(fault) = taken.claim(&origin, "`app_origins`") {
                values.require(false, &["app_origins"], fault);
            }
        }
        let entries = std::mem::take(&mut values.applications);
        let read = entries.into_iter().enumerate().filter_map(|(index, raw)| {
            let mut entry = Entry {
                index,
                raw,
                mistakes: Vec::new(),
                shown: Vec::new(),
            };
            let application = entry.read(allow_unencrypted, &mut taken);
            values.mistakes.append(&mut entry.mistakes);
            values.listed.append(&mut entry.shown);
            application
        });
        let read = read.collect();
        Self(read)
    }
}

/// What is wrong with an application without TLS.
pub(super) fn unencrypted(origin: Option<&Origin>) -> ValueError {
    let origin = origin.map_or("", Origin::as_str);
    ValueError::new(
        format!("{origin:?} must use https: over http, anyone on the network can act for its users"),
        "use https, or set `allow_unencrypted = true` if the network is private",
    )
}

/// The origins so far, and where each of them is listed.
struct Taken(BTreeMap<String, String>);

impl Taken {
    /// Reports an origin that is listed already.
    fn claim(&mut self, origin: &Origin, place: &str) -> Option<ValueError> {
        match self.0.get(origin.as_str()) {
            Some(before) => Some(ValueError::new(
                format!("lists {:?}, which {before} already lists", origin.as_str()),
                "list each origin once",
            )),
            None => {
                self.0.insert(origin.as_str().to_owned(), place.to_owned());
                None
            }
        }
    }
}

/// An entry while it is read.
struct Entry {
    index: usize,
    raw: RawApplication,
    mistakes: Vec<SettingError>,
    shown: Vec<InForce>,
}

impl Entry {
    fn read(&mut self, allow_unencrypted: bool, taken: &mut Taken) -> Option<Application> {
        self.refuse_unknown();
        let name = self.take::<String>("name");
        let origins = self.take::<Vec<Origin>>("origins");
        let start = self.take("start");
        let mail_links = MailLinks {
            verify: self.take("mail_links.verify"),
            recover: self.take("mail_links.recover"),
            invite: self.take("mail_links.invite"),
            sign_in: self.take("mail_links.sign_in"),
            change_email: self.take("mail_links.change_email"),
        };
        for required in ["name", "origins"] {
            if self.source_of(required).is_none() {
                self.blame(
                    "",
                    ValueError::new(format!("`{required}` is missing"), format!("add `{required}`")),
                );
            }
        }
        let name = name.filter(|name| self.is_name(name));
        let origins = origins.filter(|origins| self.are_origins(origins, allow_unencrypted, taken))?;
        for (field, url) in [
            ("start", &start),
            ("mail_links.verify", &mail_links.verify),
            ("mail_links.recover", &mail_links.recover),
            ("mail_links.invite", &mail_links.invite),
            ("mail_links.sign_in", &mail_links.sign_in),
            ("mail_links.change_email", &mail_links.change_email),
        ] {
            self.is_of(&origins, field, url.as_ref());
        }
        Some(Application {
            name: name?,
            start: start.or_else(|| origins.first().map(ApplicationUrl::root_of))?,
            origins,
            mail_links,
        })
    }

    fn is_name(&mut self, name: &str) -> bool {
        let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME;
        if !fits {
            let help = format!("expected a name of 1 to {LONGEST_NAME} characters, such as Orders");
            self.blame("name", ValueError::new("is empty or too long", help));
        }
        fits
    }

    fn are_origins(&mut self, origins: &[Origin], allow_unencrypted: bool, taken: &mut Taken) -> bool {
        let place = format!("{APPLICATIONS}[{}]", self.index);
        if origins.is_empty() {
            let fault = ValueError::new(
                "must not be empty",
                "list the origins of its pages, such as https://app.example.com",
            );
            self.blame("origins", fault);
        }
        if let Some(origin) = origins
            .iter()
            .find(|origin| origin.leaves_unencrypted() && !allow_unencrypted)
        {
            self.blame("origins", unencrypted(Some(origin)));
        }
        for fault in origins.iter().filter_map(|origin| taken.claim(origin, &place)) {
            self.blame("origins", fault);
        }
        !origins.is_empty()
    }

    /// A URL leads to the application itself, and nowhere else.
    fn is_of(&mut self, origins: &[Origin], field: &'static str, url: Option<&ApplicationUrl>) {
        let Some(url) = url else { return };
        if !origins.contains(url.origin()) {
            let what = format!("{:?} has an origin that is not in `origins`", url.as_str());
            self.blame(
                field,
                ValueError::new(what, "use a URL of the application, or add its origin"),
            );
        } else if field.starts_with("mail_links.") && url.as_str().contains('#') {
            let what = format!("{:?} has a fragment", url.as_str());
            self.blame(
                field,
                ValueError::new(what, "remove it: the token of the link takes its place"),
            );
        }
    }

    fn refuse_unknown(&mut self) {
        let known = || FIELDS.iter().map(|field| field.name);
        let mut unknown = Vec::new();
        self.raw.given.retain(|given| {
            let is_known = known().any(|name| name == given.name);
            if !is_known {
                let what = format!("unknown setting {:?}", given.name);
                let fault = match nearest(&given.name, known()) {
                    Some(name) => ValueError::new(what, format!("did you mean {name:?}?")),
                    None => ValueError::new(what, "docs/settings.md lists the settings of an application"),
                };
                unknown.push((given.source.clone(), fault));
            }
            is_known
        });
        for (source, fault) in unknown {
            self.mistakes.push(SettingError {
                source,
                setting: format!("{APPLICATIONS}[{}]", self.index),
                fault,
            });
        }
    }

    /// Returns the value of a field, if it is set and valid.
    fn take<T: Value>(&mut self, name: &'static str) -> Option<T> {
        let given = self.raw.given.iter().find(|given| given.name == name)?;
        match values::read(&given.text, &given.source) {
            Ok(value) => {
                self.shown.push(InForce {
                    setting: format!("{APPLICATIONS}[{}].{name}", self.index).into(),
                    value: T::shown(&given.text),
                    source: given.source.clone(),
                });
                Some(value)
            }
            Err(fault) => {
                self.blame(name, fault);
                None
            }
        }
    }

    fn source_of(&self, name: &str) -> Option<&Source> {
        let given = self.raw.given.iter().find(|given| given.name == name);
        given.map(|given| &given.source)
    }

    /// Records a mistake in a field, or in the entry as a whole.
    fn blame(&mut self, name: &str, fault: ValueError) {
        let place = format!("{APPLICATIONS}[{}]", self.index);
        self.mistakes.push(SettingError {
            source: self.source_of(name).unwrap_or(&self.raw.source).clone(),
            setting: match name {
                "" => place,
                name => format!("{place}.{name}"),
            },
            fault,
        });
    }
}
