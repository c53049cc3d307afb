//! A histogram whose buckets are a thirty-second of their values wide at most: how late tokens
//! were, how long polls took.

const FINE: u64 = 32;

/// Numbers, counted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
}

impl Histogram {
    pub(crate) fn add(&mut self, value: u64) {
        let bucket = bucket(value);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.buckets.clear();
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bound that this part of all values does not exceed, to the width of a bucket; 0 where
    /// there are none.
    pub(crate) fn quantile(&self, part: f64) -> u64 {
        let mut left = (self.count() as f64 * part).ceil() as u64;
        for (bucket, &count) in self.buckets.iter().enumerate() {
            if count >= left && count > 0 {
                return upper(bucket);
            }
            left -= count;
        }
        0
    }

    /// The mean of this part of all values, the least of them, to half the width of a bucket; 0
    /// where there are none.
    pub(crate) fn mean_of_least(&self, part: f64) -> f64 {
        let all = (self.count() as f64 * part).ceil() as u64;
        let (mut left, mut sum) = (all, 0.0);
        for (bucket, &count) in self.buckets.iter().enumerate() {
            let taken = count.min(left);
            let least = if bucket == 0 { 0 } else { upper(bucket - 1) + 1 };
            sum += taken as f64 * (least + upper(bucket)) as f64 / 2.0;
            left -= taken;
        }
        if all == 0 { 0.0 } else { sum / all as f64 }
    }
}

fn bucket(value: u64) -> usize {
    let shift = u64::from(value.max(FINE).ilog2() - FINE.ilog2());
    usize::try_from(shift * FINE + (value >> shift)).unwrap_or(usize::MAX)
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket / FINE).saturating_sub(1);
    ((bucket - shift * FINE + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::{Histogram, bucket, upper};

    #[test]
    fn a_bucket_holds_its_values_and_is_a_thirty_second_of_them_wide() {
        for value in (0..5_000).chain([1 << 20, (1 << 20) + 12_345, 1 << 40]) {
            let top = upper(bucket(value));
            assert!(top >= value && top - value <= value / 32, "{value} in the bucket up to {top}");
            assert_eq!(bucket(top), bucket(value));
            assert_eq!(bucket(top + 1), bucket(value) + 1);
        }
    }

    #[test]
    fn quantiles_and_means_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.mean_of_least(0.5)), (0, 0.0));
        (1..=100).for_each(|value| histogram.add(value * 100));
        let near = |value: f64, wanted: f64| (value - wanted).abs() <= wanted / 32.0;
        for (part, quantile, mean) in
            [(0.5, 5_000.0, 2_550.0), (0.99, 9_900.0, 5_000.0), (1.0, 10_000.0, 5_050.0)]
        {
            assert!(
                near(histogram.quantile(part) as f64, quantile),
                "{part}: {}",
                histogram.quantile(part)
            );
            assert!(
                near(histogram.mean_of_least(part), mean),
                "{part}: {}",
                histogram.mean_of_least(part)
            );
        }
        histogram.clear();
        assert_eq!(histogram.count(), 0);
    }
}
