//! Distributions of durations, in bounded memory.
//!
//! Up to [`EXACT`] samples are kept one by one, 8 bytes each, and their quantiles are exact. One
//! more turns them into a histogram of 15 KiB that never grows. It has 32 buckets for each power of
//! two of nanoseconds. A quantile is then the middle of a bucket no wider than 1/32 of its
//! beginning, so it is within 1.6 % (1/64) of the sample with that rank. Nothing is random: the
//! same durations in the same order give the same figures.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use serde::Serialize;

use crate::seconds;

/// The distribution of a set of durations.
///
/// Count, mean, minimum and maximum are always exact. Up to 1,024 durations have exact quantiles,
/// interpolated linearly between two samples as numpy does by default, and so vLLM and GenAI-Perf.
/// With more, a quantile is within 1.6 % of the sample with that rank.
///
/// It serialises as an object of the same names, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Distribution {
    /// The number of durations.
    pub count: u64,
    /// Says that the quantiles are exact, and not within 1.6 %.
    pub exact: bool,
    /// The mean, rounded down to a nanosecond.
    #[serde(serialize_with = "seconds::one")]
    pub mean: Duration,
    /// The shortest.
    #[serde(serialize_with = "seconds::one")]
    pub min: Duration,
    /// The median.
    #[serde(serialize_with = "seconds::one")]
    pub p50: Duration,
    /// The 90th percentile: nine of ten are no longer.
    #[serde(serialize_with = "seconds::one")]
    pub p90: Duration,
    /// The 99th percentile: 99 of 100 are no longer.
    #[serde(serialize_with = "seconds::one")]
    pub p99: Duration,
    /// The longest.
    #[serde(serialize_with = "seconds::one")]
    pub max: Duration,
}

/// The number of durations that are kept one by one.
const EXACT: usize = 1024;

/// Durations as they are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Samples {
    kept: Kept,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    /// All of them in the order of arrival, in nanoseconds.
    All(Vec<u64>),
    /// The number in each bucket.
    Histogram(Box<[u64]>),
}

impl Default for Kept {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Samples {
    /// Adds a duration. One beyond 584 years counts as that.
    pub(crate) fn add(&mut self, duration: Duration) {
        self.add_times(duration, 1);
    }

