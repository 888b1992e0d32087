//! Fills a log with realistic events: people at work, pipelines in bursts, up to 1,000 events in one second.

use pileus_model::{
    Result, Timestamp,
    audit::{Actor, ActorKind, EventType, LogId, NewEvent, Outcome, RequestInfo, Target, catalogue},
    ids::{RequestId, TokenId, UserId},
};
use pileus_store::{Recorded, Store};
use pileus_testkit::entropy::SeededEntropy;
use std::net::IpAddr;

/// Events in one transaction.
const CHUNK: u64 = 20_000;
/// People; number 0 is `admin`.
const USERS: u64 = 200;
/// The last event lies at 2026-11-01T00:00:00Z.
const END: i64 = 1_793_491_200;

/// A stream of numbers from a seed (SplitMix64, Steele et al. 2014): the same everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Numbers(u64);

impl Numbers {
    /// The stream of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n`.
    pub const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    /// 16 bytes.
    pub fn id(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        bytes
    }
}

/// Appends `events` events to the log, oldest first, after those that are there.
///
/// # Errors
/// What the store says.
pub async fn fill(store: &Store, log: LogId, events: u64, seed: u64) -> Result<()> {
    let (_, last) = store.read(move |tx| pileus_store::audit::last(tx, log)).await?;
    let span = i64::try_from(events).unwrap_or(i64::MAX) * 2;
    let start = (END - span).max(last.as_seconds() + 1);
    let mut written = 0;
    while written < events {
        let count = CHUNK.min(events - written);
        let first = written;
        store
            .write(move |tx| {
                // The same ids when the closure runs twice.
                let entropy = SeededEntropy::new(seed ^ first);
                let mut generated = (first..first + count).map(|n| event(log, seed, n, start));
                pileus_store::audit::append_bulk(tx, log, &entropy, &mut generated)?;
                Ok(Recorded::unaudited((), "these are the events themselves"))
            })
            .await?;
        written += count;
    }
    Ok(())
}

/// The time of event `n`: half of the events spread over the span, the other half in bursts of up to 1,000 in one second.
fn time(n: u64, start: i64) -> Timestamp {
    let block = n / 2_000;
    let within = n % 2_000;
    // A block of 2,000 events takes 4,000 seconds: 1,000 one by one, then 1,000 in its last second.
    let second = if within < 1_000 { within * 3 } else { 3_999 };
    let micros = if within < 1_000 { 0 } else { (within - 1_000) * 900 };
    let second = start + i64::try_from(block * 4_000 + second).unwrap_or(0);
    Timestamp::from_micros(second * pileus_model::time::SECOND + i64::try_from(micros).unwrap_or(0))
}

/// Event `n` of this seed.
fn event(log: LogId, seed: u64, n: u64, start: i64) -> (Timestamp, NewEvent) {
    let mut random = Numbers::new(seed ^ n.wrapping_mul(0xa076_1d64_78bd_642f));
    let who = random.below(USERS);
    let stack = format!("project-{}/{}", random.below(120), ["dev", "staging", "prod"][(random.next() % 3) as usize]);
    let (event, target, description) = action(&mut random, stack);
    let ip = if random.below(20) == 0 {
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, random.below(400) as u16])
    } else {
        IpAddr::from([10, (random.below(4)) as u8, random.below(250) as u8, random.below(250) as u8])
    };
    let new = NewEvent {
        log,
        event,
        actor: actor(seed, who),
        request: RequestInfo {
            id: Some(RequestId::from_bytes(random.id())),
            operation: "Fill".into(),
            source_ip: Some(ip),
            user_agent: "pulumi-cli/1 (v3.259.0; linux)".into(),
            cli_command: "pulumi up".into(),
        },
        target,
        outcome: Outcome::Success,
        description,
        count: 1,
    };
    (time(n, start), new)
}

fn action(random: &mut Numbers, stack: String) -> (EventType, Target, String) {
    let update = UserId::from_bytes(random.id());
    match random.below(100) {
        0..40 => {
            let description = format!("Started update \"{update}\" for stack \"{stack}\"");
            (catalogue::STACK_UPDATE_STARTED, Target::new("stack", stack), description)
        }
        40..75 => {
            let suffix = format!("{:07x}=", random.below(1 << 28));
            let description = format!("Decrypted secret value for stack \"{stack}\" (cipher text suffix: \"{suffix}\")");
            (catalogue::SECRET_DECRYPTED, Target::new("stack", stack), description)
        }
        75..90 => {
            let description = format!("Exported stack {stack}");
            (catalogue::STACK_EXPORTED, Target::new("stack", stack), description)
        }
        90..99 => {
            let login = login(random.below(USERS));
            let description = format!("User \"{login}\" logged into the Pulumi Console.");
            (catalogue::USER_LOGIN, Target::new("user", login), description)
        }
        _ => {
            let login = login(random.below(USERS));
            let description = format!("Changed organization role for \"{login}\" to admin");
            (catalogue::MEMBER_ROLE_CHANGED, Target::new("member", login), description)
        }
    }
}

/// The login of person `who`.
pub fn login(who: u64) -> String {
    if who == 0 { "admin".into() } else { format!("user-{who:03}") }
}

/// Person `who`, with a token of his own.
pub fn actor(seed: u64, who: u64) -> Actor {
    let mut random = Numbers::new(seed.wrapping_add(who) ^ 0x5bd1_e995);
    Actor {
        kind: ActorKind::User,
        user: Some(UserId::from_bytes(random.id())),
        login: login(who),
        name: format!("Person {who}"),
        token: Some(TokenId::from_bytes(random.id())),
        token_name: format!("laptop of {}", login(who)),
    }
}
