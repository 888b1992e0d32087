//! Pages of lists, without the items that are recognised.
//!
//! This room knows which items need not be taken apart. It must never know what is in them.

use super::{Line, Run};
use crate::{
    CloudError, Print, RedactionKey, Sink, Value,
    aws::{
        data::{Call, Service, Where},
        protocol::{self, Ask},
    },
    print::Printer,
};
use std::sync::OnceLock;

/// By which the items of one list are recognised.
pub(super) struct Sight<'s> {
    pub(super) sink: &'s dyn Sink,
    pub(super) key: &'s RedactionKey,
    pub(super) place: &'s Where,
    /// What the list is below of.
    pub(super) parent: Option<&'s Value>,
    /// The list's types.
    pub(super) types: Vec<&'s str>,
    /// Made for the first item: most lists have none.
    pub(super) printer: OnceLock<Option<Printer>>,
}

/// A page of a list.
pub(super) struct Page {
    /// The answer, without the items that were recognised.
    pub(super) answer: Value,
    /// The prints of those, each after the number of its type.
    pub(super) same: Vec<(u8, Print)>,
    /// The prints of the others, in their order, as resources of the first type; none where items are not looked at.
    pub(super) prints: Vec<Print>,
}

impl Sight<'_> {
    /// By all that tells this list from others.
    fn printer(&self) -> Option<Printer> {
        let Where { account, region, partition, suffix } = self.place;
        let parent = self.parent.map(ToString::to_string).unwrap_or_default();
        let mut list = vec![partition.as_str(), account, region, suffix, &parent];
        list.extend(&self.types);
        Printer::new(self.key, &list)
    }

    fn read(&self, service: &Service, call: &Call, status: u16, body: &[u8]) -> Result<Page, String> {
        let (mut same, mut prints) = (Vec::new(), Vec::new());
        let rest = protocol::cut(service, call, body, &mut |item| {
            let printer = self.printer.get_or_init(|| self.printer()).as_ref();
            let Some(print) = printer.and_then(|printer| printer.print(item)) else { return false };
            let mut of_types = (0..).zip(&self.types).map(|(number, _)| (number, print.of_type(number)));
            let known = of_types.find(|(_, print)| self.sink.knows(print));
            if known.is_none() {
                prints.push(print);
            }
            same.extend(known);
            known.is_some()
        });
        let Some(rest) = rest else { return read(service, call, status, body) };
        Ok(Page { answer: protocol::read(service, call, status, &rest)?, same, prints })
    }
}

fn read(service: &Service, call: &Call, status: u16, body: &[u8]) -> Result<Page, String> {
    let answer = protocol::read(service, call, status, body)?;
    Ok(Page { answer, same: Vec::new(), prints: Vec::new() })
}

impl Run<'_> {
    /// The next page of a list.
    pub(super) async fn page(
        &self,
        (service, call): (&Service, &Call),
        ask: &Ask,
        line: &Line,
        sight: Option<&Sight<'_>>,
    ) -> Result<Page, CloudError> {
        let reader = |status, body: &[u8]| match sight {
            Some(sight) => sight.read(service, call, status, body),
            None => read(service, call, status, body),
        };
        self.session.asked((service, call), ask, &line.tally, &reader).await
    }
}
