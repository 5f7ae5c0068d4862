//! Immediate revocation of tokens with Token Status Lists (draft-ietf-oauth-status-list).
//! Each session has one bit in a list, which is set when the session ends. The lists are published as signed JWTs, and this
//! server checks the same bits in memory. The database is authoritative; memory follows it.
//! The tables are `status_lists`, `revocations` and `revocation_counter`; `sessions` allocates and sets bits here.

mod bit;
mod reach;
mod router;
mod service;
mod store;

pub use bit::Bit;
pub use reach::Reach;
pub use router::{StatusLists, router};
pub use service::{
    Feed, RevocationMetrics, RevocationOptions, Revocations, RevokingTx, WaiterLimits, begin_generation, newest_list,
};
