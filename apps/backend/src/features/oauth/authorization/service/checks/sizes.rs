//! RFC 9700 §4.11: a request with too many or too long parameters is refused before anything is looked up.

use countersign_oauth::{OauthError, Parameters, ParametersError};

use super::draft::invalid;

/// Parses a query.
pub fn parse(query: &str) -> Result<Parameters, OauthError> {
    Parameters::parse(query).map_err(|error| {
        invalid(match error {
            ParametersError::NotUtf8 => "a parameter is not UTF-8",
            _ => "there are too many parameters, or one is too long",
        })
    })
}
