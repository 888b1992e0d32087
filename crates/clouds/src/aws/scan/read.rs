//! Follow-up reads: what the list does not say of an item, one by one or in batches.
//!
//! This room knows how an item is completed. It must never know a type.

use super::{Line, Run, item::Work, native::next};
use crate::{
    CloudError, Value,
    aws::{
        data::{Call, Protocol, Scope, Service, Type},
        protocol::Ask,
    },
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::Pin,
};

/// What a read brought.
enum Brought {
    Value(Value),
    Nothing,
    Gone,
    Failed(CloudError),
}

type Reading<'r> = Pin<Box<dyn Future<Output = Result<(), CloudError>> + Send + 'r>>;

impl Run<'_> {
    /// The items after their reads; without those that are not to be kept or are gone meanwhile.
    pub(super) async fn worked(
        &self,
        service: &Service,
        kind: &Type,
        mut works: Vec<Work>,
        parent: Option<&Value>,
        line: &Line,
    ) -> Result<Vec<Work>, CloudError> {
        for read in kind.read.iter().filter(|r| r.early) {
            self.read((service, read), &mut works, parent, line).await?;
        }
        works.retain(|work| {
            let scope = Scope { item: &work.item, parent, place: &self.session.place };
            // What could not be read early cannot be judged, and is nobody's absence: its type has a problem already.
            !work.gone && work.unread.is_empty() && kind.keep.iter().all(|c| c.holds(&scope))
        });
        for read in kind.read.iter().filter(|r| !r.early) {
            self.read((service, read), &mut works, parent, line).await?;
            works.retain(|work| !work.gone);
        }
        Ok(works)
    }

    async fn read(
        &self,
        (service, read): (&Service, &Call),
        works: &mut [Work],
        parent: Option<&Value>,
        line: &Line,
    ) -> Result<(), CloudError> {
        let place = &self.session.place;
        let mut due: Vec<&mut Work> = works
            .iter_mut()
            .filter(|work| {
                let scope = Scope { item: &work.item, parent, place };
                let has = read.unless.as_ref().is_some_and(|path| path.one(&work.item).is_some());
                !work.gone && !has && read.when.as_ref().is_none_or(|c| c.holds(&scope))
            })
            .collect();
        let mut all: FuturesUnordered<Reading<'_>> = FuturesUnordered::new();
        if let Some(size) = read.batch {
            for chunk in due.chunks_mut(size.max(1)) {
                all.push(Box::pin(self.batch((service, read), chunk, parent, line)));
            }
        } else {
            for work in due {
                all.push(Box::pin(self.single((service, read), work, parent, line)));
            }
        }
        while let Some(ended) = all.next().await {
            ended?;
        }
        Ok(())
    }

    async fn single(
        &self,
        (service, read): (&Service, &Call),
        work: &mut Work,
        parent: Option<&Value>,
        line: &Line,
    ) -> Result<(), CloudError> {
        if line.hopeless(&read.op) {
            work.unread(read);
            return Ok(());
        }
        let scope = Scope { item: &work.item, parent, place: &self.session.place };
        let brought = match Ask::new(read, &scope) {
            Ok(mut ask) => Box::pin(self.brought((service, read), &mut ask, line)).await,
            Err(message) => Brought::Failed(CloudError::Broken { code: "id", message }),
        };
        match brought {
            Brought::Value(value) => {
                line.tried(&read.op, false);
                work.put(read, value);
            }
            Brought::Nothing => line.tried(&read.op, false),
            Brought::Gone => work.gone = true,
            Brought::Failed(error) => {
                line.tried(&read.op, matches!(error, CloudError::Denied { .. }));
                work.unread(read);
                line.problem(self.settle(of_read(read, error)).await?);
            }
        }
        Ok(())
    }

    async fn batch(
        &self,
        (service, read): (&Service, &Call),
        works: &mut [&mut Work],
        parent: Option<&Value>,
        line: &Line,
    ) -> Result<(), CloudError> {
        let place = &self.session.place;
        let key = |work: &Work| {
            read.ids.as_ref()?.fill(&Scope { item: &work.item, parent, place }).ok().filter(|k| !k.is_empty())
        };
        let keys: Vec<Option<String>> = works.iter().map(|work| key(work)).collect();
        let brought = match Ask::new(read, &Scope { item: &Value::Null, parent, place }) {
            Ok(mut ask) => {
                spread(service, read, &mut ask, keys.iter().flatten());
                self.brought((service, read), &mut ask, line).await
            }
            Err(message) => Brought::Failed(CloudError::Broken { code: "id", message }),
        };
        let mut found = match brought {
            Brought::Value(Value::Array(list)) => by_key(read, list),
            Brought::Value(_) | Brought::Nothing => HashMap::new(),
            // One of them is gone, and the service does not say which: each is asked for alone.
            Brought::Gone if works.len() > 1 => {
                for work in works.iter_mut() {
                    Box::pin(self.batch((service, read), &mut [work], parent, line)).await?;
                }
                return Ok(());
            }
            Brought::Gone => HashMap::new(),
            Brought::Failed(error) => {
                works.iter_mut().for_each(|work| work.unread(read));
                line.problem(self.settle(of_read(read, error)).await?);
                return Ok(());
            }
        };
        for (work, key) in works.iter_mut().zip(keys) {
            match key.and_then(|key| found.remove(&key)) {
                Some(value) => work.put(read, value),
                None if read.into.is_none() => work.gone = true,
                None => {}
            }
        }
        Ok(())
    }

    /// Asks, all pages, and takes what is wanted of the answer.
    async fn brought(&self, (service, read): (&Service, &Call), ask: &mut Ask, line: &Line) -> Brought {
        let mut seen = HashSet::new();
        let mut together: Vec<Value> = Vec::new();
        let many = read.page.is_some() || read.batch.is_some();
        loop {
            let answer = match self.read_call((service, read), ask, line).await {
                Ok(answer) => answer,
                Err(CloudError::Answer { code, .. }) if read.absent.contains(&code) => return Brought::Nothing,
                Err(CloudError::Answer { code, .. }) if read.gone.contains(&code) => return Brought::Gone,
                Err(error) => return Brought::Failed(error),
            };
            let more = match read.page.as_ref().map(|page| next(page, &answer, ask, &mut seen)) {
                None => false,
                Some(Ok(more)) => more,
                Some(Err(error)) => return Brought::Failed(error),
            };
            let taken = match &read.take {
                Some(path) => path.take(answer),
                None => vec![answer],
            };
            together.extend(taken);
            if !more {
                break;
            }
        }
        if many { Brought::Value(Value::Array(together)) } else { one(read, together) }
    }
}

