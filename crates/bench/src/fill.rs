//! Fills a log with realistic events: people at work, pipelines in bursts, up to 1,000 events in one second.

use pileus_model::{
    Result, Timestamp,
    audit::{Actor, ActorKind, EventType, LogId, NewEvent, Outcome, RequestInfo, Target, catalogue},
    ids::{RequestId, TokenId, UserId},
    time::SECOND,
};
use pileus_store::{Recorded, Store};
use pileus_testkit::entropy::SeededEntropy;
use std::net::IpAddr;

/// Events in one transaction.
const CHUNK: u64 = 20_000;
/// After so many events the pattern of their times begins anew: 1,000 one by one, then 1,000 in its last second.
const BLOCK: u64 = 2_000;
/// How long that takes.
const BLOCK_SECONDS: u64 = 4_000;
/// People; number 0 is `admin`.
const USERS: u64 = 200;
/// Addresses of the office, from which most come.
const OFFICE: u64 = 6;
/// Addresses at home and under way, for each person.
const ELSEWHERE: u64 = 8;
/// The events of a new log end at 2026-11-01T00:00:00Z, or now if that is earlier.
const END: Timestamp = Timestamp::from_micros(1_793_491_200 * SECOND);

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

/// When the events of a new log end.
pub fn until(now: Timestamp) -> Timestamp {
    END.min(now)
}

/// Over how many seconds so many events spread.
pub fn seconds(events: u64) -> i64 {
    i64::try_from(events.div_ceil(BLOCK).saturating_mul(BLOCK_SECONDS)).unwrap_or(i64::MAX / SECOND)
}

/// Appends `events` events to the log, oldest first, after those that are there. They end at [`until`], or now if the log
/// goes beyond that. Where there is too little room they lie closer together: none lies in the future, and times never
/// fall.
///
/// # Errors
/// What the store says.
pub async fn fill(store: &Store, log: LogId, events: u64, seed: u64, now: Timestamp) -> Result<()> {
    let (_, last) = store.read(move |tx| pileus_store::audit::last(tx, log)).await?;
    let times = Times::new(last, events, if last < until(now) { until(now) } else { now });
    let mut written = 0;
    while written < events {
        let count = CHUNK.min(events - written);
        let first = written;
        store
            .write(move |tx| {
                // The same ids when the closure runs twice.
                let entropy = SeededEntropy::new(seed ^ first);
                let mut generated = (first..first + count).map(|n| (times.of(n), event(log, seed, n)));
                pileus_store::audit::append_bulk(tx, log, &entropy, &mut generated)?;
                Ok(Recorded::unaudited((), "these are the events themselves"))
            })
            .await?;
        written += count;
    }
    Ok(())
}

/// When which event happens.
#[derive(Debug, Clone, Copy)]
struct Times {
    start: i64,
    /// Microseconds that there are, and that are wanted.
    room: i128,
    span: i128,
}

impl Times {
    fn new(last: Timestamp, events: u64, until: Timestamp) -> Self {
        let span = seconds(events).saturating_mul(SECOND).max(1);
        let start = until.as_micros().saturating_sub(span).max(last.as_micros());
        let room = until.as_micros().saturating_sub(start).max(0);
        Self { start, room: room.into(), span: span.into() }
    }
    /// Half of the events spread over the span, the other half comes in bursts of 1,000 within one second, ten of them
    /// always in the same microsecond.
    fn of(self, n: u64) -> Timestamp {
        let (block, within) = (n / BLOCK, n % BLOCK);
        let micros = if within < 1_000 { within * 3_000_000 } else { 3_999_000_000 + (within - 1_000) / 10 * 9_000 };
        let micros = i128::from(block * BLOCK_SECONDS * 1_000_000 + micros) * self.room / self.span;
        Timestamp::from_micros(self.start.saturating_add(i64::try_from(micros).unwrap_or(0)))
    }
}

/// Event `n` of this seed.
fn event(log: LogId, seed: u64, n: u64) -> NewEvent {
    let mut random = Numbers::new(seed ^ n.wrapping_mul(0xa076_1d64_78bd_642f));
    let who = random.below(USERS);
    let stack = format!("project-{}/{}", random.below(120), ["dev", "staging", "prod"][(random.next() % 3) as usize]);
    let (event, target, description) = action(&mut random, stack);
    let ip = address(&mut random, who);
    NewEvent {
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
    }
}

/// Most come from the office, some over IPv6, the rest from where they live.
fn address(random: &mut Numbers, who: u64) -> IpAddr {
    let small = |n: u64| u8::try_from(n).unwrap_or(u8::MAX);
    match random.below(20) {
        0 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::try_from(who).unwrap_or(0)]),
        1..12 => IpAddr::from([192, 0, 2, small(random.below(OFFICE))]),
        _ => IpAddr::from([10, 0, small(who), small(random.below(ELSEWHERE))]),
    }
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
            let description =
                format!("Decrypted secret value for stack \"{stack}\" (cipher text suffix: \"{suffix}\")");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_rise_and_end_in_time() {
        let until = END;
        for (last, events) in
            [(Timestamp::EPOCH, 10_000), (Timestamp::EPOCH, 1_500), (until.plus_seconds(-60), 4_000), (until, 100)]
        {
            let times = Times::new(last, events, until);
            let all: Vec<Timestamp> = (0..events).map(|n| times.of(n)).collect();
            assert!(all.is_sorted());
            assert!(all.first().is_some_and(|first| *first >= last) && all.last().is_some_and(|end| *end <= until));
        }
    }

    #[test]
    fn at_most_a_thousand_share_a_second() {
        let times = Times::new(Timestamp::EPOCH, 20_000, END);
        let seconds: Vec<i64> = (0..20_000).map(|n| times.of(n).as_seconds()).collect();
        let most = seconds.chunk_by(|a, b| a == b).map(<[i64]>::len).max();
        assert_eq!(most, Some(1_000));
    }

    #[test]
    fn a_seed_gives_the_same_events() {
        let text = |seed, n| format!("{:?}", event(LogId(1), seed, n));
        assert_eq!(text(1, 77), text(1, 77));
        assert_ne!(text(1, 77), text(2, 77));
        assert_ne!(text(1, 77), text(1, 78));
    }
}
