//! Pages of lists, without the items that are recognised.
//!
//! This room knows which items need not be taken apart. It must never know what is in them.

use super::{Line, Run};
use crate::{
    CloudError, Print, RedactionKey, Sink, Value,
    aws::{
        data::{Call, Service},
        protocol::{self, Ask},
    },
    print::Printer,
};

/// By which the items of one list are recognised.
pub(super) struct Sight<'s> {
    sink: &'s dyn Sink,
    printer: Printer,
    /// How many types the list has.
    types: u8,
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

impl<'s> Sight<'s> {
    /// For the list of so many types that all of this together tells from others.
    pub(super) fn new(sink: &'s dyn Sink, key: &RedactionKey, list: &[&str], types: u8) -> Self {
        Self { sink, printer: Printer::new(key, list), types }
    }

    fn read(&self, service: &Service, call: &Call, status: u16, body: &[u8]) -> Result<Page, String> {
        let (mut same, mut prints) = (Vec::new(), Vec::new());
        let rest = protocol::cut(service, call, body, &mut |item| {
            let print = self.printer.print(item);
            let mut of_types = (0..self.types).map(|number| (number, print.of_type(number)));
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
