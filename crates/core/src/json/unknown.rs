//! Members that their object's type does not know.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::RawValue;
use crate::save::{Fault, Reader, Saved, Writer};

/// The members of an object that its type does not know, by name, each as sent.
///
/// In an answer they are merged as [`Options::keep_unknown`](crate::Options::keep_unknown) says.
#[derive(Clone)]
pub struct Unknown<'a>(Members<'a>);

/// A name and its value.
type Member<'a> = (Cow<'a, str>, RawValue<'a>);

#[derive(Clone)]
enum Members<'a> {
    /// At most [`Unknown::FEW`] members, ordered by name.
    ///
    /// Nearly every object has no more, and finding one of them costs less than a map does.
    Few(Vec<Member<'a>>),
    #[allow(
        clippy::box_collection,
        reason = "a map is three words, and a chunk has one in each of its objects"
    )]
    Many(Box<BTreeMap<Cow<'a, str>, RawValue<'a>>>),
}

impl Default for Unknown<'_> {
    #[inline(always)]
    fn default() -> Self {
        Self(Members::Few(Vec::new()))
    }
}

impl<'a> Unknown<'a> {
    /// The largest number of members that are searched one after another.
    const FEW: usize = 16;

    /// Reports whether there are no members.
    #[inline(always)]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of members.
    #[inline(always)]
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Members::Few(members) => members.len(),
            Members::Many(members) => members.len(),
        }
    }

    /// Returns the value of the member of this name, if any.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue<'a>> {
        match &self.0 {
            Members::Few(members) => {
                members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Members::Many(members) => members.get(name),
        }
    }

    /// Returns the value of the member of this name, to change it.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut RawValue<'a>> {
        match &mut self.0 {
            Members::Few(members) => {
                members.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Members::Many(members) => members.get_mut(name),
        }
    }

    /// Returns the name and value of each member, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue<'a>)> {
        let (few, many) = match &self.0 {
            Members::Few(members) => (Some(members), None),
            Members::Many(members) => (None, Some(members)),
        };
        let few = few.into_iter().flatten().map(|(name, value)| (&**name, value));
        let many = many.into_iter().flat_map(|members| members.iter());
        few.chain(many.map(|(name, value)| (&**name, value)))
    }

    /// Calls `each` with the name and value of each member.
    ///
    /// The order is that of [`iter`](Self::iter).
    #[inline(always)]
    pub(crate) fn for_each(&self, mut each: impl FnMut(&str, &RawValue<'a>)) {
        match &self.0 {
            Members::Few(members) => {
                for (name, value) in members {
                    each(name, value);
                }
            }
            Members::Many(members) => members.iter().for_each(|(name, value)| each(name, value)),
        }
    }

    /// Returns the same members with texts of their own.
    ///
    /// It allocates.
    #[must_use]
    pub fn into_owned(self) -> Unknown<'static> {
        let owned = |(name, value): Member<'a>| {
            (Cow::Owned(name.into_owned()), RawValue::into_owned(value))
        };
        Unknown(match self.0 {
            Members::Few(members) => Members::Few(members.into_iter().map(owned).collect()),
            Members::Many(members) => {
                Members::Many(Box::new(members.into_iter().map(owned).collect()))
            }
        })
    }

    /// Sets the value of the member of this name.
    ///
    /// The value is anything that makes a [`serde_json::Value`].
    pub fn insert(&mut self, name: &str, value: impl Into<Value>) {
        self.set(Cow::Owned(name.into()), RawValue::from(value.into()));
    }

    /// Removes the member of this name, and returns its value, if any.
    pub fn remove(&mut self, name: &str) -> Option<RawValue<'a>> {
        match &mut self.0 {
            Members::Few(members) => {
                let at = members.iter().position(|(known, _)| known == name)?;
                Some(members.remove(at).1)
            }
            Members::Many(members) => members.remove(name),
        }
    }

    /// Returns an object with these members in place of its own of the same names, or after them.
    ///
    /// The cost is linear in both. The result has no white space outside its strings.
    pub(crate) fn written_into(&self, object: &RawValue<'_>) -> RawValue<'static> {
        let mut json = String::with_capacity(object.as_json().len() + 64);
        json.push('{');
        let mut write = |name: &str, value: &str| {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&serde_json::to_string(name).unwrap_or_default());
            json.push(':');
            json.push_str(value);
        };
        let mut written = BTreeSet::new();
        let _ = object.find_member(|name, value| {
            match (self.get(name), &value) {
                (Some(own), _) if written.insert(String::from(name)) => {
                    write(name, &own.to_compact());
                }
                (Some(_), _) => {}
                (None, Some(value)) => write(name, &value.to_compact()),
                (None, None) => write(name, "null"),
            }
            None::<()>
        });
        self.for_each(|name, value| {
            if !written.contains(name) {
                write(name, &value.to_compact());
            }
        });
        json.push('}');
        RawValue::compacted(json)
    }

    /// Sets the value of a name.
    ///
    /// The last one counts.
    pub(crate) fn set(&mut self, name: Cow<'a, str>, value: RawValue<'a>) {
        let members = match &mut self.0 {
            Members::Many(members) => {
                members.insert(name, value);
                return;
            }
            Members::Few(members) => members,
        };
        if members.is_empty() {
            // Most objects that have such members have one or two.
            *members = Vec::with_capacity(2);
            members.push((name, value));
            return;
        }
        match members.iter().position(|(known, _)| *known >= name) {
            Some(at) if members[at].0 == name => members[at].1 = value,
            _ if members.len() == Self::FEW => {
                let mut many: BTreeMap<_, _> = core::mem::take(members).into_iter().collect();
                many.insert(name, value);
                self.0 = Members::Many(Box::new(many));
            }
            at => members.insert(at.unwrap_or(members.len()), (name, value)),
        }
    }
}

impl PartialEq for Unknown<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Unknown<'_> {}

impl fmt::Debug for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Unknown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Saved for Unknown<'static> {
    fn save(&self, to: &mut Writer) {
        to.number(self.len() as u64);
        for (name, value) in self.iter() {
            to.text(name);
            value.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut members = Self::default();
        from.each(|(name, value): (String, RawValue<'static>)| {
            if members.get(&name).is_some() {
                return Err(Fault::Damaged("a member"));
            }
            members.set(Cow::Owned(name), value);
            Ok(())
        })?;
        Ok(members)
    }
}
