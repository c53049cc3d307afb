//! How durations are spread: exact as long as they are few, then within a stated error, in bounded memory either way.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Serialize, Serializer};

use super::report::seconds;

/// Durations as they are taken down. No randomness: the same durations in the same order give the same figures.
///
/// Up to [`Samples::EXACT`] are kept, 8 bytes each, and quantiles are exact, between two samples by linear interpolation (numpy's default, and so vLLM's and GenAI-Perf's). One more turns them
/// into a histogram of 15 KiB, which never grows: 32 buckets for each power of two of nanoseconds, so that a quantile is the middle of a bucket no wider than 1/32 of
/// its beginning, and at most 1.6 % (1/64) from the sample of that rank. Count, mean and extremes are exact always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Samples {
    kept: Kept,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    /// All of them, as they came, in nanoseconds.
    All(Vec<u64>),
    /// How many fell into each bucket.
    Histogram(Box<[u64]>),
}

impl Default for Kept {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Samples {
    /// How many durations are kept one by one.
    pub const EXACT: usize = 1024;

    /// None yet. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes down a duration. Those beyond 584 years count as that.
    pub fn add(&mut self, duration: Duration) {
        self.add_times(duration, 1);
    }

    /// Takes down a duration that occurred this many times.
    pub fn add_times(&mut self, duration: Duration, times: u64) {
        if times == 0 {
            return;
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.min = if self.count == 0 { nanos } else { self.min.min(nanos) };
        self.max = self.max.max(nanos);
        self.count = self.count.saturating_add(times);
        self.sum = self.sum.saturating_add(u128::from(nanos) * u128::from(times));
        if let Kept::All(all) = &mut self.kept {
            let room = (Self::EXACT - all.len()) as u64;
            if times <= room {
                all.extend(core::iter::repeat_n(nanos, times as usize));
                return;
            }
            let mut histogram = alloc::vec![0; BUCKETS].into_boxed_slice();
            for &nanos in all.iter() {
                histogram[bucket(nanos)] += 1;
            }
            self.kept = Kept::Histogram(histogram);
        }
        if let Kept::Histogram(histogram) = &mut self.kept {
            let bucket = &mut histogram[bucket(nanos)];
            *bucket = bucket.saturating_add(times);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The figures; `None` of no samples. Sorts the samples that are kept.
    #[must_use]
    pub fn distribution(&self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        let quantile: Box<dyn Fn(u64) -> u64> = match &self.kept {
            Kept::All(all) => {
                let mut sorted = all.clone();
                sorted.sort_unstable();
                Box::new(move |percent| interpolated(&sorted, percent))
            }
            Kept::Histogram(histogram) => {
                Box::new(|percent| of_rank(histogram, self.count, percent).clamp(self.min, self.max))
            }
        };
        Some(Distribution {
            count: self.count,
            exact: matches!(self.kept, Kept::All(_)),
            // No more than the longest, though count and sum stop growing where their numbers end.
            mean: Duration::from_nanos((self.sum / u128::from(self.count)).min(u128::from(self.max)) as u64),
            min: Duration::from_nanos(self.min),
            p50: Duration::from_nanos(quantile(50)),
            p90: Duration::from_nanos(quantile(90)),
            p99: Duration::from_nanos(quantile(99)),
            max: Duration::from_nanos(self.max),
        })
    }
}

/// How durations are spread. Serialises as an object of the same names, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Distribution {
    /// How many there are.
    pub count: u64,
    /// Whether the quantiles are exact; else they are within 1.6 %. See [`Samples`].
    pub exact: bool,
    /// The mean, rounded down to a nanosecond.
    pub mean: Duration,
    /// The shortest.
    pub min: Duration,
    /// The median.
    pub p50: Duration,
    /// Nine of ten are no longer.
    pub p90: Duration,
    /// 99 of 100 are no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Distribution", 8)?;
        fields.serialize_field("count", &self.count)?;
        fields.serialize_field("exact", &self.exact)?;
        for (name, duration) in [
            ("mean", self.mean),
            ("min", self.min),
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("max", self.max),
        ] {
            fields.serialize_field(name, &seconds(duration))?;
        }
        fields.end()
    }
}

/// The quantile between the two samples around its place.
fn interpolated(sorted: &[u64], percent: u64) -> u64 {
    let place = (sorted.len() as u64 - 1) * percent;
    let (below, rest) = ((place / 100) as usize, place % 100);
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    low + (u128::from(high - low) * u128::from(rest) / 100) as u64
}

/// The middle of the bucket in which the sample of this rank is.
fn of_rank(histogram: &[u64], count: u64, percent: u64) -> u64 {
    let rank = (u128::from(count) * u128::from(percent)).div_ceil(100) as u64;
    let mut seen = 0u64;
    for (bucket, &times) in histogram.iter().enumerate() {
        seen = seen.saturating_add(times);
        if seen >= rank {
            let (begin, width) = span(bucket);
            return begin + width / 2;
        }
    }
    u64::MAX
}

/// Buckets for each power of two: 2 to the power of this.
const BITS: u32 = 5;

/// Below `1 << BITS` each value has its own; from there on each of the other powers of two has `1 << BITS`.
const BUCKETS: usize = ((64 - BITS as usize) + 1) << BITS;

fn bucket(nanos: u64) -> usize {
    let Some(power) = nanos.checked_ilog2().filter(|&power| power >= BITS) else { return nanos as usize };
    let within = (nanos >> (power - BITS)) as usize & ((1 << BITS) - 1);
    ((power - BITS + 1) as usize) << BITS | within
}

/// Where a bucket begins, and how wide it is.
fn span(bucket: usize) -> (u64, u64) {
    let (power, within) = (bucket >> BITS, (bucket & ((1 << BITS) - 1)) as u64);
    match power {
        0 => (within, 1),
        _ => ((1 << BITS | within) << (power - 1), 1 << (power - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn of(durations: impl IntoIterator<Item = u64>) -> Distribution {
        let mut samples = Samples::new();
        durations.into_iter().for_each(|nanos| samples.add(Duration::from_nanos(nanos)));
        samples.distribution().unwrap()
    }

    #[test]
    fn quantiles_are_numpys_while_they_are_exact() {
        // (samples, p50, p90, p99), as numpy.percentile has them, rounded down.
        for (samples, expected) in [
            (vec![7], [7, 7, 7]),
            (vec![1, 2], [1, 1, 1]),
            (vec![10, 20], [15, 19, 19]),
            (vec![40, 10, 30, 20], [25, 37, 39]),
            ((0..=100).collect(), [50, 90, 99]),
            ((0..1024).map(|n| n * 1000).collect(), [511_500, 920_700, 1_012_770]),
        ] {
            let figures = of(samples.iter().copied());
            let [p50, p90, p99] = expected.map(Duration::from_nanos);
            assert_eq!((figures.p50, figures.p90, figures.p99), (p50, p90, p99), "{samples:?}");
            assert!(figures.exact);
        }
    }

    #[test]
    fn one_more_than_is_kept_makes_a_histogram_of_fixed_size() {
        let mut samples = Samples::new();
        for n in 0..1024 {
            samples.add(Duration::from_nanos(n));
        }
        assert!(samples.distribution().unwrap().exact);
        for n in 0..100_000u64 {
            samples.add(Duration::from_nanos(n * 7919));
        }
        let Kept::Histogram(histogram) = &samples.kept else { panic!("{:?}", samples.kept) };
        assert_eq!(histogram.len(), 1920);
        assert_eq!(samples.count(), 101_024);
        assert_eq!(histogram.iter().sum::<u64>(), 101_024);
    }

    #[test]
    fn times_is_the_same_as_adding_again_and_again() {
        for times in [0, 1, 3, 1023, 1024, 1025, 5000] {
            let (mut once, mut again) = (Samples::new(), Samples::new());
            for nanos in [5, 70, 900_000] {
                once.add_times(Duration::from_nanos(nanos), times);
                (0..times).for_each(|_| again.add(Duration::from_nanos(nanos)));
            }
            assert_eq!(once, again, "{times}");
        }
        let mut endless = Samples::new();
        endless.add_times(Duration::MAX, u64::MAX);
        endless.add_times(Duration::MAX, u64::MAX);
        let figures = endless.distribution().unwrap();
        assert_eq!([figures.mean, figures.p50, figures.max], [Duration::from_nanos(u64::MAX); 3]);
    }

    #[test]
    fn buckets_are_in_order_and_leave_no_gap() {
        let mut end = 0u64;
        for bucket_number in 0..BUCKETS {
            let (begin, width) = span(bucket_number);
            assert_eq!(begin, end, "{bucket_number}");
            assert_eq!((bucket(begin), bucket(begin + (width - 1))), (bucket_number, bucket_number));
            end = begin.wrapping_add(width);
        }
        assert_eq!(end, 0, "up to 2 to the 64th");
    }

    proptest! {
        #[test]
        fn beyond_that_the_error_is_within_what_is_stated(
            spread in 1u64..1 << 40,
            seed in prop::collection::vec(any::<u64>(), 1025..3000),
        ) {
            let mut nanos: Vec<u64> = seed.iter().map(|n| n % spread).collect();
            let figures = of(nanos.iter().copied());
            prop_assert!(!figures.exact);
            nanos.sort_unstable();
            for (percent, found) in [(50, figures.p50), (90, figures.p90), (99, figures.p99)] {
                let rank = (nanos.len() * percent).div_ceil(100);
                let (sample, found) = (nanos[rank - 1], found.as_nanos() as u64);
                prop_assert!(found.abs_diff(sample) as f64 <= sample as f64 / 64.0, "p{percent}: {found} for {sample}");
            }
            let mean = nanos.iter().map(|&n| u128::from(n)).sum::<u128>() / nanos.len() as u128;
            prop_assert_eq!(figures.mean.as_nanos(), mean);
            prop_assert_eq!((figures.min.as_nanos(), figures.max.as_nanos()), (nanos[0].into(), nanos[nanos.len() - 1].into()));
        }
    }
}
