//! When absence is proved: only if the type was listed to the end in every place of the scan, and everything that was listed arrived.

use pileus_clouds::{TypeOutcome, TypeReport};
use std::collections::HashMap;

/// What becomes of a resource that was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is gone.
    Gone,
    /// Nobody knows.
    Unseen,
}

#[derive(Debug, Default)]
struct Listing {
    arrived: u64,
    listed: Option<u64>,
    incomplete: bool,
}

/// How completely each type was listed.
#[derive(Debug, Default)]
pub(crate) struct Completeness {
    /// Of each place its types. There are few places.
    places: Vec<(String, HashMap<String, Listing>)>,
}

impl Completeness {
    fn listing(&mut self, type_token: &str, place: &str) -> &mut Listing {
        let at = self.places.iter().position(|(known, _)| known == place).unwrap_or_else(|| {
            self.places.push((place.to_owned(), HashMap::new()));
            self.places.len() - 1
        });
        self.places[at].1.entry(type_token.to_owned()).or_default()
    }
    /// So many of a type arrived.
    pub fn arrived(&mut self, type_token: &str, place: &str, count: u64) {
        self.listing(type_token, place).arrived += count;
    }
    /// A type could not be kept whole.
    pub fn spoil(&mut self, type_token: &str, place: &str) {
        self.listing(type_token, place).incomplete = true;
    }
    /// A type is done.
    pub fn report(&mut self, report: &TypeReport) {
        let listing = self.listing(&report.type_token, &report.place);
        match report.outcome {
            TypeOutcome::Listed(count) => listing.listed = Some(count),
            _ => listing.incomplete = true,
        }
    }
    /// What becomes of one of this type that was not found.
    pub fn fate(&self, type_token: &str) -> Fate {
        let complete =
            |listing: &Listing| !listing.incomplete && listing.listed.is_some_and(|listed| listed <= listing.arrived);
        let mut listings = self.places.iter().filter_map(|(_, types)| types.get(type_token)).peekable();
        if listings.peek().is_some() && listings.all(complete) { Fate::Gone } else { Fate::Unseen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(place: &str, outcome: TypeOutcome) -> TypeReport {
        TypeReport { type_token: "t".into(), place: place.into(), outcome, calls: 0, throttles: 0, micros: 0 }
    }

    #[test]
    fn absence_must_be_proved() {
        let fate = |arrived: u64, reports: &[TypeReport]| {
            let mut all = Completeness::default();
            if arrived > 0 {
                all.arrived("t", "a", arrived);
            }
            reports.iter().for_each(|report| all.report(report));
            all.fate("t")
        };
        assert_eq!(fate(0, &[]), Fate::Unseen, "never asked");
        assert_eq!(fate(3, &[]), Fate::Unseen, "never done");
        assert_eq!(fate(0, &[report("a", TypeOutcome::Listed(0))]), Fate::Gone);
        assert_eq!(fate(3, &[report("a", TypeOutcome::Listed(3))]), Fate::Gone);
        assert_eq!(fate(2, &[report("a", TypeOutcome::Listed(3))]), Fate::Unseen, "one got lost on the way");
        for outcome in [TypeOutcome::Throttled, TypeOutcome::Unsupported, TypeOutcome::NeedsParent] {
            assert_eq!(fate(3, &[report("a", outcome)]), Fate::Unseen);
        }
        let denied = TypeOutcome::Denied { action: String::new(), message: String::new() };
        assert_eq!(fate(0, &[report("a", TypeOutcome::Listed(0)), report("b", denied)]), Fate::Unseen);
        assert_eq!(fate(0, &[report("a", TypeOutcome::Listed(0)), report("b", TypeOutcome::Listed(0))]), Fate::Gone);
        let mut spoiled = Completeness::default();
        spoiled.report(&report("a", TypeOutcome::Listed(0)));
        spoiled.spoil("t", "a");
        assert_eq!(spoiled.fate("t"), Fate::Unseen);
    }
}
