//! The members of an object: found by their elements, and filled in where their names belong.
//!
//! This room knows names. It must never know what stands under them.

use super::shapes::Kind;
use crate::value::{Key, Map, Name, Value};

/// More members than any object has.
const MOST: usize = 128;

/// The members by their elements, and those that are attributes.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    elements: Vec<(Box<str>, Member)>,
    /// Where in `elements` an element is, counted from one, at its hash or after it; a power of two.
    places: Vec<u8>,
    pub(super) attributes: Vec<(String, Member)>,
    /// The member that is the whole body.
    pub(super) payload: Option<Member>,
}

/// A member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) name: &'static Name,
    pub(super) of: Kind,
    /// Its elements lie beside those of others.
    pub(super) flat: bool,
    /// Which of the members it is, in the order of their names.
    rank: u32,
}

/// A member as the file has it: name, element, what it is, flags.
type Written<'w> = (&'static Name, &'w str, Kind, &'w str);

impl Members {
    /// These members.
    ///
    /// # Errors
    /// An element for two of them; too many.
    pub(super) fn new(mut written: Vec<Written<'_>>) -> Result<Self, String> {
        if written.len() > MOST {
            return Err(format!("more than {MOST} members"));
        }
        written.sort_unstable_by(|(a, ..), (b, ..)| a.text().cmp(b.text()));
        let places = vec![0; (written.len() * 2).next_power_of_two()];
        let mut members = Self { places, ..Self::default() };
        for (rank, (name, element, of, flags)) in (0..).zip(written) {
            let member = Member { name, of, flat: flags.contains('F'), rank };
            if flags.contains('P') {
                members.payload = Some(member);
            }
            if flags.contains('a') {
                members.attributes.push((element.to_owned(), member));
                continue;
            }
            let mut at = hash(element) & (members.places.len() - 1);
            while members.places[at] != 0 {
                at = (at + 1) & (members.places.len() - 1);
            }
            if members.find(element).is_some() {
                return Err(format!("{element} is two members"));
            }
            members.elements.push((element.into(), member));
            members.places[at] = u8::try_from(members.elements.len()).map_err(|e| e.to_string())?;
        }
        Ok(members)
    }

    /// The member that has this element.
    pub(super) fn find(&self, element: &str) -> Option<&Member> {
        let mask = self.places.len() - 1;
        let mut at = hash(element) & mask;
        loop {
            let (name, member) = self.elements.get(usize::from(self.places[at]).checked_sub(1)?)?;
            if **name == *element {
                return Some(member);
            }
            at = (at + 1) & mask;
        }
    }

    /// The member of this name, with its element.
    pub(super) fn named(&self, name: &str) -> Option<(&str, &Member)> {
        let found = self.elements.iter().find(|(_, member)| member.name.text() == name);
        found.map(|(element, member)| (&**element, member))
    }

    /// An object without members yet.
    pub(super) fn filling(&self) -> Filling {
        Filling { there: 0, members: Vec::with_capacity(self.elements.len().min(16)) }
    }
}

/// An object while its members come, in any order.
#[derive(Debug)]
pub(super) struct Filling {
    /// A bit for each rank.
    there: u128,
    members: Vec<(Key, Value)>,
}

impl Filling {
    /// Whether a member is there.
    pub(super) const fn has(&self, member: &Member) -> bool {
        self.there >> member.rank & 1 == 1
    }
    /// A member's place; nothing stands there if it was not there before.
    pub(super) fn place(&mut self, member: &Member) -> &mut Value {
        let bit = 1 << member.rank;
        let at = (self.there & (bit - 1)).count_ones() as usize;
        if !self.has(member) {
            self.there |= bit;
            self.members.insert(at, (Key::from(member.name), Value::Null));
        }
        &mut self.members[at].1
    }
    /// The object.
    pub(super) fn done(self) -> Map {
        Map::of_sorted(self.members)
    }
}

/// Tells the names of elements apart by their ends.
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let ends = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29),
        _ => bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    };
    let mixed = (ends ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 40).unwrap_or_default()
}
