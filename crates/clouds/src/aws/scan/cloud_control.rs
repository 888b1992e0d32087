//! The Cloud Control engine: one list and one read for every type that has no catalogue entry.
//!
//! This room knows Cloud Control. It must never know a type: which there are is in the table.

use super::{
    Line, Run,
    item::sort_tags,
    native::next,
    table::{self, Listing, Row},
};
use crate::{
    CloudError, Found, Map, Mode, TypeOutcome, Value,
    aws::{asked::asked, data::Scope, protocol::Ask},
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{collections::HashSet, future::Future, pin::Pin};

type Running<'r> = Pin<Box<dyn Future<Output = Result<(), CloudError>> + Send + 'r>>;

impl Run<'_> {
    /// Lists the table's types of this place.
    pub(super) async fn cloud_control(&self, mode: Mode) -> Result<(), CloudError> {
        let rows: Vec<&'static Row> = table::of(self.place, mode)?.filter(|row| self.wanted(&row.token)).collect();
        let (listable, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.list == Listing::Plain);
        for row in others {
            let line = Line::new(&row.token);
            line.problem(match row.list {
                Listing::Parent => TypeOutcome::NeedsParent,
                _ => TypeOutcome::Skipped { why: "the type has no list".into() },
            });
            self.report(line).await?;
        }
        let Some(nobody) = self.probe(&listable).await? else { return self.each(listable).await };
        for row in listable {
            let line = Line::new(&row.token);
            line.problem(nobody.clone());
            self.report(line).await?;
        }
        Ok(())
    }

    /// Asks once whether Cloud Control answers here at all; if not, what that means for every type.
    async fn probe(&self, rows: &[&'static Row]) -> Result<Option<TypeOutcome>, CloudError> {
        let known = ["AWS::Logs::LogGroup", "AWS::IAM::Role"];
        let Some(row) = rows.iter().find(|r| known.contains(&r.name.as_str())).or(rows.first()) else {
            return Ok(None);
        };
        let (service, call) = asked()?.resources()?;
        let mut ask = self.ask(call)?;
        ask.set("TypeName", row.name.as_str().into());
        ask.set("MaxResults", 1.into());
        let line = Line::new(&row.token);
        let answer = self.session.call(service, call, &ask, &line.tally).await;
        Ok(match answer {
            Ok(answer) if answer.get("ResourceDescriptions").is_some() => None,
            Err(CloudError::Denied { action, message }) if action == "cloudformation:ListResources" => {
                Some(TypeOutcome::Denied { action, message })
            }
            Err(error @ (CloudError::Credentials { .. } | CloudError::Setting(_))) => Some(self.settle(error).await?),
            Err(CloudError::Unsupported(why))
                if !why.contains("TypeNotFound") && !why.contains("UnsupportedAction") =>
            {
                self.nobody(&why)
            }
            Err(CloudError::Answer { status, code, message }) if !code.ends_with("Exception") => {
                self.nobody(&format!("{message} ({code}, {status})"))
            }
            Err(CloudError::Broken { message, .. }) => self.nobody(&message),
            Ok(_) => self.nobody("an answer of another kind"),
            Err(_) => None,
        })
    }

    fn nobody(&self, why: &str) -> Option<TypeOutcome> {
        self.sink.log(format!("{}: Cloud Control does not answer here: {why}", self.place.name()));
        Some(TypeOutcome::Unsupported)
    }

    async fn each(&self, rows: Vec<&'static Row>) -> Result<(), CloudError> {
        let mut waiting = rows.into_iter();
        let mut running: FuturesUnordered<Running<'_>> = FuturesUnordered::new();
        loop {
            while running.len() < self.options.list_concurrency.max(1) {
                let Some(row) = waiting.next() else { break };
                running.push(Box::pin(self.row(row)));
            }
            match running.next().await {
                Some(ended) => ended?,
                None => return Ok(()),
            }
        }
    }

    async fn row(&self, row: &'static Row) -> Result<(), CloudError> {
        let line = Line::new(&row.token);
        if let Err(error) = self.resources(row, &line).await {
            line.problem(self.settle(error).await?);
        }
        self.report(line).await
    }

    async fn resources(&self, row: &'static Row, line: &Line) -> Result<(), CloudError> {
        let (service, call) = asked()?.resources()?;
        let mut ask = self.ask(call)?;
        ask.set("TypeName", row.name.as_str().into());
        let mut seen = HashSet::new();
        loop {
            let answer = self.session.call(service, call, &ask, &line.tally).await?;
            let more = match &call.page {
                Some(page) => next(page, &answer, &mut ask, &mut seen)?,
                None => false,
            };
            let items = call.items.as_ref().map(|path| path.take(answer)).unwrap_or_default();
            let mut reads = FuturesUnordered::new();
            for item in items {
                reads.push(self.resource(row, item, line));
            }
            let mut batch = Vec::new();
            while let Some(found) = reads.next().await {
                batch.extend(found?);
            }
            batch.sort_by(|a, b| a.id.cmp(&b.id));
            line.add(batch.len());
            if !batch.is_empty() {
                self.sink.found(self.place.name(), batch).await?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// One resource: the list says some of it, the read all.
    async fn resource(&self, row: &'static Row, item: Value, line: &Line) -> Result<Option<Found>, CloudError> {
        let Some(id) = item.get("Identifier").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
            let message = "a resource has no identifier".into();
            line.problem(TypeOutcome::Failed { code: "id".into(), message });
            return Ok(None);
        };
        let mut properties = unpacked(&item);
        let mut unread = Vec::new();
        if row.read && !line.hopeless("GetResource") {
            let (service, call) = asked()?.resource()?;
            let mut ask = self.ask(call)?;
            ask.set("TypeName", row.name.as_str().into());
            ask.set("Identifier", id.into());
            match self.read_call((service, call), &ask, line).await {
                Ok(answer) => {
                    line.tried("GetResource", false);
                    if let Some(description) = answer.get("ResourceDescription") {
                        properties.extend(unpacked(description));
                    }
                }
                Err(CloudError::Answer { code, .. }) if code == "ResourceNotFoundException" => return Ok(None),
                Err(error) => {
                    line.tried("GetResource", matches!(error, CloudError::Denied { .. }));
                    unread.push("*".to_owned());
                    line.problem(self.settle(error).await?);
                }
            }
        } else if row.read {
            unread.push("*".to_owned());
        }
        Ok(Some(self.described(row, id, Value::Object(properties), unread)))
    }

    fn described(&self, row: &Row, id: &str, mut properties: Value, unread: Vec<String>) -> Found {
        sort_tags(&mut properties);
        let redactor = self.options.redaction.of(&row.token, id);
        for path in row.hidden() {
            path.change(&mut properties, &mut |value| redactor.hide(value));
        }
        redactor.redact(&mut properties);
        let text = |v: Option<&Value>| v.and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
        let tag = || {
            let tags = properties.get("Tags")?.as_array()?;
            tags.iter().find(|t| t.get("Key").and_then(Value::as_str) == Some("Name"))?.get("Value")
        };
        Found {
            type_token: row.token.clone(),
            id: id.to_owned(),
            name: text(properties.get("Name")).or_else(|| text(tag())),
            arn: text(properties.get("Arn")).filter(|arn| arn.starts_with("arn:")),
            properties,
            unread,
            print: None,
        }
    }

    fn ask(&self, call: &crate::aws::data::Call) -> Result<Ask, CloudError> {
        let scope = Scope { item: &Value::Null, parent: None, place: &self.session.place };
        Ask::new(call, &scope).map_err(CloudError::Setting)
    }
}

/// The properties, which are JSON in a text.
fn unpacked(description: &Value) -> Map {
    let text = description.get("Properties").and_then(Value::as_str).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}
