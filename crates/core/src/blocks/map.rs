//! A map that costs little as long as it has few entries.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::borrow::Borrow;

use crate::save::{Fault, Reader, Saved, Writer};

/// A map that nearly always has one entry or a few.
///
/// A `BTreeMap` makes room for eleven entries with the first, which is kilobytes for each block of
/// an answer that has many.
#[derive(Debug, Clone)]
pub(crate) struct Map<K, V>(Inner<K, V>);

#[derive(Debug, Clone)]
enum Inner<K, V> {
    /// At most [`Map::FEW`] entries, ordered by key.
    Few(Vec<(K, V)>),
    #[allow(clippy::box_collection, reason = "a map is three words, and each block has two")]
    Many(Box<BTreeMap<K, V>>),
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(Inner::Few(Vec::new()))
    }
}

impl<K: Ord, V> Map<K, V> {
    /// The largest number of entries that are kept in a list.
    const FEW: usize = 8;

    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Inner::Few(entries) => entries.len(),
            Inner::Many(entries) => entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match &self.0 {
            Inner::Few(entries) => Some(&entries[place(entries, key).ok()?].1),
            Inner::Many(entries) => entries.get(key),
        }
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match &mut self.0 {
            Inner::Few(entries) => {
                let at = place(entries, key).ok()?;
                Some(&mut entries[at].1)
            }
            Inner::Many(entries) => entries.get_mut(key),
        }
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let entries = match &mut self.0 {
            Inner::Many(entries) => {
                entries.insert(key, value);
                return;
            }
            Inner::Few(entries) => entries,
        };
        match place(entries, &key) {
            Ok(at) => entries[at].1 = value,
            Err(_) if entries.len() == Self::FEW => {
                let mut many: BTreeMap<K, V> = core::mem::take(entries).into_iter().collect();
                many.insert(key, value);
                self.0 = Inner::Many(Box::new(many));
            }
            Err(at) => {
                if entries.len() == entries.capacity() {
                    // The first entry is usually the only one.
                    entries.reserve_exact(entries.len().max(1));
                }
                entries.insert(at, (key, value));
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        match &mut self.0 {
            Inner::Few(entries) => {
                let at = place(entries, key).ok()?;
                Some(entries.remove(at).1)
            }
            Inner::Many(entries) => entries.remove(key),
        }
    }

    /// Returns the entries from this key on, by key.
    pub(crate) fn range_from(&self, key: &K) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match &self.0 {
            Inner::Few(entries) => {
                let (Ok(start) | Err(start)) = place(entries, key);
                (Some(&entries[start..]), None)
            }
            Inner::Many(entries) => (None, Some(entries.range(key..))),
        };
        let few = few.into_iter().flatten().map(|(key, value)| (key, value));
        few.chain(many.into_iter().flatten())
    }

    /// Returns the entries, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match &self.0 {
            Inner::Few(entries) => (Some(entries), None),
            Inner::Many(entries) => (None, Some(entries)),
        };
        let few = few.into_iter().flatten().map(|(key, value)| (key, value));
        few.chain(many.into_iter().flat_map(|entries| entries.iter()))
    }

    /// Returns the largest key.
    pub(crate) fn last_key(&self) -> Option<&K> {
        match &self.0 {
            Inner::Few(entries) => entries.last().map(|(key, _)| key),
            Inner::Many(entries) => entries.last_key_value().map(|(key, _)| key),
        }
    }
}

/// Returns the position of a key, or the one at which it belongs.
fn place<K: Borrow<Q>, Q: Ord + ?Sized, V>(entries: &[(K, V)], key: &Q) -> Result<usize, usize> {
    entries.binary_search_by(|(known, _)| known.borrow().cmp(key))
}

impl<K: Saved + Ord, V: Saved> Saved for Map<K, V> {
    fn save(&self, to: &mut Writer) {
        to.number(self.len() as u64);
        for (key, value) in self.iter() {
            key.save(to);
            value.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut map = Self::default();
        from.each(|(key, value): (K, V)| {
            if map.get(&key).is_some() {
                return Err(Fault::Damaged("a key"));
            }
            map.insert(key, value);
            Ok(())
        })?;
        Ok(map)
    }
}
