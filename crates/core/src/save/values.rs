//! The types of the standard library that are saved.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Fault, Reader, Saved, Writer};

impl Saved for bool {
    fn save(&self, to: &mut Writer) {
        to.byte(u8::from(*self));
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Fault::Damaged("a truth value")),
        }
    }
}

impl Saved for u64 {
    fn save(&self, to: &mut Writer) {
        to.number(*self);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.number()
    }
}

impl Saved for u32 {
    fn save(&self, to: &mut Writer) {
        to.number((*self).into());
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.number()?.try_into().map_err(|_| Fault::Damaged("a number"))
    }
}

impl Saved for u16 {
    fn save(&self, to: &mut Writer) {
        to.number((*self).into());
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.number()?.try_into().map_err(|_| Fault::Damaged("a number"))
    }
}

/// A length or a position, which is no larger than the session.
impl Saved for usize {
    fn save(&self, to: &mut Writer) {
        to.number(*self as u64);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.count()
    }
}

impl Saved for Duration {
    fn save(&self, to: &mut Writer) {
        to.number(self.as_secs());
        to.number(self.subsec_nanos().into());
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let (seconds, nanoseconds) = (from.number()?, u32::load(from)?);
        if nanoseconds < 1_000_000_000 {
            Ok(Self::new(seconds, nanoseconds))
        } else {
            Err(Fault::Damaged("a duration"))
        }
    }
}

impl Saved for String {
    fn save(&self, to: &mut Writer) {
        to.text(self);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.text().map(ToOwned::to_owned)
    }
}

impl Saved for Box<str> {
    fn save(&self, to: &mut Writer) {
        to.text(self);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.text().map(Into::into)
    }
}

impl<T: Saved> Saved for Box<T> {
    fn save(&self, to: &mut Writer) {
        T::save(self, to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        T::load(from).map(Self::new)
    }
}

impl<T: Saved> Saved for Option<T> {
    fn save(&self, to: &mut Writer) {
        self.is_some().save(to);
        if let Some(value) = self {
            value.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(if bool::load(from)? { Some(T::load(from)?) } else { None })
    }
}

impl<T: Saved> Saved for Vec<T> {
    fn save(&self, to: &mut Writer) {
        to.list(self.iter());
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.list()
    }
}

impl<K: Saved + Ord, V: Saved> Saved for BTreeMap<K, V> {
    fn save(&self, to: &mut Writer) {
        to.number(self.len() as u64);
        for (key, value) in self {
            key.save(to);
            value.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut map = Self::new();
        from.each(|(key, value)| match map.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(Fault::Damaged("a key")),
        })?;
        Ok(map)
    }
}

impl<A: Saved, B: Saved> Saved for (A, B) {
    fn save(&self, to: &mut Writer) {
        self.0.save(to);
        self.1.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok((A::load(from)?, B::load(from)?))
    }
}

impl Saved for u8 {
    fn save(&self, to: &mut Writer) {
        to.byte(*self);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.byte()
    }
}
