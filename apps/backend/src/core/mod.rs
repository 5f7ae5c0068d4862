//! What any feature may use and which knows no feature.

pub mod address;
pub mod chance;
pub mod clock;
pub mod conditional;
pub mod dependencies;
pub mod device;
pub mod device_name;
pub mod email;
pub mod extract;
pub mod handle;
pub mod ids;
pub mod language;
pub mod layers;
pub mod limits;
pub mod mailer;
pub mod metrics;
pub mod origin;
pub mod outbound;
pub mod password;
pub mod probes;
pub mod problem;
pub mod redis;
pub mod refusals;
pub mod secret;
pub mod server;
pub mod telemetry;
