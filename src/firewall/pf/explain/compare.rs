//! pf's operators on ports and users, as `print_op` of pfctl_parser.c prints them.

use super::words::Words;

/// A test of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comparison {
    operator: Operator,
    low: u32,
    high: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    /// `a:b`, the ends included.
    Range,
    /// `a >< b`, the ends excluded.
    Between,
    /// `a <> b`.
    Outside,
}

/// A comparison, or the words that are none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Of(Comparison),
    Unknown(String),
}

impl Comparison {
    /// Whether the test asks for one value, or for all but one.
    pub(super) fn is_equality(self) -> bool {
        matches!(self.operator, Operator::Equal | Operator::NotEqual)
    }

    pub(super) fn holds(self, value: u32) -> bool {
        let (low, high) = (self.low, self.high);
        match self.operator {
            Operator::Equal => value == low,
            Operator::NotEqual => value != low,
            Operator::Less => value < low,
            Operator::AtMost => value <= low,
            Operator::Greater => value > low,
            Operator::AtLeast => value >= low,
            Operator::Range => (low..=high).contains(&value),
            Operator::Between => value > low && value < high,
            Operator::Outside => value < low || value > high,
        }
    }

    /// Whether the test holds for every number from `first` to `last`, or for none. `None`: for
    /// some.
    pub(super) fn holds_throughout(self, first: u32, last: u32) -> Option<bool> {
        // The answer changes only beside the test's own numbers.
        let edges =
            [self.low, self.high].into_iter().flat_map(|n| [n.saturating_sub(1), n, n.saturating_add(1)]);
        let mut answers =
            edges.filter(|n| (first..=last).contains(n)).chain([last]).map(|number| self.holds(number));
        let at_first = self.holds(first);
        answers.all(|answer| answer == at_first).then_some(at_first)
    }
}

/// Reads a comparison; `value` turns a word into a number, where it can.
pub(super) fn comparison(words: &mut Words<'_>, value: impl Fn(&str) -> Option<u32>) -> Test {
    let before = words.rest();
    match numbers(words, value) {
        Some(comparison) => Test::Of(comparison),
        None => Test::Unknown(before[..before.len() - words.rest().len()].trim().to_owned()),
    }
}

fn numbers(words: &mut Words<'_>, value: impl Fn(&str) -> Option<u32>) -> Option<Comparison> {
    let first = words.bare()?;
    let unary = match first {
        "=" => Some(Operator::Equal),
        "!=" => Some(Operator::NotEqual),
        "<" => Some(Operator::Less),
        "<=" => Some(Operator::AtMost),
        ">" => Some(Operator::Greater),
        ">=" => Some(Operator::AtLeast),
        _ => None,
    };
    if let Some(operator) = unary {
        let low = value(words.bare()?)?;
        return Some(Comparison { operator, low, high: low });
    }
    if let Some((low, high)) = first.split_once(':') {
        return Some(Comparison { operator: Operator::Range, low: value(low)?, high: value(high)? });
    }
    let operator = if words.take("><") {
        Operator::Between
    } else if words.take("<>") {
        Operator::Outside
    } else {
        return None;
    };
    let high = value(words.bare()?)?;
    Some(Comparison { operator, low: value(first)?, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Test {
        comparison(&mut Words::new(text), |word| word.parse().ok())
    }

    fn holds(text: &str) -> Vec<u32> {
        let Test::Of(test) = read(text) else { panic!("{text}") };
        (0..10).filter(|n| test.holds(*n)).collect()
    }

    #[test]
    fn every_operator_takes_its_own_numbers() {
        for (text, numbers) in [
            ("= 3", vec![3]),
            ("!= 3", vec![0, 1, 2, 4, 5, 6, 7, 8, 9]),
            ("< 2", vec![0, 1]),
            ("<= 2", vec![0, 1, 2]),
            ("> 7", vec![8, 9]),
            (">= 7", vec![7, 8, 9]),
            ("3:5", vec![3, 4, 5]),
            ("3 >< 6", vec![4, 5]),
            ("2 <> 7", vec![0, 1, 8, 9]),
        ] {
            assert_eq!(holds(text), numbers, "{text}");
        }
    }

    #[test]
    fn a_word_that_is_no_number_is_not_guessed() {
        assert_eq!(read("= dbm to any"), Test::Unknown("= dbm".to_owned()));
        assert_eq!(read("ssh"), Test::Unknown("ssh".to_owned()));
    }

    #[test]
    fn a_range_is_decided_only_where_every_number_agrees() {
        let Test::Of(test) = read("1024:65535") else { panic!() };
        assert_eq!(test.holds_throughout(1024, 65535), Some(true));
        assert_eq!(test.holds_throughout(1023, 65535), None);
        assert_eq!(test.holds_throughout(0, 1023), Some(false));
        let Test::Of(test) = read("= 5000") else { panic!() };
        assert_eq!(test.holds_throughout(1024, 65535), None);
    }
}
