//! The values so far: entries in the order in which they began, and one text.
//!
//! An entry's children stand right behind it, each followed by its own; so an array or object is a range of entries, and dropping a tree of any depth is dropping two
//! buffers. A member's name and the text of a string or number stand in `texts` one behind the other, in the order in which they came.

use alloc::string::String;
use alloc::vec::Vec;

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// What an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// A member whose name is here, and whose value has not begun.
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
    /// Where in the texts its name begins; it ends where its own text begins.
    pub(crate) key: u32,
    /// Where in the texts its own text begins.
    pub(crate) text: u32,
    /// How long its own text is; of an array or object, how many children it has.
    pub(crate) len: u32,
    /// The entry behind it and all that is in it. Of an array or object that is open, nothing yet.
    pub(crate) next: u32,
    /// The array or object that it is in.
    pub(crate) parent: u32,
    /// Its place in that.
    pub(crate) index: u32,
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

    /// The entry at a place that may be another tree's.
    pub(crate) fn get(&self, at: u32) -> Option<&Entry> {
        self.entries.get(at as usize)
    }

    pub(crate) fn entry(&self, at: u32) -> &Entry {
        &self.entries[at as usize]
    }

    pub(crate) fn entry_mut(&mut self, at: u32) -> &mut Entry {
        &mut self.entries[at as usize]
    }

    /// A child of `parent` begins, or a document; its name, if it has one, begins at `key` in the texts and is their end.
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
        self.entries.push(Entry { tag, complete: false, key, text, len: 0, next: at + 1, parent, index });
        at
    }

    /// Everything that is in this array or object has come.
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

    /// The text of a string or number so far.
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