/// A read that does not exist here is a failure of its type, which does exist.
fn of_read(read: &Call, error: CloudError) -> CloudError {
    match error {
        CloudError::Unsupported(why) => CloudError::Answer {
            status: 0,
            code: "unsupported".into(),
            message: format!("{} cannot be asked here: {why}", read.op),
        },
        other => other,
    }
}

/// What was taken of a single answer.
fn one(read: &Call, taken: Vec<Value>) -> Brought {
    let list = taken.len() > 1;
    let first = if list { Some(Value::Array(taken)) } else { taken.into_iter().next() };
    let empty = |v: &Value| v.is_null() || v.as_str() == Some("");
    match first.filter(|v| !empty(v)).or_else(|| read.default.clone()) {
        Some(Value::String(text)) => Brought::Value(read.map.get(&text).cloned().unwrap_or(Value::String(text))),
        Some(value) => Brought::Value(value),
        None => Brought::Nothing,
    }
}

/// The keys of a batch as the protocol writes a list.
fn spread<'k>(service: &Service, read: &Call, ask: &mut Ask, keys: impl Iterator<Item = &'k String>) {
    let Some(param) = &read.param else { return };
    if matches!(service.protocol, Protocol::Query | Protocol::Ec2) {
        for (n, key) in keys.enumerate() {
            ask.set(&format!("{param}.{}", n + 1), key.as_str().into());
        }
    } else {
        ask.set(param, keys.map(String::as_str).collect());
    }
}

fn by_key(read: &Call, list: Vec<Value>) -> HashMap<String, Value> {
    let key = |v: &Value| read.matches.as_ref()?.one(v)?.as_str().map(str::to_owned);
    list.into_iter().filter_map(|v| Some((key(&v)?, v))).collect()
}

impl Work {
    /// Puts what was read where it belongs.
    fn put(&mut self, read: &Call, value: Value) {
        let Value::Object(item) = &mut self.item else { return };
        match (&read.into, value) {
            (Some(into), value) => {
                item.insert(into.as_str(), value);
            }
            (None, Value::Object(more)) => item.extend(more),
            (None, _) => {}
        }
    }

    /// Notes what could not be read: `*` if it would have been merged into the item.
    fn unread(&mut self, read: &Call) {
        self.unread.push(read.into.clone().unwrap_or_else(|| "*".into()));
    }
}
