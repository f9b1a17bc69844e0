//! Ranges of scores and of names.

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lower bound.
    pub min: f64,
    /// Whether the lower bound itself is outside.
    pub min_is_outside: bool,
    /// The upper bound.
    pub max: f64,
    /// Whether the upper bound itself is outside.
    pub max_is_outside: bool,
}

impl ScoreRange {
    /// Scores of at least `min` and less than `max`.
    pub fn half_open(min: f64, max: f64) -> ScoreRange {
        ScoreRange {
            min,
            min_is_outside: false,
            max,
            max_is_outside: true,
        }
    }

    /// Whether a score is too low.
    #[inline]
    pub fn is_below(&self, score: f64) -> bool {
        score < self.min || (self.min_is_outside && score == self.min)
    }

    /// Whether a score is too high.
    #[inline]
    pub fn is_above(&self, score: f64) -> bool {
        score > self.max || (self.max_is_outside && score == self.max)
    }
}

/// A bound of a range of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Below all names.
    Lowest,
    /// Above all names.
    Highest,
    /// This name, which is inside.
    Inside(&'a [u8]),
    /// This name, which is outside.
    Outside(&'a [u8]),
}

/// A range of names, by their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower bound.
    pub min: LexBound<'a>,
    /// The upper bound.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether a name is too low.
    #[inline]
    pub fn is_below(&self, name: &[u8]) -> bool {
        match self.min {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Inside(min) => name < min,
            LexBound::Outside(min) => name <= min,
        }
    }

    /// Whether a name is too high.
    #[inline]
    pub fn is_above(&self, name: &[u8]) -> bool {
        match self.max {
            LexBound::Lowest => true,
            LexBound::Highest => false,
            LexBound::Inside(max) => name > max,
            LexBound::Outside(max) => name >= max,
        }
    }
}
