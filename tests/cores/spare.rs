//! What is decided about spares.

mod pool;
