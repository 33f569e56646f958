//! Rounds: in each one every target has its turn, so that what else the machine does meets all
//! alike, and figures of one round can be compared with each other.

/// The figures of each lane, round by round. `block` measures one lane once.
pub fn interleaved<Lane>(
    lanes: &mut [Lane],
    rounds: usize,
    mut block: impl FnMut(&mut Lane) -> anyhow::Result<f64>,
) -> anyhow::Result<Vec<Vec<f64>>> {
    let count = lanes.len();
    let mut figures = vec![Vec::with_capacity(rounds); count];
    for round in 0..rounds {
        for turn in 0..count {
            let lane = place(round, turn, count);
            figures[lane].push(block(&mut lanes[lane])?);
        }
    }
    Ok(figures)
}

/// Returns whose turn it is. Another one begins each round, and every second round goes the other
/// way, so that none always has the same predecessor.
fn place(round: usize, turn: usize, count: usize) -> usize {
    if round % 2 == 0 { (round / 2 + turn) % count } else { (round / 2 + count - turn) % count }
}
