//! A list that holds its first element without allocating.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use serde::ser::{Serialize, Serializer};

/// A list that nearly always has one element.
///
/// A chunk's choices and a delta's tool calls are such lists. It dereferences to a slice. The first
/// element is stored in the list itself, so an ordinary chunk allocates nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct List<T>(Inner<T>);

#[derive(Clone, PartialEq, Eq)]
enum Inner<T> {
    Few(Option<T>),
    Many(Vec<T>),
}

impl<T> List<T> {
    /// Appends a default element and returns it.
    ///
    /// It is built in place, because elements are large.
    pub(crate) fn push_default(&mut self) -> &mut T
    where
        T: Default,
    {
        if let Inner::Few(first @ Some(_)) = &mut self.0 {
            self.0 = Inner::Many(first.take().into_iter().collect());
        }
        match &mut self.0 {
            Inner::Few(first) => first.get_or_insert_default(),
            Inner::Many(elements) => {
                elements.push(T::default());
                let last = elements.len() - 1;
                &mut elements[last]
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        match &mut self.0 {
            Inner::Few(first) => first.take(),
            Inner::Many(elements) => elements.pop(),
        }
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Inner::Few(None))
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Inner::Few(first) => first.as_slice(),
            Inner::Many(elements) => elements,
        }
    }
}

impl<'l, T> IntoIterator for &'l List<T> {
    type Item = &'l T;
    type IntoIter = core::slice::Iter<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
