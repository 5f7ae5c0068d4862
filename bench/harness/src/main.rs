//! The measuring tool of `bench/run`. Each subcommand prints one line of JSON.

#![expect(clippy::print_stdout, reason = "it tells figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "it measures real time, and speaks to databases beside the store on purpose"
)]

mod ceilings;
mod cpu;
mod flow;
mod load;
mod simulate;
mod store;

use std::error::Error;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Sends requests, as fast as possible or at a fixed rate, and counts the server's own CPU time.
    Load(load::Load),
    /// Signs a browser in to an application again and again, and counts the server's own CPU time.
    Flow(flow::Flow),
    /// Serves a fixed number of bytes with bare axum at `/`.
    Serve {
        /// The port, on a loopback address.
        #[arg(long)]
        port: u16,
        /// The number of bytes per response.
        #[arg(long)]
        bytes: usize,
    },
    /// Hashes passwords with bare Argon2id on one thread.
    Argon2(ceilings::Argon2),
    /// Signs and verifies ES256 with the bare library.
    Es256(ceilings::Es256),
    /// Rewrites a session's row in one durable commit, like a refresh, and reads single rows, with the bare driver.
    Database(ceilings::Database),
    /// The same with our own store.
    Store(store::Store),
    /// Simulates a very large number of sessions, and compares status lists and sweeping with the formulas of
    /// `docs/guides/sizing.md`.
    Simulate(simulate::Simulate),
}

fn main() -> Result<(), Box<dyn Error>> {
    // Like the server's: a thread for each core that it may use.
    let many = tokio::runtime::Runtime::new()?;
    // The load generator should cost as little as possible.
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = match Bench::parse().what {
        What::Load(load) => one.block_on(load.run())?,
        What::Flow(flow) => one.block_on(flow.run())?,
        What::Serve { port, bytes } => many.block_on(ceilings::serve(port, bytes))?,
        What::Argon2(argon2) => argon2.run()?,
        What::Es256(es256) => es256.run()?,
        What::Database(database) => one.block_on(database.run())?,
        What::Store(store) => many.block_on(store.run())?,
        What::Simulate(simulate) => simulate.run()?,
    };
    println!("{figures}");
    Ok(())
}
