//! The parts that decide about spares.

mod pool;
