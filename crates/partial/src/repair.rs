//! The departures from JSON that a parser accepted.

/// A departure from JSON that the [`Options`](crate::Options) accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(usize)]
pub enum Repair {
    /// A Markdown fence stood around the value.
    ///
    /// [`Options::fence`](crate::Options::fence) accepts it.
    Fence,
    /// Text before the value was skipped.
    ///
    /// [`Options::leading_text`](crate::Options::leading_text) accepts it.
    LeadingText,
    /// Text after the value was skipped.
    ///
    /// [`Options::trailing_text`](crate::Options::trailing_text) accepts it.
    TrailingText,
    /// A comma stood before the end of an array or object.
    ///
    /// [`Options::trailing_comma`](crate::Options::trailing_comma) accepts it.
    TrailingComma,
    /// A `<think>` block was skipped.
    ///
    /// [`Options::think_block`](crate::Options::think_block) accepts it.
    ThinkBlock,
    /// A string contained an unescaped control character.
    ///
    /// [`Options::control_characters`](crate::Options::control_characters) accepts it.
    ControlCharacter,
    /// An escape that JSON does not have was replaced by its text.
    ///
    /// [`Options::unknown_escapes`](crate::Options::unknown_escapes) accepts it.
    UnknownEscape,
}

impl Repair {
    const ALL: [Self; 7] = [
        Self::Fence,
        Self::LeadingText,
        Self::TrailingText,
        Self::TrailingComma,
        Self::ThinkBlock,
        Self::ControlCharacter,
        Self::UnknownEscape,
    ];
}

/// The number of times that each [`Repair`] was made.
///
/// It does not depend on the cuts. Text before or after the value counts once, however long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repairs {
    counts: [u32; Repair::ALL.len()],
}

impl Repairs {
    /// Returns the number of times that this repair was made.
    #[must_use]
    pub fn count(&self, repair: Repair) -> u64 {
        u64::from(self.counts[repair as usize])
    }

    /// Returns each repair that was made, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Repair, u64)> + use<> {
        let repairs = *self;
        let count = move |repair| (repair, repairs.count(repair));
        Repair::ALL.into_iter().map(count).filter(|&(_, count)| count > 0)
    }

    /// Reports whether no repair was made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts a repair once more.
    pub(crate) fn add(&mut self, repair: Repair) {
        let count = &mut self.counts[repair as usize];
        *count = count.saturating_add(1);
    }

    /// Notes a repair that counts once.
    pub(crate) fn note(&mut self, repair: Repair) {
        self.counts[repair as usize] = 1;
    }
}
