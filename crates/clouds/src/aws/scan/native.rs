//! The native engine: lists page by page, and what is listed below what was found.
//!
//! This room knows lists. It must never know a type: which there are is in the catalogue.

use super::{
    Line, Run,
    item::Work,
    sight::{Page as Seen, Sight},
};
use crate::{
    CloudError, Map, Place, Print, TypeOutcome, Value,
    aws::{
        data::{Call, Page, Scope, Service, Type, catalogue, catalogue::File},
        protocol::Ask,
    },
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    collections::HashSet,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::OnceLock,
};

/// How many parents are listed below at once.
const PARENTS: usize = 4;

/// Types with one and the same list, and what is listed below them.
pub(super) struct Unit<'c> {
    service: &'c Service,
    types: Vec<&'c Type>,
    below: Vec<Unit<'c>>,
    /// Whether these are all types of that list.
    whole: bool,
}

/// The units of a file below this type, or at the top.
fn units<'c>(file: &'c File, parent: Option<&str>, needed: &dyn Fn(&Type) -> bool) -> Vec<Unit<'c>> {
    let mut units: Vec<Unit<'c>> = Vec::new();
    let mut left_out = Vec::new();
    for kind in file.types.iter().filter(|t| t.parent.as_deref() == parent) {
        let below = units_below(file, kind, needed);
        if below.is_empty() && !needed(kind) {
            left_out.push(&kind.list.key);
            continue;
        }
        match units.iter_mut().find(|u| u.types.first().is_some_and(|t| t.list.key == kind.list.key)) {
            Some(unit) => {
                unit.types.push(kind);
                unit.below.extend(below);
            }
            None => units.push(Unit { service: &file.service, types: vec![kind], below, whole: true }),
        }
    }
    for unit in &mut units {
        unit.whole = unit.types.iter().all(|kind| !left_out.contains(&&kind.list.key));
    }
    units
}

fn units_below<'c>(file: &'c File, kind: &Type, needed: &dyn Fn(&Type) -> bool) -> Vec<Unit<'c>> {
    units(file, Some(&kind.token), needed)
}

type Running<'r> = Pin<Box<dyn Future<Output = Result<(), CloudError>> + Send + 'r>>;

