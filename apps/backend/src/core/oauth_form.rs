//! The body of requests to the OAuth endpoints for programs: a form, and nothing else (RFC 6749 §3.2).

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use countersign_oauth::{MAX_PARAMETERS_LENGTH, Parameters, ParametersError};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

use super::extract::media_type;
use super::oauth_problem::OauthProblem;
use super::problem::{Code, Problem};

/// The form of a request. Parameters of the query are never read: they would be in logs of proxies.
pub struct OauthForm(pub Parameters);

impl<S: Send + Sync> FromRequest<S> for OauthForm {
    type Rejection = OauthProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthProblem> {
        if !is_form(request.headers()) {
            let problem = Problem::new(Code::UnsupportedMediaType);
            return Err(problem
                .detail("The Content-Type must be application/x-www-form-urlencoded.")
                .into());
        }
        let announced = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > MAX_PARAMETERS_LENGTH) {
            return Err(too_large());
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                _ => Problem::new(Code::MalformedBody).caused_by(rejection).into(),
            })?;
        if body.len() > MAX_PARAMETERS_LENGTH {
            return Err(too_large());
        }
        let text = std::str::from_utf8(&body).map_err(|_| malformed("The form is not valid UTF-8."))?;
        let parameters = Parameters::parse(text).map_err(|error| malformed(sentence(&error)))?;
        Ok(Self(parameters))
    }
}

/// Returns whether the headers of a request announce a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    media_type(headers).as_deref() == Some("application/x-www-form-urlencoded")
}

fn too_large() -> OauthProblem {
    Problem::new(Code::BodyTooLarge)
        .detail("The form exceeds 16 KiB.")
        .into()
}

fn malformed(description: impl Into<std::borrow::Cow<'static, str>>) -> OauthProblem {
    OauthProblem::described(Code::InvalidRequest, description)
}

fn sentence(error: &ParametersError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}
