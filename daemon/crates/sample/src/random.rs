//! PCG32 (XSH-RR, O'Neill 2014) with integers only, so that a seed gives the same rows on every
//! machine and with every version of every crate.

/// A stream of numbers that the seed alone decides.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_add(INCREMENT));
        random.next();
        random
    }

    fn next(&mut self) -> u32 {
        let state = self.0;
        self.0 = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        // Truncation to the low 32 bits is the algorithm.
        let mixed = (((state >> 18) ^ state) >> 27) as u32;
        mixed.rotate_right((state >> 59) as u32)
    }

    /// A number in `0..end`; 0 when `end` is 0. (The bias of the multiplication does not matter.)
    pub fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(end)) >> 32) as u32
    }

    /// A number in `from..=to`.
    pub fn between(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// An element; `None` of an empty slice.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let end = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.get(self.below(end) as usize)
    }

    /// The index of a weight, chosen in proportion to the weights.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            if left < weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}

const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;
