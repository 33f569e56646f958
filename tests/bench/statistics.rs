//! Medians and quartiles: what other work on the machine does to single rounds does not move them.

/// The middle of some figures, and where their middle half lies.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// `None` if there are no figures.
pub fn spread(figures: &[f64]) -> Option<Spread> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(Spread { low: at(&sorted, 0.25)?, median: at(&sorted, 0.5)?, high: at(&sorted, 0.75)? })
}

/// The median.
pub fn median(figures: &[f64]) -> Option<f64> {
    spread(figures).map(|spread| spread.median)
}

/// The value at a fraction of the sorted figures, between two neighbours where it falls there.
fn at(sorted: &[f64], fraction: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = fraction * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}
