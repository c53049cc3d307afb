//! The values so far: one list of entries and one text.
//!
//! Entries are in the order in which their values began. An entry is followed by its children, and
//! each child by its own children. So an array or object is a range of entries, and dropping a tree
//! of any depth drops two buffers. Names and the text of strings and numbers stand one after the
//! other in `texts`, in the order in which they arrived.
//!
//! Two rules keep this true. Only the last entry and the arrays and objects around it may be
//! incomplete. And text is only ever appended, for the last entry or for a name that has no entry
//! yet. Places are `u32`, which is why the parser caps its limits at [`NONE`].

use alloc::string::String;
use alloc::vec::Vec;

/// The place of no entry.
pub(crate) const NONE: u32 = u32::MAX;

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// A member whose name is complete and whose value has not begun.
    Pending,
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) tag: Tag,
    pub(crate) complete: bool,
    /// The start of its name in the texts.
    ///
    /// The name ends where its own text begins.
    pub(crate) key: u32,
    /// The start of its own text in the texts.
    pub(crate) text: u32,
    /// The length of its own text, or the number of children of an array or object.
    pub(crate) len: u32,
    /// The next entry that is not inside this one.
    ///
    /// It is not known while an array or object is open.
    pub(crate) next: u32,
    /// The array or object that contains it.
    pub(crate) parent: u32,
    /// Its index among the children of its parent.
    pub(crate) index: u32,
}

impl Entry {
    pub(crate) fn is_container(&self) -> bool {
        matches!(self.tag, Tag::Array | Tag::Object)
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    entries: Vec<Entry>,
    pub(crate) texts: String,
}

impl Tree {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the entry at a place that may come from another tree.
    pub(crate) fn get(&self, at: u32) -> Option<&Entry> {
        self.entries.get(at as usize)
    }

    pub(crate) fn entry(&self, at: u32) -> &Entry {
        &self.entries[at as usize]
    }

    pub(crate) fn entry_mut(&mut self, at: u32) -> &mut Entry {
        &mut self.entries[at as usize]
    }

    /// Appends a child of `parent`, or the root, and returns its place.
    ///
    /// Its name is the text from `key` to the end of the texts.
    pub(crate) fn push(&mut self, parent: u32, tag: Tag, key: u32) -> u32 {
        let at = self.entries.len() as u32;
        let index = if parent == NONE {
            0
        } else {
            let parent = self.entry_mut(parent);
            parent.len += 1;
            parent.len - 1
        };
        let text = self.texts.len() as u32;
        self.entries.push(Entry {
            tag,
            complete: false,
            key,
            text,
            len: 0,
            next: at + 1,
            parent,
            index,
        });
        at
    }

    /// Marks an array or object as complete.
    pub(crate) fn close(&mut self, at: u32) {
        let next = self.entries.len() as u32;
        let entry = self.entry_mut(at);
        entry.next = next;
        entry.complete = true;
    }

    pub(crate) fn key(&self, at: u32) -> &str {
        let entry = self.entry(at);
        self.slice(entry.key, entry.text)
    }

    /// Returns the text so far of a string or number.
    pub(crate) fn text(&self, at: u32) -> &str {
        let entry = self.entry(at);
        self.slice(entry.text, entry.text + entry.len)
    }

    pub(crate) fn slice(&self, start: u32, end: u32) -> &str {
        &self.texts[start as usize..end as usize]
    }

    pub(crate) fn in_object(&self, at: u32) -> bool {
        let parent = self.entry(at).parent;
        parent != NONE && self.entry(parent).tag == Tag::Object
    }
}