    /// Adds a duration that occurred this many times.
    pub(crate) fn add_times(&mut self, duration: Duration, times: u64) {
        if times == 0 {
            return;
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.min = if self.count == 0 { nanos } else { self.min.min(nanos) };
        self.max = self.max.max(nanos);
        self.count = self.count.saturating_add(times);
        self.sum = self.sum.saturating_add(u128::from(nanos) * u128::from(times));
        if let Kept::All(all) = &mut self.kept {
            let room = (EXACT - all.len()) as u64;
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

    /// Returns the figures, or `None` if there are no samples.
    ///
    /// It sorts a copy of the samples that are kept.
    pub(crate) fn distribution(&self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        let percents = [50, 90, 99];
        let quantiles = match &self.kept {
            Kept::All(all) => {
                let mut sorted = all.clone();
                sorted.sort_unstable();
                percents.map(|percent| interpolated(&sorted, percent))
            }
            Kept::Histogram(histogram) => percents
                .map(|percent| at_rank(histogram, self.count, percent).clamp(self.min, self.max)),
        };
        let [p50, p90, p99] = quantiles.map(Duration::from_nanos);
        // Count and sum stop growing where their types end, so the mean needs a bound.
        let mean = (self.sum / u128::from(self.count)).min(u128::from(self.max)) as u64;
        Some(Distribution {
            count: self.count,
            exact: matches!(self.kept, Kept::All(_)),
            mean: Duration::from_nanos(mean),
            min: Duration::from_nanos(self.min),
            p50,
            p90,
            p99,
            max: Duration::from_nanos(self.max),
        })
    }
}

/// Returns a quantile, interpolated between the two samples around it.
fn interpolated(sorted: &[u64], percent: u64) -> u64 {
    let place = (sorted.len() as u64 - 1) * percent;
    let (below, rest) = ((place / 100) as usize, place % 100);
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    low + (u128::from(high - low) * u128::from(rest) / 100) as u64
}

/// Returns the middle of the bucket that holds the sample with this rank.
fn at_rank(histogram: &[u64], count: u64, percent: u64) -> u64 {
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

/// The binary logarithm of the number of buckets for each power of two.
const BITS: u32 = 5;

/// The number of buckets.
///
/// Each value below `1 << BITS` has a bucket of its own. Each power of two from there on has
/// `1 << BITS` buckets.
const BUCKETS: usize = ((64 - BITS as usize) + 1) << BITS;

/// Returns the number of the bucket that a duration falls into.
fn bucket(nanos: u64) -> usize {
    let Some(power) = nanos.checked_ilog2().filter(|&power| power >= BITS) else {
        return nanos as usize;
    };
    let within = (nanos >> (power - BITS)) as usize & ((1 << BITS) - 1);
    ((power - BITS + 1) as usize) << BITS | within
}

/// Returns the beginning and the width of a bucket.
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

    fn distribution(durations: impl IntoIterator<Item = u64>) -> Distribution {
        let mut samples = Samples::default();
        durations.into_iter().for_each(|nanos| samples.add(Duration::from_nanos(nanos)));
        samples.distribution().unwrap()
    }

    #[test]
    fn quantiles_are_numpys_while_they_are_exact() {
        // (samples, [p50, p90, p99]), as numpy.percentile returns them, rounded down.
        for (samples, expected) in [
            (vec![7], [7, 7, 7]),
            (vec![1, 2], [1, 1, 1]),
            (vec![10, 20], [15, 19, 19]),
            (vec![40, 10, 30, 20], [25, 37, 39]),
            ((0..=100).collect(), [50, 90, 99]),
            ((0..1024).map(|n| n * 1000).collect(), [511_500, 920_700, 1_012_770]),
        ] {
            let figures = distribution(samples.iter().copied());
            let [p50, p90, p99] = expected.map(Duration::from_nanos);
            assert_eq!((figures.p50, figures.p90, figures.p99), (p50, p90, p99), "{samples:?}");
            assert!(figures.exact);
        }
    }

    #[test]
    fn one_sample_more_than_is_kept_makes_a_histogram_of_fixed_size() {
        let mut samples = Samples::default();
        for n in 0..1024 {
            samples.add(Duration::from_nanos(n));
        }
        assert!(samples.distribution().unwrap().exact);
        for n in 0..100_000u64 {
            samples.add(Duration::from_nanos(n * 7919));
        }
        let Kept::Histogram(histogram) = &samples.kept else { panic!("{:?}", samples.kept) };
        assert_eq!(histogram.len(), 1920);
        assert_eq!(samples.count, 101_024);
        assert_eq!(histogram.iter().sum::<u64>(), 101_024);
    }

    #[test]
    fn adding_n_times_is_adding_again_and_again() {
        for times in [0, 1, 3, 1023, 1024, 1025, 5000] {
            let (mut once, mut again) = (Samples::default(), Samples::default());
            for nanos in [5, 70, 900_000] {
                once.add_times(Duration::from_nanos(nanos), times);
                (0..times).for_each(|_| again.add(Duration::from_nanos(nanos)));
            }
            assert_eq!(once, again, "{times}");
        }
        let mut endless = Samples::default();
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
            assert_eq!(
                (bucket(begin), bucket(begin + (width - 1))),
                (bucket_number, bucket_number)
            );
            end = begin.wrapping_add(width);
        }
        assert_eq!(end, 0, "up to 2 to the 64th");
    }

    proptest! {
        #[test]
        fn quantiles_of_a_histogram_are_within_the_stated_error(
            spread in 1u64..1 << 40,
            seed in prop::collection::vec(any::<u64>(), 1025..3000),
        ) {
            let mut nanos: Vec<u64> = seed.iter().map(|n| n % spread).collect();
            let figures = distribution(nanos.iter().copied());
            prop_assert!(!figures.exact);
            nanos.sort_unstable();
            for (percent, found) in [(50, figures.p50), (90, figures.p90), (99, figures.p99)] {
                let rank = (nanos.len() * percent).div_ceil(100);
                let (sample, found) = (nanos[rank - 1], found.as_nanos() as u64);
                let error = found.abs_diff(sample) as f64;
                prop_assert!(error <= sample as f64 / 64.0, "p{percent}: {found} for {sample}");
            }
            let mean = nanos.iter().map(|&n| u128::from(n)).sum::<u128>() / nanos.len() as u128;
            prop_assert_eq!(figures.mean.as_nanos(), mean);
            let extremes = [nanos[0], nanos[nanos.len() - 1]].map(Duration::from_nanos);
            prop_assert_eq!([figures.min, figures.max], extremes);
        }
    }
}
