//! The use cases, one per file.

mod apply;
mod difference;
mod error;
mod register;

pub use self::apply::differences;
pub use self::difference::{Applied, Comparison, Difference};
pub use self::error::ApiError;
pub use self::register::validate;
use crate::core::platform::Platform;
use crate::features::operations::audit::Audit;

/// The maximum number of APIs. All are read for each authorization request.
const MOST: usize = 200;

/// Registers APIs. Cloning is cheap.
#[derive(Clone)]
pub struct Apis {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}
