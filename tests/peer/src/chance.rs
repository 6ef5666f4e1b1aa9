//! Chance that comes again for the same seed.

/// A seeded source of numbers, for scripts that fail at random and yet the same each time.
///
/// ```
/// use labd_ai_peer::Chance;
///
/// let (mut one, mut other) = (Chance::new(7), Chance::new(7));
/// assert_eq!(one.next(), other.next());
/// assert!(!Chance::new(1).hits(0.0) && Chance::new(1).hits(1.0));
/// ```
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Of one request of many: the same for the same seed and number, whatever came before, so that
    /// requests at once do not disturb each other.
    pub fn of(seed: u64, number: usize) -> Self {
        let mut mixed = Self(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed.bits();
        mixed
    }

    /// The next number, from 0 up to but not 1.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something that comes this often comes now.
    pub fn hits(&mut self, share: f64) -> bool {
        self.next() < share
    }

    /// One of `0..count`; 0 where there is none.
    pub fn pick(&mut self, count: usize) -> usize {
        (self.next() * count as f64) as usize
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
