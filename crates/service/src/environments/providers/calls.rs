//! What one opening asks of others: each question is put once, many at a time, and within a time for all of them.
//!
//! An evaluation holds a thread and must not wait. So a call that has to ask somebody leaves its question here and is unknown
//! for the moment; when the evaluation is through, the questions are put together, and the document is evaluated again with
//! the answers. This room knows questions and answers. It must never know a provider.

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use pileus_esc::value::Value;
use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Time for everything that one opening asks; less than a request has.
pub(in crate::environments) const LONGEST: Duration = Duration::from_secs(20);
/// Most questions of one opening.
const MOST: usize = 64;
/// Most questions that are put at the same time.
const AT_ONCE: usize = 8;
/// Most bytes of all answers together.
const BYTES: usize = 4 << 20;
/// Most questions that each need the answer of the one before.
const ROUNDS: usize = 16;

/// What came of a call.
pub(in crate::environments) type Outcome = Result<Value, String>;
/// A question that was not put yet.
pub(in crate::environments) type Question = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The questions of one opening.
pub(super) struct Calls {
    deadline: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, Outcome>,
    waiting: Vec<(String, Question)>,
    rounds: usize,
    bytes: usize,
}

impl Calls {
    /// For an opening that begins now.
    pub fn new() -> Self {
        Self::within(LONGEST)
    }
    fn within(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, state: Mutex::default() }
    }

    /// The answer to this question, or an error for the moment. `ask` makes the question if it is new.
    pub fn answer(&self, name: &str, ask: impl FnOnce() -> Question) -> Outcome {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.known.get(name) {
            return known.clone();
        }
        if state.known.len() + state.waiting.len() >= MOST {
            return Err(format!("too many calls: an opening may ask at most {MOST} times"));
        }
        if !state.waiting.iter().any(|(waiting, _)| waiting == name) {
            state.waiting.push((name.to_owned(), ask()));
        }
        Err("not answered yet".into())
    }

    /// Whether questions wait: then what the evaluation came to does not count.
    pub fn waiting(&self) -> bool {
        !self.state.lock().unwrap_or_else(PoisonError::into_inner).waiting.is_empty()
    }

    /// Puts the questions that wait. All of them have an answer afterwards. Whoever drops this asks no further.
    pub async fn put(&self) {
        let (waiting, rounds) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.rounds += 1;
            (std::mem::take(&mut state.waiting), state.rounds)
        };
        let late = || format!("it took longer than {} s to open everything", LONGEST.as_secs());
        if rounds > ROUNDS {
            let deep = format!("too many calls that need one another: at most {ROUNDS}");
            return self.keep(waiting.into_iter().map(|(name, _)| (name, Err(deep.clone()))));
        }
        let mut waiting = waiting.into_iter();
        let bounded = |(name, question): (String, Question)| async move {
            let outcome = tokio::time::timeout_at(self.deadline, question).await;
            (name, outcome.unwrap_or_else(|_| Err(late())))
        };
        let mut running: FuturesUnordered<_> = waiting.by_ref().take(AT_ONCE).map(bounded).collect();
        while let Some(answered) = running.next().await {
            self.keep([answered].into_iter());
            running.extend(waiting.next().map(bounded));
        }
    }

    fn keep(&self, answers: impl Iterator<Item = (String, Outcome)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, outcome) in answers {
            state.bytes += outcome.as_ref().map_or(0, |value| value.to_json(false).to_text().len());
            let fits = state.bytes <= BYTES;
            let much = || Err(format!("too much: an opening may be given at most {BYTES} bytes"));
            state.known.insert(name, if fits { outcome } else { much() });
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn said(text: &str) -> Question {
        let text = text.to_owned();
        Box::pin(async move { Ok(Value::string(&text)) })
    }

    #[tokio::test]
    async fn each_question_is_put_once() {
        let calls = Calls::new();
        assert!(calls.answer("a", || said("1")).is_err());
        assert!(calls.answer("a", || said("2")).is_err());
        assert!(calls.waiting());
        calls.put().await;
        assert!(!calls.waiting());
        assert_eq!(calls.answer("a", || said("3")).unwrap(), Value::string("1"));
    }

    #[tokio::test]
    async fn who_never_answers_ends_in_an_error() {
        let calls = Calls::within(Duration::ZERO);
        let _ = calls.answer("hangs", || Box::pin(std::future::pending()));
        let _ = calls.answer("answers", || said("x"));
        calls.put().await;
        assert!(calls.answer("hangs", || said("late")).unwrap_err().contains("longer than"));
        assert!(calls.answer("answers", || said("y")).is_ok());
        let _ = calls.answer("after", || Box::pin(std::future::pending()));
        calls.put().await;
        assert!(calls.answer("after", || said("late")).is_err());
    }

    #[tokio::test]
    async fn answers_are_measured() {
        let calls = Calls::new();
        for n in ["a", "b", "c"] {
            let _ = calls.answer(n, || said(&"x".repeat(BYTES / 2 - 10)));
        }
        calls.put().await;
        let much = ["a", "b", "c"].iter().filter(|n| calls.answer(n, || said("y")).is_err()).count();
        assert_eq!(much, 1);
    }

    #[tokio::test]
    async fn questions_and_rounds_are_counted() {
        let calls = Calls::new();
        for n in 0..MOST {
            let _ = calls.answer(&n.to_string(), || said("x"));
        }
        assert!(calls.answer("one more", || said("x")).unwrap_err().contains("too many"));
        calls.put().await;
        assert!((0..MOST).all(|n| calls.answer(&n.to_string(), || said("y")).is_ok()));
        let calls = Calls::new();
        for n in 0..=ROUNDS {
            let _ = calls.answer(&n.to_string(), || said("x"));
            calls.put().await;
        }
        assert!(calls.answer(&ROUNDS.to_string(), || said("x")).unwrap_err().contains("need one another"));
    }
}
