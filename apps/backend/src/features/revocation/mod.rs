//! Taking tokens back at once: Token Status Lists (draft-ietf-oauth-status-list).
//! Each session owns one bit of a list; ending the session sets it. The lists are published as signed JWTs, and this
//! server believes the same bits, from memory. What the database says is the truth: memory follows it.
//! `status_lists`, `revocations` and `revocation_counter` are its tables; `sessions` gets bits here and sets them.

mod bit;
mod router;
mod service;
mod store;

pub use bit::Bit;
pub use router::{StatusLists, router};
pub use service::{
    Feed, RevocationMetrics, RevocationOptions, Revocations, RevokingTx, WaiterLimits, begin_generation, newest_list,
};
