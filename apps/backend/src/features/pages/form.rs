//! Forms of our own pages. All others are refused before they are parsed.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::service::Pages;
use super::view::View;
use super::visitor::{Visitor, form_token};
use crate::core::extract;
use crate::core::problem::{Code, Problem};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A form sent by one of our own pages, as shown by Fetch Metadata or else by `Origin`. If the browser sends neither, the
/// form must contain the token, which only our pages can read.
pub(super) struct OwnForm<T>(pub T);

/// A form that can be shown again as it was filled in, without the passwords.
pub(super) trait Again: Sized {
    /// Renders the page that contains the form; `view` says why it is shown again.
    fn again(
        self,
        pages: &Pages,
        visitor: &Visitor,
        view: View,
    ) -> impl Future<Output = Result<Response, Problem>> + Send;
}

/// Fields that each form may have: the token, and the account's email address, which tells a password manager whose password
/// to fill in.
const EXTRA: [&str; 2] = ["form_token", "username"];

/// What the headers prove about the origin of a form.
#[derive(PartialEq, Eq)]
enum Proof {
    Ours,
    Foreign,
    /// An old browser, one that hides its origin, or a program: the token decides.
    None,
}

impl<T: DeserializeOwned + Again + Send> FromRequest<Pages> for OwnForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, pages: &Pages) -> Result<Self, Response> {
        let foreign = || Problem::new(Code::ForeignForm);
        let proof = proof(pages, request.headers());
        if proof == Proof::Foreign {
            return Err(foreign().into_response());
        }
        let expected = form_token(pages, request.headers());
        // Inserted by the layer around the pages.
        let visitor = request.extensions().get::<Visitor>().cloned();
        let sent = extract::with_extra::<_, T, _>(request, pages, EXTRA).await;
        let (fields, [form_token, _]) = sent.map_err(Problem::into_response)?;
        let ours = proof == Proof::Ours || is_token(form_token.as_deref(), expected.as_deref());
        if ours {
            return fields.without_mistakes().map(Self).map_err(Problem::into_response);
        }
        match (visitor, fields.value()) {
            (Some(visitor), Some(fields)) => {
                let view = View::new(pages, &visitor).refused(&foreign(), "");
                let again = fields.again(pages, &visitor, view).await;
                Err(again.unwrap_or_else(Problem::into_response))
            }
            _ => Err(foreign().into_response()),
        }
    }
}

/// Refuses a form that only a signed-in browser can have, if the visitor is not signed in.
pub(super) fn require_signed_in(visitor: &Visitor) -> Result<(), Problem> {
    match visitor.signed_in {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::ForeignForm)),
    }
}

fn is_token(sent: Option<&str>, expected: Option<&str>) -> bool {
    match (sent, expected) {
        (Some(sent), Some(expected)) => sent.as_bytes().ct_eq(expected.as_bytes()).into(),
        _ => false,
    }
}

/// Checks the origin of a form by its headers, which a page cannot forge. Fetch Metadata also works under another name of
/// this machine (`localhost`), where the origin would look like another site. Repeated headers are not trusted.
fn proof(pages: &Pages, headers: &HeaderMap) -> Proof {
    let only = |name: &HeaderName, is_ours: &dyn Fn(&HeaderValue) -> bool| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?;
        let ours = is_ours(first) && values.next().is_none();
        Some(if ours { Proof::Ours } else { Proof::Foreign })
    };
    // RFC 6454 §7.3: "null" is an origin that is withheld, for instance by privacy settings. It could be any origin,
    // including ours.
    let is_hidden = || only(&ORIGIN, &|origin| origin == "null") == Some(Proof::Ours);
    only(&FETCH_SITE, &|site| site == "same-origin")
        .or_else(|| only(&ORIGIN, &|origin| origin == pages.platform.settings.issuer.as_str()).filter(|_| !is_hidden()))
        .unwrap_or(Proof::None)
}
