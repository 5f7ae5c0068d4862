//! Simulates very many sessions one by one: opened by day and night, some ended by their owners, all removed at their absolute
//! expiry. Compares the status lists and the sweeper with the formulas of `docs/guides/sizing.md`. The bits are real and compressed
//! as the server does it; only the time is simulated.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of minutes, rows and bytes, all far below 2^52"
)]

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use clap::Args;
use countersign_jose::StatusList;
use serde_json::{Value, json};

const DAY: f64 = 86_400.0;
/// The maximum relative error of the formulas.
const TOLERANCE: f64 = 0.1;
/// How long a block of indexes may be in use: a list is needed this much longer than its last session.
const BLOCK_DAYS: f64 = 1.0;
/// The time in which a verifier fetches a list, in seconds; a second change during that time is not fetched separately.
const FETCH: f64 = 0.1;
/// The number of days in which the sweeper is observed.
const WATCHED_DAYS: f64 = 7.0;

#[derive(Args)]
pub(crate) struct Simulate {
    /// The number of stored sessions, active or not.
    #[arg(long, default_value_t = 100_000_000.0)]
    sessions: f64,
    /// `status_lists.entries`.
    #[arg(long, default_value_t = 131_072)]
    entries: usize,
    /// `tokens.refresh_absolute_ttl`, in days.
    #[arg(long, default_value_t = 90.0)]
    absolute_days: f64,
    /// The share of sessions that end early: by signing out, a changed password, or a disabled account.
    #[arg(long, default_value_t = 0.3)]
    revoked: f64,
    /// After how many days, on average.
    #[arg(long, default_value_t = 12.0)]
    revoked_after: f64,
    /// The load at the busiest time of day relative to the average: between 1 and 2.
    #[arg(long, default_value_t = 1.8)]
    peak: f64,
    /// Rows that one server's sweeper removes per second: 25, then a pause of 25 ms.
    #[arg(long, default_value_t = 900.0)]
    swept: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The counts.
struct World {
    lists: Vec<Vec<u8>>,
    /// When the last session of each list was opened, in seconds.
    filled_at: Vec<f64>,
    opened: usize,
    /// The number of sessions that reach their absolute expiry in each minute.
    ends: Vec<f64>,
    /// Revocations of the last day; those of its last hour with their list and second.
    revoked_last_day: f64,
    revoked_last_hour: Vec<(usize, f64)>,
}

impl Simulate {
    pub(crate) fn run(&self) -> Result<Value, Box<dyn Error>> {
        let world = self.live();
        let now = self.now();
        let needed = (self.absolute_days + BLOCK_DAYS) * DAY;
        let first = world.filled_at.iter().position(|filled| filled + needed >= now);
        let living = first.ok_or("no list is needed any more")?..world.lists.len();

        // The lists and their content.
        let (mut wire, mut formula_wire, mut set, mut seconds) = (HashMap::new(), 0.0, 0.0, 0.0);
        for list in living.clone() {
            let bytes = &world.lists[list];
            let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            let share = f64::from(ones) / self.entries as f64;
            set += f64::from(ones);
            formula_wire += wire_bytes(self.entries as f64, share);
            // If there are many, every tenth is representative.
            if list % 10 == 0 || living.len() < 100 {
                let began = Instant::now();
                let claim = StatusList::from_bytes(1, bytes.clone()).ok_or("too many entries")?;
                wire.insert(list, signed(serde_json::to_string(&claim)?.len()));
                seconds += began.elapsed().as_secs_f64();
            }
        }
        let count = living.len() as f64;
        let (formula_wire, measured) = (formula_wire / count, wire.len() as f64);
        let bytes = wire.values().sum::<f64>() / measured;

        // The formulas.
        let per_day = self.per_day();
        let share = self.revoked * (1.0 - (-self.absolute_days / self.revoked_after).exp());
        let window = self.absolute_days + BLOCK_DAYS;
        let aged = 1.0 - self.revoked_after / window * (1.0 - (-window / self.revoked_after).exp());
        let fetches = self.fetches(&world.revoked_last_hour);
        let per_list = world.revoked_last_hour.len() as f64 / 3600.0 / count;
        let (backlog, drained) = self.sweep(&world.ends);
        let compared = [
            // Plus one: half of the oldest list is no longer needed, and half of the newest is not assigned yet.
            ("lists", per_day * window / self.entries as f64 + 1.0, count),
            ("bits that are set", per_day * window * self.revoked * aged, set),
            ("bytes of a list on the wire", formula_wire, bytes),
            (
                "revocations a second",
                per_day * share / DAY,
                world.revoked_last_day / DAY,
            ),
            (
                "fetches a second of one verifier",
                count * per_list / (1.0 + per_list * FETCH),
                fetches,
            ),
            (
                "seconds to sweep one day's rows after a day without",
                self.drain_formula(),
                drained,
            ),
        ];
        let rows: Vec<Value> = compared
            .iter()
            .map(|(name, formula, found)| {
                let wrong = (found / formula - 1.0).abs();
                json!({ "what": name, "formula": formula, "simulated": found, "within a tenth": wrong <= TOLERANCE })
            })
            .collect();
        let sizes: Vec<Value> = [0.001, 0.01, 0.05, 0.1, 0.3, 0.5]
            .iter()
            .map(|share| self.size_at(*share))
            .collect::<Result<_, _>>()?;
        Ok(json!({
            "sessions opened": world.opened,
            "compared": rows,
            "all within a tenth": rows.iter().all(|row| row["within a tenth"] == true),
            "bits in memory, MB": count * self.entries as f64 / 8e6,
            "milliseconds to compress a list": 1000.0 * seconds / measured,
            "bytes a second to one verifier that waits for all lists": fetches * bytes,
            "most rows that waited for the sweeper": backlog,
            "bytes on the wire by share of set bits": sizes,
        }))
    }

