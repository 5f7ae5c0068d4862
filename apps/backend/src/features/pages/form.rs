//! A form that one of our own pages sent. Anything else that looks like one is refused before it is read.

use axum::extract::{FromRequest, Request};
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::visitor::form_token;
use crate::Context;
use crate::core::extract::JsonOrForm;
use crate::core::problem::{Code, Problem};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A form of our own pages. Three proofs, each of which alone would do in a browser of today: what the browser says about
/// where the request came from (Fetch Metadata), its `Origin`, and a token that only our pages can read.
pub(super) struct OwnForm<T>(pub T);

/// The fields of a form that is a button alone.
#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
struct WithToken<T> {
    form_token: Option<String>,
    #[serde(flatten)]
    fields: T,
}

impl<T: DeserializeOwned> FromRequest<Context> for OwnForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, context: &Context) -> Result<Self, Problem> {
        let foreign = || Problem::new(Code::ForeignForm);
        if !is_from_here(context, request.headers()) {
            return Err(foreign());
        }
        let expected = form_token(context, request.headers()).ok_or_else(foreign)?;
        let JsonOrForm(sent) = JsonOrForm::<WithToken<T>>::from_request(request, context).await?;
        let token = sent.form_token.ok_or_else(foreign)?;
        match bool::from(token.as_bytes().ct_eq(expected.as_bytes())) {
            true => Ok(Self(sent.fields)),
            false => Err(foreign()),
        }
    }
}

/// A browser that says where its request came from is believed: no page can make it say something else. It says so also
/// under another name of this machine (`localhost`), which an origin alone would not tell from another site.
fn is_from_here(context: &Context, headers: &HeaderMap) -> bool {
    let is_ours = |origin: &HeaderValue| origin == context.settings.issuer.as_str();
    match headers.get(FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.get(ORIGIN).is_none_or(is_ours),
    }
}
