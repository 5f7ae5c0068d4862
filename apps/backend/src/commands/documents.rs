//! `countersign openapi` and `countersign errors`: documents that are generated from the code.

use super::Failure;
use super::output::Standard;
use crate::core::problem;

pub(super) fn openapi(output: &mut Standard) -> Result<(), Failure> {
    let document = crate::openapi().to_pretty_json().map_err(Failure::new)?;
    Ok(output.document(format!("{document}\n").as_bytes())?)
}

pub(super) fn errors(output: &mut Standard) -> Result<(), Failure> {
    Ok(output.document(problem::reference().as_bytes())?)
}