    fn per_day(&self) -> f64 {
        self.sessions / self.absolute_days
    }

    /// The time of the evaluation: all stored sessions have been opened, and those of the observed days have expired.
    fn now(&self) -> f64 {
        (self.absolute_days + WATCHED_DAYS + BLOCK_DAYS).ceil() * DAY
    }

    /// The load at this time of day, relative to the average.
    fn hour(&self, at: f64) -> f64 {
        1.0 + (self.peak - 1.0) * (std::f64::consts::TAU * at / DAY).sin()
    }

    fn live(&self) -> World {
        let now = self.now();
        let minutes = (now / 60.0) as usize;
        let mut chance = Chance(self.seed);
        let mut world = World {
            lists: Vec::new(),
            filled_at: Vec::new(),
            opened: 0,
            ends: vec![0.0; minutes + 1],
            revoked_last_day: 0.0,
            revoked_last_hour: Vec::new(),
        };
        for minute in 0..minutes {
            let begin = minute as f64 * 60.0;
            let expected = self.per_day() / 1440.0 * self.hour(begin);
            let opened = (expected + expected.sqrt() * chance.normal()).round().max(0.0) as usize;
            for _ in 0..opened {
                let at = begin + 60.0 * chance.uniform();
                let (list, place) = (world.opened / self.entries, world.opened % self.entries);
                if place == 0 {
                    world.lists.push(vec![0; self.entries / 8]);
                    world.filled_at.push(at);
                }
                world.opened += 1;
                world.filled_at[list] = at;
                let end = ((at + self.absolute_days * DAY) / 60.0) as usize;
                if end < minutes {
                    world.ends[end] += 1.0;
                }
                if chance.uniform() < self.revoked {
                    let after = -self.revoked_after * DAY * chance.uniform().max(1e-12).ln();
                    world.revoke(
                        list,
                        self.shuffled(place),
                        at + after,
                        (after < self.absolute_days * DAY, now),
                    );
                }
            }
        }
        world
    }

    /// The server assigns bits in a random order; an odd step is equivalent here.
    fn shuffled(&self, place: usize) -> usize {
        place.wrapping_mul(0x9e37_79b1) % self.entries
    }

    /// The number of fetched changes of each list in the last hour; changes during a fetch do not count separately.
    fn fetches(&self, revoked: &[(usize, f64)]) -> f64 {
        let mut sorted = revoked.to_vec();
        sorted.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        let (mut fetched, mut list, mut until) = (0.0, usize::MAX, 0.0);
        for (of, at) in sorted {
            if of != list || at >= until {
                (fetched, list, until) = (fetched + 1.0, of, at + FETCH);
            }
        }
        fetched / 3600.0
    }

    /// The maximum backlog at the end of a minute in the observed days, and how long the sweeper needs to catch up
    /// after it did not run on the first of them.
    fn sweep(&self, ends: &[f64]) -> (f64, f64) {
        let watched = (WATCHED_DAYS * 1440.0) as usize;
        let arrivals = &ends[ends.len() - 1 - watched..ends.len() - 1];
        let (mut waiting, mut most) = (0.0_f64, 0.0_f64);
        for arrived in arrivals {
            waiting = (waiting + arrived - self.swept * 60.0).max(0.0);
            most = most.max(waiting);
        }
        let mut waiting: f64 = arrivals[..1440].iter().sum();
        let mut drained = 0.0;
        for arrived in &arrivals[1440..] {
            if waiting + arrived <= self.swept * 60.0 {
                return (most, drained + (waiting + arrived) / self.swept);
            }
            (waiting, drained) = (waiting + arrived - self.swept * 60.0, drained + 60.0);
        }
        (most, f64::INFINITY)
    }

    /// A day's rows at the sweeper's spare capacity, beginning in that hour.
    fn drain_formula(&self) -> f64 {
        self.per_day() / (self.swept - self.per_day() / DAY)
    }

    fn size_at(&self, share: f64) -> Result<Value, Box<dyn Error>> {
        let mut chance = Chance(self.seed);
        let mut bytes = vec![0_u8; self.entries / 8];
        for place in 0..self.entries {
            if chance.uniform() < share {
                bytes[place / 8] |= 1 << (place % 8);
            }
        }
        let list = StatusList::from_bytes(1, bytes).ok_or("too many entries")?;
        let wire = signed(serde_json::to_string(&list)?.len());
        Ok(json!({ "share": share, "bytes": wire, "formula": wire_bytes(self.entries as f64, share) }))
    }
}

impl World {
    fn revoke(&mut self, list: usize, place: usize, at: f64, (in_time, now): (bool, f64)) {
        if !in_time || at > now {
            return;
        }
        self.lists[list][place / 8] |= 1 << (place % 8);
        if at > now - DAY {
            self.revoked_last_day += 1.0;
        }
        if at > now - 3600.0 {
            self.revoked_last_hour.push((list, at));
        }
    }
}

/// The entropy of the bits, encoded in base64url twice: in the claim and in the payload.
fn wire_bytes(entries: f64, share: f64) -> f64 {
    let rest = 1.0 - share;
    let entropy = -(share * share.log2() + rest * rest.log2());
    entries / 8.0 * entropy * 16.0 / 9.0
}

/// The encoded length of a claim in a token's payload.
fn signed(claim: usize) -> f64 {
    claim as f64 * 4.0 / 3.0
}

/// SplitMix64: small, quick, and the same on every machine.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.uniform().max(1e-300), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}