impl Run<'_> {
    /// Lists the catalogue's types of this place.
    pub(super) async fn native(&self) -> Result<(), CloudError> {
        let global = *self.place == Place::Global;
        let needed = |kind: &Type| !kind.internal && self.wanted(&kind.token);
        let files = catalogue()?.iter().filter(|f| f.service.global.is_some() == global);
        let mut waiting = files.flat_map(|f| units(f, None, &needed)).collect::<Vec<_>>().into_iter();
        let mut running: FuturesUnordered<Running<'_>> = FuturesUnordered::new();
        loop {
            while running.len() < self.options.list_concurrency.max(1) {
                let Some(unit) = waiting.next() else { break };
                running.push(Box::pin(async move { self.unit(&unit, None).await }));
            }
            match running.next().await {
                Some(ended) => ended?,
                None => return Ok(()),
            }
        }
    }

    /// Lists one unit (below these parents), then what is below it.
    fn unit<'r>(&'r self, unit: &'r Unit<'r>, parents: Option<(&'r Line, &'r [Value])>) -> Running<'r> {
        Box::pin(async move {
            let lines: Vec<Line> = unit.types.iter().map(|t| Line::new(&t.token)).collect();
            match parents {
                None => self.listed(unit, None, &lines).await?,
                Some((above, parents)) => {
                    self.below(unit, parents, &lines).await?;
                    if let Some(trouble) = above.trouble() {
                        lines.iter().for_each(|line| line.problem(inherited(&trouble)));
                    }
                }
            }
            let found: Vec<Vec<Value>> = lines.iter().map(Line::parents).collect();
            for below in &unit.below {
                let parent = below.types.first().and_then(|t| t.parent.as_deref());
                let above = unit.types.iter().position(|t| Some(t.token.as_str()) == parent).unwrap_or(0);
                if let (Some(line), Some(parents)) = (lines.get(above), found.get(above)) {
                    self.unit(below, Some((line, parents))).await?;
                }
            }
            for (line, kind) in lines.into_iter().zip(&unit.types) {
                if !kind.internal && self.wanted(&kind.token) {
                    self.report(line).await?;
                }
            }
            Ok(())
        })
    }

    async fn below(&self, unit: &Unit<'_>, parents: &[Value], lines: &[Line]) -> Result<(), CloudError> {
        let mut waiting = parents.iter();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < PARENTS {
                let Some(parent) = waiting.next() else { break };
                running.push(self.listed(unit, Some(parent), lines));
            }
            match running.next().await {
                Some(ended) => ended?,
                None => return Ok(()),
            }
        }
    }

    /// By which the items of a list are recognised, where an item alone decides which one resource it becomes.
    fn sight<'s>(&'s self, unit: &'s Unit<'_>, parent: Option<&'s Value>) -> Option<Sight<'s>> {
        let alone = |kind: &&Type| !kind.internal && kind.read.is_empty() && self.wanted(&kind.token);
        if !unit.whole || !unit.below.is_empty() || !unit.types.iter().all(alone) {
            return None;
        }
        let types = unit.types.iter().map(|kind| kind.token.as_str()).collect();
        let (key, place) = (&self.options.redaction, &self.session.place);
        Some(Sight { sink: self.sink, key, place, parent, types, printer: OnceLock::new() })
    }

    /// One list to its end; what goes wrong becomes the types' problem.
    async fn listed(&self, unit: &Unit<'_>, parent: Option<&Value>, lines: &[Line]) -> Result<(), CloudError> {
        // Boxed, as in `Session::asked`.
        let pages = Box::pin(self.pages(unit, parent, lines));
        if let Err(error) = pages.await {
            let outcome = self.settle(error).await?;
            lines.iter().for_each(|line| line.problem(outcome.clone()));
        }
        Ok(())
    }

    async fn pages(&self, unit: &Unit<'_>, parent: Option<&Value>, lines: &[Line]) -> Result<(), CloudError> {
        let (Some(kind), Some(line)) = (unit.types.first(), lines.first()) else { return Ok(()) };
        let call = &kind.list;
        let scope = Scope { item: &Value::Null, parent, place: &self.session.place };
        let mut ask = Ask::new(call, &scope).map_err(|message| CloudError::Broken { code: "id", message })?;
        let sight = self.sight(unit, parent);
        let mut seen = HashSet::new();
        loop {
            let Seen { answer, same, prints } = match self.page((unit.service, call), &ask, line, sight.as_ref()).await
            {
                Err(CloudError::Answer { code, .. })
                    if call.absent.contains(&code) || (parent.is_some() && call.gone.contains(&code)) =>
                {
                    return Ok(());
                }
                other => other?,
            };
            let more = match &call.page {
                Some(page) => next(page, &answer, &mut ask, &mut seen)?,
                None => false,
            };
            let items = call.items.as_ref().map(|path| path.take(answer)).unwrap_or_default();
            let items = items.into_iter().map(|item| named(call, item)).collect();
            for (number, (kind, line)) in (0..).zip(unit.types.iter().zip(lines)) {
                let of_type = same.iter().filter(|(of, _)| *of == number);
                let prints: Vec<Print> = of_type.map(|(_, print)| *print).collect();
                line.add(prints.len());
                if !prints.is_empty() {
                    self.sink.same(self.place.name(), &kind.token, prints).await?;
                }
            }
            self.items(unit, (items, prints), parent, lines).await?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Of each item the only type that keeps it, and its print as a resource of that.
    fn prints(
        &self,
        unit: &Unit<'_>,
        items: &[Value],
        prints: &[Print],
        parent: Option<&Value>,
    ) -> Vec<Option<(usize, Print)>> {
        if prints.len() != items.len() {
            return Vec::new();
        }
        let place = &self.session.place;
        let print = |(item, print): (&Value, &Print)| {
            let keeps = |kind: &Type| kind.keep.iter().all(|c| c.holds(&Scope { item, parent, place }));
            let mut keeping = unit.types.iter().enumerate().filter(|(_, kind)| keeps(kind)).map(|(number, _)| number);
            let (only, None) = (keeping.next()?, keeping.next()) else { return None };
            Some((only, print.of_type(u8::try_from(only).ok()?)))
        };
        items.iter().zip(prints).map(print).collect()
    }

    async fn items(
        &self,
        unit: &Unit<'_>,
        (mut items, prints): (Vec<Value>, Vec<Print>),
        parent: Option<&Value>,
        lines: &[Line],
    ) -> Result<(), CloudError> {
        let prints = self.prints(unit, &items, &prints, parent);
        for (n, (kind, line)) in unit.types.iter().zip(lines).enumerate() {
            let last = n + 1 == unit.types.len();
            let mine = if last { std::mem::take(&mut items) } else { items.clone() };
            let print = |of: usize| prints.get(of)?.filter(|(number, _)| *number == n).map(|(_, print)| print);
            let works = mine.into_iter().enumerate().map(|(of, item)| Work::new(item, print(of))).collect();
            let works = self.worked(unit.service, kind, works, parent, line).await?;
            if unit.below.iter().any(|b| b.types.iter().any(|t| t.parent.as_deref() == Some(&kind.token))) {
                line.keep(works.iter().map(|w| w.item.clone()));
            }
            if kind.internal || !self.wanted(&kind.token) {
                continue;
            }
            let batch = self.finish(kind, works, parent, line);
            line.add(batch.len());
            if !batch.is_empty() {
                self.sink.found(self.place.name(), batch).await?;
            }
        }
        Ok(())
    }
}

/// What a parent's problem means for what is listed below it.
fn inherited(trouble: &TypeOutcome) -> TypeOutcome {
    match trouble {
        TypeOutcome::Unsupported => TypeOutcome::Unsupported,
        TypeOutcome::Denied { action, message } => {
            TypeOutcome::Denied { action: action.clone(), message: message.clone() }
        }
        TypeOutcome::Throttled => TypeOutcome::Throttled,
        _ => TypeOutcome::Skipped { why: "what it is listed below could not be listed to the end".into() },
    }
}

/// An item that is a text becomes an object with it.
fn named(list: &Call, item: Value) -> Value {
    match (&list.name, item) {
        (Some(name), item @ (Value::String(_) | Value::Number(_))) => {
            Value::Object(Map::from_iter([(name.as_str(), item)]))
        }
        (_, item) => item,
    }
}

/// Puts the continuation into the question; whether there is one. The same continuation twice would go on for ever.
pub(crate) fn next(page: &Page, answer: &Value, ask: &mut Ask, seen: &mut HashSet<u64>) -> Result<bool, CloudError> {
    if page.more.as_ref().is_some_and(|more| more.one(answer).and_then(Value::as_bool) == Some(false)) {
        return Ok(false);
    }
    let values: Vec<Option<&Value>> =
        page.from.iter().map(|path| path.one(answer).filter(|v| v.as_str() != Some(""))).collect();
    if values.iter().all(Option::is_none) {
        return Ok(false);
    }
    let mut hasher = DefaultHasher::new();
    for value in values.iter().flatten() {
        value.to_string().hash(&mut hasher);
    }
    if !seen.insert(hasher.finish()) {
        let message = "the same page was announced twice".into();
        return Err(CloudError::Broken { code: "page-loop", message });
    }
    for (name, value) in page.token.iter().zip(values) {
        match (value, page.place.as_deref()) {
            (Some(value), Some("query")) => ask.set_query(name, value.clone().into()),
            (Some(value), _) => ask.set(name, value.clone().into()),
            (None, _) => ask.unset(name),
        }
    }
    Ok(true)
}
