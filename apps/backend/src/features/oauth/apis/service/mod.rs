//! Registering APIs: on the command line, and from the settings file.

mod apply;
mod difference;
mod error;
mod register;

pub use self::apply::differences;
pub use self::difference::{Applied, Compared, Difference};
pub use self::error::ApiError;
pub use self::register::validate;
use crate::core::platform::Platform;
use crate::features::operations::audit::Audit;

/// The most APIs. They are read together for each authorization request.
const MOST: usize = 200;

/// Registers APIs. Cloning is cheap.
#[derive(Clone)]
pub struct Apis {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}
