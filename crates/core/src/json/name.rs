//! A member's name, compared as a number.
//!
//! Names are half of a chunk. Compared byte by byte they cost as much as all the rest of reading
//! it, and most are so short that the call of `memcmp` takes longer than its work. So the first
//! eight bytes of a name are one number, which the search for the name's end has in a register
//! anyway. For a known name, the number to compare it with is a constant.

/// A member's name, without escapes.
#[derive(Debug, Clone, Copy)]
pub struct Name<'n> {
    bytes: &'n [u8],
    /// The first eight bytes, the first one lowest.
    ///
    /// A shorter name is padded with zeros.
    head: u64,
}

impl<'n> Name<'n> {
    #[inline(always)]
    pub(super) fn with_head(bytes: &'n [u8], head: u64) -> Self {
        Self { bytes, head }
    }

    pub(super) fn new(bytes: &'n [u8]) -> Self {
        Self { bytes, head: head(bytes) }
    }

    /// Reports whether it is the name `name`.
    ///
    /// It is meant for literals: the compiler then computes everything that depends on `name`
    /// alone.
    #[inline(always)]
    pub(crate) fn is(self, name: &'static str) -> bool {
        let name = name.as_bytes();
        // The length counts too, though the padding nearly implies it: a name may end in an escaped
        // zero.
        self.head == head(name)
            && self.bytes.len() == name.len()
            && (name.len() <= 8 || self.bytes[8..] == name[8..])
    }

    pub(crate) fn as_bytes(self) -> &'n [u8] {
        self.bytes
    }
}

#[inline(always)]
fn head(name: &[u8]) -> u64 {
    let (mut head, mut at) = (0, 0);
    while at < 8 && at < name.len() {
        head |= (name[at] as u64) << (8 * at);
        at += 1;
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_itself_and_no_other() {
        const NAMES: [&str; 12] = [
            "",
            "p",
            "id",
            "content",
            "contents",
            "contentx",
            "logprobs",
            "reasoning",
            "reasoning_content",
            "reasoning_details",
            "id\0",
            "logprobs\0",
        ];
        for (place, name) in NAMES.into_iter().enumerate() {
            for (other, known) in NAMES.into_iter().enumerate() {
                assert_eq!(
                    Name::new(name.as_bytes()).is(known),
                    place == other,
                    "{name:?} {known:?}"
                );
            }
        }
    }
}
